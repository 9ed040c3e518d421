"""e2e_eval.py - vblip eval: the original code's score matrices and metrics, the demo model's, and what is refused."""

import json
import os
import shutil
import unittest

import numpy as np
from e2e_support import (CLIPS, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE, SOURCE, Case, checkpoint, clip, main, make_image,
                         read, write)

GOLDEN = os.path.join(SOURCE, "tests", "golden", "video")
CAPTIONS = os.path.join(CLIPS, "captions.jsonl")
QUESTIONS = os.path.join(CLIPS, "questions.jsonl")
VIDEO_KEYS = "txt_r1 txt_r5 txt_r10 txt_r_mean vid_r1 vid_r5 vid_r10 vid_r_mean vid_mdR r_mean".split()
IMAGE_KEYS = "txt_r1 txt_r5 txt_r10 txt_r_mean img_r1 img_r5 img_r10 img_r_mean r_mean".split()


def tensors(path):
    data = read(path)
    start = 8 + int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data[start:][slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
            for name, entry in json.loads(data[8:start]).items() if name != "__metadata__"}


def load(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return json.load(file)


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


class Original(Case):
    """The scores of eval_retrieval_video.py over twelve clips: tests/golden/video."""

    def check(self, config, k):
        golden, matrices = load(GOLDEN, "video_%s.json" % config), tensors(GOLDEN + "/retrieval_%s.safetensors" % config)
        # Names without extension: .mp4, .avi and .mkv are found.
        rows = [{"clip_name": video["file"].rsplit(".", 1)[0], "caption": text}
                for video, text in zip(golden["videos"], golden["texts"])]
        annotations, scores = write(self.path("golden.jsonl"), jsonl(rows)), self.path("scores.safetensors")
        run = self.ok("eval", "retrieval", "--model", checkpoint(config + "-retrieval"), "--annotations", annotations,
                      "--videos", GOLDEN, "--k-test", k, "--scores", scores, "-f", "json")
        got, expected = tensors(scores), golden["K"][str(k)]
        for direction in ("v2t", "t2v"):
            margins = expected[direction]["topk_margin"]
            safe = [i for i, margin in enumerate(margins) if margin is None or margin > 1e-4]
            self.assertGreater(len(safe), 9)
            np.testing.assert_allclose(got["score_" + direction][safe], matrices["%s_K%d" % (direction, k)][safe],
                                       rtol=0, atol=1e-4)
        metrics = {row["metric"]: row["value"] for row in json.loads(run.out)}
        self.assertEqual(list(metrics), VIDEO_KEYS)
        self.assertTrue(expected["defined_metrics"])
        for name in expected["defined_metrics"]:
            self.assertAlmostEqual(metrics[name], expected["metrics"][name], places=6, msg=name)

    def test_tiny(self):
        self.check("tiny", 12)

    def test_tiny_the_best_four(self):
        self.check("tiny", 4)

    def test_small(self):
        self.check("small", 12)

    def test_small_the_best_four(self):
        self.check("small", 4)


class Demo(Case):
    """The demo model over the bundled clips."""

    def metrics(self, *arguments):
        return {row["metric"]: row["value"] for row in json.loads(self.ok("eval", *arguments, "-f", "json").out)}

    def test_retrieval(self):
        metrics = self.metrics("retrieval", "--annotations", CAPTIONS)
        self.assertEqual(list(metrics), VIDEO_KEYS)
        self.assertGreaterEqual(metrics["vid_r1"], 80)
        self.assertEqual(metrics["vid_mdR"], 1)
        text = self.ok("eval", "retrieval", "--annotations", CAPTIONS, "--videos", CLIPS).lines
        self.assertEqual([line.split() for line in text], [[name, "%.2f" % metrics[name]] for name in VIDEO_KEYS])

    def test_qa(self):
        predictions = self.path("answers.jsonl")
        metrics = self.metrics("qa", "--annotations", QUESTIONS, "--predictions", predictions)
        with open(QUESTIONS, encoding="utf-8") as file:
            questions = [json.loads(line) for line in file]
        rows = [json.loads(line) for line in read(predictions).splitlines()]
        self.assertEqual([(row["question"], row["expected"]) for row in rows],
                         [(row["question"], row["answer"]) for row in questions])
        right = {}
        for row in rows:
            self.assertEqual(row["correct"], row["answer"] == row["expected"])
            for name in ("accuracy", "accuracy_" + row["question"].split()[0]):
                right.setdefault(name, []).append(row["correct"])
        self.assertEqual(set(metrics), set(right))
        for name, values in right.items():
            self.assertAlmostEqual(metrics[name], 100 * sum(values) / len(values), places=6, msg=name)
        self.assertGreaterEqual(metrics["accuracy"], 90)
        # The same answers as `vblip qa` gives.
        alone = self.ok("qa", clip(1), *(row["question"] for row in rows[:3]), "-f", "json")
        self.assertEqual([row["answer"] for row in json.loads(alone.out)], [row["answer"] for row in rows[:3]])

    def test_qa_as_msrvtt_is_distributed(self):
        os.mkdir(self.path("videos"))
        shutil.copy(clip(1), self.path("videos", "video7010.mp4"))
        rows = [{"answer": "star", "category_id": 14, "id": 158581, "question": "what is below the television?",
                 "video_id": 7010}]
        annotations = write(self.path("test_qa.json"), json.dumps(rows))
        metrics = self.metrics("qa", "--annotations", annotations, "--videos", self.path("videos"))
        self.assertEqual(metrics, {"accuracy": 100, "accuracy_what": 100})
        ranked = self.metrics("qa", "--annotations", annotations, "--videos", self.path("videos"), "--answers-file",
                              write(self.path("answers.json"), '["blue", "star"]'))
        self.assertEqual(ranked, {"accuracy": 100, "accuracy_what": 100})

    def images(self):
        """Five stills named as COCO's, and their Karpathy-style annotations."""
        os.makedirs(self.path("coco", "val2014"))
        with open(CAPTIONS, encoding="utf-8") as file:
            captions = [json.loads(line)["caption"] for line in file]
        rows = []
        for number in range(1, 6):
            name = "val2014/COCO_val2014_%012d.jpg" % (1000 + number)
            make_image(self.path("coco", name), clip(number))
            rows.append({"image": name, "caption": [captions[number - 1], captions[number - 1].replace(" on a", " on the")]})
        return rows, write(self.path("coco_karpathy_test.json"), json.dumps(rows))

    def test_image_retrieval(self):
        rows, annotations = self.images()
        scores = self.path("scores.safetensors")
        metrics = self.metrics("retrieval", "--annotations", annotations, "--images", self.path("coco"), "--k-test", 3,
                               "--scores", scores)
        self.assertEqual(list(metrics), IMAGE_KEYS)
        got = tensors(scores)
        self.assertEqual((got["score_v2t"].shape, got["score_t2v"].shape), ((5, 10), (10, 5)))
        for matrix in got.values():
            self.assertTrue(((matrix > -100).sum(1) == 3).all())
        best = [min(np.where(np.argsort(row)[::-1] == t)[0][0] for t in (2 * i, 2 * i + 1))
                for i, row in enumerate(got["score_v2t"])]
        self.assertAlmostEqual(metrics["txt_r1"], 100 * np.mean(np.array(best) < 1), places=6)
        # Both directions have the same score where both have one.
        both = (got["score_v2t"] > -100) & (got["score_t2v"].T > -100)
        self.assertTrue(both.any())
        np.testing.assert_array_equal(got["score_v2t"][both], got["score_t2v"].T[both])
        self.assertEqual(len(rows), 5)

    def test_captions(self):
        _, annotations = self.images()
        results = self.path("results.json")
        self.ok("eval", "caption", "--annotations", annotations, "--images", self.path("coco"), "-o", results)
        rows = load(results)
        self.assertEqual([list(row) for row in rows], [["image_id", "caption"]] * 5)
        self.assertEqual([row["image_id"] for row in rows], [1001, 1002, 1003, 1004, 1005])
        listed = self.ok("eval", "caption", "--images", self.path("coco", "val2014"), "-f", "json")
        self.assertEqual(json.loads(listed.out), rows)
        for row in rows:  # which were written side by side
            alone = self.ok("caption", self.path("coco", "val2014", "COCO_val2014_%012d.jpg" % row["image_id"]), "-f",
                            "json")
            self.assertEqual(json.loads(alone.out)[0]["caption"], row["caption"])

    def test_vqa(self):
        self.images()
        rows = [{"question_id": 262144000 + n, "question": "what is the background color?", "dataset": "vqa",
                 "image": "val2014/COCO_val2014_%012d.jpg" % (1000 + n)} for n in (1, 3)]
        annotations = write(self.path("vqa_test.json"), json.dumps(rows))
        arguments = ["eval", "vqa", "--annotations", annotations, "--images", self.path("coco"), "-f", "json"]
        self.assertEqual(json.loads(self.ok(*arguments).out), [{"question_id": 262144001, "answer": "blue"},
                                                               {"question_id": 262144003, "answer": "yellow"}])
        answers = write(self.path("answer_list.json"), json.dumps(["red", "yellow", "green", "blue"]))
        self.assertEqual(json.loads(self.ok(*arguments, "--answers-file", answers).out),
                         [{"question_id": 262144001, "answer": "blue"}, {"question_id": 262144003, "answer": "yellow"}])


class Statements(Case):
    def test_nlvr_agrees_with_reason(self):
        rows, text = [], "both pictures show a dog"
        for n in range(1, 4):
            pair = [make_image(self.path("dev-%d-img%d.png" % (n, side)), clip(n + side)) for side in (0, 1)]
            reason = json.loads(self.ok("reason", "--model", checkpoint("tiny-nlvr"), *pair, text, "-f", "json").out)
            rows.append({"images": [os.path.basename(path) for path in pair], "sentence": text,
                         "label": str(reason[0]["answer"] is (n != 2))})
        annotations, predictions = write(self.path("nlvr_dev.json"), json.dumps(rows)), self.path("p.jsonl")
        run = self.ok("eval", "nlvr", "--model", checkpoint("tiny-nlvr"), "--annotations", annotations, "--predictions",
                      predictions, "-f", "json")
        self.assertEqual([row["metric"] for row in json.loads(run.out)], ["accuracy"])
        self.assertAlmostEqual(json.loads(run.out)[0]["value"], 200 / 3, places=5)
        got = [json.loads(line) for line in read(predictions).splitlines()]
        self.assertEqual([row["correct"] for row in got], [True, False, True])
        self.assertEqual([row["expected"] for row in got], [row["label"] for row in rows])


class Refusals(Case):
    def test_a_video_that_cannot_be_read(self):
        text = read(CAPTIONS).decode() + jsonl([{"clip_name": "clip-99", "caption": "nothing"}])
        annotations = write(self.path("a.jsonl"), text)
        run = self.exits(EXIT_SOME_FAILED, "eval", "retrieval", "--annotations", annotations, "--videos", CLIPS, "-q")
        self.assertEqual(run.out, "")
        self.assertEqual(run.messages, [
            "vblip: %s/clip-99.mp4: No such file or directory" % CLIPS,
            "vblip: %s: 1 of 17 videos or images could not be read: no metrics" % annotations])

    def test_bad_lines(self):
        for text, message in (("", "holds no annotation"), ('{"clip_name": "a"}\n', "a.jsonl:1: caption: missing"),
                              ('\n{"clip_name": }\n', "a.jsonl:2: not JSON"), ("[7]", "a.jsonl: entry 1: not an object")):
            annotations = write(self.path("a.jsonl"), text)
            self.refused(EXIT_UNUSABLE, message, "eval", "retrieval", "--annotations", annotations, "--model",
                         self.path("missing"))

    def test_a_checkpoint_that_cannot(self):
        self.refused(EXIT_UNUSABLE, "holds: caption", "eval", "qa", "--annotations", QUESTIONS, "--model",
                     checkpoint("tiny-caption"))

    def test_bad_answers(self):
        for text, message in (("\n", "holds no answer"), ("[]", "holds no answer"), ("[7]", "answer 1: not a string"),
                              (b"red\n\xff\n", "answer 2: not UTF-8")):
            answers = write(self.path("answers.txt"), text)
            self.refused(EXIT_UNUSABLE, ["answers.txt:", message], "eval", "qa", "--annotations", QUESTIONS,
                         "--answers-file", answers, "--model", self.path("missing"))


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    main()
