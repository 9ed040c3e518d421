"""ITM logits of dialogs, in double precision and plain numpy (no vblip, no torch).  make_dialogs.py GOLDEN_DIR

There is no reference code for BLIP's visual dialog; this is an independent evaluation of what docs/dialog.md says, on the
seeded retrieval models. Every word is one WordPiece, so that no tokenizer is needed; what is cleaned away does not occur.
Writes dialog/CONFIG.json for tiny and small.
"""
import json
import os
import re
import sys

import numpy as np
import seeded
from make_checkpoint import CONFIGS
from selfcheck import Net

CLS, SEP, ENC, POSITIONS, CAPTION_TOKENS = 101, 102, 30523, 512, 35
LONG = [{"question": "is there a dog in the picture ?", "answer": "yes there is a red dog and a cat"}] * 32
CASES = [
    dict(images=[1000], caption="two men on the beach with a dog",
         history=[{"question": "is the dog big ?", "answer": "yes"},
                  {"question": "what color is it ?", "answer": "black and white"}],
         question="are the men old ?", candidates=["no", "yes", "i can not tell", "they are in the water"]),
    dict(images=[1100, 1101], caption="a man runs", history=[], question="is it day ?", candidates=["yes", "no it is night"]),
    dict(images=[1001], caption=None, history=[{"question": "is this a car ?", "answer": "no"}], question="what is it ?",
         candidates=["a red house", "a train"]),
    dict(images=[1002], caption="a red car", history=LONG, question="where is it ?", candidates=["on the road"]),
]


def ids_of(text, vocab):
    return [vocab[word] for word in re.findall(r"[a-z]+|[?]", text)]


def evaluate(net, case, vocab):
    c = net.c
    images = [net.vit(seeded.normalise(seeded.image(i, c["S"], c["S"], 1))) for i in case["images"]]
    seen = np.vstack(images)
    if case["caption"] is not None:
        words = [CLS] + ids_of(case["caption"], vocab)[:CAPTION_TOKENS - 2] + [SEP]
        seen = np.vstack([seen, net.bert("text_encoder.", words)])
    past = [i for turn in case["history"] for key in ("question", "answer") for i in ids_of(turn[key], vocab)]
    rows = []
    for answer in case["candidates"]:
        last = ids_of(case["question"], vocab) + ids_of(answer, vocab)
        room = POSITIONS - 2 - len(last)
        ids = [ENC] + past[max(0, len(past) - room):] + last + [SEP]
        rows.append([float(v) for v in net.lin(net.bert("text_encoder.", ids, seen)[:1], "itm_head", 2)[0]])
    return rows


def main():
    root = sys.argv[1]
    with open(os.path.join(root, "text", "vocab.txt"), encoding="utf-8") as file:
        vocab = {line.rstrip("\n"): i for i, line in enumerate(file)}
    os.makedirs(os.path.join(root, "dialog"), exist_ok=True)
    for config in ("tiny", "small"):
        net = Net(CONFIGS[config], 1, "retrieval")
        rows = [dict(case, logits=evaluate(net, case, vocab)) for case in CASES]
        with open(os.path.join(root, "dialog", config + ".json"), "w") as file:
            json.dump({"dialogs": rows}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
