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

BINARY = os.environ["VBLIP_BINARY"]
DEMO = os.path.join(SOURCE, "models", "demo")
CLIPS = os.path.join(SOURCE, "examples", "clips")
SIZES = {"side": 32, "patch": 16, "vision_width": 64, "vision_heads": 2, "vision_layers": 2, "vision_mlp": 128,
         "vision_eps": 1e-6, "width": 64, "heads": 2, "layers": 2, "mlp": 128, "positions": 64, "eps": 1e-12,
         "shared": 32}
COLOURS = ("red", "green", "blue", "yellow")


def make_model(folder):
    torch.manual_seed(7)
    tokenizer = Tokenizer()
    model = Blip(tokenizer.size, SIZES)
    tensors = {k: v.detach() for k, v in model.state_dict().items() if k != "temp"}
    checkpoint.write_folder(folder, tensors, export.files(tokenizer, SIZES))


def write_lines(path, records):
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in records)


def make_pictures(folder):
    """Eight pictures: a square on each of four colours, and nothing."""
    os.makedirs(folder)
    lines = []
    for colour in COLOURS:
        for square in (True, False):
            name = "%s-%d.png" % (colour, square)
            image = Image.new("RGB", (48, 40), colour)
            if square:
                ImageDraw.Draw(image).rectangle((12, 10, 32, 30), fill="white")
            image.save(os.path.join(folder, name))
            lines.append({"image": name, "caption": "%s %s background" % ("a box on a" if square else "an empty",
                                                                        colour)})
    write_lines(os.path.join(folder, "captions.jsonl"), lines)


class FinetuneCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="vblip-train-")
        cls.model, cls.pictures = cls.at("tiny"), cls.at("pictures")
        make_model(cls.model)
        make_pictures(cls.pictures)
        cls.data = os.path.join(cls.pictures, "captions.jsonl")

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
        self.finetune("run", "--steps", "150", "--log-every", "10", "--eval", self.data, "--vblip", BINARY,
                      "--eval-every", "75")
        lines = self.log("run")
        losses = [line for line in lines if "loss" in line]
        for name in ("itc", "itm", "lm"):
            self.assertLess(losses[-1][name], 0.8 * losses[0][name], name)
        evaluated = [line for line in lines if "eval" in line]
        self.assertEqual([line["step"] for line in evaluated], [0, 75, 150])
        self.assertGreater(evaluated[-1]["txt_r1"], evaluated[0]["txt_r1"])
        self.same_itc(self.at("run", "model"))

    def same_itc(self, folder):
        """PyTorch here, vblip, and transformers where it is installed."""
        path, text = os.path.join(self.pictures, "red-1.png"), "a box on a red background"
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
            from transformers import BlipForConditionalGeneration, BlipForImageTextRetrieval, logging
        except ImportError:
            print("transformers is not installed: not compared")
            return
        logging.set_verbosity_error()  # each class names what of the folder is not its own
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


class Resumed(FinetuneCase):
    OPTIONS = ("--steps", "30", "--save-every", "4", "--log-every", "5", "--mix-share", "0.25")

    def test_equals_uninterrupted_bit_for_bit(self):
        options = (*self.OPTIONS, "--mix", self.pictures)
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
        self.assertIn("finished", self.finetune("killed", *options, "--resume"))


class Refusals(FinetuneCase):
    def refused(self, message, *options, out="refused"):
        said = self.finetune(out, *options, code=1).splitlines()
        self.assertEqual(len(said), 1, said)
        self.assertIn(message, said[0])

    def test_bad_annotations_by_line(self):
        path = os.path.join(self.pictures, "bad.jsonl")
        good = '{"image": "red-1.png", "caption": "a red box"}\n\n'
        for text, message in (
                ("{", "bad.jsonl:3: is not JSON"),
                ("3", "bad.jsonl:3: not an object"),
                ('{"caption": "a"}', "bad.jsonl:3: clip_name or video or image: missing"),
                ('{"image": "red-1.png"}', "bad.jsonl:3: caption: missing"),
                ('{"image": "red-1.png", "caption": [1]}', "bad.jsonl:3: caption: neither a string"),
                ('{"image": "red-1.png", "caption": "..."}', "bad.jsonl:3: caption: nothing is left"),
                ('{"image": "red-1.png", "caption": "a", "lm_caption": ["a"]}', "3: lm_caption: not a string"),
                ('{"image": "red-1.png", "caption": "a", "lm_caption": "."}', "3: lm_caption: nothing is left"),
                ('{"image": "none.png", "caption": "a"}', "none.png: there is no such file"),
                ('{"image": "bad.jsonl.png", "caption": "a"}', "cannot be read as an image"),
                ('{"video": "broken.mp4", "caption": "a"}', "bad.jsonl:3: ")):
            for name in ("bad.jsonl.png", "broken.mp4"):
                with open(os.path.join(self.pictures, name), "w", encoding="utf-8") as out:
                    out.write("neither")
            with open(path, "w", encoding="utf-8") as out:
                out.write(good + text + "\n")
            with self.subTest(text):
                argv = ("--data", path, "--batch", "1", "--steps", "1", "--overwrite")
                self.refused(message, *argv)

    def test_lacking_parts_and_what_is_there_already(self):
        config = export.files(Tokenizer(), SIZES)
        stored = load_file(os.path.join(self.model, "model.safetensors"))
        for name, begins in (("matcher", ("vision", "text_encoder", "text_proj", "itm")),
                             ("captioner", ("vision_model", "text_decoder")), ("eyes", ("vision_model",))):
            checkpoint.write_folder(self.at(name), {k: v for k, v in stored.items() if k.startswith(begins)}, config)
        self.refused("lm needs a text decoder", "--model", self.at("matcher"), "--losses", "itc,lm")
        said = self.finetune("matched", "--model", self.at("matcher"), "--steps", "1")
        self.assertIn("losses itc + itm", said)
        self.assertIn("not trained: lm", said)
        self.refused("is not empty", "--model", self.at("matcher"), "--steps", "1", out="matched")
        self.assertIn("losses lm", self.finetune("said", "--model", self.at("captioner"), "--steps", "1"))
        self.refused("holds neither", "--model", self.at("eyes"))
        self.refused("holds no run", "--resume", out="nothing")
        self.refused("no config.json", "--model", self.pictures)


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

    def test_captions_that_are_read_and_said(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.jsonl")
            for name in ("a.png", "b.png"):
                with open(os.path.join(folder, name), "wb"):
                    pass
            write_lines(path, [{"image": "a.png", "caption": ["One.", "two"]},
                               {"image": "b.png", "caption": ["two", "three"], "lm_caption": "one"}])
            captioned = annotations.Captioned()
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
            source.export(source.model(source.losses(), 0.07), out, True)
            for name in os.listdir(out):
                self.assertTrue(filecmp.cmp(os.path.join(DEMO, name), os.path.join(out, name), shallow=False), name)
            self.assertNotIn("calibration.json", os.listdir(out))
            source.export(source.model(source.losses(), 0.07), out, False)  # replaces
            self.assertEqual(load_file(os.path.join(out, "model.safetensors"))["itm_head.bias"].dtype, torch.float32)

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
