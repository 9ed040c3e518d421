#!/usr/bin/env python3
"""train/finetune.py on a tiny seeded BLIP and a handful of drawn pictures.

ctest gives VBLIP_BINARY and VBLIP_SOURCE. Exit status 77 where train/requirements.txt is not installed.
"""

import copy
import filecmp
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ["VBLIP_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "train"))
try:
    import numpy as np
    import torch
    from PIL import Image, ImageDraw
    from safetensors.torch import load_file
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(77)

import annotations
import checkpoint
import export
import objectives
import pixels
from model import Blip, Packed
from momentum import FeatureQueue, Momentum
from vocab import Tokenizer, clean_caption

# PyTorch keeps a list of its functions for this: before transformers puts in others for a time
with torch.device("meta"):
    torch.zeros(1)

BINARY = os.environ["VBLIP_BINARY"]
DEMO = os.path.join(SOURCE, "models", "demo")
CLIPS = os.path.join(SOURCE, "examples", "clips")
SIZES = {"side": 32, "patch": 16, "vision_width": 64, "vision_heads": 2, "vision_layers": 2, "vision_mlp": 128,
         "vision_eps": 1e-6, "width": 64, "heads": 2, "layers": 2, "mlp": 128, "positions": 64, "eps": 1e-12,
         "shared": 32}
COLOURS = ("red", "green", "blue", "yellow")


def make_model(folder, begins=("",), kind="BlipForImageTextRetrieval"):
    """A seeded BLIP of the tensors whose names begin so."""
    torch.manual_seed(7)
    tokenizer = Tokenizer()
    model = Blip(tokenizer.size, SIZES)
    tensors = {k: v.detach() for k, v in model.state_dict().items() if k != "temp" and k.startswith(begins)}
    files = export.files(tokenizer, SIZES)
    files["config.json"]["architectures"] = [kind]
    checkpoint.write_folder(folder, tensors, files)


def write_lines(path, records):
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in records)


def make_pictures(folder):
    """Eight pictures with captions and questions: a square on each of four colours, and nothing."""
    os.makedirs(folder)
    captions, questions = [], []
    for colour in COLOURS:
        for square in (True, False):
            name = "%s-%d.png" % (colour, square)
            image = Image.new("RGB", (48, 40), colour)
            if square:
                ImageDraw.Draw(image).rectangle((12, 10, 32, 30), fill="white")
            image.save(os.path.join(folder, name))
            captions.append({"image": name, "caption": "%s %s background" %
                             ("a box on a" if square else "an empty", colour)})
            questions.append({"image": name, "question": "Is there a box?", "answer": "yes" if square else "no"})
            questions.append({"image": name, "question": "What color is the background?", "answer": colour})
    write_lines(os.path.join(folder, "captions.jsonl"), captions)
    write_lines(os.path.join(folder, "questions.jsonl"), questions)


class FinetuneCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="vblip-train-")
        cls.model, cls.pictures = cls.at("tiny"), cls.at("pictures")
        make_model(cls.model)
        make_pictures(cls.pictures)
        cls.data = os.path.join(cls.pictures, "captions.jsonl")
        cls.questions = os.path.join(cls.pictures, "questions.jsonl")

    @classmethod
    def tearDownClass(cls):
        cls.temp.cleanup()

    @classmethod
    def at(cls, *names):
        return os.path.join(cls.temp.name, *names)

    def argv(self, out, *options, captions=True):
        return [sys.executable, "-B", os.path.join(SOURCE, "train", "finetune.py"), "--model", self.model,
                *["--data", self.data] * captions, "--out", self.at(out), "--batch", "8", "--lr", "2e-3", "--queue",
                "20", *options]

    def finetune(self, out, *options, code=0, captions=True):
        done = subprocess.run(self.argv(out, *options, captions=captions), stderr=subprocess.PIPE, check=False)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, code, said)
        self.assertNotIn("Traceback", said)
        return said

    def log(self, out):
        with open(self.at(out, "log.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]


class Losses(FinetuneCase):
    def test_go_down_and_are_loaded_by_vblip_and_transformers(self):
        said = self.finetune("run", "--steps", "150", "--log-every", "10", "--eval", self.data, "--vblip", BINARY,
                             "--eval-every", "75", "--questions", self.questions, "--eval-questions", self.questions,
                             "--add-words", "boxes,Hedgehog,red")
        self.assertIn("added to vocab.txt: boxes, hedgehog", said)
        lines = self.log("run")
        losses = [line for line in lines if "loss" in line]
        for name in ("itc", "itm", "lm", "qa"):
            self.assertLess(losses[-1][name], 0.8 * losses[0][name], name)
        for data, measure in ((self.data, "txt_r1"), (self.questions, "accuracy")):
            evaluated = [line for line in lines if line.get("eval") == data]
            self.assertEqual([line["step"] for line in evaluated], [0, 75, 150])
            self.assertGreater(evaluated[-1][measure], evaluated[0][measure])
        self.same_itc(self.at("run", "model"), "a box on a red background")
        self.same_itc(self.at("run", "model"), "two boxes and a hedgehog")

    def same_itc(self, folder, text):
        """PyTorch here, vblip, and transformers where it is installed."""
        path = os.path.join(self.pictures, "red-1.png")
        source = checkpoint.Checkpoint(folder)
        model = source.model(["itc", "itm"], 0.07).eval()
        mean, std = [torch.tensor(x)[:, None, None] for x in (source.mean, source.std)]
        shown = (torch.from_numpy(pixels.still(path, 32).copy()).permute(0, 3, 1, 2).float() / 255 - mean) / std
        parts = dict(model.named_children())
        packed = Packed([source.tokenizer.encode(clean_caption(text))])
        with torch.no_grad():
            own = float(objectives.see(parts, shown[None])[1] @ objectives.read(parts, packed).T)
        said = subprocess.run([BINARY, "match", "-q", "-f", "jsonl", "--model", folder, path, text],
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertAlmostEqual(json.loads(said)["itc"], own, delta=1e-3)
        try:
            from transformers import (BertTokenizer, BlipForConditionalGeneration, BlipForImageTextRetrieval,
                                      logging)
        except ImportError:
            print("transformers is not installed: not compared")
            return
        logging.set_verbosity_error()  # each class names what of the folder is not its own
        self.assertEqual(BertTokenizer.from_pretrained(folder)(text)["input_ids"], packed.ids.tolist())
        theirs = BlipForImageTextRetrieval.from_pretrained(folder).eval()
        with torch.no_grad():
            score = theirs(input_ids=packed.ids[None], pixel_values=shown, use_itm_head=False).itm_score
        self.assertAlmostEqual(float(score), own, delta=1e-3)
        _, report = BlipForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
        self.assertFalse([k for k in report["missing_keys"] if "predictions.decoder" not in k])


    def test_lm_says_what_it_is_to_say(self):
        told = os.path.join(self.pictures, "told.jsonl")
        with open(self.data, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        write_lines(told, [{**r, "caption": [r["caption"], "a picture"], "lm_caption": "Two red dogs."}
                           for r in records])
        self.finetune("told", "--data", told, "--losses", "lm", "--steps", "40", captions=False)
        said = subprocess.run([BINARY, "caption", "-q", "-f", "jsonl", "--model", self.at("told", "model"),
                               os.path.join(self.pictures, "red-1.png")], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(json.loads(said)["caption"], "two red dogs")

    def test_rows_of_added_words_learn_faster(self):
        self.finetune("grown", "--losses", "lm", "--steps", "1", "--add-words", "zebra", "--lr", "1e-3")
        grown = checkpoint.Checkpoint(self.model, ["zebra"])
        name = "text_decoder.bert.embeddings.word_embeddings.weight"
        moved = (load_file(self.at("grown", "model", "model.safetensors"))[name] - grown.tensors[name]).abs()
        new = moved[grown.added]
        self.assertEqual(new.shape, (1, SIZES["width"]))
        # the first step of Adam is the learning rate long, whatever the gradient
        self.assertAlmostEqual(float(new.median()), 1e-2, delta=1e-3)
        self.assertAlmostEqual(float(moved[:grown.added.start].median()), 1e-3, delta=1e-4)

    def test_a_checkpoint_for_questions(self):
        make_model(self.at("vqa"), ("vision_model", "text_encoder", "text_decoder"), "BlipForQuestionAnswering")
        said = self.finetune("asked", "--model", self.at("vqa"), "--questions", self.questions, "--steps", "150",
                             "--eval-questions", self.questions, "--vblip", BINARY, captions=False)
        self.assertIn("16 questions about 8 files", said)
        self.assertGreater(self.log("asked")[-1]["accuracy"], 85)
        try:
            from transformers import BlipForQuestionAnswering
        except ImportError:
            return
        _, report = BlipForQuestionAnswering.from_pretrained(self.at("asked", "model"), output_loading_info=True)
        self.assertFalse([k for k in report["missing_keys"] if "predictions.decoder" not in k])


class Resumed(FinetuneCase):
    OPTIONS = ("--steps", "30", "--save-every", "4", "--log-every", "5", "--mix-share", "0.25")

    def test_equals_uninterrupted_bit_for_bit(self):
        # clips, for a step draws frames of them
        options = (*self.OPTIONS, "--mix", CLIPS, "--questions", os.path.join(CLIPS, "questions.jsonl"),
                   "--questions-batch", "3")
        self.finetune("whole", *options)
        with subprocess.Popen(self.argv("killed", *options), stderr=subprocess.DEVNULL) as killed:
            end = time.monotonic() + 60
            while not os.path.exists(self.at("killed", "state.pt")) and time.monotonic() < end:
                time.sleep(0.002)
            killed.send_signal(signal.SIGKILL)
        self.assertEqual(killed.returncode, -signal.SIGKILL, "was too fast to be killed")
        self.assertLess(torch.load(self.at("killed", "state.pt"), weights_only=True)["done"], 30)
        self.assertIn("lr", self.finetune("killed", *options, "--resume", "--lr", "1e-3", code=1))
        self.finetune("killed", *options, "--resume")
        a, b = [load_file(self.at(run, "model", "model.safetensors")) for run in ("whole", "killed")]
        self.assertEqual(set(a), set(b))
        for name, value in a.items():
            self.assertTrue(torch.equal(value, b[name]), name)
        without = [[{k: v for k, v in line.items() if k != "seconds"} for line in self.log(run)]
                   for run in ("whole", "killed")]
        self.assertEqual(without[0], without[1])
        self.assertIn("finished", self.finetune("killed", *options, "--resume", "--old-share", "0.5"))
        again = load_file(self.at("killed", "model", "model.safetensors"))["itm_head.weight"]
        old = load_file(os.path.join(self.model, "model.safetensors"))["itm_head.weight"]
        torch.testing.assert_close(again, (old + a["itm_head.weight"]) / 2)


class Refusals(FinetuneCase):
    def refused(self, message, *options, out="refused"):
        said = self.finetune(out, *options, code=1).splitlines()
        self.assertEqual(len(said), 1, said)
        self.assertIn(message, said[0])

    def bad_line(self, option, good, text, message):
        """The third line of annotations is bad."""
        path = os.path.join(self.pictures, "bad.jsonl")
        with open(path, "w", encoding="utf-8") as out:
            out.write(json.dumps(good) + "\n\n" + text + "\n")
        with self.subTest(text):
            self.refused(message, option, path, "--batch", "1", "--steps", "1", "--overwrite")

    def test_bad_captions_by_line(self):
        for name in ("bad.jsonl.png", "broken.mp4"):
            with open(os.path.join(self.pictures, name), "w", encoding="utf-8") as out:
                out.write("neither")
        for text, message in (
                ("{", "bad.jsonl:3: is not JSON"),
                ("3", "bad.jsonl:3: not an object"),
                ('{"caption": "a"}', "bad.jsonl:3: clip_name or video or image: missing"),
                ('{"video": -1, "caption": "a"}', "bad.jsonl:3: video: not a string"),
                ('{"image": "red-1.png"}', "bad.jsonl:3: caption: missing"),
                ('{"image": "red-1.png", "caption": [1]}', "bad.jsonl:3: caption: neither a string"),
                ('{"image": "red-1.png", "caption": "..."}', "bad.jsonl:3: caption: nothing is left"),
                ('{"image": "red-1.png", "caption": "a", "lm_caption": ["a"]}', "3: lm_caption: not a string"),
                ('{"image": "red-1.png", "caption": "a", "lm_caption": "."}', "3: lm_caption: nothing is left"),
                ('{"image": "none.png", "caption": "a"}', "none.png: there is no such file"),
                ('{"image": "bad.jsonl.png", "caption": "a"}', "cannot be read as an image"),
                ('{"video": "broken.mp4", "caption": "a"}', "bad.jsonl:3: ")):
            self.bad_line("--data", {"image": "red-1.png", "caption": "a red box"}, text, message)

    def test_bad_questions_by_line(self):
        for text, message in (
                ('{"question": "what", "answer": "a"}', "bad.jsonl:3: video or video_id or image: missing"),
                ('{"image": "red-1.png", "answer": "a"}', "bad.jsonl:3: question: missing"),
                ('{"image": "red-1.png", "question": "what"}', "bad.jsonl:3: answer: missing"),
                ('{"image": "red-1.png", "question": "what", "answer": 3}', "bad.jsonl:3: answer: not a string"),
                ('{"image": "red-1.png", "question": "!", "answer": "a"}', "bad.jsonl:3: question: is empty"),
                ('{"image": "red-1.png", "question": "what", "answer": " "}', "bad.jsonl:3: answer: is empty"),
                ('{"video_id": 7, "question": "what", "answer": "a"}', "video7.mp4: there is no such file")):
            self.bad_line("--questions", {"image": "red-1.png", "question": "what", "answer": "red"}, text, message)

    def test_lacking_parts_and_what_is_there_already(self):
        make_model(self.at("matcher"), ("vision", "text_encoder", "text_proj", "itm"))
        make_model(self.at("captioner"), ("vision_model", "text_decoder"))
        make_model(self.at("eyes"), ("vision_model",))
        make_model(self.at("answers"), ("vision_model", "text_encoder", "text_decoder"), "BlipForQuestionAnswering")
        self.refused("lm needs a text decoder", "--model", self.at("matcher"), "--losses", "itc,lm")
        said = self.finetune("matched", "--model", self.at("matcher"), "--steps", "1")
        self.assertIn("losses itc + itm", said)
        self.assertIn("not trained: lm, qa", said)
        self.refused("is not empty", "--model", self.at("matcher"), "--steps", "1", out="matched")
        self.assertIn("losses lm", self.finetune("said", "--model", self.at("captioner"), "--steps", "1"))
        self.refused("has no parts for any of itc, itm, lm", "--model", self.at("eyes"))
        self.refused("captions do not train", "--model", self.at("answers"), "--questions", self.questions)
        self.refused("--losses qa: there is no --questions", "--losses", "itc,qa")
        self.refused("holds no run", "--resume", out="nothing")
        self.refused("no config.json", "--model", self.pictures)
        self.refused("--add-words sea-horse: not one word", "--add-words", "zebra,sea-horse")


class References(unittest.TestCase):
    def test_momentum_follows(self):
        torch.manual_seed(1)
        model = Blip(Tokenizer().size, SIZES)
        momentum = Momentum(model, 0.9)
        before = copy.deepcopy({n: p.detach() for n, p in model.named_parameters()})
        expected = {n: p.clone() for n, p in before.items()}
        for _ in range(3):
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(torch.randn_like(p))
            momentum.follow()
            for n, p in model.named_parameters():
                expected[n] = 0.9 * expected[n] + 0.1 * p.detach()
        for part, module in momentum.copies.items():
            for n, p in module.named_parameters():
                torch.testing.assert_close(p, expected[part + "." + n])
                self.assertFalse(p.requires_grad)

    def test_queue_and_itc(self):
        """Against lists and loops: targets, the queue's order, both directions."""
        generator = torch.Generator().manual_seed(3)
        unit = lambda n: torch.nn.functional.normalize(torch.randn(n, 4, generator=generator), dim=1)
        queue, kept, alpha, temperature = FeatureQueue(5, 4), [], 0.4, 0.2
        for step in range(4):
            image, text, image_m, text_m = unit(3), unit(3), unit(3), unit(3)
            visuals, texts = [step, step + 1, 50 + step], [step, 7, 60 + step]
            batch = objectives.Batch(torch.zeros(3, 1), [], [], visuals, texts)
            loss, _ = objectives.itc_loss(image, text, image_m, text_m, batch, queue, temperature, alpha)
            rows = [(image_m[i], text_m[i], visuals[i], texts[i]) for i in range(3)]
            columns, total = rows + kept, 0.0
            for own, own_m, side in ((image, image_m, 1), (text, text_m, 0)):
                for i in range(3):
                    scores = torch.stack([own[i] @ c[side] for c in columns]) / temperature
                    soft = (torch.stack([own_m[i] @ c[side] for c in columns]) / temperature).softmax(0)
                    known = torch.tensor([float(c[2] == visuals[i] or c[3] == texts[i]) for c in columns])
                    target = alpha * soft + (1 - alpha) * known / known.sum()
                    total += -(target * scores.log_softmax(0)).sum() / 3
            torch.testing.assert_close(loss, total / 2)
            queue.push(image_m, text_m, batch.visuals, batch.texts)
            kept = (kept + rows)[-5:]
            found = {(int(v), int(t)): (i, x) for i, x, v, t in zip(*queue.columns())}
            self.assertEqual(sorted(found), sorted(c[2:] for c in kept))
            for c in kept:
                torch.testing.assert_close(found[c[2:]], c[:2])

    def test_answers_are_given_their_own_question_and_image(self):
        """The loss of a batch against that of each question alone, which needs no padding."""
        torch.manual_seed(2)
        model = Blip(Tokenizer().size, SIZES)
        states = torch.randn(3, 5, SIZES["vision_width"])
        questions, answers = [[9, 20, 3], [9, 20, 30, 40, 50, 3], [9, 3]], [[8, 60, 3], [8, 70, 80, 90, 3], [8, 3]]
        words, total = 0, 0.0
        for i, (question, answer) in enumerate(zip(questions, answers)):
            asked = model.text_encoder(Packed([question]), states[i:i + 1], torch.zeros(1, dtype=torch.long))
            logits = model.text_decoder(Packed([answer]), asked[None], torch.zeros(1, dtype=torch.long))[:-1]
            total += torch.nn.functional.cross_entropy(logits, torch.tensor(answer[1:]), label_smoothing=0.1,
                                                       reduction="sum")
            words += len(answer) - 1
        torch.testing.assert_close(objectives.qa_loss(model, states, questions, answers), total / words)

    def test_captions_that_are_read_and_said(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.jsonl")
            for name in ("a.png", "b.png"):
                with open(os.path.join(folder, name), "wb"):
                    pass
            write_lines(path, [{"image": "a.png", "caption": ["One.", "two"]},
                               {"image": "b.png", "caption": ["two", "three"], "lm_caption": "one"}])
            captioned = annotations.Captioned(annotations.Visuals())
            captioned.read(path)
        said = [(v, captioned.captions[read], captioned.captions[say]) for v, read, say in captioned.pairs]
        self.assertEqual(said, [(0, "one", "one"), (0, "two", "two"), (1, "two", "one"), (1, "three", "one")])

    def test_negatives_do_not_belong(self):
        generator = torch.Generator().manual_seed(1)
        same = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]]).bool()
        likely = torch.tensor([[0, 0, 9.0, 0]] * 4)
        drawn = [objectives.hard_negatives(likely, same, generator) for _ in range(50)]
        self.assertTrue(all(row[0] in (2, 3) and row[2] in (0, 1, 3) and row[3] == -1 for row in drawn))
        self.assertGreater(sum(row[0] == 2 for row in drawn), 45)

    def test_export_of_the_demo_model_is_the_demo_model(self):
        source = checkpoint.Checkpoint(DEMO)
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "model")
            source.export(source.model(list(checkpoint.NEEDS), 0.07), out, True)
            for name in os.listdir(out):
                self.assertTrue(filecmp.cmp(os.path.join(DEMO, name), os.path.join(out, name), shallow=False), name)
            self.assertNotIn("calibration.json", os.listdir(out))
            source.export(source.model(list(checkpoint.NEEDS), 0.07), out, False)  # replaces
            self.assertEqual(load_file(os.path.join(out, "model.safetensors"))["itm_head.bias"].dtype, torch.float32)

    def test_exported_weights_between_the_old_and_the_trained(self):
        source = checkpoint.Checkpoint(DEMO, ["zebra"])
        model = source.model(["lm"], 0.07)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(1)
        with tempfile.TemporaryDirectory() as folder:
            source.export(model, os.path.join(folder, "model"), False, 0.25)
            written = load_file(os.path.join(folder, "model", "model.safetensors"))
        for name, old in source.tensors.items():
            moved = torch.full_like(old.float(), 0.75 if name.startswith(("vision_model", "text_decoder")) else 0.0)
            if name.startswith("text_decoder") and moved.shape[:1] == (source.tokenizer.size,):
                moved[source.added] = 1  # the new word
            torch.testing.assert_close(written[name] - old.float(), moved, atol=1e-5, rtol=0)

    def test_added_words_are_the_mean_of_their_pieces(self):
        source, grown = checkpoint.Checkpoint(DEMO), checkpoint.Checkpoint(DEMO, ["Zebras", "dog", "zebra", "zebras"])
        old, new, lines = source.tokenizer, grown.tokenizer, source.tokenizer.dec
        self.assertEqual((new.word("zebras"), new.word("zebra")), ([lines], [lines + 1]))
        self.assertEqual(new.pieces("dog zebraz"), old.pieces("dog") + new.word("zebra") + [new.ids["##z"]])
        self.assertEqual(grown.config["text_config"]["bos_token_id"], new.dec)
        for name in ("text_encoder.embeddings.word_embeddings.weight", "text_decoder.cls.predictions.bias",
                     "text_decoder.bert.embeddings.word_embeddings.weight"):
            before, after = source.tensors[name].float(), grown.tensors[name].float()
            self.assertEqual(len(after), grown.config["text_config"]["vocab_size"])
            self.assertTrue(torch.equal(after[:lines], before[:lines]))
            self.assertTrue(torch.equal(after[new.dec:], before[old.dec:]))
            torch.testing.assert_close(after[lines], before[old.word("zebras")].mean(0), atol=1e-3, rtol=0)

    def test_clips_are_seen_as_vblip_sees_them(self):
        source = checkpoint.Checkpoint(DEMO)
        parts = dict(source.model(["itc"], 0.07).named_children())
        mean, std = [torch.tensor(x)[:, None, None] for x in (source.mean, source.std)]
        path, text = os.path.join(CLIPS, "clip-01.mp4"), "a television above a star"
        shown = torch.from_numpy(np.array(pixels.clip(path, 8, 96))).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            own = float(objectives.see(parts, ((shown - mean) / std)[None])[1] @
                        objectives.read(parts, Packed([source.tokenizer.encode(text)])).T)
        said = subprocess.run([BINARY, "match", "-q", "-f", "jsonl", "--model", DEMO, path, text],
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertAlmostEqual(json.loads(said)["itc"], own, delta=1e-3)

    def test_captions_are_tokenized_as_vectors_say(self):
        golden = os.path.join(SOURCE, "tests", "golden", "text")
        with open(os.path.join(golden, "vocab.txt"), encoding="utf-8") as file:
            tokenizer = Tokenizer(file.read().rstrip("\n").split("\n"))
        with open(os.path.join(golden, "wordpiece.json"), encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                if not any("[%s]" % w in case["text"] for w in ("CLS", "SEP", "MASK", "PAD", "UNK", "DEC", "ENC")):
                    self.assertEqual(tokenizer.encode(case["text"], longest=10**6), case["ids"], case["text"])
        with open(os.path.join(golden, "pre_caption.json"), encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                self.assertEqual(clean_caption(case["text"], case["max_words"]), case["out"], case["text"])


if __name__ == "__main__":
    unittest.main()
