#!/usr/bin/env python3
"""Shots of films whose cuts are known: vblip and PySceneDetect's adaptive detector.

    shots_peers.py make FILMS [--data FOLDER] [--seed 0]
    shots_peers.py make FILMS --size 1280x720 --minutes 10 --kinds mixed
    shots_peers.py run FILMS --vblip build/release/vblip [--rounds 2]

`make` joins photographs that a camera moves over and stretches of vtest.avi
(Debian's opencv-doc), no source twice in a row: "cuts" by hard cuts alone,
"mixed" by cuts, dissolves of 12 to 29 frames and fades through black of 20 to
38. Some shots have a flash of one frame, which ends none. Each film is encoded
twice: with key frames where x264 sees cuts, and with one every 250 frames
(`fixed`). What was joined where lies beside it, in NAME.json.

`run` lets the programs take turns. A cut counts as found within 3 frames of
it, a dissolve or fade also anywhere within; all else that is found is wrong.
One JSON object a program, kind and encoding goes to standard output, a table to
standard error. Numbers of PySceneDetect are of its defaults.
"""

import argparse
import json
import random
import subprocess
from pathlib import Path

import cv2
import numpy as np

from common import clock, note, report

FPS = 25
TOLERANCE = 3  # frames
ENCODINGS = {
    "scenecut": [],
    "fixed": ["-g", "250", "-keyint_min", "250", "-sc_threshold", "0"],
}
KINDS = {"cuts": ["cut"], "mixed": ["cut", "dissolve", "fade"]}

# --------------------------------------------------------------------- films


class Sources:
    """What shots are made of; none is used twice in a row."""

    def __init__(self, folder, size, draw):
        pictures = sorted([*folder.glob("*.jpg"), *folder.glob("*.png")])
        self.photographs = [p for p in pictures if self.is_large(p)]
        self.video = str(folder / "vtest.avi")
        self.size, self.draw, self.last = size, draw, None

    @staticmethod
    def is_large(path):
        picture = cv2.imread(str(path))
        return picture is not None and min(picture.shape[:2]) >= 200

    def pan(self, count):
        """A camera that moves over a photograph, in a straight line."""
        width, height = self.size
        self.last = self.draw.choice([p for p in self.photographs if p != self.last])
        picture = cv2.imread(str(self.last))
        scale = 1.35 * max(width / picture.shape[1], height / picture.shape[0])
        picture = cv2.resize(picture, None, fx=scale, fy=scale,
                             interpolation=cv2.INTER_AREA if scale < 1
                             else cv2.INTER_CUBIC)
        room = np.array(picture.shape[1::-1]) - self.size - 1
        begin, end = (np.array([self.draw.random(), self.draw.random()]) * room
                      for _ in range(2))
        frames = []
        for i in range(count):
            x, y = begin + (end - begin) * i / (count - 1)
            frames.append(cv2.warpAffine(picture, np.float32([[1, 0, -x], [0, 1, -y]]),
                                         self.size))
        return frames

    def stretch(self, count):
        """People who walk through a street, seen by a camera that stands."""
        self.last = self.video
        video = cv2.VideoCapture(self.video)
        first = self.draw.randrange(int(video.get(cv2.CAP_PROP_FRAME_COUNT)) - count)
        video.set(cv2.CAP_PROP_POS_FRAMES, first)
        return [cv2.resize(video.read()[1], self.size) for _ in range(count)]

    def shot(self, count):
        photograph = self.last == self.video or self.draw.random() < 0.65
        frames = self.pan(count) if photograph else self.stretch(count)
        if count > 80 and self.draw.random() < 0.1:
            flash = np.full_like(frames[0], 255)
            middle = count // 2
            frames[middle] = cv2.addWeighted(frames[middle], 0.3, flash, 0.7, 0)
        return frames


def dissolve(before, behind, count):
    for i in range(count):
        share = (i + 1) / (count + 1)
        before[i - count] = cv2.addWeighted(before[i - count], 1 - share, behind[i],
                                            share, 0)
    del behind[:count]


def fade(before, behind, count):
    for i in range(count):
        share = (i + 1) / count
        before[i - count] = (before[i - count] * (1 - share)).astype(np.uint8)
        behind[i] = (behind[i] * share).astype(np.uint8)


def film(sources, kinds, draw, length, truth):
    """Frames one by one; `truth` grows by [kind, first, last] as they come."""
    held, position = [], 0  # the shot that the next one is joined to, and its place
    while position < length:
        behind = sources.shot(draw.randrange(int(1.6 * FPS), 7 * FPS))
        kind = draw.choice(kinds) if held else None
        count = min(draw.randrange(12, 30) if kind == "dissolve" else
                    draw.randrange(10, 20), len(held) - 8, len(behind) - 8)
        if kind in ("dissolve", "fade") and count < 10:
            kind = "cut"
        place = position + len(held)
        if kind == "cut":
            truth.append([kind, place, place])
        elif kind == "dissolve":
            truth.append([kind, place - count, place])
            dissolve(held, behind, count)
        elif kind == "fade":
            truth.append([kind, place - count, place + count])
            fade(held, behind, count)
        yield from held
        position += len(held)
        held = behind
    if truth and truth[-1][1] >= position - 1:
        truth.pop()  # what it is joined to does not come


