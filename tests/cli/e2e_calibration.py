"""e2e_calibration.py - vblip calibrate, and P(match) that goes by what it wrote.

The demo's calibration was fitted on clips that train/calibrate.py made; examples/clips are none of them, and no scene of
theirs was among them.
"""

import json
import math
import os
import re
import shutil

from e2e_support import (CLIPS, DEMO, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE, RETRIEVAL, Case, change_weights, clip,
                         main, parse, read, said_of_clips, write)

BINS = 10


def measures(found):
    """(ECE, Brier) of [(P(match), whether it matches)]."""
    ece = 0
    for b in range(BINS):
        inside = [(p, y) for p, y in found if min(int(p * BINS), BINS - 1) == b]
        ece += abs(sum(p for p, _ in inside) - sum(y for _, y in inside)) / len(found)
    return ece, sum((p - y) ** 2 for p, y in found) / len(found)


class CalibrationCase(Case):
    def model(self):
        """A copy of the demo, without its calibration."""
        folder = self.path("model")
        shutil.copytree(DEMO, folder)
        os.remove(os.path.join(folder, "calibration.json"))
        return folder

    def changed(self, name, **members):
        """The demo's calibration with other members, in a file of its own."""
        return write(self.path(name), json.dumps(dict(json.loads(read(os.path.join(DEMO, "calibration.json"))), **members)))

    def rows(self, *arguments):
        return parse("jsonl", self.ok(*arguments, "-f", "jsonl", "-q").out)

    def pairs(self, clips, name="pairs.jsonl"):
        """Captions of all clips with each of `clips`: besides the right one, each eighth is said to match."""
        captions = [row["caption"] for row in said_of_clips("captions")]
        made = []
        for c in clips:
            for i, caption in enumerate(captions):
                match = i == c or (i + c) % 8 == 0
                made.append({"video": os.path.basename(clip(c + 1)), "caption": caption, "match": match})
        return made, write(self.path(name), "".join(json.dumps(row) + "\n" for row in made))


class Demo(CalibrationCase):
    def test_clips_that_it_was_not_fitted_on(self):
        """No worse than softmax, by either measure, and made of the numbers in the file."""
        stored = json.loads(read(os.path.join(DEMO, "calibration.json")))
        captions = [row["caption"] for row in said_of_clips("captions")]
        found = {"none": [], "own": []}
        for i in range(len(captions)):
            rows = self.rows("match", clip(i + 1), *captions)
            raw = self.rows("match", clip(i + 1), *captions, "--calibration", "none")
            for text, (row, plain) in enumerate(zip(rows, raw)):
                self.assertEqual((row["calibration"], plain["calibration"]),
                                 (os.path.join(DEMO, "calibration.json"), None))
                self.assertEqual(row["itm_logits"], plain["itm_logits"])
                logit = row["itm_logits"][1] - row["itm_logits"][0]
                self.assertAlmostEqual(plain["p_match"], 1 / (1 + math.exp(-logit)), places=6)
                logit = logit / stored["temperature"] + stored["bias"]
                self.assertAlmostEqual(row["p_match"], 1 / (1 + math.exp(-logit)), places=6)
                found["none"].append((plain["p_match"], text == i))
                found["own"].append((row["p_match"], text == i))
        for calibrated, plain in zip(measures(found["own"]), measures(found["none"])):
            self.assertLessEqual(calibrated, plain + 1e-4, (measures(found["own"]), measures(found["none"])))
        self.assertLess(stored["ece_after"], stored["ece_before"])


