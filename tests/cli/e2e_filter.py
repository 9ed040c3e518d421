"""e2e_filter.py - vblip filter: what is kept, and runs that are killed and go on."""

import json
import os
import re
import shutil
import signal
import time

from e2e_support import (CLIPS, DEMO, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE, Case, checkpoint, main, read, start,
                         write)


class FilterCase(Case):
    def pairs(self, copies=1):
        """The captions of the bundled clips, every second one wrong."""
        with open(os.path.join(CLIPS, "captions.jsonl"), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        made = []
        for n in range(copies):
            for i, row in enumerate(rows):
                right = i % 2 == 0
                made.append({"path": row["clip_name"], "caption": row["caption"] if right else rows[i - 1]["caption"]})
        text = "".join(json.dumps(row) + "\n" for row in made)
        return made, write(self.path("pairs.jsonl"), text)

    def arguments(self, pairs, output, *more):
        return ["filter", pairs, "--root", CLIPS, "--model", DEMO, "-o", output, *more]


class Pairs(FilterCase):
    def test_what_matches_is_kept(self):
        made, pairs = self.pairs()
        output = self.path("clean.jsonl")
        run = self.ok(*self.arguments(pairs, output))
        self.assertEqual(run.out, "")
        rows = [json.loads(line) for line in read(output).splitlines()]
        self.assertTrue(all(list(row) == ["path", "caption", "source", "p_match"] for row in rows))
        self.assertTrue(all(row["p_match"] >= 0.5 for row in rows))
        web = [(row["path"], row["caption"]) for row in rows if row["source"] == "web"]
        self.assertTrue(set(web) <= {(row["path"], row["caption"]) for row in made})
        right = {(row["path"], row["caption"]) for row in made[::2]}
        self.assertGreaterEqual(len(right & set(web)), 6)  # of 8
        self.assertLessEqual(len(set(web) - right), 2)
        synthetic = [row for row in rows if row["source"] == "synthetic"]
        self.assertGreater(len(synthetic), 8)
        summary = re.search(r"vblip: 16 pairs; web: (\d+) kept, (\d+) dropped \(([\d.]+) %\); "
                            r"synthetic: (\d+) kept, (\d+) dropped", run.err)
        self.assertEqual((int(summary[1]), int(summary[4])), (len(web), len(synthetic)))
        self.assertEqual(int(summary[2]), 16 - len(web))
        self.assertAlmostEqual(float(summary[3]), 100 * (16 - len(web)) / 16, delta=0.05)
        self.only_files("pairs.jsonl", "clean.jsonl")
        # The result is pairs again; a strict threshold keeps less, none keeps all.
        self.ok(*self.arguments(output, self.path("again.jsonl")))
        self.ok(*self.arguments(pairs, self.path("all.jsonl"), "--min-p", "0"))
        self.assertEqual(len(read(self.path("all.jsonl")).splitlines()), 32)
        other = self.ok(*self.arguments(pairs, self.path("other.jsonl"), "--min-p", "0", "--seed", "8", "--temperature",
                                        "3", "--top-k", "0", "--top-p", "1"))
        self.assertNotEqual(read(self.path("all.jsonl")), read(self.path("other.jsonl")), str(other))


class Restarts(FilterCase):
    def test_killed_and_started_again(self):
        _, pairs = self.pairs(copies=3)
        whole, output = self.path("whole.jsonl"), self.path("clean.jsonl")
        summary = self.ok(*self.arguments(pairs, whole, "-j", "1")).messages[-1]
        partial, kills = output + ".partial", 0
        while kills < 3:  # after 12, 24, 36 of 48 pairs
            process = start(*self.arguments(pairs, output, "-j", "1"))
            wanted, deadline = 12 * (kills + 1), time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                done = len(re.findall(rb"(?m)^#\d+ ", read(partial))) if os.path.exists(partial) else 0
                if done >= wanted:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.002)
            process.communicate()
            self.assertEqual(process.returncode, -signal.SIGKILL)
            self.assertFalse(os.path.exists(output))
            kills += 1
            with open(partial, "ab") as file:  # a row that was cut
                file.write(b'{"path":"cli')
        finished = len(re.findall(rb"(?m)^#\d+ ", read(partial)))
        self.assertGreaterEqual(finished, 36)
        run = self.ok(*self.arguments(pairs, output, "-j", "1"))
        self.assertEqual(read(output), read(whole))
        self.assertEqual(run.messages[-1], summary)  # the shares are those of the whole
        self.only_files("pairs.jsonl", "whole.jsonl", "clean.jsonl")

    def test_interrupted(self):
        _, pairs = self.pairs(copies=3)
        output = self.path("clean.jsonl")
        process = start(*self.arguments(pairs, output))
        while process.poll() is None and not (os.path.exists(output + ".partial")
                                              and b"#2 " in read(output + ".partial")):
            time.sleep(0.002)
        self.refused(EXIT_UNUSABLE, "clean.jsonl.partial: in use by another run, process %d" % process.pid,
                     *self.arguments(pairs, output))
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        self.only_files("pairs.jsonl", "clean.jsonl.partial")
        # Other pairs, or other options, are another run.
        vocabulary = write(self.path("words"), "other\n")
        for more in (["--min-p", "0.7"], ["--seed", "3"], ["--beams", "2"], ["--compat", "hf"], ["--precision", "f32"],
                     ["--device", "0"], ["--vocab", vocabulary], ["--captioner", DEMO], ["--image-size", "192"]):
            self.refused(EXIT_MISUSED, ["clean.jsonl.partial: of a run with other"], *self.arguments(pairs, output, *more))
        write(pairs, read(pairs) + b'{"path":"clip-01","caption":"x"}\n')
        self.refused(EXIT_MISUSED, ["clean.jsonl.partial: of a run with other"], *self.arguments(pairs, output))