def encoder(path, size, options):
    return subprocess.Popen(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s",
         f"{size[0]}x{size[1]}", "-r", str(FPS), "-i", "-", "-pix_fmt", "yuv420p",
         "-c:v", "libx264", "-preset", "veryfast", *options, path],
        stdin=subprocess.PIPE)


def make(args):
    args.films.mkdir(parents=True, exist_ok=True)
    size = tuple(int(n) for n in args.size.split("x"))
    for kind in args.kinds.split(","):
        for number in range(args.count):
            name = f"{kind}-{number}"
            note(f"making {name}")
            draw = random.Random(f"{kind} {number} {args.seed}")
            truth = []
            encoders = [encoder(args.films / f"{name}-{encoding}.mp4", size, options)
                        for encoding, options in ENCODINGS.items()]
            for frame in film(Sources(args.data, size, draw), KINDS[kind], draw,
                              args.minutes * 60 * FPS, truth):
                for each in encoders:
                    each.stdin.write(frame.tobytes())
            for each in encoders:
                each.stdin.close()
                if each.wait():
                    raise SystemExit(f"ffmpeg failed: {name}")
            (args.films / f"{name}.json").write_text(json.dumps(truth))


# ------------------------------------------------------------------- programs


def by_vblip(args):
    def shots(path):
        rows = subprocess.run([args.vblip, "shots", "-f", "json", path],
                              capture_output=True, check=True).stdout
        return [round(row["start"] * FPS) for row in json.loads(rows)][1:]
    version = subprocess.run([args.vblip, "--version"], capture_output=True, text=True,
                             check=True).stdout.split()[1]
    return shots, version


def by_scenedetect(_):
    import scenedetect
    from scenedetect import AdaptiveDetector, detect

    def shots(path):
        return [begin.frame_num for begin, _ in detect(str(path), AdaptiveDetector())][1:]
    return shots, scenedetect.__version__


PROGRAMS = {"vblip": by_vblip, "scenedetect": by_scenedetect}


def score(found, truth, wrong, hits):
    """Adds what of `found` is wrong, and which changes were hit, by their kind."""
    used = set()
    for kind, first, last in truth:
        near = [f for f in found if first - TOLERANCE <= f <= last + TOLERANCE
                and f not in used]
        hits.setdefault(kind, []).append(bool(near))
        used |= set(near[:1] if kind == "cut" else near)
    return wrong + len(set(found) - used)


def run(args):
    programs = {name: PROGRAMS[name](args) for name in args.programs.split(",")}
    rows = []
    for kind in KINDS:
        for encoding in ENCODINGS:
            films = sorted(args.films.glob(f"{kind}-*-{encoding}.mp4"))
            if not films:
                continue
            seconds = {name: [] for name in programs}
            for _ in range(args.rounds):
                for name, (shots, _) in programs.items():
                    found = []
                    seconds[name] += clock(lambda: found.extend(shots(f) for f in films),
                                           runs=1, warmup=0)
                    programs[name] = (shots, programs[name][1])
                    seconds.setdefault(name + " found", found)
            for name, (_, version) in programs.items():
                wrong, hits = 0, {}
                for path, cuts in zip(films, seconds[name + " found"]):
                    truth = path.with_name(path.stem.rsplit("-", 1)[0] + ".json")
                    wrong = score(cuts, json.loads(truth.read_text()), wrong, hits)
                every = [hit for kinds in hits.values() for hit in kinds]
                row = {"wrong": wrong, "missed": every.count(False),
                       "f1": round(2 * sum(every) / (len(every) + sum(every) + wrong), 3)}
                row |= {k: f"{sum(v)}/{len(v)}" for k, v in sorted(hits.items())}
                report(f"{kind}-{encoding}", name, version, f"{len(films)} films",
                       seconds[name], **row)
                rows.append((kind, encoding, name, min(seconds[name]), row))
    for kind, encoding, name, least, row in rows:
        note(f"{kind:6} {encoding:9} {name:12} {least:7.2f} s  " +
             "  ".join(f"{k} {v}" for k, v in row.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    m = commands.add_parser("make")
    m.add_argument("films", type=Path)
    m.add_argument("--data", type=Path,
                   default=Path("/usr/share/doc/opencv-doc/examples/data"))
    m.add_argument("--size", default="320x180")
    m.add_argument("--minutes", type=float, default=3)
    m.add_argument("--count", type=int, default=3, help="films of each kind")
    m.add_argument("--kinds", default="cuts,mixed")
    m.add_argument("--seed", default="0")
    m.set_defaults(run=make)
    r = commands.add_parser("run")
    r.add_argument("films", type=Path)
    r.add_argument("--vblip", default="build/release/vblip")
    r.add_argument("--programs", default=",".join(PROGRAMS))
    r.add_argument("--rounds", type=int, default=1)
    r.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