class Fits(CalibrationCase):
    def test_fitted_on_some_clips_and_better_on_others(self):
        """One text in eight is said to match whatever ITM says: P(match) has to be less sure of itself."""
        model = self.model()
        _, pairs = self.pairs(range(8))
        run = self.ok("calibrate", pairs, "--root", CLIPS, "--model", model)
        stored = os.path.join(model, "calibration.json")
        written = json.loads(read(stored))
        self.assertEqual(len(run.lines), 15, str(run))
        last = re.fullmatch(r"temperature ([\d.]+), bias (-?[\d.]+): of 128 pairs, (\d+) of which match; (.*)", run.lines[-1])
        self.assertAlmostEqual(float(last[1]), written["temperature"], delta=1e-4)
        self.assertAlmostEqual(float(last[2]), written["bias"], delta=1e-4)
        self.assertEqual((int(last[3]), last[4]), (written["matches"], stored))
        self.assertGreater(written["temperature"], 1.5)
        self.assertLess(written["brier_after"], written["brier_before"])
        self.assertEqual([f for f in os.listdir(model) if "calibration" in f], ["calibration.json"])
        others, _ = self.pairs(range(8, 16), "others.jsonl")
        found = {"none": [], stored: []}
        for calibration, list_of in found.items():
            for c in range(8, 16):
                texts = [row for row in others if row["video"] == os.path.basename(clip(c + 1))]
                rows = self.rows("match", clip(c + 1), *(t["caption"] for t in texts), "--model", model,
                                 "--calibration", calibration)
                list_of += [(row["p_match"], t["match"]) for row, t in zip(rows, texts)]
        for calibrated, plain in zip(measures(found[stored]), measures(found["none"])):
            self.assertLess(calibrated, plain)
        # The same again, in place of the file that is there: it is not read.
        write(stored, "torn")
        rows = parse("json", self.ok("calibrate", pairs, "--root", CLIPS, "--model", model, "-f", "json").out)
        self.assertEqual(json.loads(read(stored)), written)
        self.assertEqual([row["p_match"] for row in rows], ["softmax", "calibrated"])
        for row, when in zip(rows, ("before", "after")):
            self.assertAlmostEqual(row["ece"], written["ece_" + when], places=6)
            self.assertAlmostEqual(row["brier"], written["brier_" + when], places=6)
            self.assertEqual(sum(b["pairs"] for b in row["bins"]), 128)

    def test_what_is_refused_writes_nothing(self):
        model = self.model()
        made, pairs = self.pairs(range(4))
        arguments = ["--root", CLIPS, "--model", model, "-q"]
        lost = write(self.path("lost.jsonl"), read(pairs) + b'{"video":"gone.mp4","caption":"x","match":true}\n')
        run = self.exits(EXIT_SOME_FAILED, "calibrate", lost, *arguments)
        self.assertIn("gone.mp4: No such file or directory", run.messages[0])
        self.assertIn("1 of 5 videos or images could not be read", run.messages[-1])
        few = write(self.path("few.jsonl"), "".join(json.dumps(row) + "\n" for row in made[:12]))
        self.refused(EXIT_UNUSABLE, ["few.jsonl: ", "pairs match", "fewer than 10 of each"], "calibrate", few, *arguments)
        torn = write(self.path("torn.jsonl"), read(pairs) + b'{"video":"clip-01.mp4","caption":"x","match":1}\n')
        self.refused(EXIT_UNUSABLE, "torn.jsonl:65: match: neither true nor false", "calibrate", torn, *arguments)
        self.refused(EXIT_UNUSABLE, "no/such.json: No such file", "calibrate", pairs, *arguments, "-o", "/no/such.json")
        self.refused(EXIT_MISUSED, "is a file of the model", "calibrate", pairs, *arguments, "-o",
                     os.path.join(model, "config.json"))
        self.assertFalse(os.path.exists(os.path.join(model, "calibration.json")))


