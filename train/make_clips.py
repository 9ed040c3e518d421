"""Make H.264 clips of held-out scenes, with captions, questions and near-twins.

    python train/make_clips.py --seed 7 --count 100 --out DIR            clips with distinct captions
    python train/make_clips.py --seed 8 --count 25 --twins --out DIR     groups of four clips that nearly agree

Beside the clips DIR gets captions.jsonl {clip_name, caption}, questions.jsonl {video, question, answer, kind} and
scenes.jsonl {clip_name, group, twin, objects, absent, background}. Needs ffmpeg with libx264.
"""

import argparse
import json
import math
import os
import subprocess

import numpy as np

from captions import NUMBERS, canonical
from claims import claim_of, holds_one
from draw import background, compose, layout
from questions import QUESTIONS, question
from world import COLOURS, COUNT, OBJECTS, SIZE, SMALL, A, held_out, recoloured, rng_for, sample_kind, sample_scene, swapped, turned

SHAPES = ((128, 96), (160, 120), (192, 144), (192, 108), (176, 132), (144, 144), (176, 144))
TWINS = ("base", "swapped", "turned", "recoloured")


class Motion:
    """A gentle drift and turn about where an object stands."""

    def __init__(self, rng, reach):
        self.reach, self.turn = reach * rng.uniform(0.4, 1.0), rng.uniform(0, 0.07)
        self.speed, self.phase = rng.uniform(0.15, 0.5), rng.uniform(0, 2 * math.pi)
        self.heading = rng.uniform(0, 2 * math.pi)

    def move(self, placed, home, angle, seconds):
        s = math.sin(2 * math.pi * self.speed * seconds + self.phase)
        placed.cx = home[0] + self.reach * s * math.cos(self.heading)
        placed.cy = home[1] + self.reach * s * math.sin(self.heading)
        placed.angle = max(-0.15, min(0.15, angle + self.turn * s))


def frames(rng, scene, width, height, count, fps):
    """The frames of a clip, uint8 [height, width, 3]."""
    placed = layout(rng, scene, margin=0.02)
    order = list(range(len(placed)))
    rng.shuffle(order)
    reach = 0.02 if len(placed) > 2 else 0.03
    homes = [(p.cx, p.cy, p.angle) for p in placed]
    motions = [Motion(rng, reach) for _ in placed]
    ground = background(rng, scene[4], int(width * 1.25), int(height * 1.25))
    pan = [rng.uniform(0, 1) for _ in range(4)]
    grain = np.random.default_rng(rng.getrandbits(32))
    noise = rng.uniform(1, 5) if rng.random() < 0.4 else 0
    for i in range(count):
        along = i / max(1, count - 1)
        left = round((pan[0] + (pan[1] - pan[0]) * along) * (ground.shape[1] - width))
        top = round((pan[2] + (pan[3] - pan[2]) * along) * (ground.shape[0] - height))
        canvas = ground[top:top + height, left:left + width].copy()
        for p, home, motion in zip(placed, homes, motions):
            motion.move(p, home[:2], home[2], i / fps)
        compose(canvas, placed, 1.0, order)
        if noise:
            canvas += grain.standard_normal(canvas.shape, np.float32) * noise
        yield np.clip(canvas, 0, 255).astype(np.uint8)


def write_clip(rng, scene, path, height=0, crf=0):
    """One clip of 2 to 4 seconds; height 0 draws a small shape at random."""
    width, tall = rng.choice(SHAPES)
    if height:
        width, tall = round(height * 4 / 3) // 2 * 2, height
    fps = rng.choice((12, 15, 20, 24, 25))
    count = round(fps * rng.uniform(2, 4))
    crf = crf or rng.randint(23, 33)
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "%dx%d" % (width, tall),
               "-r", str(fps), "-i", "-", "-c:v", "libx264", "-threads", "1", "-preset", "fast", "-crf", str(crf),
               "-pix_fmt", "yuv420p", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", path]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    for frame in frames(rng, scene, width, tall, count, fps):
        encoder.stdin.write(frame.tobytes())
    encoder.stdin.close()
    if encoder.wait():
        raise SystemExit("%s: ffmpeg failed" % path)


