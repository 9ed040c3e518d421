#!/usr/bin/env python3
"""vblip run: what index, caption and qa --table make of the same files, of which each is read once."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from e2e_support import (BINARY, DEMO, EXIT_INTERRUPTED, EXIT_SOME_FAILED, LibraryCase, clip, main,
                         make_image, make_video, parse, read, write)

QUESTIONS = "what is in the picture?\nwhat is the background color? = red, blue, green\n"


@unittest.skipUnless(os.path.exists(os.path.join(DEMO, "model.safetensors")), "models/demo is not there yet")
class Together(LibraryCase):
    def films(self):
        """Short and long ones, one of several shots, one that breaks off, and a picture."""
        folder = self.clips(2)
        self.film(os.path.join(folder, "shots.mp4"), [1, 3, 5, 2, 4], seconds=9)
        make_video(os.path.join(folder, "made.mkv"), seconds=3, rate=10)
        whole = read(self.film(self.path("whole.ts"), [6, 7], seconds=4))
        write(os.path.join(folder, "torn.ts"), whole[:len(whole) * 2 // 3])
        make_image(os.path.join(folder, "still.png"), clip(3))
        write(os.path.join(folder, "bad.mp4"), "no video")
        return folder

    def hits(self, folder):
        out = self.retrieve("--top", 100, "--rerank", 0, "-f", "json", folder, "a dog", code=EXIT_SOME_FAILED).out
        return [row for row in json.loads(out) if "error" not in row]

    def subtitles(self, folder):
        return {name: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".srt")}

    def test_what_each_makes_alone(self):
        folder = self.films()
        questions = write(self.path("Q.txt"), QUESTIONS)
        for options in ({}, {"qa": ["--segment", "shots"], "caption": ["--shots"]}):
            qa, caption = options.get("qa", []), options.get("caption", [])
            shutil.rmtree(self.path("data"), ignore_errors=True)
            asked = ["--questions", questions, "--scores"]
            alone, table = self.path("alone.csv"), self.path("table.csv")
            said = [self.index(folder, *qa, code=EXIT_SOME_FAILED),
                    self.run_program("caption", "-f", "srt", "-y", *caption, folder, code=EXIT_SOME_FAILED),
                    self.run_program("qa", *asked, *qa, "--table", "-o", alone, folder, code=EXIT_SOME_FAILED)]
            hits, subtitles = self.hits(folder), self.subtitles(folder)
            for name in subtitles:
                os.unlink(os.path.join(folder, name))
            shutil.rmtree(self.path("data"))
            run = self.run_program("run", "--index", "--caption", "srt", *caption, *asked, *qa, "-o", table, folder,
                                   code=EXIT_SOME_FAILED, env=self.env)
            self.assertEqual(read(table), read(alone))
            self.assertEqual(self.subtitles(folder), subtitles)
            self.assertGreaterEqual(len(subtitles), 5)
            self.assertEqual(set(run.said), {line for one in said for line in one.said})
            self.assertEqual(len(run.said), len(set(run.said)))
            encoded = self.index(folder, *qa, "-v", code=EXIT_SOME_FAILED).err
            self.assertIn("6 as they were; 0 segments encoded", encoded)
            self.assertEqual(self.hits(folder), hits)
            self.assertGreaterEqual(len(parse("csv", read(table).decode())), 7)

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_each_file_is_read_once(self):
        folder = self.clips(3)
        questions = write(self.path("Q.txt"), QUESTIONS)

        def bytes_read(*arguments):
            """Of each film, by the system calls."""
            trace = self.path("trace")
            subprocess.run(["strace", "-f", "-e", "trace=openat,read,pread64,close", "-o", trace, BINARY, *arguments,
                            "--model", DEMO, "-q"], check=True, env=self.env, stdout=subprocess.DEVNULL)
            names, count = {}, {}
            for line in read(trace).decode("utf-8", "replace").splitlines():
                opened = re.search(r'openat\(.*"(.*\.mp4)".* = (\d+)$', line)
                closed = re.search(r"close\((\d+)", line)
                got = re.search(r"(?:read|pread64)\((\d+),.* = (\d+)$", line)
                if opened:
                    names[opened[2]] = opened[1]
                elif closed:
                    names.pop(closed[1], None)
                elif got and got[1] in names:
                    count[names[got[1]]] = count.get(names[got[1]], 0) + int(got[2])
            return count

        alone = bytes_read("index", folder)
        together = bytes_read("run", "--index", "--caption", "srt", "--questions", questions, "-f", "csv", folder)
        self.assertEqual(len(alone), 3)
        self.assertEqual(together, alone)

    def test_interrupted(self):
        folder = self.clips(16)
        questions = write(self.path("Q.txt"), QUESTIONS)
        table = self.path("table.csv")
        process = subprocess.Popen([BINARY, "run", "--index", "--caption", "srt", "--every", "0.04", "--questions",
                                    questions, "-o", table, "--model", DEMO, "-q", folder], env=self.env,
                                   stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not self.subtitles(folder) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, EXIT_INTERRUPTED)
        for name, text in self.subtitles(folder).items():
            self.assertTrue(text.endswith(b"\n\n"), name)
        if os.path.exists(table):
            self.assertTrue(all(row["what is in the picture?"] for row in parse("csv", read(table).decode())))
        self.assertEqual([n for n in os.listdir(folder) if not n.endswith((".mp4", ".srt"))], [])


if __name__ == "__main__":
    main()
