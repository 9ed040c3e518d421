"""Fit P(match) of the demo model on clips of held-out scenes, and measure it on clips of others.

    python train/calibrate.py --vblip build/release/vblip --out build/calibration

Makes OUT/fit and OUT/check, each with clips and pairs.jsonl {video, caption, match}; fits models/demo/calibration.json
to the first by `vblip calibrate`; and computes ECE and Brier of the second here, from the rows of `vblip match`. No
scene is in two of fit, check and examples/clips, and training drew none of them. Needs ffmpeg with libx264.
"""

import argparse
import json
import os
import subprocess

from captions import plain, say
from claims import claim_of, false_claim, holds_one, thin
from make_clips import clear, distinct, twins, write_clip
from world import rng_for

SEEDS = {"fit": 21, "check": 22}
BINS = 10
TEXTS = 24  # of a clip


def scenes_of(name, count):
    """`count` scenes with distinct captions, and as many again in groups of four that nearly agree."""
    rng = rng_for("calibration", SEEDS[name])
    alone = distinct(rng, count)
    return alone + [scene for _ in range(count // 4) for scene in twins(rng)]


def texts_of(rng, scene):
    """[(caption, whether it is true)]: parts of the truth, and as many that are false by one fact."""
    texts = []
    for _ in range(TEXTS // 2):
        part = thin(rng, claim_of(scene))
        lie = false_claim(rng, part, scene)
        if holds_one(part, scene) != 1:  # "a dog next to a cat" of one above the other is neither
            part = claim_of(scene)
        texts += [(plain(say(rng, part)), True), (plain(say(rng, lie)), False)]
    return texts


def make(folder, name, scenes):
    """Clips of the scenes, and pairs.jsonl."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "pairs.jsonl"), "w", encoding="utf-8") as out:
        for i, scene in enumerate(scenes):
            rng = rng_for("calibration", SEEDS[name], i)
            video = "clip-%03d.mp4" % (i + 1)
            write_clip(rng, scene, os.path.join(folder, video))
            for caption, match in texts_of(rng, scene):
                out.write(json.dumps({"video": video, "caption": caption, "match": match}) + "\n")


def run(vblip, *arguments):
    return subprocess.run([vblip, *arguments], stdout=subprocess.PIPE, check=True).stdout.decode()


def probabilities(vblip, model, folder, calibration):
    """[(P(match), whether it matches)] of the pairs of a folder."""
    truth = {}
    with open(os.path.join(folder, "pairs.jsonl"), encoding="utf-8") as file:
        for pair in map(json.loads, file):
            truth.setdefault(pair["video"], []).append(pair)
    found = []
    for video, pairs in truth.items():
        rows = run(vblip, "match", "-q", "-f", "jsonl", "--model", model, "--calibration", calibration,
                   os.path.join(folder, video), *(pair["caption"] for pair in pairs))
        found += [(json.loads(row)["p_match"], pair["match"]) for row, pair in zip(rows.splitlines(), pairs)]
    return found


def measures(found):
    """(ECE over ten bins of P(match), Brier score)."""
    ece = 0
    for b in range(BINS):
        inside = [(p, y) for p, y in found if min(int(p * BINS), BINS - 1) == b]
        ece += abs(sum(p for p, _ in inside) - sum(y for _, y in inside)) / len(found)
    return ece, sum((p - y) ** 2 for p, y in found) / len(found)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--vblip", default="build/release/vblip")
    p.add_argument("--model", default="models/demo")
    p.add_argument("--count", type=int, default=200, help="scenes alone, and as many in groups of near-twins")
    p.add_argument("--out", required=True)
    args = p.parse_args()
    taken = set(distinct(rng_for("clips", 3), 16, clear))  # examples/clips
    for name in SEEDS:
        scenes = [scene for scene in scenes_of(name, args.count) if scene not in taken]
        taken |= set(scenes)
        make(os.path.join(args.out, name), name, scenes)
    fit, check = (os.path.join(args.out, name) for name in SEEDS)
    stored = os.path.join(args.model, "calibration.json")
    print(run(args.vblip, "calibrate", "-q", "--model", args.model, os.path.join(fit, "pairs.jsonl")), end="")
    for name, calibration in (("raw softmax", "none"), ("calibrated", stored)):
        found = probabilities(args.vblip, args.model, check, calibration)
        print("%s of %d pairs of %s: ECE %.5f, Brier %.5f" % (name, len(found), check, *measures(found)))


if __name__ == "__main__":
    main()
