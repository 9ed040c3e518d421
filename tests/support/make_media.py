"""Makes the odd videos of the decode tests, and what ffmpeg itself gives for them.

    make_media.py OUT

For each NAME that holds video: OUT/NAME.rgb, every frame at 64x64 by `ffmpeg -vf
scale=64:64:flags=bilinear`, and OUT/NAME.times, when they are shown by ffprobe, in
microseconds from the first. The videos are formulas; encoders may differ between builds.
"""
import json
import os
import random
import struct
import subprocess
import sys
from fractions import Fraction

SIDE = 64
PATTERN = ["-f", "lavfi", "-i", "testsrc2=s=176x144:r=25:d=2"]
LONG = ["-f", "lavfi", "-i", "testsrc2=s=176x144:r=25:d=12"]
ODD = ["-f", "lavfi", "-i", "mandelbrot=s=75x43:r=25", "-frames:v", "12"]
TONE = ["-f", "lavfi", "-i", "sine=d=1"]
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1"]
COPY = ["-c", "copy"]

# Name, arguments; files named there were made before.
VIDEOS = [
    ("plain.mp4", PATTERN + X264 + ["-g", "20", "-bf", "3", "-pix_fmt", "yuv420p",
                                    "-x264-params", "open-gop=1:b-pyramid=normal"]),
    ("plain.mkv", ["-i", "plain.mp4"] + COPY),
    ("plain.ts", ["-i", "plain.mp4"] + COPY),
    ("plain.flv", ["-i", "plain.mp4"] + COPY),
    ("fragments.mp4", ["-i", "plain.mp4"] + COPY + ["-movflags", "frag_keyframe+empty_moov"]),
    ("edited.mp4", ["-ss", "1.1", "-i", "plain.mp4"] + COPY),
    ("422.mp4", PATTERN + X264 + ["-pix_fmt", "yuv422p"]),
    ("uneven.mp4", PATTERN + ["-vf", "select=not(mod(n\\,3))+gt(n\\,30)", "-fps_mode", "vfr"] +
     X264 + ["-pix_fmt", "yuv420p"]),
    ("ten_bits.mp4", PATTERN + X264 + ["-pix_fmt", "yuv420p10le"]),
    ("full_range.mp4", PATTERN + X264 + ["-pix_fmt", "yuvj420p"]),
    ("refresh.mkv", PATTERN + X264 + ["-pix_fmt", "yuv420p", "-x264-params",
                                      "intra-refresh=1:keyint=20:bframes=0"]),
    ("refresh.mp4", ["-i", "refresh.mkv"] + COPY),
    ("fields.mp4", PATTERN + X264 + ["-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-g", "20"]),
    ("sounding.mov", ["-i", "plain.mp4"] + TONE + ["-c:v", "copy", "-c:a", "aac"]),
    ("b_frames.mp4", PATTERN + ["-c:v", "mpeg4", "-bf", "2", "-g", "15"]),
    ("pictures.mov", PATTERN + ["-c:v", "prores", "-frames:v", "12"]),
    ("h265.mp4", PATTERN + ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                            "log-level=error:keyint=20:pools=none", "-pix_fmt", "yuv420p"]),
    ("vp9.mp4", PATTERN + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
                           "-g", "20"]),
    ("long.mp4", LONG + X264 + ["-g", "250", "-bf", "3", "-pix_fmt", "yuv420p",
                                "-x264-params", "open-gop=1:b-pyramid=normal:keyint-min=100"]),
    ("long.mkv", ["-i", "long.mp4"] + COPY),
    ("long_closed.mp4", LONG + X264 + ["-g", "110", "-bf", "2", "-pix_fmt", "yuv420p",
                                       "-x264-params", "b-pyramid=none:scenecut=0"]),
    ("long_fields.mp4", LONG + X264 + ["-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-g", "250",
                                       "-bf", "3"]),
    ("long_b_frames.mp4", LONG + ["-c:v", "mpeg4", "-bf", "2", "-g", "200"]),
    ("long_b_frames.ts", LONG + ["-c:v", "mpeg2video", "-bf", "2", "-g", "200"]),
    ("live.mkv", ["-i", "plain.mp4"] + COPY + ["-live", "1"]),
    ("windows.wmv", PATTERN + ["-c:v", "wmv2"]),
    ("theora.ogv", PATTERN + ["-c:v", "libtheora"]),
    ("no_keys.mkv", ["-f", "lavfi", "-i", "testsrc2=s=16x16:r=25:d=80"] + X264 +
     ["-bf", "0", "-g", "100000", "-x264-params", "scenecut=0"]),
    ("quick.mp4", PATTERN + X264 + ["-g", "10", "-bf", "0", "-pix_fmt", "yuv420p",
                                    "-movflags", "faststart"]),
    # Encoded again, for a clock of frames: copied, later ffmpegs fill the ticks between with chunks.
    ("quick.avi", PATTERN + X264 + ["-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"]),
    ("quick.mkv", ["-i", "quick.mp4"] + COPY),
    ("many_pictures.mkv", ["-f", "lavfi", "-i", "testsrc2=s=16x16:r=25", "-frames:v", "130",
                           "-c:v", "png", "-pix_fmt", "rgb24"]),
    ("b_frames.avi", PATTERN + ["-c:v", "mpeg4", "-bf", "2", "-g", "15"]),
    ("b_frames.mpg", PATTERN + ["-c:v", "mpeg2video", "-bf", "2", "-g", "15"]),
    ("hidden.webm", PATTERN + ["-c:v", "libvpx", "-b:v", "200k", "-auto-alt-ref", "1",
                               "-lag-in-frames", "16", "-g", "25", "-deadline", "realtime",
                               "-cpu-used", "8"]),
    ("odd.mkv", ODD + ["-c:v", "ffv1", "-pix_fmt", "yuv420p"]),
    ("pictures.mkv", ODD + ["-c:v", "png", "-pix_fmt", "rgb24"]),
    ("moving.gif", ["-f", "lavfi", "-i", "testsrc2=s=60x44:r=10:d=1"]),
    ("cover.png", ["-f", "lavfi", "-i", "testsrc2=s=32x32", "-frames:v", "1"]),
    ("cover_first.mp4", ["-i", "plain.mp4", "-i", "cover.png", "-map", "1", "-map", "0",
                         "-c:v:0", "png", "-c:v:1", "copy", "-disposition:v:0", "attached_pic"]),
]
# Two recordings that are joined by their bytes: containers, and where the clocks of the
# first and the second one begin.
JOINED = [
    (kind, codec, name, first, second)
    for kind, codec in (("ts", X264 + ["-g", "10", "-bf", "2"]),
                        ("mpg", ["-c:v", "mpeg2video", "-bf", "2", "-g", "10"]),
                        ("flv", X264 + ["-g", "10", "-bf", "2"]))
    for name, first, second in (("equal", 10, 10), ("overlapping", 10, 11), ("earlier", 10, 3),
                                ("long_ago", 5000, 0))
]
# Films whose frames carry their number, with open and closed groups of pictures: codec,
# encoder, what opens and what closes the groups, containers.
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params"]
X265_PARAMS = "log-level=error:pools=none:keyint=12:min-keyint=12:scenecut=0:bframes=3:open-gop="
X264_GROUPS = ["-g", "12", "-bf", "3", "-pix_fmt", "yuv420p", "-x264-params"]
COUNTED = [
    ("h264", X264 + X264_GROUPS, ["open-gop=1:scenecut=0"], ["open-gop=0:scenecut=0"],
     ["mp4", "mov", "mkv", "ts", "flv", "avi"]),
    ("h265", X265, [X265_PARAMS + "1"], [X265_PARAMS + "0"], ["mp4", "mov", "mkv", "ts"]),
    ("mpeg2", ["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "3"], [],
     ["-flags", "+cgop", "-sc_threshold", "1000000000"], ["mp4", "mov", "mkv", "ts", "avi", "mpg"]),
    ("vp9", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12", "-b:v", "500k"],
     None, [], ["webm", "mkv", "mp4"]),
]
COUNT, COUNT_SIDE = 60, 128
# The same under noise, so that packets have the sizes of recordings.
NOISY = [
    ("h264", X264 + X264_GROUPS + ["open-gop=0:scenecut=0"], ["mkv", "avi"]),
    ("h265", X265 + [X265_PARAMS + "0:crf=12"], ["mkv"]),
    ("mpeg2_open", ["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "8"], ["mkv", "avi", "mpg"]),
    ("mpeg2_closed", ["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "8", "-flags", "+cgop",
                      "-sc_threshold", "1000000000"], ["avi", "mpg"]),
    ("mpeg4", ["-c:v", "mpeg4", "-g", "12", "-bf", "2", "-q:v", "8"], ["mkv", "avi"]),
    ("mjpeg", ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "8"], ["mkv", "avi"]),
    ("vp9", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12", "-b:v", "500k"], ["webm"]),
]

# Name, the video that is turned, by how much. The option for it has another name in each ffmpeg.
TURNED = [
    ("turned90.mp4", "plain.mp4", 90),
    ("turned180.mp4", "plain.mp4", 180),
    ("turned270.mp4", "plain.mp4", 270),
    ("turned422.mp4", "422.mp4", 90),
]
SOUNDS = [
    ("sound.mp4", TONE + ["-c:a", "aac"]),
    ("sound.mp3", TONE + ["-i", "cover.png", "-map", "0", "-map", "1", "-c:v", "png",
                          "-disposition:v:0", "attached_pic"]),
]


def run(*command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


def make(name, arguments):
    run("ffmpeg", "-v", "error", "-y", *arguments, "-fflags", "+bitexact", name)


def expect(name):
    # 4:2:2 is turned after scaling: on its side, its chroma would need another format.
    turn, then = ([], "") if name != "turned422.mp4" else (
        ["-noautorotate"], ",format=rgb24,transpose=clock")
    run("ffmpeg", "-v", "error", "-y", *turn, "-i", name, "-map", "0:V:0",
        "-fps_mode", "passthrough", "-vf",
        "scale=%d:%d:flags=bilinear%s" % (SIDE, SIDE, then), "-pix_fmt", "rgb24",
        "-f", "rawvideo", name + ".rgb")
    probe = json.loads(run("ffprobe", "-v", "error", "-select_streams", "V:0",
                           "-show_entries", "stream=time_base:packet=pts,dts,flags",
                           "-of", "json", name))
    base = Fraction(probe["streams"][0]["time_base"])
    # AVI has no presentation times, and program streams lack some: the frames of these
    # two follow each other as they are decoded. D: outside of the edit list.
    clock = "dts" if name.endswith((".avi", ".mpg")) else "pts"
    ticks = sorted(p[clock] for p in probe["packets"] if "D" not in p["flags"])
    with open(name + ".times", "w") as out:
        for t in ticks:
            out.write("%d\n" % round((t - ticks[0]) * base * 1000000))


def without_times(source, name):
    """Takes the time stamps from two of three pictures of a transport stream."""
    data = bytearray(open(source, "rb").read())
    seen = 0
    for at in range(0, len(data) - 187, 188):
        start = data.find(b"\0\0\1\xe0", at + 4, at + 160)
        if not data[at + 1] & 0x40 or start < 0:
            continue
        seen += 1
        if seen % 3 == 1:
            continue
        length = data[start + 8]
        data[start + 7] &= 0x3F
        data[start + 9:start + 9 + length] = b"\xff" * length
    with open(name, "wb") as out:
        out.write(data)


def join(kind, codec, name, first, second):
    """joined_NAME.KIND and its frames: 50 and 25 of two pictures."""
    sources = ("testsrc2=s=96x80:r=25:d=2", "mandelbrot=s=96x80:r=25")
    data = frames = b""
    other = ["-bf", "0", "-coder", "0"] if kind == "flv" else []  # its codec's header is another
    for source, count, start, more in zip(sources, ("50", "25"), (first, second), ([], other)):
        part = "part." + kind
        make(part, ["-f", "lavfi", "-i", source, "-frames:v", count, "-pix_fmt", "yuv420p"] + codec + more +
             ["-output_ts_offset", str(start)])
        expect(part)
        data += open(part, "rb").read()
        frames += open(part + ".rgb", "rb").read()
        for extension in ("", ".rgb", ".times"):
            os.remove(part + extension)
    write("joined_%s.%s" % (name, kind), data)
    write("joined_%s.%s.rgb" % (name, kind), frames)


def numbered(first, count):
    """Grey frames of 4 by 4 blocks: the bits of the frame's number."""
    block = COUNT_SIDE // 4
    return b"".join(b"".join(b"".join((b"\xeb" if i >> (r * 4 + c) & 1 else b"\x10") * block for c in range(4)) * block
                             for r in range(4)) for i in range(first, first + count))


def with_noise(frames):
    mask = int.from_bytes(b"\x1f" * len(frames), "big")
    noise = int.from_bytes(random.Random(1).randbytes(len(frames)), "big") & mask
    return (int.from_bytes(frames, "big") ^ noise).to_bytes(len(frames), "big")


def count(name, arguments, first=0, frames=COUNT, rate="25", noise=False):
    pictures = numbered(first, frames)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s",
                    "%dx%d" % (COUNT_SIDE, COUNT_SIDE), "-r", rate, "-i", "-", *arguments, "-fflags", "+bitexact", name],
                   input=with_noise(pictures) if noise else pictures, check=True)


def count_all():
    """counted_CODEC_open.KIND and counted_CODEC_closed.KIND."""
    for codec, encoder, opens, closes, kinds in COUNTED:
        for groups, more in (("open", opens), ("closed", closes)):
            if more is None:
                continue
            first = "counted_%s_%s.%s" % (codec, groups, kinds[0])
            count(first, encoder + more)
            for kind in kinds[1:]:
                # Copied to these two it would lack times.
                again = encoder + more if kind in ("avi", "mpg") else COPY
                name = "counted_%s_%s.%s" % (codec, groups, kind)
                if again == COPY:
                    make(name, ["-i", first] + COPY)
                else:
                    count(name, again)


def count_noisy():
    """noisy_CODEC.KIND"""
    for codec, encoder, kinds in NOISY:
        for kind in kinds:
            count("noisy_%s.%s" % (codec, kind), encoder, noise=True)


def count_changes():
    """30 frames each of two sizes in one stream; 60 frames at 2000 a second."""
    h264 = X264 + ["-g", "12", "-bf", "2", "-pix_fmt", "yuv420p"]
    count("first.ts", h264, 0, COUNT // 2)
    count("sizes.ts", ["-vf", "scale=192:160:flags=neighbor"] + h264, COUNT // 2, COUNT // 2)
    write("counted_sizes.ts", open("first.ts", "rb").read() + open("sizes.ts", "rb").read())
    for name in ("first.ts", "sizes.ts"):
        os.remove(name)
    make("counted_sizes.mkv", ["-i", "counted_sizes.ts"] + COPY)
    # Whole milliseconds: every other frame has the time of the one before.
    count("counted_fast.mkv", X264 + ["-g", "12", "-bf", "0", "-pix_fmt", "yuv420p"], rate="2000")


def turn(source, name, degrees):
    """Writes into the track header of an mp4 how its picture is to be turned, clockwise."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    at = data.index(b"tkhd") + 44  # behind times, duration, layer and volume: the matrix
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    width, height = (n >> 16 for n in struct.unpack_from(">2I", data, at + 36))
    x, y = {90: (height, 0), 180: (width, height), 270: (0, width)}[degrees]
    matrix = (a << 16, b << 16, 0, -b << 16, a << 16, 0, x << 16, y << 16, 1 << 30)
    struct.pack_into(">9i", data, at, *matrix)
    write(name, data)


def write(name, data):
    with open(name, "wb") as out:
        out.write(data)


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    os.chdir(sys.argv[1])
    for name, arguments in VIDEOS:
        make(name, arguments)
        if not name.endswith(".png"):
            expect(name)
    for name, source, degrees in TURNED:
        turn(source, name, degrees)
        expect(name)
    for name, arguments in SOUNDS:
        make(name, arguments)
    for row in JOINED:
        join(*row)
    without_times("plain.ts", "sparse.ts")
    count_all()
    count_noisy()
    count_changes()
    plain = open("plain.mp4", "rb").read()
    write("no_index.mp4", plain[:plain.index(b"moov") - 4])
    write("empty.mp4", b"")
    write("text.mp4", b"This is not a video.\n" * 100)
    write("pointer.mp4", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 895\n")
    write("playlist.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nplain.ts\n"
                          b"#EXT-X-ENDLIST\n")
    write("script.mp4", b"ffconcat version 1.0\nfile plain.mp4\n")


if __name__ == "__main__":
    main()
