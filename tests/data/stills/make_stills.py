"""Writes the still images of this folder and what Pillow makes of them.

    python make_stills.py

NAME.EXT is an image file, expected/NAME.png its pixels after ImageOps.exif_transpose and
convert("RGB") (16-bit grey: the high byte). Made with Pillow 12.1.0. The pictures are
formulas; there is no third-party content.
"""
import io
import math
import os
import struct
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
    moving = io.BytesIO()
    rgb.save(moving, "WEBP", save_all=True, append_images=[rgb.rotate(180)], lossless=True)
    with open("webp_moving.webp", "wb") as f:
        f.write(moving.getvalue())
    save("gif_single.gif", rgb.quantize(60))


if __name__ == "__main__":
    main()
