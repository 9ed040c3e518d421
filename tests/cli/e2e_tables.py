#!/usr/bin/env python3
"""qa --table: what other programs read in it, and how often its clips are encoded."""

import csv
import json
import os

from e2e_support import (EXIT_SOME_FAILED, VQA, Case, clip, main, make_video, parse, read, write)

QUESTIONS = ["what is it?", "says \"a, b\", or?", "two\nlines, in all?", "\ttabs\\"]
RANKED = ["red", "a \"dog\", or two", "-1"]


def quoted(field):
    return '"' + field.replace('"', '""') + '"'


class Tables(Case):
    def setUp(self):
        super().setUp()
        self.film = make_video(self.path("film.mp4"), seconds=5, rate=10)
        self.bad = write(self.path("bad, or not.mp4"), "no video")
        self.questions = write(self.path("Q.txt"), "# of a film\n%s\n\n%s = %s\n" % (
            QUESTIONS[0], quoted(QUESTIONS[1]), ", ".join(map(quoted, RANKED))))

    def qa(self, *arguments, code=EXIT_SOME_FAILED):
        return self.exits(code, "qa", "--model", VQA, *arguments)

    def asked(self):
        """Questions of a file, and others in front of it."""
        listed = write(self.path("list"), "\n".join([clip(1), self.bad, self.film]))
        return ["-a", listed, *QUESTIONS[2:], "--questions", self.questions]

    def test_the_rows_that_the_other_form_has(self):
        """Answers, scores and times are those of a row for each question."""
        order = QUESTIONS[2:] + QUESTIONS[:2]
        for segment in ([], ["--segment", 2]):
            rows = parse("jsonl", self.qa(*self.asked(), *segment, "-f", "jsonl").out)
            clips = {}
            for row in rows:
                if "error" not in row:
                    clips.setdefault((row["path"], row["start"], row["end"]), {})[row["question"]] = row
            self.assertEqual(len(clips), 5 if segment else 2)
            out = self.path("table.csv")
            self.qa(*self.asked(), *segment, "--table", "--scores", "-o", out)
            with open(out, encoding="utf-8", newline="") as file:
                table = list(csv.DictReader(file, strict=True))
            times = ["start", "end"] if segment else []
            self.assertEqual(list(table[0]), ["path", *times, *(t for q in order for t in (q, q + " score")), "error"])
            failed = [row for row in table if row["error"]]
            self.assertEqual([(row["path"], set(list(row.values())[1:-1])) for row in failed], [(self.bad, {""})])
            good = [row for row in table if not row["error"]]
            self.assertEqual(len(good), len(clips))
            for cells, (at, answers) in zip(good, clips.items()):
                self.assertEqual((cells["path"], *(float(cells[t]) for t in times)), at[:1 + len(times)])
                self.assertEqual([cells[q] for q in order], [answers[q]["answer"] for q in order])
                self.assertEqual([float(cells[q + " score"]) for q in order], [answers[q]["score"] for q in order])
                self.assertIn(cells[QUESTIONS[1]], RANKED)
            nested = json.loads(self.qa(*self.asked(), *segment, "--table", "--scores", "-f", "json").out)
            self.assertEqual(nested[0]["answers"], {q: good[0][q] for q in order})
            self.assertEqual(nested[0]["scores"], {q: float(good[0][q + " score"]) for q in order})
            self.assertEqual([list(row) for row in nested if "error" in row], [["path", "error"]])
            self.assertEqual([row["path"] for row in nested], [row["path"] for row in table])
            tsv = parse("tsv", self.qa(*self.asked(), *segment, "--table", "--scores", "-f", "tsv").out)
            self.assertEqual(tsv, table)

    def test_a_clip_is_encoded_once(self):
        def frames(*asked):
            err = self.qa(self.film, *asked, "--segment", 2, "--table", "-f", "csv", "--profile", code=0).err
            calls = [line.split() for line in err.splitlines() if line.startswith("patchify")]
            self.assertEqual(len(calls), 1, err)
            return int(calls[0][1])

        self.assertEqual(frames("how many?"), frames(*QUESTIONS[2:], "--questions", self.questions))

    def test_nothing_half_written(self):
        before = sorted(os.listdir(self.folder)) + ["old.csv"]
        old = write(self.path("old.csv"), "old")
        for name, arguments in (("line 1: ", ["--questions", write(self.path("torn"), "who? = a,,")]),
                                ("column ", ["who?", "who?"]), ("Q.txt: is read", ["--questions", self.questions,
                                                                                  "-o", self.questions])):
            self.refused(2, name, "qa", self.film, *arguments, "--table", "-f", "csv",
                         *([] if "-o" in arguments else ["-o", old]))
        self.exits(4, "qa", "--model", VQA, self.bad, "who?", "--table", "-o", old)
        self.assertEqual(read(old), b"old")
        self.only_files("torn", *before)


if __name__ == "__main__":
    main()
