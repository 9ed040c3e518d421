"""Writes the still images of this folder and what Pillow makes of them.

    python make_stills.py

NAME.EXT is an image file, expected/NAME.png its pixels after ImageOps.exif_transpose and
convert("RGB") (16-bit grey: the high byte). Made with Pillow 12.1.0, and cjpeg of
libjpeg-turbo 2.1.5 for what Pillow does not write; Pillow 13.0.0 makes the same files. The
pictures are formulas; there is no third-party content.
"""
import io
import math
import os
import struct
import subprocess
import zlib

from PIL import Image, ImageOps

W, H = 37, 25


def picture(w=W, h=H):
    """Soft waves, so that chroma subsampling and quantisation stay within a tolerance."""
    im = Image.new("RGB", (w, h))
    for y in range(h):
        for x in range(w):
            im.putpixel((x, y), (
                int(127 + 120 * math.sin(x / 6.0 + y / 11.0)),
                int(127 + 120 * math.cos(x / 9.0 - y / 5.0)),
                int(127 + 120 * math.sin(x / 13.0 + y / 4.0 + 1))))
    return im


def noise(w=W, h=H):
    """Every pixel far from its neighbours: all that rounds or clamps does so somewhere."""
    im = Image.new("RGB", (w, h))
    state = 1
    for y in range(h):
        for x in range(w):
            state = (state * 1103515245 + 12345) % 2**31
            im.putpixel((x, y), (state >> 7 & 255, state >> 15 & 255, state >> 22 & 255))
    return im


def ramp(w=W, h=H):
    im = Image.new("L", (w, h))
    im.putdata([(x * 7 + y * 5) % 256 for y in range(h) for x in range(w)])
    return im


def with_alpha(im):
    out = im.convert("RGBA" if im.mode == "RGB" else "LA")
    out.putalpha(ramp())
    return out


def grey16():
    im = Image.new("I;16", (W, H))
    for y in range(H):
        for x in range(W):
            im.putpixel((x, y), (x * 1771 + y * 977) % 65536)
    return im


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_raw(depth, colour, rows, extra=b""):
    """A PNG as no Pillow writer makes it: rows are packed scan lines."""
    header = struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + r for r in rows))
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra +
            png_chunk(b"IDAT", body) + png_chunk(b"IEND", b""))


def packed(bits, value):
    rows = []
    for y in range(H):
        acc = "".join(format(value(x, y), "0%db" % bits) for x in range(W))
        acc += "0" * (-len(acc) % 8)
        rows.append(bytes(int(acc[i:i + 8], 2) for i in range(0, len(acc), 8)))
    return rows


def rgb48():
    return [b"".join(struct.pack(">HHH", (x * 1771) % 65536, (y * 2520) % 65536, (x * y * 61) % 65536)
                     for x in range(W)) for y in range(H)]


def cmyk():
    r, g, b = picture().split()
    return Image.merge("CMYK", (r, g, b, ramp()))


def bytes_of(im, kind, **options):
    out = io.BytesIO()
    im.save(out, kind, **options)
    return out.getvalue()


def adobe(jpeg, transform):
    """The JPEG with another colour transform in its Adobe marker; None: without marker."""
    at = jpeg.index(b"\xff\xee\0\x0eAdobe")
    if transform is None:
        return jpeg[:at] + jpeg[at + 16:]
    return jpeg[:at + 15] + bytes([transform]) + jpeg[at + 16:]


def cjpeg(im, *options):
    return subprocess.run(["cjpeg", "-quality", "90", *options], check=True,
                          input=bytes_of(im, "PPM"), stdout=subprocess.PIPE).stdout


def two_components(jpeg):
    """The JPEG without its third component in frame and scan headers."""
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")
    return (jpeg[:frame] + b"\xff\xc0\0\x0e" + jpeg[frame + 4:frame + 9] + b"\x02" +
            jpeg[frame + 10:frame + 16] + jpeg[frame + 19:scan] + b"\xff\xda\0\x0a\x02" +
            jpeg[scan + 5:scan + 9] + jpeg[scan + 11:])


def refused(rgb):
    """What neither vblip nor Pillow reads."""
    jpeg = bytes_of(rgb, "JPEG", quality=90, subsampling=0)
    with open("refused_two_components.jpg", "wb") as f:
        f.write(two_components(jpeg))


def webp_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def int24(value):
    return struct.pack("<I", value)[:3]


