"""Teach the demo model ten objects it has never seen, and measure what it gains and what it loses.

    python train/new_objects.py --vblip build/release/vblip --out build/new-objects

Draws clips of scenes with the new objects and clips of the old world, with captions and questions, fine-tunes
models/demo on the first with the second mixed in (train/finetune.py), and scores held-out clips of both before and
after. Run again with the same --out to go on after an interruption.
"""

import argparse
import json
import os
import subprocess
import sys

import world
from world import OBJECTS, Object, rng_for

NEW = """zebra|1F993|animal|
crocodile|1F40A|animal|
shark|1F988|animal|
camel|1F42B|animal|
hedgehog|1F994|animal|
cherry/cherries|1F352|food|
avocado|1F951|food|
ambulance|1F691|vehicle|
anchor|2693|thing|
pumpkin|1F383|thing|"""
KNOWN = len(OBJECTS)
QUESTIONS = 5  # of a clip, at most
OBJECTS.extend(Object(line) for line in NEW.splitlines())  # before the modules that count them

from captions import STRANGERS, canonical, plain, say
from claims import claim_of, holds_one, thin
from make_clips import things, write_clip
from questions import question

STRANGERS[:] = [s for s in STRANGERS if s not in {o.name for o in OBJECTS}]  # what is said of strangers is false

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def is_new(scene):
    return scene[0] >= KNOWN or scene[2] >= KNOWN


def scenes(rng, count, new, held_out, distinct):
    """Scenes with a new object, or without; distinct ones have captions that are true of no other."""
    found, kind = [], world.sample_kind(rng)
    while len(found) < count:
        if rng.random() < 0.01:  # that kind may be used up, or cannot be what is wanted
            kind = world.sample_kind(rng)
        scene = world.sample_scene(rng, want_held_out=held_out, kind=kind)
        if new and not is_new(scene):
            wanted = KNOWN + rng.randrange(len(OBJECTS) - KNOWN)  # the rest of the scene stays as drawn
            scene = (wanted, *scene[1:]) if scene[0] >= 0 and (scene[2] < 0 or rng.random() < 0.5) else \
                (*scene[:2], wanted, *scene[3:]) if scene[2] >= 0 else scene
        if is_new(scene) != new or (scene[0] >= 0 and world.held_out(scene) != held_out):
            continue
        if distinct and any(holds_one(claim_of(scene), s) or holds_one(claim_of(s), scene) for s in found):
            continue
        found.append(scene)
        kind = world.sample_kind(rng)
    return found


def make(folder, seed, count, new, held_out):
    """A folder of clips with captions.jsonl, one caption to score by, three to train with, and questions.jsonl."""
    if os.path.exists(os.path.join(folder, "captions.jsonl")):
        return
    os.makedirs(folder, exist_ok=True)
    lines, told, asked = [], [], []
    for i, scene in enumerate(scenes(rng_for("new objects", seed), count, new, held_out, held_out)):
        rng, name = rng_for("new objects", seed, i), "clip-%03d" % (i + 1)
        write_clip(rng, scene, os.path.join(folder, name + ".mp4"))
        texts = [canonical(scene)]
        if not held_out:
            texts += [plain(say(rng, thin(rng, claim_of(scene)))) for _ in range(2)]
        lines.append({"clip_name": name, "caption": texts, "lm_caption": texts[0]})
        made = {q: a for q, a, _ in (question(rng, scene) for _ in range(QUESTIONS))}
        asked += [{"video": name, "question": q, "answer": a} for q, a in made.items()]
        told.append({"clip_name": name, "objects": things(scene)})
    for name, records in (("scenes", told), ("questions", asked), ("captions", lines)):
        with open(os.path.join(folder, name + ".jsonl.part"), "w", encoding="utf-8") as out:
            out.writelines(json.dumps(record) + "\n" for record in records)
        os.replace(out.name, out.name[:-len(".part")])


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit("%s: exit status %d" % (" ".join(argv), done.returncode))
    return done.stdout.decode()


def evaluated(vblip, protocol, model, annotations):
    said = run(vblip, "eval", protocol, "-q", "-f", "json", "--model", model, "--annotations", annotations)
    return {m["metric"]: m["value"] for m in json.loads(said)}


def score(vblip, model, folder):
    """{measure: percent} of a folder's clips, captions and questions."""
    found = evaluated(vblip, "retrieval", model, os.path.join(folder, "captions.jsonl"))
    answered = evaluated(vblip, "qa", model, os.path.join(folder, "questions.jsonl"))
    with open(os.path.join(folder, "scenes.jsonl"), encoding="utf-8") as file:
        told = {r["clip_name"]: r["objects"] for r in map(json.loads, file)}
    right = []
    for row in map(json.loads, run(vblip, "caption", "-q", "-f", "jsonl", "--model", model, "--count", "2",
                                   folder).splitlines()):
        words = " %s " % row["caption"]
        named = told[os.path.splitext(os.path.basename(row["path"]))[0]]
        right.append(all(" %s " % (noun if n is None else n + " " + noun) in words for n, noun in named))
    return {"text to video R@1": found["vid_r1"], "video to text R@1": found["txt_r1"],
            "captions that name all": 100.0 * sum(right) / len(right), "answers": answered["accuracy"]}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--vblip", default="vblip")
    p.add_argument("--out", required=True)
    p.add_argument("--model", default=os.path.join(ROOT, "models", "demo"))
    p.add_argument("--clips", type=int, default=300, help="of new objects to train with; of old ones twice as many")
    p.add_argument("--steps", type=int, default=400)
    args = p.parse_args()
    at = lambda *names: os.path.join(args.out, *names)
    for name, seed, count, new, held_out in (("train-new", 1, args.clips, True, False),
                                             ("train-old", 2, 2 * args.clips, False, False),
                                             ("test-new", 3, 60, True, True), ("test-old", 4, 100, False, True)):
        make(at(name), seed, count, new, held_out)
    words = [form for new in OBJECTS[KNOWN:] for form in (new.name, new.plural)]
    argv = [sys.executable, os.path.join(ROOT, "train", "finetune.py"), "--model", args.model, "--out", at("run"),
            "--data", at("train-new", "captions.jsonl"), "--mix", at("train-old"), "--mix-share", "0.7",
            "--questions", at("train-new", "questions.jsonl"), "--questions", at("train-old", "questions.jsonl"),
            "--add-words", ",".join(words), "--old-share", "0.2", "--float16",
            "--steps", str(args.steps), "--lr", "1e-4", "--temperature", "0.03", "--save-every", "100"]
    run(*argv, *["--resume"] * os.path.exists(at("run", "run.json")))
    for name in ("test-new", "test-old"):
        before, after = [score(args.vblip, model, at(name)) for model in (args.model, at("run", "model"))]
        for measure in before:
            print("%s  %-24s %5.1f %%  %5.1f %%" % (name, measure, before[measure], after[measure]))


if __name__ == "__main__":
    main()
