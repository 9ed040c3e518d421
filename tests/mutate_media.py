#!/usr/bin/env python3
"""mutate_media.py VBLIP [--count N] [--seed S] [--keep DIR] - damaged files of 15 kinds through the program.

Makes tiny clips and pictures with ffmpeg, then N (2000) damaged copies of them: flipped bytes, zeros, pieces cut out,
doubled, exchanged, cut ends. Folders of them go through `caption` and `retrieve` of VBLIP with the demo model. A run
must end by itself, with an exit status of docs/cli.md, in time and within 1.5 GB; a folder whose run does not is halved
until the file is found, which is kept in DIR. Takes ten minutes, so it is run by hand; ends with 1 when
something was found.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

VIDEO = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1.2"]
SOUND = ["-f", "lavfi", "-i", "sine=d=1.2"]
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "5", "-bf", "1"]
STILL = ["-f", "lavfi", "-i", "testsrc2=s=64x48"]
ONE = ["-frames:v", "1"]
YUV = ["-pix_fmt", "yuv420p"]
KINDS = [  # what goes in, what comes out
    ("faststart.mp4", VIDEO + SOUND, YUV + X264 + ["-c:a", "aac", "-movflags", "faststart"]),
    ("fragments.mp4", VIDEO, YUV + X264 + ["-movflags", "frag_keyframe+empty_moov"]),
    ("film.mov", VIDEO + SOUND, YUV + ["-c:v", "mpeg4", "-bf", "1", "-c:a", "pcm_s16le"]),
    ("film.mkv", VIDEO + SOUND, YUV + ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error",
                                       "-c:a", "aac"]),
    ("film.webm", VIDEO, YUV + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "5"]),
    ("film.ts", VIDEO + SOUND, YUV + X264 + ["-c:a", "aac"]),
    ("film.flv", VIDEO + SOUND, YUV + X264 + ["-c:a", "aac"]),
    ("film.avi", VIDEO + SOUND, ["-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
    ("film.mpg", VIDEO, YUV + ["-r", "25", "-c:v", "mpeg2video", "-g", "5"]),
    ("film.wmv", VIDEO, YUV + ["-c:v", "wmv2"]),
    ("film.gif", ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.6"], []),
    ("still.jpg", STILL, ONE + ["-q:v", "3"]),
    ("still.png", STILL, ONE),
    ("still.webp", STILL, ONE + ["-c:v", "libwebp"]),
    ("still.bmp", STILL, ONE),
]
STATUSES = {0, 1, 3, 4}  # 2, 5 and 130 are not for files
FOLDER = 50  # files of a run
SECONDS = 3  # of time per file that a run may take, and a minute more
BYTES = 1_500_000_000


def make(folder):
    files = []
    for name, inputs, outputs in KINDS:
        path = os.path.join(folder, name)
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, *outputs, path], check=True)
        with open(path, "rb") as file:
            files.append((name, file.read()))
    return files


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        # Half of the damage is where the headers are.
        at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 800))
        size = min(rng.choice((1, 1, 1, 2, 4, 8, 64, 512, 2048)), len(data) - at)
        piece = bytes(data[at:at + size])
        how = rng.randrange(8)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at:at + size] = bytes(size)
        elif how == 2:
            data[at:at + size] = b"\xff" * size
        elif how == 3:
            data[at:at + size] = bytes(rng.randrange(256) for _ in range(size))
        elif how == 4:
            del data[at:at + size]
        elif how == 5:
            data[at:at] = piece
        elif how == 6:
            to = rng.randrange(len(data) - size + 1)
            data[to:to + size] = piece
        else:
            del data[rng.randrange(len(data) // 2, len(data)):]
    return bytes(data)


def run(program, command, paths):
    """What was wrong with a run over those files; None when nothing was."""
    argv = [program, command, "-q", "--progress", "none", "-f", "jsonl"]
    if command == "caption":
        argv += ["--beams", "1", "--max-length", "6", "--min-length", "5", "--every", "1", *paths]
    else:
        argv += ["--frames", "2", "--rerank", "1", *paths, "a dog"]
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(60 + SECONDS * len(paths))
        _, status, used = os.wait4(process.pid, 0)
        hung = signal.alarm(0) == 0
        process.returncode = code = os.waitstatus_to_exitcode(status)
        err.seek(0)
        words = err.read().decode("utf-8", "replace")
    if hung:
        return "takes longer than %d s" % (60 + SECONDS * len(paths))
    if code not in STATUSES:
        return "exit status %d: %s" % (code, words[-300:])
    if used.ru_maxrss * 1024 > BYTES:
        return "%d MB" % (used.ru_maxrss // 1000)
    odd = [line for line in words.splitlines() if not line.startswith("vblip: ")]
    return "says %r" % odd[0] if odd else None


def find(program, command, paths, found):
    wrong = run(program, command, paths)
    if not wrong:
        return
    if len(paths) == 1:
        print("%s: %s: %s" % (command, paths[0], wrong), flush=True)
        found.append(paths[0])
        return
    before = len(found)
    find(program, command, paths[:len(paths) // 2], found)
    find(program, command, paths[len(paths) // 2:], found)
    if len(found) == before:
        print("%s: %d files from %s on, together: %s" % (command, len(paths), paths[0], wrong), flush=True)
        found.append(paths[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default=".")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done, found = 0, []
    with tempfile.TemporaryDirectory(prefix="vblip-mutate-") as folder:
        whole = make(folder)
        while done < options.count:
            paths = []
            for _ in range(min(FOLDER, options.count - done)):
                name, data = whole[done % len(whole)]
                paths.append(os.path.join(folder, "%05d-%s" % (done, name)))
                with open(paths[-1], "wb") as file:
                    file.write(mutate(data, rng))
                done += 1
            before = len(found)
            for command in ("caption", "retrieve"):
                find(options.program, command, paths, found)
            for path in set(found[before:]):
                shutil.copy(path, options.keep)
            for path in paths:
                os.unlink(path)
            print("%d files, %d found" % (done, len(found)), flush=True)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
