#!/usr/bin/env python3
"""Every command, on clips and images, in every format: fields, order, values, operands."""

import json
import math
import os
import re
import shlex
import shutil
import subprocess

from e2e_support import (BINARY, CAPTION, EXIT_DONE, EXIT_MISUSED, EXIT_NO_MATCH, EXIT_SOME_FAILED, EXIT_UNUSABLE, FIELDS, NLVR,
                         RETRIEVAL, SOURCE, VQA, Case,
                         checkpoint, clip, environment, ffmpeg, main, make_image, make_video, parse, probe_subtitles,
                         read, vblip, write)

MACHINE_FORMATS = ("json", "jsonl", "csv", "tsv")


def number(value):
    """A JSON number, or a field of csv and tsv; None when absent."""
    return None if value in (None, "") else float(value)


def duration(path):
    """Seconds, by ffprobe."""
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=duration", "-of",
                           "csv=p=0", path], stdout=subprocess.PIPE, check=True)
    return round(float(done.stdout), 3)


class FormatCase(Case):
    def in_every_format(self, command, arguments, env=None):
        """The rows of a command, the same in each machine format and with the fields of cli.md."""
        rows = {}
        for kind in MACHINE_FORMATS:
            rows[kind] = parse(kind, self.ok(command, *arguments, "-f", kind, env=env).out)
        fields = FIELDS[command]
        for kind in ("json", "jsonl"):
            for row in rows[kind]:
                self.assertEqual(list(row), fields)
        flat = [f for field in fields for f in ((field[:-1] + "_0", field[:-1] + "_1") if field.endswith("logits")
                                                else (field,))]
        for kind in ("csv", "tsv"):
            for row in rows[kind]:
                self.assertEqual(list(row), flat)
        self.assertEqual(rows["json"], rows["jsonl"])
        self.assertEqual(rows["csv"], rows["tsv"])
        self.assertEqual(len(rows["csv"]), len(rows["json"]))
        return rows["json"], rows["csv"]


class Batches(Case):
    """Frames of several clips at once: what comes out is the same to the byte."""

    def mixed(self):
        """Clips, images, and between them what cannot be read."""
        folder = self.path("mixed")
        os.makedirs(folder)
        for number in range(1, 6):
            shutil.copy(clip(number), folder)
        write(os.path.join(folder, "clip-02b.mp4"), b"no video")
        write(os.path.join(folder, "clip-04b.mp4"), read(clip(4))[:3000])
        for name in ("clip-01b.png", "clip-03b.png"):
            make_image(os.path.join(folder, name), clip(6))
        return folder

    def same(self, device, rows, *arguments):
        """The output with one clip at a time, some and all at once."""
        told = {}
        for batch in (1, 5, 64):
            run = self.exits(EXIT_SOME_FAILED, *arguments, "-f", "jsonl", "--device", device, "--batch", batch,
                             "--profile")
            calls = int(re.search(r"^patchify +(\d+) calls", run.err, re.MULTILINE).group(1))
            bad = [line for line in run.messages if "-02b" in line or "-04b" in line]
            self.assertEqual(len(bad), 2, run)
            self.assertEqual(sum('"error"' not in line for line in run.lines), rows)
            told[batch] = (run.out_bytes, bad)
            if batch == 64:
                self.assertEqual(calls, 1, run)
            else:
                self.assertGreaterEqual(calls, 7)
        self.assertEqual(told[1], told[5])
        self.assertEqual(told[1], told[64])

    def test_rows_are_the_same(self):
        folder = self.mixed()
        for device in ("cpu", "llvmpipe"):
            with self.subTest(device=device):
                self.same(device, 14, "match", "--model", RETRIEVAL, folder, "a dog", "a cat")
                self.same(device, 7, "retrieve", "--no-index", "--model", RETRIEVAL, "--top", 20, folder, "a dog")