def twins(rng):
    """A pair scene and three that differ in one fact; all held out, as a pair is held out in any order and colour."""
    scene = sample_scene(rng, want_held_out=True, kind="two")
    return [scene, swapped(scene), turned(scene), recoloured(rng, scene)]


def clear(scene):
    """Shows well: something to see, not small, not many."""
    return scene[A] >= 0 and scene[COUNT] < 4 and scene[SIZE] != SMALL


def distinct(rng, count, only=lambda scene: True):
    """Held-out scenes with distinct captions, none of which is true of another's clip."""
    scenes = []
    kind = sample_kind(rng)  # kept until it fits, so that the rules below do not change the mixture
    while len(scenes) < count:
        scene = sample_scene(rng, want_held_out=True, kind=kind)
        if rng.random() < 0.01:  # that kind may be used up
            kind = sample_kind(rng)
        if not only(scene):
            continue
        if all(not holds_one(claim_of(scene), s) and not holds_one(claim_of(s), scene) for s in scenes):
            scenes.append(scene)
            kind = sample_kind(rng)
    return scenes


def things(scene):
    """What a right caption must name: number word (or None) and noun."""
    a, n, b = scene[:3]
    if a < 0:
        return []
    if n > 1:
        return [[NUMBERS[n], OBJECTS[a].plural]]
    return [[None, OBJECTS[x].name] for x in (a, b) if x >= 0]


def annotate(rng, name, scene, group, twin, questions):
    absent = rng.sample([o.name for i, o in enumerate(OBJECTS) if i not in (scene[0], scene[2])], 5)
    record = {"clip_name": name, "group": group, "twin": twin, "objects": things(scene), "absent": absent,
              "background": COLOURS[scene[4]][0]}
    asked, seen = [], set()
    kinds = list(QUESTIONS)
    while len(asked) < questions:
        rng.shuffle(kinds)
        for kind in kinds:
            made = question(rng, scene, kind)
            if made and made[0] not in seen and len(asked) < questions:
                seen.add(made[0])
                asked.append({"video": name, "question": made[0], "answer": made[1], "kind": made[2]})
    return {"clip_name": name, "caption": canonical(scene)}, record, asked


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--count", type=int, default=100, help="clips, or groups of four with --twins")
    p.add_argument("--out", required=True)
    p.add_argument("--twins", action="store_true", help="groups: base, nouns swapped, other relation, other colour")
    p.add_argument("--clear", action="store_true", help="only scenes that show well: not empty, small or crowded")
    p.add_argument("--questions", type=int, default=5, help="questions a clip")
    p.add_argument("--height", type=int, default=0, help="frame height in pixels, 4:3 (0: 96 to 144, mixed shapes)")
    p.add_argument("--crf", type=int, default=0, help="x264 quality (0: 23 to 33, mixed)")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    rng = rng_for("clips", args.seed)
    if args.twins:
        todo = [(g, t, s) for g in range(args.count) for t, s in zip(TWINS, twins(rng))]
    else:
        todo = [(g, "base", s) for g, s in enumerate(distinct(rng, args.count, *[clear] * args.clear))]
    outputs = [open(os.path.join(args.out, n + ".jsonl"), "w") for n in ("captions", "scenes", "questions")]
    for i, (group, twin, scene) in enumerate(todo):
        assert held_out(scene) or scene[0] < 0
        name = "clip-%0*d" % (max(2, len(str(len(todo)))), i + 1)
        own = rng_for("clip", args.seed, i)
        write_clip(own, scene, os.path.join(args.out, name + ".mp4"), args.height, args.crf)
        caption, record, asked = annotate(own, name, scene, group, twin, args.questions)
        for out, lines in zip(outputs, ([caption], [record], asked)):
            out.writelines(json.dumps(line) + "\n" for line in lines)
    for out in outputs:
        out.close()


if __name__ == "__main__":
    main()
