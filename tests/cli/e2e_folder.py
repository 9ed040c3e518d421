#!/usr/bin/env python3
"""A folder as people have it: mixed recordings, some damaged, some of kinds that are not read.

Whoever asks about it without having read a manual gets an answer for all that can be read, and
learns of every other file what became of it and why. The clips are bundled ones in other
containers, so that the demo model's answers can be told from wrong ones.
"""

import os
import sys
import unittest

from e2e_support import DEMO, EXIT_SOME_FAILED, SOURCE, Case, clip, ffmpeg, main, parse, read, write

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import make_media  # noqa: E402

DEMO_NOTICE = "vblip: the bundled demo model answers; "
SKIPPED = "vblip: 2 files skipped, of kinds that are not read: heic 1, mxf 1"


def phone(folder):
    """clip-04 as a phone stores it: lying, with a note how to turn it."""
    lying = os.path.join(folder, "lying.mp4")
    ffmpeg("-i", clip(4), "-vf", "transpose=cclock", "-c:v", "libx264", "-qp", "10", "-f", "mov", lying)
    make_media.turn(lying, os.path.join(folder, "IMG_0001.MOV"), 90)
    os.remove(lying)


def dashcam(folder):
    """Two recordings in one file, each with a clock of its own."""
    parts = b""
    for number in (2, 16):
        part = os.path.join(folder, "part.ts")
        ffmpeg("-i", clip(number), "-t", 3, "-c", "copy", part)
        parts += read(part)
        os.remove(part)
    write(os.path.join(folder, "dash-0001.ts"), parts)


def cut(folder):
    """A download that never finished."""
    path = os.path.join(folder, "cut.mkv")
    ffmpeg("-i", clip(10), "-c", "copy", path)
    write(path, read(path)[:-4000])


def day(folder):
    """A camera's day: a picture every hour."""
    ffmpeg("-loop", 1, "-framerate", "1/3600", "-i", os.path.join(folder, "photo.jpg"), "-frames:v", 24,
           "-c:v", "libx264", "-pix_fmt", "yuv420p", os.path.join(folder, "day.mkv"))


def make_folder(folder):
    os.makedirs(os.path.join(folder, "notes"))
    phone(folder)
    dashcam(folder)
    cut(folder)
    ffmpeg("-ss", 1, "-i", clip(3), "-frames:v", 1, os.path.join(folder, "photo.jpg"))
    day(folder)
    ffmpeg("-i", clip(7), "-t", 2, "-vf", "fps=5", os.path.join(folder, "party.gif"))
    ffmpeg("-i", clip(6), "-t", 2, "-c", "copy", os.path.join(folder, "holiday.mp4"))
    write(os.path.join(folder, "IMG_0002.HEIC"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    write(os.path.join(folder, "studio.mxf"), b"\x06\x0e\x2b\x34")
    write(os.path.join(folder, "empty.mp4"), b"")
    write(os.path.join(folder, "notes", "todo.txt"), "call mum\n")


@unittest.skipUnless(os.path.exists(os.path.join(DEMO, "model.safetensors")), "models/demo is not there yet")
class MixedFolder(Case):
    def setUp(self):
        super().setUp()
        make_folder(self.path("album"))

    def on_album(self, *arguments):
        return self.exits(EXIT_SOME_FAILED, *arguments, cwd=self.folder)

    def check_messages(self, run, *failed):
        """What was skipped, and a line for each file that failed: no more than that, the demo's notice and an estimate."""
        rest = [line for line in run.messages if not line.startswith(DEMO_NOTICE) and " on the processor" not in line]
        self.assertEqual(rest[0], SKIPPED, run.err)
        self.assertEqual(len(rest), 1 + len(failed), run.err)
        for line, (name, why) in zip(sorted(rest[1:]), failed):
            self.assertTrue(line.startswith("vblip: album/%s: " % name), line)
            self.assertIn(why, line)

    def test_captions(self):
        run = self.on_album("caption", "album")
        self.check_messages(run, ("cut.mkv", "frames decode"), ("empty.mp4", "empty"))
        blocks = {}
        for block in run.out.rstrip("\n").split("\n\n"):
            path, *lines = block.split("\n")
            blocks[path] = lines
        self.assertEqual(sorted(blocks), ["album/IMG_0001.MOV", "album/cut.mkv", "album/dash-0001.ts", "album/day.mkv",
                                          "album/holiday.mp4", "album/party.gif", "album/photo.jpg"])
        self.assertEqual(blocks["album/IMG_0001.MOV"][0],
                         "00:00:00.000  a dog to the left of a violin on a black background")
        dashcam_says = "\n".join(blocks["album/dash-0001.ts"])
        self.assertLess(dashcam_says.index("rocket"), dashcam_says.index("panda"))
        self.assertIn(len(blocks["album/dash-0001.ts"]), (6, 7))
        self.assertEqual(blocks["album/day.mkv"], [  # one for each picture
            "%02d:00:00.000  a big pizza on a yellow background" % hour for hour in range(24)])
        self.assertEqual(blocks["album/photo.jpg"], ["a big pizza on a yellow background"])
        self.assertIn("watermelons", blocks["album/cut.mkv"][0])

    def test_a_search(self):
        run = self.on_album("retrieve", "--min-p", 0.5, "album", "a dog to the left of a violin")
        self.check_messages(run, ("cut.mkv", "frames decode"), ("empty.mp4", "empty"))
        self.assertEqual(len(run.lines), 1, run.out)
        self.assertRegex(run.out, r"^1  [01]\.\d\d  00:00:00\.000-00:00:03\.\d\d\d  album/IMG_0001\.MOV$")

    def test_a_question(self):
        run = self.on_album("qa", "album", "what is in the picture?", "-f", "jsonl")
        self.check_messages(run, ("cut.mkv", "frames decode"), ("empty.mp4", "empty"))
        rows = {row["path"]: row for row in parse("jsonl", run.out)}
        self.assertEqual(len(rows), 8)
        self.assertIn("pizza", rows["album/photo.jpg"]["answer"])
        self.assertEqual(rows["album/IMG_0001.MOV"]["answer"], "dog and violin")
        self.assertEqual(sorted(path for path, row in rows.items() if "error" in row), ["album/cut.mkv", "album/empty.mp4"])


if __name__ == "__main__":
    main()