class Searches(FormatCase):
    def test_retrieve(self):
        queries = ["a dog", "two cats, and a \"bell\""]
        rows, flat = self.in_every_format(
            "retrieve", ["--model", RETRIEVAL, "-e", queries[0], "-e", queries[1], clip(1), clip(2), clip(3)])
        self.assertEqual([(r["query"], r["rank"]) for r in rows], [(q, n) for q in queries for n in (1, 2, 3)])
        for row, cells in zip(rows, flat):
            self.assertAlmostEqual(row["score"], row["itc"] + row["itm_logit"], places=5)
            self.assertTrue(0 <= row["p_match"] <= 1 and -1.001 <= row["itc"] <= 1.001)
            self.assertEqual(row["start"], 0)
            self.assertTrue(2 <= row["end"] <= 4)
            self.assertRegex(cells["end"], r"^\d+\.\d{3}$")
            for field in ("rank", "score", "itc", "itm_logit", "p_match"):
                self.assertEqual(number(cells[field]), row[field])
        for query in queries:
            scores = [r["score"] for r in rows if r["query"] == query]
            self.assertEqual(scores, sorted(scores, reverse=True))

    def test_retrieve_text(self):
        run = self.ok("retrieve", "--model", RETRIEVAL, clip(1), clip(2), "a dog")
        self.assertEqual(len(run.lines), 2)
        for rank, line in enumerate(run.lines, 1):
            self.assertRegex(line, r"^%d  \d\.\d\d  00:00:00\.000-00:00:0\d\.\d{3}  .*clip-0[12]\.mp4$" % rank)
        self.assertEqual(run.err, "")

    def test_retrieve_without_rerank(self):
        rows, flat = self.in_every_format("retrieve", ["--model", RETRIEVAL, "--rerank", 0, clip(1), clip(2), "a dog"])
        for row, cells in zip(rows, flat):
            self.assertIsNone(row["itm_logit"])
            self.assertIsNone(row["p_match"])
            self.assertEqual(row["score"], row["itc"])
            self.assertEqual((cells["itm_logit"], cells["p_match"]), ("", ""))

    def test_retrieve_reranks_the_best(self):
        rows = parse("json", self.ok("retrieve", "--model", RETRIEVAL, "--rerank", 2, "--top", 4, "-f", "json",
                                     *map(clip, range(1, 6)), "a dog").out)
        self.assertEqual([row["p_match"] is not None for row in rows], [True, True, False, False])

    def test_retrieve_drops_the_improbable(self):
        arguments = ["retrieve", "--model", RETRIEVAL, clip(1), clip(2), "a dog", "--min-p"]
        run = self.ok(*arguments, 1)
        self.assertEqual((run.out, run.messages), ("", ["no match"]))
        run = self.exits(EXIT_NO_MATCH, *arguments, 1, "--exit-status")
        self.assertEqual((run.out, run.messages), ("", ["no match"]))
        rows = parse("json", self.ok(*arguments, 0, "-f", "json").out)
        between = sum(r["p_match"] for r in rows) / 2
        kept = parse("json", self.ok(*arguments, "%.6f" % between, "-f", "json", "--exit-status").out)
        self.assertEqual([(r["rank"], r["path"]) for r in kept], [(1, max(rows, key=lambda r: r["p_match"])["path"])])
        self.assertEqual(parse("json", self.ok(*arguments, 1, "-f", "json").out), [])

    def test_retrieve_prints_paths_only(self):
        arguments = ["retrieve", "--model", RETRIEVAL, "-e", "a dog", "-e", "a cat", clip(1), clip(2)]
        listed = self.ok(*arguments, "-l").out
        self.assertEqual(sorted(listed.split("\n")), ["", clip(1), clip(2)])
        self.assertEqual(self.ok(*arguments, "-lZ").out, listed.replace("\n", "\0"))

    def test_match(self):
        texts = ["a dog", "a café, \"big\"\tand\nnew"]
        rows, flat = self.in_every_format("match", ["--model", RETRIEVAL, clip(1), *texts])
        self.assertEqual([(r["path"], r["text"]) for r in rows], [(clip(1), t) for t in texts])
        self.assertEqual([number(flat[0]["itm_logit_%d" % i]) for i in (0, 1)], rows[0]["itm_logits"])
        tsv = self.ok("match", "--model", RETRIEVAL, clip(1), texts[1], "-f", "tsv").lines
        self.assertEqual(len(tsv), 2)
        self.assertEqual(tsv[1].split("\t")[1], texts[1].replace("\t", "\\t").replace("\n", "\\n"))
        run = self.ok("match", "--model", RETRIEVAL, clip(1), "a dog")
        self.assertRegex(run.out, r"^\d\.\d\d  -?\d\.\d+  \S+clip-01\.mp4  a dog\n$")

    def test_match_takes_either_token(self):
        arguments = ["match", "--model", RETRIEVAL, clip(1), "a dog", "-f", "json"]
        enc, cls = (parse("json", self.ok(*arguments, "--itm-token", t).out)[0] for t in ("enc", "cls"))
        self.assertEqual(enc["itc"], cls["itc"])
        self.assertNotEqual(enc["itm_logits"], cls["itm_logits"])

    def test_reason(self):
        statements = ["the left one shows a dog", "both are \"red\""]
        image = make_image(self.path("still.png"), clip(2))
        rows, flat = self.in_every_format("reason", ["--model", NLVR, clip(1), image, *statements])
        self.assertEqual([(r["left"], r["right"], r["statement"]) for r in rows],
                         [(clip(1), image, s) for s in statements])
        for row, cells in zip(rows, flat):
            self.assertIs(row["answer"], row["logits"][1] > row["logits"][0])
            self.assertEqual(cells["answer"], "true" if row["answer"] else "false")
            self.assertAlmostEqual(row["p_true"], 1 / (1 + math.exp(row["logits"][0] - row["logits"][1])), places=5)
        swapped = parse("json", self.ok("reason", "--model", NLVR, image, clip(1), *statements, "-f", "json").out)
        self.assertNotEqual([r["logits"] for r in swapped], [r["logits"] for r in rows])
        alone = self.ok("reason", "--model", NLVR, clip(1), image, statements[0]).out
        shown = "%s  %.2f" % ("true" if rows[0]["answer"] else "false", rows[0]["p_true"])
        self.assertEqual(alone, shown + "\n")
        pairs = write(self.path("pairs.txt"), "\n".join([clip(1), image, image, clip(1)]))
        listed = self.ok("reason", "--model", NLVR, "-a", pairs, statements[0]).lines
        self.assertEqual(listed[0], "%s  %s  %s  %s" % (shown, clip(1), image, statements[0]))
        self.assertEqual(len(listed), 2)
        write(pairs, "\n".join([clip(1), image, image]))
        self.refused(EXIT_MISUSED, [pairs, "3 paths"], "reason", "--model", NLVR, "-a", pairs, statements[0])
        self.refused(EXIT_UNUSABLE, "this checkpoint holds: retrieval", "reason", "--model", RETRIEVAL, image, image,
                     "a dog")


