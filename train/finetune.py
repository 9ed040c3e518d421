"""Fine-tune a BLIP checkpoint on captioned videos and images, with the losses it was pretrained with.

    python train/finetune.py --model FOLDER --data clips.jsonl --out RUN --eval held-out.jsonl --vblip vblip

RUN/model is the result, a folder that vblip and transformers load. --resume goes on after an interruption.
"""

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time

import numpy as np
import torch

from annotations import Asked, Captioned, Visuals
from checkpoint import NEEDS, Checkpoint
from momentum import FeatureQueue, Momentum
from objectives import Batch, Objectives
from pixels import Pixels
from refused import Refused
from sampler import Sampler, Shuffled
from words import ROWS

DECAY, MOMENTUM, ALPHA = 0.05, 0.995, 0.4  # of AdamW; of the momentum encoders; of the soft targets
QUEUE = 57600
NEW_ROWS = 10.0  # how many times as fast as the rest the rows of added words learn, which begin far from their place
# what a run is made of; a resumed one must have the same
SETTINGS = ("losses", "steps", "batch", "lr", "warm_up", "queue", "seed", "freeze_vision", "mix_share", "frames",
            "frames_per_step", "temperature", "bf16", "questions_batch", "add_words")


def say(line):
    print("finetune: " + line, file=sys.stderr, flush=True)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Data:
    """The pairs and the questions to train on, and which of them a step sees."""

    def __init__(self, args):
        self.visuals = Visuals()
        self.captioned, self.asked = Captioned(self.visuals), Asked(self.visuals)
        for path in args.data:
            self.captioned.read(path, args.videos)
        self.new = len(self.captioned.pairs)
        for path in args.mix:
            self.captioned.read(path, args.videos)
        for path in args.questions:
            self.asked.read(path, args.videos)
        self.per_step = args.questions_batch or args.batch  # questions
        self.order = Shuffled(max(1, len(self.asked.questions)), "%d/questions" % args.seed)
        self.steps_per_epoch = -(-len(self.asked.questions) // self.per_step)
        if args.data:
            self._sample_pairs(args)

    def _sample_pairs(self, args):
        old = round(args.batch * args.mix_share) if args.mix else 0
        fresh = args.batch - old
        if fresh < 1:
            raise Refused("--mix-share %g of --batch %d leaves no room for new pairs" % (args.mix_share, args.batch))
        if self.new < fresh:
            raise Refused("%s: %d pairs, but a batch takes %d; lower --batch" %
                          (" ".join(args.data), self.new, fresh))
        self.steps_per_epoch = self.new // fresh
        pairs = self.captioned.pairs
        self.sampler = Sampler(pairs[:self.new], pairs[self.new:], fresh, old, args.seed)

    def pairs(self, step):
        return self.sampler.pairs(step)

    def questions(self, step):
        return [self.asked.questions[self.order.at(step * self.per_step + i)] for i in range(self.per_step)]

    def described(self):
        """For people: what there is."""
        files = lambda rows: len({row[0] for row in rows})
        pairs, asked = self.captioned.pairs, self.asked.questions
        said = []
        if pairs:
            said.append("%d pairs of %d captioned files" % (self.new, files(pairs[:self.new])))
        if pairs[self.new:]:
            said.append("%d mixed in" % (len(pairs) - self.new))
        if asked:
            said.append("%d questions about %d files" % (len(asked), files(asked)))
        return " and ".join(said)


class Run:
    """A fine-tuning run in its folder."""

    def __init__(self, args):
        self.args = args
        self.path = lambda *names: os.path.join(args.out, *names)
        self.checkpoint = Checkpoint(args.model, args.add_words)
        trainable = [loss for loss in NEEDS if (args.questions if loss == "qa" else args.data)]
        args.losses = self.checkpoint.losses(trainable, args.losses)
        self.data = Data(args)
        if not args.steps:
            args.steps = args.epochs * self.data.steps_per_epoch
        args.queue = args.queue if args.queue is not None else min(QUEUE, self.data.new)
        self.done, self.window = 0, []  # steps done; measures of those not yet logged
        self.begin()
        self.build()

    # --- the folder ---------------------------------------------------------------------------------------------

    def begin(self):
        """Makes the folder, or finds in it the run that is to go on."""
        args = self.args
        settings = {name: getattr(args, name) for name in SETTINGS}
        settings["annotations"] = [digest(p) for p in args.data + args.mix + args.questions]
        settings["config"] = digest(os.path.join(args.model, "config.json"))
        there = os.path.exists(self.path("run.json"))
        if args.overwrite:
            for name in ("run.json", "state.pt", "log.jsonl"):
                if os.path.exists(self.path(name)):
                    os.remove(self.path(name))
            shutil.rmtree(self.path("model"), ignore_errors=True)
        elif args.resume:
            if not there:
                raise Refused("%s: holds no run to resume" % args.out)
            with open(self.path("run.json"), encoding="utf-8") as file:
                begun = json.load(file)
            for name, value in settings.items():
                if begun.get(name) != value:
                    raise Refused("%s: was begun with %s %s, not %s; a resumed run takes the same" %
                                  (args.out, name, begun.get(name), value))
        elif os.path.isdir(args.out) and os.listdir(args.out):
            raise Refused("%s: is not empty; --resume goes on, --overwrite begins anew" % args.out)
        if args.overwrite or not there:
            os.makedirs(args.out, exist_ok=True)
            self.write("run.json", json.dumps(settings, indent=2) + "\n")

    def write(self, name, text):
        with open(self.path(name + ".part"), "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(self.path(name + ".part"), self.path(name))

    def build(self):
        args, checkpoint = self.args, self.checkpoint
        torch.manual_seed(args.seed)
        self.model = checkpoint.model(args.losses, args.temperature).to(args.device)
        if args.freeze_vision:
            self.model.vision_model.requires_grad_(False)
        momentum = queue = None
        if set(args.losses) & {"itc", "itm"}:
            momentum = Momentum(self.model, MOMENTUM, ("vision_model",) if args.freeze_vision else ())
            queue = FeatureQueue(args.queue, checkpoint.sizes["shared"], args.device)
        self.objectives = Objectives(self.model, momentum, queue, checkpoint.tokenizer, args.losses,
                                     args.freeze_vision)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=args.lr, weight_decay=DECAY)
        self.new_rows = [p.data[checkpoint.added] for n, p in self.model.named_parameters() if n.endswith(ROWS)]
        self.pixels = Pixels(self.path("pixels"), args.frames, checkpoint.sizes["side"])
        self.mean, self.std = [torch.tensor(x, device=args.device)[:, None, None]
                               for x in (checkpoint.mean, checkpoint.std)]
        if args.resume:
            self.load()

    def save(self):
        o = self.objectives
        state = {"done": self.done, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                 "window": self.window}
        if o.momentum:
            state["momentum"], state["queue"] = o.momentum.state(), o.queue.state()
        with open(self.path("state.pt.part"), "wb") as out:
            torch.save(state, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(self.path("state.pt.part"), self.path("state.pt"))

    def load(self):
        """The last state that was saved, if there is one."""
        if os.path.exists(self.path("state.pt")):
            state = torch.load(self.path("state.pt"), map_location=self.args.device, weights_only=True)
            self.done, self.window = state["done"], state["window"]
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.objectives.momentum:
                self.objectives.momentum.load(state["momentum"])
                self.objectives.queue.load(state["queue"])
        if os.path.exists(self.path("log.jsonl")):  # what was logged after the state was saved comes again
            with open(self.path("log.jsonl"), encoding="utf-8") as file:
                lines = [line for line in file if line.endswith("\n") and json.loads(line)["step"] <= self.done > 0]
            self.write("log.jsonl", "".join(lines))

    def log(self, **fields):
        """One line of log.jsonl, and the same for people."""
        with open(self.path("log.jsonl"), "a", encoding="utf-8") as out:
            out.write(json.dumps({"step": self.done, **fields}) + "\n")
        said = " ".join("%s %s" % (k, "%.4g" % v if isinstance(v, float) else v) for k, v in fields.items())
        say("step %d of %d: %s" % (self.done, self.args.steps, said))

    # --- steps --------------------------------------------------------------------------------------------------

    def shown(self, visuals, rng):
        """Pixels of these visuals; of each video as many frames as a step takes, drawn anew."""
        shown = []
        for visual in visuals:
            frames = self.pixels.frames(self.data.visuals.named[visual][0])
            take = self.args.frames_per_step
            at = sorted(rng.sample(range(len(frames)), take)) if take <= len(frames) else \
                [i % len(frames) for i in range(take)]
            shown.append(frames[at])
        pixels = torch.from_numpy(np.stack(shown)).to(self.args.device)
        return ((pixels.permute(0, 1, 4, 2, 3).float() / 255 - self.mean) / self.std).contiguous()

    def batch(self, step):
        """Step `step`'s pairs."""
        rng = random.Random("%d/frames/%d" % (self.args.seed, step))
        visuals, captions, said = zip(*self.data.pairs(step))
        texts = self.data.captioned.captions
        return Batch(self.shown(visuals, rng), [texts[c] for c in captions], [texts[c] for c in said], visuals,
                     captions)

    def asked(self, step):
        """Step `step`'s (pixels, questions, answers)."""
        rng = random.Random("%d/frames asked about/%d" % (self.args.seed, step))
        visuals, questions, answers = zip(*self.data.questions(step))
        return self.shown(visuals, rng), questions, answers

    def step(self):
        args = self.args
        rate = 0.5 * (1 + math.cos(math.pi * self.done / args.steps)) * min(1.0, (self.done + 1) / (args.warm_up + 1))
        for group in self.optimiser.param_groups:
            group["lr"] = args.lr * rate
        alpha = ALPHA * min(1.0, self.done / self.data.steps_per_epoch)
        generator = torch.Generator().manual_seed(args.seed * 1000003 + self.done)
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
            loss, measures = self.objectives(self.batch(self.done) if set(args.losses) - {"qa"} else None,
                                             self.asked(self.done) if "qa" in args.losses else None, alpha, generator)
        if not torch.isfinite(loss):
            raise Refused("step %d: the loss is %s; lower --lr" % (self.done + 1, loss.item()))
        self.optimiser.zero_grad()
        loss.backward()
        before = [rows.clone() for rows in self.new_rows]
        self.optimiser.step()
        for rows, old in zip(self.new_rows, before):
            rows.copy_(old + NEW_ROWS * (rows - old))
        self.done += 1
        return {"loss": loss.item(), **measures}

    def export(self):
        self.checkpoint.export(self.model, self.path("model"), self.args.float16, self.args.old_share)

    def evaluate(self):
        """Exports, and has vblip measure what is exported."""
        args = self.args
        self.export()
        for annotations in args.eval:
            self.measure("retrieval", annotations, "--frames", str(args.frames))
        for annotations in args.eval_questions:
            self.measure("qa", annotations)

    def measure(self, protocol, annotations, *options):
        argv = [self.args.vblip, "eval", protocol, "--model", self.path("model"), "-q", "-f", "json",
                "--annotations", annotations, *options]
        if self.args.videos:
            argv += ["--videos", self.args.videos]
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        except OSError as e:
            raise Refused("%s: %s" % (self.args.vblip, e.strerror)) from e
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
            raise Refused("%s eval %s of %s: exit status %d: %s" %
                          (self.args.vblip, protocol, annotations, done.returncode, said))
        self.log(eval=annotations, **{m["metric"]: m["value"] for m in json.loads(done.stdout)})

    def train(self):
        args = self.args
        if self.done >= args.steps:
            self.export()  # which --old-share and --float16 may be others for
            say("%s: is finished, and written again" % self.path("model"))
            return
        self.pixels.prepare(self.data.visuals.named, say)
        trained = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        say("%s: %.1f million parameters, %s, %d steps of %d, losses %s" %
            (args.model, trained / 1e6, self.data.described(), args.steps, args.batch, " + ".join(args.losses)))
        left_out = [loss for loss in NEEDS if loss not in args.losses]
        if left_out:
            say("not trained: %s" % ", ".join(left_out))
        if args.add_words:
            added = self.checkpoint.tokenizer.lines[self.checkpoint.added]
            say("words added to vocab.txt: %s" % (", ".join(added) or "none, it has them all"))
        if self.done == 0 and (args.eval or args.eval_questions):
            self.evaluate()
        while self.done < args.steps:
            began = time.monotonic()
            self.window.append(self.step())
            self.window[-1]["seconds"] = time.monotonic() - began
            if self.done % args.log_every == 0 or self.done == args.steps:
                self.log(**{k: sum(m[k] for m in self.window) / len(self.window) for k in self.window[0]})
                self.window = []
            if self.done < args.steps:
                if args.eval_every and self.done % args.eval_every == 0:
                    self.evaluate()
                if self.done % args.save_every == 0:
                    self.save()
        self.evaluate()
        self.save()
        say("%s: written" % self.path("model"))


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("%s: at least 1 is needed" % text)
    return value


def share(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("%s: not at least 0 and below 1" % text)
    return value


def loss_names(text):
    names = text.split(",")
    bad = [n for n in names if n not in NEEDS]
    if bad:
        raise argparse.ArgumentTypeError("%s: none of %s" % (bad[0], ", ".join(NEEDS)))
    return names


def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--model", required=True, help="checkpoint folder in Hugging Face's layout")
    p.add_argument("--data", action="append", default=[], help="JSON Lines as of vblip eval retrieval; repeatable")
    p.add_argument("--questions", action="append", default=[], help="JSON Lines as of vblip eval qa; repeatable")
    p.add_argument("--out", required=True, help="folder of the run; the result is its model/")
    p.add_argument("--videos", help="folder that names are relative to (that of the file which names them)")
    p.add_argument("--mix", action="append", default=[], metavar="FOLDER-or-JSONL",
                   help="old data to mix in, so that it is not forgotten; of a folder its captions.jsonl")
    p.add_argument("--mix-share", type=share, default=0.5, help="of each batch (0.5)")
    p.add_argument("--questions-batch", type=positive, help="questions a step (as many as pairs)")
    p.add_argument("--losses", type=loss_names, help="of itc,itm,lm,qa (all that there are data and parts for)")
    p.add_argument("--add-words", type=lambda text: text.split(","), default=[], metavar="WORD,...",
                   help="give the vocabulary these words, which it has to spell so far")
    p.add_argument("--freeze-vision", action="store_true", help="leave the image encoder as it is")
    p.add_argument("--steps", type=int, default=0, help="instead of --epochs")
    p.add_argument("--epochs", type=positive, default=6, help="passes over the new data (6)")
    p.add_argument("--batch", type=positive, default=32, help="pairs a step (32)")
    p.add_argument("--lr", type=float, default=1e-5, help="learning rate, falling to 0 by a cosine (1e-5)")
    p.add_argument("--warm-up", type=int, default=0, help="steps in which the learning rate rises (0)")
    p.add_argument("--queue", type=int, help="pairs that ITC remembers (%d, at most as many as there are)" % QUEUE)
    p.add_argument("--temperature", type=float, default=0.07, help="of ITC, where it begins (0.07)")
    p.add_argument("--frames", type=positive, default=8, help="frames kept of a video, and of vblip's evaluation (8)")
    p.add_argument("--frames-per-step", type=positive, default=1, help="of these, drawn for a step (1)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", default="cpu", help="of PyTorch: cpu, cuda (cpu)")
    p.add_argument("--bf16", action="store_true", help="bf16 autocast")
    p.add_argument("--float16", action="store_true", help="write float16 weights instead of float32")
    p.add_argument("--old-share", type=share, default=0.0,
                   help="of the weights that are written: so much of what they were before, the rest trained (0)")
    p.add_argument("--eval", action="append", default=[],
                   help="annotations that vblip eval retrieval measures; repeatable")
    p.add_argument("--eval-questions", action="append", default=[], help="those of vblip eval qa; repeatable")
    p.add_argument("--vblip", default="vblip", help="the program (vblip)")
    p.add_argument("--eval-every", type=int, default=0, help="steps (0: before and after only)")
    p.add_argument("--save-every", type=positive, default=500, help="steps between states to resume from (500)")
    p.add_argument("--log-every", type=positive, default=20, help="steps (20)")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument("--overwrite", action="store_true", help="begin anew where --out holds a run")
    args = p.parse_args()
    if args.resume and args.overwrite:
        p.error("--resume and --overwrite exclude each other")
    if not args.data and (args.mix or not args.questions):
        p.error("--mix needs --data" if args.mix else "one of --data and --questions is needed")
    if args.frames_per_step > args.frames:
        p.error("--frames-per-step %d: more than the %d of --frames" % (args.frames_per_step, args.frames))
    if args.lr <= 0 or args.temperature <= 0 or args.steps < 0 or args.warm_up < 0 or (args.queue or 0) < 0:
        p.error("--lr and --temperature must be above 0; --steps, --warm-up and --queue not below")
    args.mix = [os.path.join(m, "captions.jsonl") if os.path.isdir(m) else m for m in args.mix]
    return args


def main():
    try:
        Run(options()).train()
    except Refused as e:
        say(str(e))
        return 1
    except KeyboardInterrupt:
        say("interrupted; --resume goes on from the last state that was saved")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