class Inputs(FilterCase):
    def test_a_model_set(self):
        """Two checkpoints, and each of them named."""
        os.mkdir(self.path("set"))
        for task in ("retrieval", "caption"):
            os.symlink(checkpoint("tiny-" + task), self.path("set", task))
        pairs = write(self.path("pairs.jsonl"), '[{"video": "clip-01", "caption": "a dog"}]')
        arguments = ["filter", pairs, "--root", CLIPS, "--min-p", "0"]
        self.ok(*arguments, "--model", self.path("set"), "-o", self.path("a.jsonl"))
        self.ok(*arguments, "--model", checkpoint("tiny-retrieval"), "--captioner", checkpoint("tiny-caption"), "-o",
                self.path("b.jsonl"))
        rows = [json.loads(line) for line in read(self.path("a.jsonl")).splitlines()]
        self.assertEqual([row["source"] for row in rows], ["web", "synthetic"])
        self.assertEqual(read(self.path("a.jsonl")), read(self.path("b.jsonl")))
        matched = json.loads(self.ok("match", os.path.join(CLIPS, "clip-01.mp4"), *(row["caption"] for row in rows),
                                     "--model", checkpoint("tiny-retrieval"), "-f", "json").out)
        for row, match in zip(rows, matched):
            self.assertAlmostEqual(row["p_match"], match["p_match"], places=6)
        self.refused(EXIT_UNUSABLE, "holds: retrieval", *arguments, "--model", checkpoint("tiny-retrieval"), "-o",
                     self.path("c.jsonl"))
        self.only_files("set", "pairs.jsonl", "a.jsonl", "b.jsonl")

    def test_files_that_cannot_be_read(self):
        rows = [{"path": "clip-01", "caption": "a dog"}, {"path": "gone", "caption": "a cat"},
                {"path": "clip-02", "caption": "a cow"}]
        pairs = write(self.path("pairs.jsonl"), "".join(json.dumps(row) + "\n" for row in rows))
        output = self.path("clean.jsonl")
        run = self.exits(EXIT_SOME_FAILED, *self.arguments(pairs, output, "--min-p", "0"))
        self.assertIn("vblip: %s/gone.mp4: No such file or directory\n" % CLIPS, run.err)
        self.assertIn("vblip: 3 pairs, 1 failed; web: 2 kept, 0 dropped", run.err)
        self.assertEqual([json.loads(line)["path"] for line in read(output).splitlines()],
                         ["clip-01", "clip-01", "clip-02", "clip-02"])
        write(pairs, json.dumps(rows[1]))
        os.remove(output)
        self.exits(EXIT_UNUSABLE, *self.arguments(pairs, output))
        self.only_files("pairs.jsonl")

    def test_misuse(self):
        _, pairs = self.pairs()
        self.refused(EXIT_MISUSED, "is an input", *self.arguments(pairs, pairs))
        self.refused(EXIT_MISUSED, "not a regular file", *self.arguments(pairs, "/dev/null"))
        self.refused(EXIT_UNUSABLE, "No such file", *self.arguments(self.path("none"), self.path("out")))
        write(pairs, '{"path": "clip-01"}\n')
        run = self.exits(EXIT_UNUSABLE, *self.arguments(pairs, self.path("out"), "-q"))
        self.assertIn("pairs.jsonl:1: caption: missing", run.err)
        shutil.rmtree(self.folder)


if __name__ == "__main__":
    main()
