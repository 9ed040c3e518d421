#!/usr/bin/env python3
"""The demo model's scores of examples/clips, held to golden/demo/scores.json on every device that is here.

Those were recorded on software Vulkan in f32, which shares no kernel with the processor:

    python3 tests/cli/e2e_demo.py record > tests/golden/demo/scores.json    # environment: e2e_support.py

In f32 another order of summation is all that may differ: the tolerances are those of golden/video. In bf16 operands of
products are off by up to 2^-9 of themselves, which is 0.002; seen is that share of the values or less: 0.0005 of ITC
(0.4 to 1), 0.011 of ITM logits (-5.4 to 5.7), 0.005 of the scores of words (-0.3 to -0.08), the most on questions.
Allowed is four times that. What users see of scores may not change at all: which clip is first, what matches, the
words.
"""

import json
import os
import sys
import unittest

from e2e_support import CLIPS, DEMO, EXIT_NO_DEVICE, SOURCE, Case, main, parse, said_of_clips, vblip

GOLDEN = os.path.join(SOURCE, "tests", "golden", "demo", "scores.json")
CAPTIONS_PER_CLIP = 4


def demo_rows(how, *arguments):
    run = vblip(*arguments, *how, "--model", DEMO, "-f", "jsonl", "-q", cwd="/")
    if run.code == EXIT_NO_DEVICE:
        raise unittest.SkipTest(run.err.strip())
    if run.code:
        raise AssertionError(str(run))
    return parse("jsonl", run.out)


def scores(*how):
    """All that is golden, in the order of files and texts. A SkipTest says why there is none."""
    texts = [row["caption"] for row in said_of_clips("captions")]
    paths = [os.path.join(CLIPS, row["clip_name"] + ".mp4") for row in said_of_clips("captions")]
    out = {"itc": [], "itm_logits": [], "captions": [], "answers": []}
    for path in paths:
        rows = demo_rows(how, "match", path, *texts)
        out["itc"].append([row["itc"] for row in rows])
        out["itm_logits"].append([row["itm_logits"] for row in rows])
        asked = [q["question"] for q in said_of_clips("questions") if q["video"] + ".mp4" == os.path.basename(path)]
        out["answers"] += [[row["answer"], row["score"]] for row in demo_rows(how, "qa", path, *asked)]
    for row in demo_rows(how, "caption", CLIPS, "--count", CAPTIONS_PER_CLIP):
        out["captions"].append([row["caption"], row["score"]])
    return out


def record():
    parts = ['"%s": [\n%s\n]' % (name, ",\n".join(map(json.dumps, rows)))
             for name, rows in scores("--device", "llvmpipe", "--precision", "f32").items()]
    print("{" + ",\n".join(parts) + "}")


class DemoScores(Case):
    def holds(self, itc, logit, words, *how):
        got = scores(*how)
        with open(GOLDEN, encoding="utf-8") as file:
            want = json.load(file)
        worst = {}
        for name in ("captions", "answers"):
            self.assertEqual([text for text, _ in got[name]], [text for text, _ in want[name]])
            worst[name] = max(abs(g[1] - w[1]) for g, w in zip(got[name], want[name]))
        clips = range(len(want["itc"]))
        pairs = [(i, j) for i in clips for j in clips]
        worst["itc"] = max(abs(got["itc"][i][j] - want["itc"][i][j]) for i, j in pairs)
        worst["itm_logits"] = max(abs(got["itm_logits"][i][j][k] - want["itm_logits"][i][j][k])
                                  for i, j in pairs for k in (0, 1))
        for name, allowed in (("itc", itc), ("itm_logits", logit), ("captions", words), ("answers", words)):
            self.assertLessEqual(worst[name], allowed, worst)
        for text in clips:
            self.assertEqual(text, max(clips, key=lambda clip: got["itc"][clip][text]))
            self.assertEqual(text, max(clips, key=lambda clip: got["itc"][clip][text] +
                                       got["itm_logits"][clip][text][1]))
        matched = [[s["itm_logits"][i][j][1] > s["itm_logits"][i][j][0] for i, j in pairs] for s in (got, want)]
        self.assertEqual(*matched)

    def test_processor_f32(self):
        self.holds(2e-5, 1e-4, 2e-4, "--device", "cpu", "--precision", "f32")

    def test_processor_bf16(self):
        """Skipped, with the program's own words, where the processor has no instructions for it."""
        self.holds(2e-3, 5e-2, 2e-2, "--device", "cpu", "--precision", "bf16")

    def test_software_vulkan(self):
        self.holds(2e-5, 1e-4, 2e-4, "--device", "llvmpipe", "--precision", "f32")


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record()
    else:
        main()