class Questions(FormatCase):
    def test_qa(self):
        rows, flat = self.in_every_format("qa", ["--model", VQA, clip(1), "what is it?", "how many?"])
        self.assertEqual([r["question"] for r in rows], ["what is it?", "how many?"])
        for row, cells in zip(rows, flat):
            self.assertEqual((row["path"], row["start"], cells["start"]), (clip(1), 0, "0.000"))
            self.assertEqual(number(cells["score"]), row["score"])
        alone = self.ok("qa", "--model", VQA, clip(1), "what is it?").out
        self.assertEqual(alone, rows[0]["answer"] + "\n")
        several = self.ok("qa", "--model", VQA, clip(1), "what is it?", "how many?").lines
        self.assertEqual([line.split("\t") for line in several],
                         [[clip(1), r["question"], r["answer"]] for r in rows])

    def test_qa_about_segments(self):
        """A row for each segment and question: what the segment answers as a file of its own."""
        film = make_video(self.path("film.mp4"), seconds=5, rate=10)
        questions = ["what is it?", "how many?"]
        rows, _ = self.in_every_format("qa", ["--model", VQA, "--segment", 2, film, *questions])
        self.assertEqual([(r["start"], r["end"], r["question"]) for r in rows],
                         [(start, min(start + 2, 5), q) for start in (0, 2, 4) for q in questions])
        text = self.ok("qa", "--model", VQA, "--segment", 2, film, questions[0]).lines
        self.assertEqual(text, ["00:00:00.000-00:00:02.000\t" + rows[0]["answer"],
                                "00:00:02.000-00:00:04.000\t" + rows[2]["answer"],
                                "00:00:04.000-00:00:05.000\t" + rows[4]["answer"]])

        def ask(*arguments):
            return parse("json", self.ok("qa", "--model", VQA, film, *questions, "-f", "json", *arguments).out)

        self.assertEqual(ask("--segment", "whole"), ask())
        self.assertEqual(ask("--segment", "auto"), ask())
        shots = parse("json", self.ok("shots", film, "-f", "json").out)
        self.assertEqual([(r["start"], r["end"]) for r in ask("--segment", "shots")[::2]],
                         [(s["start"], s["end"]) for s in shots])
        ranked = ask("--segment", 2, "--answers", "red,green")
        self.assertEqual([sorted(a["answer"] for a in r["ranked"]) for r in ranked], 6 * [["green", "red"]])

    def test_qa_ranks_given_answers(self):
        arguments = ["qa", "--model", VQA, clip(1), "what is it?"]
        answers = ["red", "a dog", "green"]
        rows = parse("json", self.ok(*arguments, "--answers", ",".join(answers), "-f", "json").out)
        self.assertEqual(list(rows[0]), FIELDS["qa"] + ["ranked"])
        ranked = rows[0]["ranked"]
        self.assertEqual(sorted(r["answer"] for r in ranked), sorted(answers))
        scores = [r["score"] for r in ranked]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual((rows[0]["answer"], rows[0]["score"]), (ranked[0]["answer"], ranked[0]["score"]))
        listed = write(self.path("answers"), "\n".join(["", *answers, ""]))
        self.assertEqual(parse("json", self.ok(*arguments, "--answers-file", listed, "-f", "json").out), rows)
        one = parse("json", self.ok(*arguments, "--answers-file", listed, "--k-test", 1, "-f", "json").out)[0]
        self.assertEqual(len(one["ranked"]), 1)