def animation_with_offset():
    """A WebP animation whose first frame covers a part of the canvas."""
    frame = noise(12, 8)
    header = (int24(6 // 2) + int24(4 // 2) + int24(frame.width - 1) + int24(frame.height - 1) +
              int24(40) + b"\0")
    picture = webp_chunk(b"ANMF", header + bytes_of(frame, "WEBP", lossless=True)[12:])
    return webp_chunk(b"RIFF", b"WEBP" +
                      webp_chunk(b"VP8X", struct.pack("<I", 2) + int24(W - 1) + int24(H - 1)) +
                      webp_chunk(b"ANIM", b"\xff\xff\xff\xff\0\0") + picture + picture)


def more_jpegs(rgb):
    jpeg = bytes_of(rgb, "JPEG", quality=90)
    scan = jpeg.index(b"\xff\xda")
    write("jpeg_440.jpg", cjpeg(rgb, "-sample", "1x2"))
    write("jpeg_411.jpg", cjpeg(rgb, "-sample", "4x1"))
    write("jpeg_410.jpg", cjpeg(rgb, "-sample", "4x2"))
    write("jpeg_arithmetic.jpg", cjpeg(rgb, "-arithmetic"))
    save("jpeg_rgb.jpg", rgb, quality=90, keep_rgb=True)
    save("jpeg_restart.jpg", rgb, quality=90, restart_marker_blocks=2)
    save("jpeg_restart_progressive.jpg", rgb, quality=90, progressive=True,
         restart_marker_rows=1)
    save("jpeg_cmyk.jpg", cmyk(), quality=90)
    write("jpeg_ycck.jpg", adobe(bytes_of(cmyk(), "JPEG", quality=90), 2))
    write("jpeg_cmyk_plain.jpg", adobe(bytes_of(cmyk(), "JPEG", quality=90), None))
    write("jpeg_junk.jpg", jpeg[:scan] + b"junk" + jpeg[scan:] + b"more")
    save("jpeg_1x1.jpg", picture(1, 1), quality=90)
    save("jpeg_2x9.jpg", noise(2, 9), quality=90)
    save("jpeg_9x2.jpg", noise(9, 2), quality=90)
    for quality in (10, 50, 95):
        save("jpeg_noise%d.jpg" % quality, noise(), quality=quality)
    write("jpeg_noise_440.jpg", cjpeg(noise(), "-sample", "1x2"))
    save("jpeg_noise_422.jpg", noise(), quality=90, subsampling=1)
    save("jpeg_noise_444.jpg", noise(), quality=90, subsampling=0)


def more_webps(rgb):
    save("webp_1x1.webp", picture(1, 1), quality=90)
    save("webp_2x9.webp", noise(2, 9), quality=90)
    for quality in (10, 95):
        save("webp_noise%d.webp" % quality, noise(), quality=quality)
    save("webp_noise_lossless.webp", noise(), lossless=True)
    save("webp_noise_alpha.webp", with_alpha(noise()), quality=50)
    save("webp_moving.webp", rgb, save_all=True, append_images=[rgb.rotate(180)], lossless=True)
    write("webp_moving_offset.webp", animation_with_offset())
    save("webp_palette.webp", rgb.quantize(12).convert("RGB"), lossless=True)


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags.tobytes()


def save(name, im, **options):
    im.save(name, **options)
    expect(name)


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)
    expect(name)


def expect(name):
    im = ImageOps.exif_transpose(Image.open(name))
    if im.mode.startswith("I"):
        size, high = im.size, bytes(im.tobytes()[1::2])  # little endian
        im = Image.frombytes("L", size, high)
    im.convert("RGB").save("expected/%s.png" % os.path.splitext(name)[0], optimize=True)


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    os.makedirs("expected", exist_ok=True)
    rgb, grey = picture(), ramp()
    save("png_rgb.png", rgb)
    save("png_rgba.png", with_alpha(rgb))
    save("png_grey.png", grey)
    save("png_grey_alpha.png", with_alpha(grey))
    save("png_palette.png", rgb.quantize(60))
    save("png_palette_clear.png", rgb.quantize(12), transparency=3)
    save("png_bilevel.png", grey.point(lambda v: 255 * (v > 99)).convert("1"))
    save("png_grey16.png", grey16())
    save("png_exif.png", rgb, exif=exif(6))
    write("png_grey2.png", png_raw(2, 0, packed(2, lambda x, y: (x + y) & 3)))
    write("png_grey4.png", png_raw(4, 0, packed(4, lambda x, y: (x + 3 * y) & 15)))
    write("png_rgb48.png", png_raw(16, 2, rgb48()))
    save("bmp_rgb.bmp", rgb)
    save("bmp_rgba.bmp", with_alpha(rgb))
    save("bmp_palette.bmp", rgb.quantize(60))
    save("bmp_grey.bmp", grey)
    save("bmp_bilevel.bmp", grey.point(lambda v: 255 * (v > 99)).convert("1"))
    save("jpeg_444.jpg", rgb, quality=90, subsampling=0)
    save("jpeg_420.jpg", rgb, quality=90, subsampling=2)
    save("jpeg_422.jpg", rgb, quality=90, subsampling=1)
    save("jpeg_grey.jpg", grey.resize((W, H)), quality=90)
    save("jpeg_progressive.jpg", rgb, quality=90, progressive=True)
    for i in range(1, 9):
        save("jpeg_exif%d.jpg" % i, rgb, quality=90, exif=exif(i))
    save("webp_lossy.webp", rgb, quality=90)
    save("webp_lossy_alpha.webp", with_alpha(rgb), quality=90)
    save("webp_lossless.webp", rgb, lossless=True)
    save("webp_lossless_alpha.webp", with_alpha(rgb), lossless=True, exact=True)
    save("webp_exif.webp", rgb, lossless=True, exif=exif(8))
    more_jpegs(rgb)
    more_webps(rgb)
    refused(rgb)
    save("gif_single.gif", rgb.quantize(60))


if __name__ == "__main__":
    main()
