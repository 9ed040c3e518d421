"""The measures of bench/demo_scores, computed in Python from an exported folder: no vblip binary needed.

    python train/evaluate.py models/demo SET
"""

import argparse
import importlib.machinery
import importlib.util
import os
import sys

import torch

from predict import Predictor, read_frames

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "demo_scores")


def load_bench():
    loader = importlib.machinery.SourceFileLoader("demo_scores", BENCH)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_scores", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class Python:
    """What demo_scores.Vblip does, by the PyTorch model."""

    def __init__(self, folder, bench):
        self.predictor, self.bench, self.seen = Predictor(folder), bench, {}

    def see(self, path, count):
        if (path, count) not in self.seen:
            self.seen[path, count] = self.predictor.see(read_frames(path, count))
        return self.seen[path, count]

    def match(self, path, texts):
        tokens, feature = self.see(path, 8)
        itc = self.predictor.text_features(texts) @ feature
        logits = self.predictor.match(tokens, texts)
        p = logits.softmax(-1)[:, 1]
        return list(zip(itc.tolist(), logits[:, 1].tolist(), p.tolist()))

    def retrieve(self, folder, queries, rerank):
        names = [t["clip_name"] for t in self.bench.lines(folder, "captions")]
        table = torch.tensor([self.match(self.bench.clip(folder, n), queries) for n in names])  # [clip, text, 3]
        scores = table[..., 0] + (table[..., 1] if rerank else 0)
        return [[names[i] for i in scores[:, q].argsort(descending=True)] for q in range(len(queries))]

    def answers(self, path, questions):
        tokens = self.see(path, 16)[0]
        return [self.predictor.answer(tokens, q) for q in questions]

    def captions(self, path, count):
        return [self.predictor.caption(frame) for frame in read_frames(path, count)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("model")
    p.add_argument("set")
    p.add_argument("-o", "--out")
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    bench = load_bench()
    scores, sizes, wrong = bench.measure(Python(args.model, bench), args.set)
    for line in wrong:
        print("wrong:", line)
    return 0 if bench.report(scores, sizes, wrong, args.out) else 1


if __name__ == "__main__":
    sys.exit(main())