class Captions(FormatCase):
    def test_caption(self):
        rows, flat = self.in_every_format("caption", ["--model", CAPTION, "--every", 0.5, clip(10)])
        ends = [row["end"] for row in rows]
        self.assertEqual([row["start"] for row in rows], [0.5 * k for k in range(len(rows))])
        self.assertEqual(ends[:-1], [row["start"] for row in rows[1:]])
        self.assertEqual(ends[-1], duration(clip(10)))
        self.assertEqual([cells["caption"] for cells in flat], [row["caption"] for row in rows])
        text = self.ok("caption", "--model", CAPTION, "--every", 0.5, clip(10)).lines
        self.assertEqual(text[1], "00:00:00.500  " + rows[1]["caption"])
        self.assertEqual(len(text), len(rows))

    def test_caption_samples(self):
        """A seed gives the same captions each time, whatever is captioned besides."""
        def captions(*arguments):
            return parse("json", self.ok("caption", "--model", CAPTION, "--sample", "-f", "json", *arguments).out)

        first = captions(clip(2), "--seed", 7, "--samples", 2)
        self.assertEqual(first, captions(clip(2), "--seed", 7, "--samples", 2))
        self.assertNotEqual([row["caption"] for row in first],
                            [row["caption"] for row in captions(clip(2), "--seed", 8, "--samples", 2)])
        self.assertEqual([row["start"] for row in first], sorted(2 * [row["start"] for row in first[::2]]))
        self.assertNotEqual([row["caption"] for row in first[::2]], [row["caption"] for row in first[1::2]])
        self.assertEqual(first[::2], captions(clip(2), "--seed", 7))
        both = captions(clip(1), clip(2), "--seed", 7, "--every", 0.5, "--jobs", 2)
        self.assertEqual([row["caption"] for row in both if row["path"] == clip(2)][::2],
                         [row["caption"] for row in first[::2]])

    def test_compat_hf(self):
        """What the option stands for, said by other options where there are any (docs/compat.md)."""
        texts = ["A dog: (on the beach)!", "two cats"]
        matches = self.ok("match", "--model", RETRIEVAL, clip(1), *texts, "--compat", "hf", "-f", "json").out
        self.assertEqual(matches, self.ok("match", "--model", RETRIEVAL, clip(1), *texts, "--raw-text", "--itm-token",
                                          "cls", "-f", "json").out)
        self.assertNotEqual(matches, self.ok("match", "--model", RETRIEVAL, clip(1), *texts, "-f", "json").out)

        def caption(*arguments):
            return self.ok("caption", "--model", CAPTION, clip(1), "--count", 1, *arguments).out.split("  ", 1)[1]

        greedy = caption("--prompt", "", "--beams", 1, "--min-length", 1)
        self.assertEqual(caption("--compat", "hf"), greedy)
        self.assertNotEqual(caption("--compat", "hf", "--beams", 3), greedy)
        self.assertTrue(caption("--compat", "hf", "--prompt", "a picture of").startswith("a picture of "))

        question = ["qa", "--model", VQA, clip(1), "what is it?"]
        self.assertNotEqual(self.ok(*question, "--compat", "hf").out, self.ok(*question).out)

        data = read(os.path.join(SOURCE, "tests", "data", "stills", "jpeg_exif6.jpg"))
        at = data.index(b"\xff\xe1")
        turned = write(self.path("turned.jpg"), data)
        plain = write(self.path("plain.jpg"), data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):])

        def itc(image, *arguments):
            return parse("json", self.ok("match", "--model", RETRIEVAL, image, "two cats", "-f", "json",
                                         *arguments).out)[0]["itc"]

        self.assertNotEqual(itc(turned), itc(plain))
        self.assertEqual(itc(turned, "--compat", "hf"), itc(plain))

    def test_caption_by_frames_and_count(self):
        video = make_video(self.path("v.mp4"), seconds=2, rate=10)
        arguments = ["caption", "--model", CAPTION, video, "-f", "json"]
        by_frames = parse("json", self.ok(*arguments, "--every", "6f").out)
        self.assertEqual([(r["start"], r["end"]) for r in by_frames], [(0, 0.6), (0.6, 1.2), (1.2, 1.8), (1.8, 2)])
        by_count = parse("json", self.ok(*arguments, "--count", 2).out)
        self.assertEqual([(r["start"], r["end"]) for r in by_count], [(0, 1), (1, 2)])

    def test_caption_merges_neighbours(self):
        still = self.path("still.mp4")
        ffmpeg("-f", "lavfi", "-i", "color=red:duration=3:size=64x48:rate=10", still)
        arguments = ["caption", "--model", CAPTION, still, "-f", "json"]
        rows = parse("json", self.ok(*arguments).out)
        merged = parse("json", self.ok(*arguments, "--merge").out)
        self.assertEqual(len(rows), 3)
        self.assertEqual([(r["start"], r["end"], r["caption"]) for r in merged], [(0, 3, rows[0]["caption"])])

    def test_images(self):
        for name in ("a.png", "a.jpg", "a.bmp", "a.webp"):
            image = make_image(self.path(name), clip(1))
            row = parse("json", self.ok("caption", "--model", CAPTION, image, "-f", "json").out)[0]
            self.assertEqual((row["path"], row["start"], row["end"]), (image, None, None))
            self.assertEqual(self.ok("caption", "--model", CAPTION, image).out, row["caption"] + "\n")
            hit = self.ok("retrieve", "--model", RETRIEVAL, image, "a dog").out
            self.assertRegex(hit, r"^1  \d\.\d\d  \S+\n$")
            answer = parse("csv", self.ok("qa", "--model", VQA, image, "what?", "-f", "csv").out)[0]
            self.assertEqual((answer["start"], answer["end"]), ("", ""))

    def test_subtitles(self):
        for kind in ("srt", "vtt"):
            out = self.path("subtitles." + kind)
            self.ok("caption", "--model", CAPTION, clip(2), "--every", 0.5, "-o", out)
            rows = parse("json", self.ok("caption", "--model", CAPTION, clip(2), "--every", 0.5, "--merge", "-f",
                                         "json").out)
            self.check_cues(probe_subtitles(out), rows)

    def test_subtitles_go_beside_their_inputs(self):
        for name in ("one.mp4", "two.mp4"):
            shutil.copy(clip(10), self.path(name))
        run = self.ok("caption", "--model", CAPTION, "-f", "srt", self.folder)
        self.assertEqual((run.out, run.err), ("", ""))
        self.only_files("one.mp4", "one.srt", "two.mp4", "two.srt")
        self.assertEqual(read(self.path("one.srt")), read(self.path("two.srt")))
        self.assertTrue(probe_subtitles(self.path("one.srt")))
        old = write(self.path("two.srt"), "mine")
        self.refused(EXIT_MISUSED, [self.path("one.srt"), "--overwrite"], "caption", "--model", CAPTION, "-f", "srt",
                     self.folder)
        self.assertEqual(read(old), b"mine")
        self.ok("caption", "--model", CAPTION, "-f", "srt", self.folder, "-y")
        self.assertEqual(read(old), read(self.path("one.srt")))


