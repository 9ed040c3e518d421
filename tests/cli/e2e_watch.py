#!/usr/bin/env python3
"""vblip watch, and a folder that things happen to."""

import json
import os
import shutil
import signal
import threading
import time
import unittest

from e2e_support import DEMO, Case, clip, main, read, start, write

DOG = "a dog to the left of a violin"  # of clip 4


class Watch:
    """One that is running; what it prints is gathered."""

    def __init__(self, folder, *options):
        self.process = start("watch", "--model", DEMO, "--device", "cpu", "--alert", DOG, *options, folder)
        self.lines, self.said = [], []
        self.threads = [threading.Thread(target=self.gather, args=pair) for pair in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.said))]
        for thread in self.threads:
            thread.start()
        self.wait(lambda: any(line.startswith("watching ") for line in self.said))

    @staticmethod
    def gather(stream, lines):
        for line in stream:
            lines.append(line.decode())

    def wait(self, what):
        for _ in range(600):
            if what():
                return
            time.sleep(0.1)
        raise AssertionError((self.lines, self.said))

    @property
    def rows(self):
        return [json.loads(line) for line in list(self.lines)]

    def events(self, count):
        """Once there are so many, and no more a while later."""
        self.wait(lambda: len(self.lines) >= count)
        time.sleep(2.5)
        assert len(self.lines) == count, self.lines
        return self.rows

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        for sign in ("runtime error:", "Sanitizer", "Assertion"):
            assert sign not in "".join(self.said), self.said
        return code


class WatchedFolder(Case):
    def setUp(self):
        super().setUp()
        self.watched = self.path("in")
        os.mkdir(self.watched)
        self.running = None
        self.addCleanup(lambda: self.running and self.running.stop(signal.SIGKILL))

    def watch(self, *options):
        self.running = Watch(self.watched, *options)
        return self.running

    def inside(self, *names):
        return os.path.join(self.watched, *names)

    def test_files_that_come(self):
        shutil.copy(clip(4), self.inside("there.mp4"))
        watch = self.watch("--thumbnails", self.path("pictures"))
        data = read(clip(4))
        with open(self.inside("slow.mp4"), "wb", buffering=0) as file:  # a copy that takes its time
            for part in range(4):
                file.write(data[len(data) * part // 4:len(data) * (part + 1) // 4])
                time.sleep(0.7)
            self.assertEqual(watch.lines, [])
        row, = watch.events(1)
        self.assertEqual((row["alert"], row["path"], row["start"]), (DOG, self.inside("slow.mp4"), 0))
        self.assertEqual(list(row), "time alert path start end p_match itc score calibration thumbnail".split())
        self.assertGreater(row["p_match"], 0.5)
        self.assertRegex(row["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(read(row["thumbnail"])[:2], b"\xff\xd8")
        # the same moment once more: touched, renamed, copied; and one of something else
        os.utime(self.inside("slow.mp4"))
        with open(self.inside("slow.mp4"), "ab"):
            pass
        os.rename(self.inside("slow.mp4"), self.inside("renamed.mp4"))
        shutil.copy(clip(4), self.inside("copy.mp4"))
        shutil.copy(clip(1), self.inside("other.mp4"))
        write(self.inside("notes.txt"), "no video")
        watch.events(1)
        self.assertEqual(watch.stop(), 0)
        self.assertEqual([line for line in watch.said if line.startswith("vblip: ") and "demo model" not in line], [])

    def test_folders_that_come(self):
        watch = self.watch()
        outside = self.path("outside")
        os.makedirs(os.path.join(outside, "deep"))
        write(os.path.join(outside, "deep", "a.mp4"), read(clip(4)))
        os.rename(outside, self.inside("moved"))
        watch.events(1)
        os.makedirs(self.inside("made", "deep"))
        write(self.inside("made", "deep", "b.mp4"), read(clip(4)) + b"\0\0\0\x08free")
        rows = watch.events(2)
        self.assertEqual([row["path"] for row in rows],
                         [self.inside("moved", "deep", "a.mp4"), self.inside("made", "deep", "b.mp4")])
        shutil.rmtree(self.watched)
        self.assertEqual(watch.process.wait(timeout=60), 4)
        self.assertIn("is there no longer", watch.said[-1])
        watch.stop()

    def test_commands(self):
        command = 'cat >> "%s"; echo "$VBLIP_START $VBLIP_ALERT"; case $VBLIP_PATH in *fails*) exit 3;; esac' % \
            self.path("told")
        watch = self.watch("--exec", command)
        for number, name in enumerate(("fails.mp4", "works.mp4")):
            write(self.inside(name), read(clip(4)) + b"\0\0\0\x08free" * number)
            watch.events(number + 1)
        self.assertEqual(watch.stop(signal.SIGTERM), 0)
        self.assertEqual(read(self.path("told")).decode(), "".join(watch.lines))
        self.assertEqual([line for line in watch.said if "--exec" in line],
                         ["vblip: --exec: %s: exit status 3\n" % self.inside("fails.mp4")])
        self.assertEqual(watch.said.count("0.000 %s\n" % DOG), 2)

    def test_a_command_that_hangs(self):
        watch = self.watch("--exec", "sleep 1000")
        write(self.inside("a.mp4"), read(clip(4)))
        watch.wait(lambda: watch.lines)
        watch.wait(lambda: "killed" in watch.said[-1])
        self.assertEqual(watch.said[-1], "vblip: --exec: %s: not done after 30 s, and killed\n" % self.inside("a.mp4"))
        write(self.inside("b.mp4"), read(clip(4)) + b"\0\0\0\x08free")
        watch.wait(lambda: len(watch.lines) == 2)
        begin = time.monotonic()
        self.assertEqual(watch.stop(), 0)  # while a command runs
        self.assertLess(time.monotonic() - begin, 10)

    def test_all_and_unreadable(self):
        shutil.copy(clip(4), self.inside("there.mp4"))
        watch = self.watch("--all")
        watch.events(1)
        write(self.inside("bad.mp4"), "no video")
        rows = watch.events(2)
        self.assertEqual(rows[1], {"path": self.inside("bad.mp4"), "error": "not a video or image"})
        shutil.copy(clip(4), self.inside("again.mp4"))
        watch.events(2)
        self.assertEqual(watch.stop(), 0)


if __name__ == "__main__":
    main()
