"""Train the demo model from scratch: stage 1 the image encoder, stage 2 everything.

    python train/train.py --out build/demo-run                  the full recipe
    python train/train.py --out build/demo-run --minutes 60     the same within an hour, schedules stretched to fit

Run again with the same --out to go on from the last checkpoint.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import math
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from batch import Images, Texts, training_images
from losses import RoleHead, VisionHeads, joint
from model import Blip
from vocab import Tokenizer
from world import rng_for, sample_scene, swapped

STAGES = {
    1: {"rate": {"vision": 1e-3, "text": 1e-3, "temp": 0.0}, "floor": 0.10, "siblings": 0.0},
    2: {"rate": {"vision": 5e-4, "text": 8e-4, "temp": 5e-5}, "floor": 0.02, "siblings": 0.35},
}
STAGE1_SHARE = 0.15  # of the minutes, at most
WARM_UP, DECAY, CLIP, EMA = 150, 0.05, 1.0, 0.996


class Flat:
    """All trained parameters in one buffer and all gradients in another, so that one call averages them."""

    def __init__(self, named, rates):
        groups = {}
        for name, p in named:
            kind = "temp" if name == "temp" else "vision" if name.startswith("vision_model") else "text"
            groups.setdefault((kind, p.ndim > 1 and "position" not in name), []).append(p)
        total = sum(p.numel() for ps in groups.values() for p in ps)
        self.values = torch.empty(total)
        self.gradients = torch.zeros(total + 1)  # and the clock of process 0
        self.clipped = []
        at, settings = 0, []
        for (kind, decay), params in groups.items():
            begin = at
            for p in params:
                n = p.numel()
                self.values[at:at + n] = p.data.reshape(-1)
                p.data = self.values[at:at + n].view_as(p)
                p.grad = self.gradients[at:at + n].view_as(p)
                at += n
            flat = torch.nn.Parameter(self.values[begin:at])
            flat.grad = self.gradients[begin:at]
            if kind != "temp":
                self.clipped.append(flat.grad)
            settings.append({"params": [flat], "lr": rates[kind], "base": rates[kind],
                             "weight_decay": DECAY if decay else 0.0})
        self.optimiser = torch.optim.AdamW(settings, betas=(0.9, 0.98), fused=True)

    def average(self, clock):
        """Average the gradients over the processes; returns the clock of process 0."""
        world = dist.get_world_size()
        self.gradients[-1] = clock if dist.get_rank() == 0 else 0.0
        dist.all_reduce(self.gradients)
        clock = self.gradients[-1].item()
        self.gradients /= world
        norm = math.sqrt(sum(g.square().sum().item() for g in self.clipped))
        for g in self.clipped:
            g *= min(1.0, CLIP / (norm + 1e-6))
        return clock

    def step(self, scale):
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * scale
        self.optimiser.step()
        self.gradients.zero_()


class Run:
    """One stage on one process."""

    def __init__(self, args, stage, seconds, model, heads, role_head):
        self.args, self.stage, self.settings = args, stage, STAGES[stage]
        self.model, self.heads, self.role_head = model, heads, role_head
        self.rank, self.batch = dist.get_rank(), args.batch // dist.get_world_size()
        self.steps = args.stage1 if stage == 1 else args.stage2
        self.seconds = seconds
        self.tokenizer = Tokenizer()
        trained = list(heads.named_parameters())
        if stage == 1:
            trained += [("vision_model." + n, p) for n, p in model.vision_model.named_parameters()]
        else:
            trained += list(role_head.named_parameters()) + list(model.named_parameters())
        self.flat = Flat(trained, self.settings["rate"])
        self.ema = self.flat.values.clone()
        self.done, self.elapsed = 0, 0.0
        self.path = os.path.join(args.out, "stage%d.pt" % stage)

    def save(self, finished):
        if self.rank:
            return
        torch.save({"done": self.done, "elapsed": self.elapsed, "finished": finished, "values": self.flat.values,
                    "ema": self.ema, "optimiser": self.flat.optimiser.state_dict()}, self.path + ".part")
        os.replace(self.path + ".part", self.path)

    def load(self):
        """Go on from the checkpoint, if there is one; true when the stage is already finished."""
        if not os.path.exists(self.path):
            return False
        saved = torch.load(self.path, weights_only=True)
        self.flat.values.copy_(saved["values"])
        self.ema.copy_(saved["ema"])
        self.flat.optimiser.load_state_dict(saved["optimiser"])
        self.done, self.elapsed = saved["done"], saved["elapsed"]
        return saved["finished"]

    def loss(self, rng, scenes, images, progress):
        with torch.autocast("cpu", torch.bfloat16):
            if self.stage == 1:
                return self.heads(self.model.vision_model(images.pixels), images)
            texts = Texts(rng, scenes, self.tokenizer)
            weight = 0.5 + (0.05 - 0.5) * progress
            return joint(self.model, self.heads, self.role_head, rng, images, texts, self.tokenizer, weight)

    def evaluate(self):
        """Measures on held-out scenes, averaged over the processes."""
        rng = rng_for("evaluate", self.rank)
        scenes = []
        while len(scenes) < 96:
            scene = sample_scene(rng, want_held_out=True)
            scenes.append(scene)
            if scene[2] >= 0 and len(scenes) < 96:
                scenes.append(swapped(scene))
        with torch.no_grad():
            measures = self.loss(rng, scenes, Images(rng, scenes), 1.0)[1]
        values = torch.tensor(list(measures.values()))
        dist.all_reduce(values)
        return dict(zip(measures, (values / dist.get_world_size()).tolist()))

    def say(self, what, measures):
        if self.rank:
            return
        line = "%s stage %d step %d %.1f min %s" % (time.strftime("%H:%M:%S"), self.stage, self.done,
                                                    self.elapsed / 60, what)
        line += "".join(" %s %.3f" % item for item in measures.items())
        print(line, flush=True)
        with open(os.path.join(self.args.out, "log.txt"), "a") as log:
            log.write(line + "\n")

    def train(self):
        if self.load():
            return
        mean, progress = {}, max(self.done / self.steps, self.elapsed / self.seconds)
        last = time.monotonic()
        while self.done < self.steps and progress < 1:
            rng, scenes, images = training_images("%d/%d" % (self.args.seed, self.stage), self.done, self.rank,
                                                  self.batch, self.settings["siblings"])
            loss, measures = self.loss(rng, scenes, images, progress)
            loss.backward()
            now = time.monotonic()
            self.elapsed = self.flat.average(self.elapsed + now - last)
            last = now
            self.done += 1
            progress = max(self.done / self.steps, self.elapsed / self.seconds)
            floor = self.settings["floor"]
            cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
            self.flat.step(min(1.0, self.done / WARM_UP) * cosine)
            self.ema.lerp_(self.flat.values, 1 - min(EMA, (1 + self.done) / (10 + self.done)))
            measures["loss"] = loss.item()
            for key, value in measures.items():
                if value == value:
                    mean[key] = value if key not in mean else 0.95 * mean[key] + 0.05 * value
            if self.done % self.args.log_every == 0:
                self.say("train", mean)
            if self.done % self.args.eval_every == 0:
                self.say("held out", self.evaluate())
                self.save(False)
        self.flat.values.copy_(self.ema)
        self.say("held out, averaged weights", self.evaluate())
        self.save(True)


def work(rank, args):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method="tcp://127.0.0.1:%d" % args.port, rank=rank,
                            world_size=args.processes)
    torch.manual_seed(args.seed)
    tokenizer = Tokenizer()
    model = Blip(tokenizer.size)
    heads, role_head = VisionHeads(model.config["vision_width"]), RoleHead(model.config["width"])
    seconds = args.minutes * 60 or float("inf")
    first = Run(args, 1, seconds * STAGE1_SHARE, model, heads, role_head)
    first.train()
    Run(args, 2, seconds - first.elapsed, model, heads, role_head).train()
    if rank == 0:
        torch.save({k: v.clone() for k, v in model.state_dict().items()}, os.path.join(args.out, "model.pt"))
    dist.destroy_process_group()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", required=True, help="folder for checkpoints, log and the trained model")
    p.add_argument("--minutes", type=float, default=0, help="stop after this long in all (0: when the steps are done)")
    p.add_argument("--stage1", type=int, default=4000, help="steps of stage 1")
    p.add_argument("--stage2", type=int, default=5000, help="steps of stage 2")
    p.add_argument("--batch", type=int, default=64, help="images a step, over all processes")
    p.add_argument("--processes", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--log-every", type=int, default=50)
    p.add_argument("--eval-every", type=int, default=300)
    p.add_argument("--port", type=int, default=29511)
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    mp.spawn(work, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