class Shots(FormatCase):
    def films(self):
        """Three shots, up to 3, 5 and 9 s, whose key frames lie otherwise in each."""
        parts = ["testsrc2=size=96x72:rate=25:duration=3", "smptebars=size=96x72:rate=25:duration=2",
                 "mandelbrot=size=96x72:rate=25,trim=duration=4"]
        graph = ";".join("%s,format=yuv420p,setsar=1[v%d]" % part[::-1] for part in enumerate(parts))
        graph += ";[v0][v1][v2]concat=n=3"
        for name, options in (("cuts.mp4", ()), ("long.mkv", ("-g", 250, "-sc_threshold", 0)), ("each.avi", ("-g", 1))):
            film = self.path(name)
            ffmpeg("-filter_complex", graph, *options, film)
            yield film

    def test_shots(self):
        """They cover the recording, wherever key frames are, and need no device."""
        for film in self.films():
            rows, _ = self.in_every_format("shots", [film], env=environment(VK_DRIVER_FILES="/dev/null"))
            self.assertEqual([(r["path"], r["shot"], r["start"], r["end"]) for r in rows],
                             [(film, 1, 0, 3), (film, 2, 3, 5), (film, 3, 5, 9)])
        self.assertEqual(self.ok("shots", film).lines[1], "00:00:03.000-00:00:05.000  " + film)

    def damaged_film(self):
        film = make_video(self.path("cut.ts"), 4, rate=25)
        data = read(film)
        return write(film, data[:len(data) // 2] + data[len(data) // 2 + 2000:])

    def caption_shots(self, *arguments, code=EXIT_DONE):
        run = vblip("caption", "--model", CAPTION, "--shots", "-f", "json", *arguments)
        self.assertEqual(run.code, code, run)
        return [row for row in parse("json", run.out) if "error" not in row]

    def times(self, rows):
        return [(row["path"], row["start"], row["end"]) for row in rows]

    def test_captions_of_shots(self):
        """Rows of the shots that are found, in each format, from the middle of each."""
        films = list(self.films())
        found = parse("json", self.ok("shots", *films, clip(1), "-f", "json").out)
        rows = self.caption_shots(*films, clip(1))
        self.assertEqual(self.times(rows), self.times(found))
        again, _ = self.in_every_format("caption", ["--model", CAPTION, "--shots", *films, clip(1)])
        self.assertEqual(again, rows)
        middles = parse("json", self.ok("caption", "--model", CAPTION, films[0], "--every", "1f", "-f", "json").out)
        for row in rows[:3]:
            at = (row["start"] + row["end"]) / 2
            seen = [r["caption"] for r in middles if r["start"] <= at + 0.001 and at < r["end"]]
            self.assertEqual(row["caption"], seen[0])

    def test_captions_of_shots_that_are_not_whole(self):
        film = self.damaged_film()
        found = [row for row in parse("json", vblip("shots", film, "-f", "json").out) if "error" not in row]
        self.assertEqual(self.times(self.caption_shots(film, code=EXIT_UNUSABLE)), self.times(found))
        image = make_image(self.path("still.png"), clip(1))
        self.assertEqual(self.times(self.caption_shots(image)), [(image, None, None)])

    def test_subtitles_samples_and_merged_captions_of_shots(self):
        film = next(self.films())
        rows = self.caption_shots(film)
        out = self.path("film.srt")
        self.ok("caption", "--model", CAPTION, "--shots", film, "-o", out)
        merged = self.caption_shots(film, "--merge")
        self.check_cues(probe_subtitles(out), merged)
        drawn = self.caption_shots(film, "--sample", "--samples", 2)
        self.assertEqual(self.times(drawn[::2]), self.times(rows))
        self.assertEqual(self.times(drawn[1::2]), self.times(rows))
        black = self.path("black.mp4")
        ffmpeg("-f", "lavfi", "-i", "color=black:duration=2:size=64x48:rate=10", black)
        self.assertEqual([(row["start"], row["end"]) for row in self.caption_shots(black)], [(0, 2)])

    def test_shots_of_what_is_not_whole(self):
        film = self.damaged_film()
        run = vblip("shots", film, "-f", "json")
        rows = parse("json", run.out)
        self.assertEqual((rows[0]["start"], rows[0]["shot"]), (0, 1))
        image = make_image(self.path("still.png"), clip(1))
        rows, _ = self.in_every_format("shots", [image])
        self.assertEqual(rows, [{"path": image, "shot": 1, "start": None, "end": None}])


class Models(FormatCase):
    def test_tokenize(self):
        texts = ["a dog", "naïve [unused1] \t two\nlines"]
        rows, flat = self.in_every_format("tokenize", ["--model", CAPTION, *texts])
        self.assertEqual([r["text"] for r in rows], texts)
        self.assertEqual(rows[0]["ids"], [101, 1037, 3899, 102])
        self.assertEqual(rows[0]["pieces"], ["[CLS]", "a", "dog", "[SEP]"])
        self.assertEqual((flat[0]["ids"], flat[0]["pieces"]), ("101 1037 3899 102", "[CLS] a dog [SEP]"))
        listed = write(self.path("texts"), "\0".join(texts) + "\0")
        again = self.ok("tokenize", "--model", CAPTION, "-a", listed, "-0", "-f", "json").out
        self.assertEqual(parse("json", again), rows)
        no_device = environment(VK_DRIVER_FILES="/dev/null")
        self.ok("tokenize", "--model", CAPTION, "a dog", env=no_device)

    def test_tokenize_with_the_tokenizer_of_the_model(self):
        """Whatever file says it: words of its own, capitals that count; a set has that of its first member."""
        folder = self.path("set", "caption")
        shutil.copytree(CAPTION, folder)
        os.remove(os.path.join(folder, "vocab.txt"))
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Dog", "a"]
        write(os.path.join(folder, "tokenizer.json"), json.dumps(
            {"added_tokens": [], "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                                           "vocab": {word: i for i, word in enumerate(words)}}}))
        write(os.path.join(folder, "tokenizer_config.json"), json.dumps({"do_lower_case": False}))
        for model in (folder, self.path("set")):
            self.assertEqual(self.ok("tokenize", "--model", model, "a Dog dog").out,
                             "2 6 5 1 3  [CLS] a Dog [UNK] [SEP]\n")

    def test_models(self):
        rows = parse("json", self.ok("models", CAPTION, "-f", "json", env=environment(VK_DRIVER_FILES="/dev/null")).out)
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertEqual((row["path"], row["layout"], row["tasks"]), (CAPTION, "huggingface", ["caption"]))
        self.assertEqual((row["missing"], row["unexpected"]), ([], []))
        self.assertEqual(row["file_bytes"], os.path.getsize(os.path.join(CAPTION, "model.safetensors")))
        text = self.ok("models", CAPTION).out
        self.assertIn(CAPTION, text)
        self.assertIn("caption", text)

    def test_models_of_every_layout(self):
        layouts = [("tiny-caption-sharded", "huggingface sharded", "caption", "F32", 2),
                   ("tiny-caption-bin", "huggingface bin", "caption", "F32", 1),
                   ("tiny-caption-bin-sharded", "huggingface bin sharded", "caption", "F32", 3),
                   ("tiny-caption-f16", "huggingface", "caption", "F16", 1),
                   ("tiny-caption-bf16.pth", "original", "caption", "BF16", 1),
                   ("tiny-caption.safetensors", "original", "caption", "F32", 1),
                   ("tiny-caption-bin/pytorch_model.bin", "huggingface file", "caption", "F32", 1),
                   ("small-vqa.pth", "original", "vqa", "F32", 1),
                   ("small-nlvr.pth", "original", "nlvr", "F32", 1),
                   ("small-pretrain-momentum.pth", "original", "retrieval caption vqa", "F32", 1),
                   ("wide-pretrain-momentum.pth", "original", "retrieval caption", "F32", 1)]
        for name, layout, tasks, dtype, files in layouts:
            row, = parse("json", self.ok("models", checkpoint(name), "-f", "json").out)
            self.assertEqual((row["path"], row["layout"], row["tasks"], row["dtype"]),
                             (checkpoint(name), layout, tasks.split(), dtype))
            self.assertEqual((len(row["files"]), row["missing"], row["unexpected"]), (files, [], []), name)
            self.assertEqual(row["file_bytes"], sum(map(os.path.getsize, row["files"])), name)
            text = self.ok("models", checkpoint(name)).out
            self.assertIn("\n  layout      %s\n  tasks       %s\n  dtype       %s\n" %
                          (layout, ", ".join(tasks.split()), dtype), text)
            self.assertIn("\n  files       " + "\n              ".join(row["files"]) + "\n", text)
        row, = parse("json", self.ok("models", checkpoint("tiny-feature.pth"), "-f", "json").out)
        self.assertEqual((row["tasks"], row["missing"], row["unexpected"]), (["features"], [], []))

    def test_an_original_file_captions_as_the_folder_does(self):
        def captions(name):
            return self.ok("caption", "--model", checkpoint(name), clip(10), "--count", 2, "-f", "json").out
        self.assertEqual(captions("small-caption.pth"), captions("small-caption"))

    def test_a_file_that_is_cut_short_says_where_it_ends(self):
        with open(checkpoint("tiny-caption.pth"), "rb") as file:
            data = file.read()
        cut = write(self.path("model_base.pth"), data[:1000000])
        self.refused(EXIT_UNUSABLE, [cut, "ends at byte 1000000"], "models", cut)

    def test_bench(self):
        rows = parse("csv", self.ok("bench", "layernorm", "-f", "csv").out)
        self.assertEqual(list(rows[0]), "name detail runs min_s median_s work unit gflops of_peak".split())
        for row in rows:
            self.assertEqual(row["name"], "layernorm")
            self.assertTrue(0 < float(row["min_s"]) <= float(row["median_s"]) and float(row["work"]) > 0)
        rows = parse("csv", self.ok("bench", "vision", "itm", "caption", "--model", RETRIEVAL, "-f", "csv").out)
        self.assertEqual([r["name"] for r in rows], ["vision"] * 2 + ["itm"] * 3)  # it writes no captions
        for row in rows:
            self.assertIn("(64 px)", row["detail"])
            count = {"1": 1, "8": 8}[row["detail"][0]]
            self.assertAlmostEqual(float(row["work"]) * float(row["min_s"]), count, places=6)
        rows = parse("csv", self.ok("bench", "text", "keys", "--counts", "3,20", "--model", RETRIEVAL, "-f", "csv").out)
        self.assertEqual([r["detail"] for r in rows], [
            "3 texts of 35 tokens, ITC (64 px)", "20 texts of 35 tokens, ITC (64 px)",
            "cross-attention keys and values of 8 frames (64 px)"])
        self.refused(EXIT_MISUSED, ["nosuch", "linear", "vision"], "bench", "nosuch")


class Operands(Case):
    def paths(self, *arguments, **how):
        rows = parse("jsonl", self.ok("match", "--model", RETRIEVAL, "-f", "jsonl", *arguments, **how).out)
        return [row["path"] for row in rows]

    def tree(self):
        """A folder with two clips and an image below it, and things that are neither."""
        os.makedirs(self.path("d", "B", "deep"))
        for name in ("d/z.mp4", "d/B/deep/x.MP4", "d/.hidden.mp4"):
            shutil.copy(clip(10), self.path(name))
        make_image(self.path("d/B/a.png"), clip(1))
        write(self.path("d/notes.txt"), "no video")
        return ["d/B/a.png", "d/B/deep/x.MP4", "d/z.mp4"]

    def test_directories_are_walked_in_order(self):
        self.assertEqual(self.tree(), self.paths("d//", "a dog", cwd=self.folder))

    def test_rows_are_in_the_order_of_operands(self):
        wanted = [clip(3), clip(1), clip(2), clip(1)]
        listed = write(self.path("list"), "\n".join(wanted) + "\n")
        self.assertEqual(self.paths("-a", listed, "a dog"), wanted)
        self.assertEqual(self.paths("-a", listed, "-j", 4, "a dog"), wanted)
        texts = parse("jsonl", self.ok("match", "--model", RETRIEVAL, "-f", "jsonl", "-a", listed, "b", "a").out)
        self.assertEqual([(r["path"], r["text"]) for r in texts], [(p, t) for p in wanted for t in "ba"])

    def test_lists_from_standard_input(self):
        odd = self.path("new\nline.mp4")
        shutil.copy(clip(10), odd)
        self.assertEqual(self.paths("-a", "-", "-0", "a dog", stdin=(odd + "\0" + clip(1) + "\0").encode()),
                         [odd, clip(1)])
        self.assertEqual(self.paths("-a", "-", "a dog", stdin=(clip(1) + "\n" + clip(2)).encode()), [clip(1), clip(2)])

    def test_a_video_from_standard_input(self):
        with open(clip(2), "rb") as file:
            piped = parse("json", self.ok("match", "--model", RETRIEVAL, "-", "a dog", "-f", "json", stdin=file).out)
        named = parse("json", self.ok("match", "--model", RETRIEVAL, clip(2), "a dog", "-f", "json").out)
        self.assertEqual([r["path"] for r in piped], ["-"])
        self.assertEqual({**piped[0], "path": clip(2)}, named[0])
        spooled = self.ok("caption", "--model", CAPTION, "-", "--count", 1, stdin=read(clip(2)))
        self.assertEqual(spooled.out, self.ok("caption", "--model", CAPTION, clip(2), "--count", 1).out)

    def test_options_stand_anywhere(self):
        one = self.ok("-f", "json", "--model", RETRIEVAL, "match", clip(1), "a dog").out
        self.assertEqual(self.ok("match", clip(1), "--model=" + RETRIEVAL, "a dog", "-fjson").out, one)
        dashed = self.ok("match", "--model", RETRIEVAL, "-f", "json", "--", clip(1), "-e").out
        self.assertEqual(parse("json", dashed)[0]["text"], "-e")

    def test_the_environment_names_a_model(self):
        run = self.ok("caption", clip(10), "--count", 1, env=environment(VBLIP_MODEL=CAPTION))
        self.assertEqual(len(run.lines), 1)

    def test_queries_come_from_a_file(self):
        listed = write(self.path("queries"), "a dog\r\n\ntwo cats")
        rows = parse("json", self.ok("retrieve", "--model", RETRIEVAL, "--queries", listed, clip(1), "-f", "json").out)
        self.assertEqual([r["query"] for r in rows], ["a dog", "two cats"])

    def test_globs_choose_files(self):
        self.tree()
        arguments = ["retrieve", "--model", RETRIEVAL, self.path("d"), "a dog", "-l"]
        self.assertEqual(self.ok(*arguments, "--exclude", "*.png", "--exclude", "z*").out, self.path("d/B/deep/x.MP4\n"))
        self.assertEqual(self.ok(*arguments, "--include", "*.png").out, self.path("d/B/a.png\n"))

    def test_a_name_that_is_not_utf8(self):
        odd = os.path.join(os.fsencode(self.folder), b"caf\xe9.mp4")
        shutil.copy(os.fsencode(clip(10)), odd)
        text = vblip("match", "--model", RETRIEVAL, self.folder, "a dog")
        self.assertIn(odd, text.out_bytes)
        rows = parse("json", self.ok("match", "--model", RETRIEVAL, self.folder, "a dog", "-f", "json").out)
        self.assertEqual(rows[0]["path"], self.path("caf\ufffd.mp4"))

    def test_each_clip_is_encoded_once(self):
        def encodings(*queries):
            arguments = [a for q in queries for a in ("-e", q)]
            err = self.ok("retrieve", "--model", RETRIEVAL, clip(1), clip(2), clip(3), *arguments, "--profile").err
            calls = [line.split() for line in err.splitlines() if line.startswith("patchify")]
            self.assertEqual(len(calls), 1, err)
            return int(calls[0][1])

        self.assertEqual(encodings("a dog"), 3)
        self.assertEqual(encodings("a dog", "a cat", "two birds", "a red house"), 3)


class Words(Case):
    def test_help(self):
        commands = ["retrieve", "cut", "qa", "caption", "match", "eval", "filter", "shots", "tokenize", "models", "doctor",
                    "bench"]
        overview = self.ok("help").out
        for command in commands:
            self.assertRegex(overview, r"(?m)^  %s +\w" % command)
            text = self.ok(command, "--help").out
            self.assertEqual(self.ok("help", command).out, text)
            self.assertTrue(text.startswith("usage: vblip %s" % command))
            self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertRegex(self.ok("--version").out, r"^vblip \d+\.\d+\.\d+\n$")

    def test_the_examples_of_help_are_valid(self):
        """Run with the operands of the example where they exist, and its options always."""
        for command in ("retrieve", "cut", "qa", "caption", "match", "eval", "filter", "shots", "tokenize", "models", "doctor",
                        "bench"):
            text = self.ok(command, "--help").out
            examples = text.partition("\nexamples:\n")[2].partition("\n\n")[0].splitlines()
            self.assertEqual(len(examples), 2, text)
            for example in examples:
                self.assertTrue(example.startswith("  vblip " + command), example)
                run = self.shell(example)
                self.assertNotEqual(run.code, EXIT_MISUSED, "%s\n%s" % (example, run.err))

    def shell(self, example):
        """The example as typed, in a folder with what it names, without a device to be slow on."""
        for name in ("examples", "models"):
            if not os.path.lexists(self.path(name)):
                os.symlink(os.path.join(SOURCE, name), self.path(name))
        write(self.path("texts.txt"), "a dog\n")
        words = shlex.split(example)
        return vblip(*words[1:], cwd=self.folder, env=environment(VK_DRIVER_FILES="/dev/null"))

    def test_misuse_is_refused_before_anything_is_loaded(self):
        here = ["--model", self.path("nosuch"), clip(1)]
        table = [
            ([], "no command"),
            (["frobnicate"], "frobnicate"),
            (["retrieve"], "query"),
            (["retrieve", "only a query"], "PATH"),
            (["qa", *here], "question"),
            (["caption", "--model", "m"], "PATH"),
            (["caption", *here, "--nosuch"], "--nosuch"),
            (["caption", *here, "-x"], "-x"),
            (["caption", *here, "--every"], "--every"),
            (["caption", *here, "--every", "0"], "--every 0"),
            (["caption", *here, "--every", "-1"], "--every -1"),
            (["caption", *here, "--every", "1x"], "--every 1x"),
            (["caption", *here, "--beams", "0"], "--beams 0"),
            (["caption", *here, "--count", "two"], "--count two"),
            (["caption", *here, "-f", "xml"], "xml"),
            (["retrieve", *here, "q", "-f", "srt"], "srt"),
            (["retrieve", *here, "q", "--min-p", "2"], "--min-p 2"),
            (["index"], "index: missing a PATH"),
            (["index", clip(1), "--segment", "x"], "--segment x"),
            (["caption", *here, "--shots", "--every", "2"], "--shots: not allowed together"),
            (["caption", *here, "--precision", "f64"], "--precision f64"),
            (["match", *here, b"a \xff"], "UTF-8"),
            (["caption", *here, "-a", self.path("nolist")], "nolist"),
            (["caption", *here, "--device"], "--device"),
            (["tokenize"], "TEXT"),
        ]
        for arguments, named in table:
            with self.subTest(arguments=arguments):
                words = [a if isinstance(a, bytes) else os.fsencode(a) for a in arguments]
                done = subprocess.run([BINARY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                      env=environment(VK_DRIVER_FILES="/dev/null"))
                err = done.stderr.decode()
                self.assertEqual(done.returncode, EXIT_MISUSED, err)
                self.assertEqual(done.stdout, b"")
                self.assertEqual(len(err.splitlines()), 1, err)
                self.assertTrue(err.startswith("vblip: "), err)
                self.assertIn(named, err)


if __name__ == "__main__":
    main()