class Uses(CalibrationCase):
    def test_what_is_compared_with(self):
        """A bias that makes everything match, and one that makes nothing match."""
        every, nothing = self.changed("every.json", bias=20), self.changed("nothing.json", bias=-20)
        search = ["retrieve", "--no-index", "--min-p", 0.5, CLIPS, "two cats", "--rerank", 4, "-q"]
        self.assertEqual(len(self.ok(*search, "--calibration", every).lines), 4)
        for row in self.rows(*search, "--calibration", every):
            self.assertEqual(row["calibration"], every)
        self.assertEqual(self.ok(*search, "--calibration", nothing).lines, [])
        pairs = write(self.path("pairs.jsonl"), json.dumps({"video": "clip-04.mp4", "caption": "two cats"}) + "\n")
        for calibration, kept in ((every, 2), (nothing, 0), ("none", None)):
            output = self.path("kept-%s.jsonl" % kept)
            self.ok("filter", pairs, "--root", CLIPS, "-o", output, "--calibration", calibration)
            if kept is not None:
                self.assertEqual(len(read(output).splitlines()), kept)

    def test_what_does_not_fit(self):
        """What is found is not used, in one line; what is named is refused."""
        named = os.path.join(DEMO, "calibration.json")
        for options, why in ((["--frames", 4], "fitted with 8 frames of a clip, not 4"),
                             (["--itm-token", "cls"], "fitted with [ENC] first, not [CLS]"),
                             (["--image-size", 112], "fitted with images of 96 pixels, not 112"),
                             (["--compat", "hf"], "fitted with compat salesforce, not hf")):
            run = self.ok("match", clip(4), "a dog", *options, "--model", DEMO, "-f", "jsonl")
            self.assertEqual(run.messages[1:],
                             ["vblip: %s: %s: not used, P(match) is plain softmax" % (named, why)])
            self.assertIsNone(parse("jsonl", run.out)[0]["calibration"])
            run = self.exits(EXIT_MISUSED, "match", clip(4), "a dog", *options, "--model", DEMO, "--calibration", named)
            self.assertIn("%s: %s; vblip calibrate fits another, --calibration none" % (named, why), run.messages[-1])

    def test_another_model(self):
        model = self.model()
        shutil.copy(os.path.join(DEMO, "calibration.json"), model)
        self.assertIsNotNone(self.rows("match", clip(4), "a dog", "--model", model)[0]["calibration"])
        change_weights(model, lambda tensors: tensors["itm_head.bias"].__setitem__(2, b"\0" * 4))
        run = self.ok("match", clip(4), "a dog", "--model", model, "-f", "jsonl")
        self.assertIn("calibration.json: fitted for another model: ", run.messages[-1])
        self.assertIsNone(parse("jsonl", run.out)[0]["calibration"])

    def test_bad_files_are_never_passed_over(self):
        model = self.model()
        stored = os.path.join(model, "calibration.json")
        for text, why in (("torn", "not JSON"), ("{}", "version: missing"), ('{"version": 2}', "newer vblip"),
                          (read(self.changed("cold.json", temperature=0)), "temperature: 0, expected"),
                          (read(self.changed("odd.json")).replace(b"{", b'{"bias": NaN,'), "not JSON")):
            write(stored, text)
            for command in (["match", clip(4), "a dog"], ["retrieve", "--no-index", clip(4), "a dog"]):
                self.refused(EXIT_UNUSABLE, [stored, why, "--calibration none"], *command, "--model", model)
            self.ok("match", clip(4), "a dog", "--model", model, "--calibration", "none")
            self.ok("caption", clip(4), "--count", 1, "--model", model)  # has no P(match)

    def test_beside_the_checkpoint_and_over_it(self):
        members = self.path("set")
        shutil.copytree(RETRIEVAL, os.path.join(members, "retrieval"))
        inner, outer = (os.path.join(members, *names, "calibration.json") for names in (("retrieval",), ()))
        for path in (outer, inner):
            write(path, read(os.path.join(DEMO, "calibration.json")))
            run = self.ok("match", clip(4), "a dog", "--model", members)
            self.assertIn("%s: fitted for another model: " % path, run.messages[0])
        run = self.ok("match", clip(4), "a dog", "--model", os.path.join(members, "retrieval"))
        self.assertIn("%s: fitted for another model: " % inner, run.messages[0])


if __name__ == "__main__":
    main()
