#!/usr/bin/env python3
"""Numbers of the original code, from image files to what the program writes."""

import json
import os
import sys

from e2e_support import NLVR, SOURCE, Case, main, parse, write_png

GOLDEN = os.path.join(SOURCE, "tests", "golden")
sys.path.insert(0, os.path.join(GOLDEN, "tools"))
import numpy as np  # noqa: E402
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


main()
