"""examples.py - the programs under examples/ do what their first lines say.

ctest gives VBLIP_EXAMPLES (a folder of programs), VBLIP_CHECKPOINTS (seeded checkpoints) and
VBLIP_SOURCE (the repository). Seeded weights say nothing sensible: what the answers are is
checked with the demo model, where it is there.
"""

import json
import os
import re
import subprocess
import unittest

SOURCE = os.environ["VBLIP_SOURCE"]
CLIPS = os.path.join(SOURCE, "examples", "clips")
CLIP = os.path.join(CLIPS, "clip-01.mp4")
DEMO = os.path.join(SOURCE, "models", "demo")
HAS_DEMO = os.path.exists(os.path.join(DEMO, "config.json"))
PROGRAMS = {"caption_file": "caption", "ask_file": "vqa", "search_folder": "retrieval"}  # of files
LIMITS = {"ask_file": 60, "caption_file": 80, "caption_frames": 80, "search_folder": 80}  # lines


def model(task):
    return DEMO if HAS_DEMO else os.path.join(os.environ["VBLIP_CHECKPOINTS"], "tiny-" + task)


def annotations(name):
    with open(os.path.join(CLIPS, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Examples(unittest.TestCase):
    def run_example(self, name, *arguments, code=0):
        argv = [os.path.join(os.environ["VBLIP_EXAMPLES"], name), *arguments]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, code, "%s\n%s" % (argv, done.stderr))
        return done

    def test_one_caption_for_each_second(self):
        lines = self.run_example("caption_file", model("caption"), CLIP).stdout.splitlines()
        self.assertEqual([line[:8].strip() for line in lines], ["0.000", "1.000", "2.000"])
        for line in lines:
            self.assertRegex(line, r"^   \d\.\d{3}  \S")
        if HAS_DEMO:
            self.assertIn("television", lines[0])

    def test_frames_that_ffmpeg_decodes(self):
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", CLIP, "-vf", "fps=1,scale=320:240", "-f", "rawvideo",
                              "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE, check=True).stdout
        frames = len(raw) // (320 * 240 * 3)
        self.assertGreater(frames, 1)
        program = os.path.join(os.environ["VBLIP_EXAMPLES"], "caption_frames")
        done = subprocess.run([program, model("caption"), "320", "240"], input=raw, stdout=subprocess.PIPE, check=True)
        lines = done.stdout.decode().splitlines()
        self.assertEqual([line.split("  ")[0] for line in lines], [str(n + 1) for n in range(frames)])
        if HAS_DEMO:
            self.assertIn("television", lines[0])
        for wrong in (["nomodel", "320", "240"], ["x", "0", "240"], ["x", "320"]):
            done = subprocess.run([program, *wrong], input=raw, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stdout), (1 if wrong[0] == "nomodel" else 2, b""), wrong)

    def test_one_answer_for_each_question(self):
        rows = [row for row in annotations("questions.jsonl") if row["video"] == "clip-01"]
        questions = [row["question"] for row in rows]
        lines = self.run_example("ask_file", model("vqa"), CLIP, *questions).stdout.splitlines()
        self.assertEqual(lines.pop(), "16 frames decoded, 16 encoded")
        self.assertEqual([line.split("  ")[0] for line in lines], questions)
        if HAS_DEMO:
            right = sum(line.split("  ")[1] == row["answer"] for line, row in zip(lines, rows))
            self.assertGreater(2 * right, len(rows), lines)

    def test_five_best_files_of_a_folder(self):
        wanted = annotations("captions.jsonl")[0]
        lines = self.run_example("search_folder", model("retrieval"), wanted["caption"], CLIPS).stdout.splitlines()
        self.assertEqual(len(lines), 5)
        for rank, line in enumerate(lines, 1):
            self.assertRegex(line, r"^%d  P\(match\) [01]\.\d\d  %s/clip-\d\d\.mp4$" % (rank, re.escape(CLIPS)))
        if HAS_DEMO:
            self.assertTrue(lines[0].endswith(wanted["clip_name"] + ".mp4"), lines)

    def test_what_is_missing_is_named(self):
        for name, task in PROGRAMS.items():
            rest = ["what?"] if name == "ask_file" else []
            file = ["nowhere", *rest] if name != "search_folder" else ["a dog", "nowhere"]
            with self.subTest(name):
                # The search goes on without a bad path, and ends well with what it has.
                done = self.run_example(name, model(task), *file, code=0 if name == "search_folder" else 1)
                self.assertEqual((done.stdout, done.stderr), ("", "nowhere: No such file or directory\n"))
                done = self.run_example(name, "nomodel", *file, code=1)
                self.assertEqual((done.stdout, done.stderr), ("", "nomodel: No such file or directory\n"))
                done = self.run_example(name, code=2)
                self.assertTrue(done.stderr.startswith("usage: %s MODEL " % name), done.stderr)

    def test_they_are_short_and_know_one_header(self):
        for name, limit in LIMITS.items():
            with open(os.path.join(SOURCE, "examples", name + ".c"), encoding="utf-8") as file:
                text = file.read()
            self.assertLess(len(text.splitlines()), limit, name)
            self.assertEqual(re.findall(r'#include "(.*)"', text), ["vblip.h"], name)


if __name__ == "__main__":
    unittest.main()
