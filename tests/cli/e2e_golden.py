#!/usr/bin/env python3
"""Numbers of the original code, from image files to what the program writes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

from e2e_support import CAPTION, EXIT_UNUSABLE, NLVR, RETRIEVAL, SOURCE, VQA, Case, clip, main, parse, read, write, write_png

GOLDEN = os.path.join(SOURCE, "tests", "golden")
sys.path.insert(0, os.path.join(GOLDEN, "tools"))
import numpy as np  # noqa: E402
import make_checkpoint  # noqa: E402
import seeded  # noqa: E402
from selfcheck import read_safetensors  # noqa: E402


class Golden(Case):
    def setUp(self):
        super().setUp()
        folder = os.path.join(GOLDEN, "model", "tiny")
        with open(os.path.join(folder, "manifest.json")) as file:
            self.manifest = json.load(file)
        self.vectors = read_safetensors(os.path.join(folder, "vectors.safetensors"))

    def image(self, number):
        """The formula image as a file of the model's own size, so that nothing is resized."""
        side = self.manifest["sizes"]["S"]
        path = self.path("image-%d.png" % number)
        write_png(path, seeded.image(self.manifest["images"][number], side, side, self.manifest["series"]))
        return path

    def near(self, name, got, want=None):
        want = self.vectors[name] if want is None else want
        got = np.asarray(got)
        self.assertEqual(got.shape, want.shape, name)
        self.assertLessEqual(np.abs(got - want).max(), self.manifest["tensors"][name]["atol"], name)

    def test_statements_about_two_images(self):
        pairs = [(0, 1), (2, 3), (1, 0), (3, 3)]
        rows = [parse("json", self.ok("reason", "--model", NLVR, self.image(i), self.image(j),
                                      self.manifest["texts"][k], "-f", "json").out)[0]
                for k, (i, j) in enumerate(pairs)]
        self.near("nlvr.logits", [row["logits"] for row in rows])


    def embed(self, what, *arguments, model=RETRIEVAL):
        """The tensors that were written, and the names in the metadata."""
        path = self.path("features.safetensors")
        self.ok("embed", "--model", model, "--what", what, "-o", path, *arguments)
        data = read(path)
        header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
        tensors = read_safetensors(path)
        self.assertTrue(all(t.dtype == np.float32 for t in tensors.values()))
        return [tensors[str(i)] for i in range(len(tensors))], header["__metadata__"]

    def without_heads(self):
        """The folder for retrieval as BLIP_Base of the original has it: towers alone."""
        folder = self.path("base")
        shutil.copytree(RETRIEVAL, folder)
        weights = os.path.join(folder, "model.safetensors")
        towers = {k: v for k, v in read_safetensors(weights).items() if k.startswith(("vision_model.", "text_encoder."))}
        self.assertLess(len(towers), len(read_safetensors(weights)))
        make_checkpoint.write_safetensors(weights, towers.items(), "f32")
        return folder

    def test_features(self):
        images = [self.image(i) for i in range(4)]
        texts = self.manifest["texts"]
        spoken = [a for t in texts for a in ("--text", t)]
        vectors, names = self.embed("itc-image", *images)
        self.near("itc.vision_feat", np.stack(vectors))
        self.assertEqual([names[str(i)] for i in range(4)], images)
        vectors, names = self.embed("itc-text", *spoken)
        self.near("itc.text_feat", np.stack(vectors))
        self.assertEqual([names[str(i)] for i in range(6)], texts)
        self.near("vit.out", np.stack(self.embed("vision", *images)[0]))
        for model in (RETRIEVAL, self.without_heads()):
            self.near("feature.text", self.embed("text", "--text", texts[1], model=model)[0][0])
            states, names = self.embed("multimodal", images[1], "--text", texts[1], model=model)
            self.near("feature.multimodal", states[0])
            self.assertEqual((names["0"], names["0.text"]), (images[1], texts[1]))

    def test_dialogs(self):
        with open(os.path.join(GOLDEN, "dialog", "tiny.json")) as file:
            dialogs = [d for d in json.load(file)["dialogs"] if len(d["images"]) == 1]
        side = self.manifest["sizes"]["S"]
        for number, dialog in enumerate(dialogs):
            image, file = self.path("%d.png" % number), self.path("%d.json" % number)
            write_png(image, seeded.image(dialog["images"][0], side, side, self.manifest["series"]))
            write(file, json.dumps(dialog, indent=number))  # on one line, and on several
            row, = parse("json", self.ok("qa", "--model", RETRIEVAL, "--dialog", file, image, "-f", "json").out)
            scores = [b - a for a, b in dialog["logits"]]
            order = sorted(range(len(scores)), key=lambda i: -scores[i])
            self.assertEqual([r["answer"] for r in row["ranked"]], [dialog["candidates"][i] for i in order])
            for ranked, i in zip(row["ranked"], order):
                self.assertAlmostEqual(ranked["score"], scores[i], delta=4e-4)
            self.assertEqual((row["question"], row["answer"]), (dialog["question"], row["ranked"][0]["answer"]))

    def test_features_of_other_checkpoints(self):
        """Any checkpoint has a ViT, one for questions also a text encoder."""
        side, width = self.manifest["sizes"]["S"], self.manifest["sizes"]["vw"]
        for model in (CAPTION, VQA, NLVR, self.without_heads()):
            tokens, _ = self.embed("vision", self.image(0), clip(1), "--frames", 2, model=model)
            self.assertEqual([t.shape for t in tokens], [(17, width), (34, width)])
        self.near("vit.out", self.embed("vision", self.image(0), model=CAPTION)[0][0], self.vectors["vit.out"][0])
        self.assertEqual(side, 64)
        self.embed("multimodal", self.image(0), "--text", "a dog", model=VQA)
        self.refused(EXIT_UNUSABLE, "this checkpoint holds: vqa", "embed", "--model", VQA, "--what", "itc-text", "--text",
                     "a dog", "-o", self.path("f"))
        self.refused(EXIT_UNUSABLE, "no vision_proj, text_proj or itm_head, so no ITC and no ITM: this checkpoint holds: "
                     "features, for embed --what vision, text, multimodal", "embed", "--model", self.path("base"), "--what",
                     "itc-image", clip(1), "-o", self.path("f"))
        self.refused(EXIT_UNUSABLE, "this checkpoint holds: nlvr", "embed", "--model", NLVR, "--what", "text", "--text",
                     "a dog", "-o", self.path("f"))


class Decoder(Case):
    def test_this_ffmpeg_gives_the_references_colours(self):
        """Frames at their own size, which vblip never asks for: what its pixels stand on, apart from scaling."""
        with open(os.path.join(GOLDEN, "preprocess", "video_frames.json"), encoding="utf-8") as file:
            cases = [c for c in json.load(file)["cases"] if c["side"] is None]
        self.assertEqual(len(cases), 3)
        for case in cases:
            frames = "+".join("eq(n\\,%d)" % i for i in case["indices"])
            command = ["ffmpeg", "-nostdin", "-v", "error", "-i", os.path.join(GOLDEN, case["file"]), "-vf",
                       "select=%s,scale=%d:%d:flags=bilinear,format=rgb24" % (frames, *case["native_size"]),
                       "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
            rgb = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
            self.assertEqual(hashlib.sha256(rgb).hexdigest(), case["sha256"], case["file"])


main()
