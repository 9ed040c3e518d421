"""The momentum encoders of ITC and the queue of what they saw last (the paper's section 3.2, as in ALBEF)."""

import copy

import torch

ENCODERS = ("vision_model", "text_encoder", "vision_proj", "text_proj")


class Momentum:
    """A copy of the encoders that follows them: m * copy + (1 - m) * encoder."""

    def __init__(self, model, rate, frozen=()):
        self.rate = rate
        # what does not move needs no copy
        self.followed = {n: getattr(model, n) for n in ENCODERS if n not in frozen}
        self.copies = {n: copy.deepcopy(m).requires_grad_(False) for n, m in self.followed.items()}
        self.parts = {n: self.copies.get(n) or getattr(model, n) for n in ENCODERS}

    @torch.no_grad()
    def follow(self):
        for name, module in self.copies.items():
            for own, theirs in zip(module.parameters(), self.followed[name].parameters()):
                own.mul_(self.rate).add_(theirs, alpha=1 - self.rate)

    def state(self):
        return {n: m.state_dict() for n, m in self.copies.items()}

    def load(self, state):
        for name, module in self.copies.items():
            module.load_state_dict(state[name])


class FeatureQueue:
    """The newest `size` pairs of momentum features with what they are of. It begins empty."""

    def __init__(self, size, width, device="cpu"):
        self.image = torch.zeros(size, width, device=device)
        self.text = torch.zeros(size, width, device=device)
        self.visuals = torch.zeros(size, dtype=torch.long, device=device)
        self.captions = torch.zeros(size, dtype=torch.long, device=device)
        self.at, self.filled = 0, 0

    @property
    def size(self):
        return self.image.shape[0]

    def columns(self):
        """(image features, text features, visuals, captions), each of the `filled` pairs that are there."""
        return tuple(x[:self.filled] for x in (self.image, self.text, self.visuals, self.captions))

    def push(self, image, text, visuals, captions):
        """The oldest pairs make room for these."""
        keep = slice(max(0, len(image) - self.size), None)
        rows = [x[keep] for x in (image, text, visuals, captions)]
        count = len(rows[0])
        if not count:
            return
        places = (self.at + torch.arange(count, device=self.image.device)) % self.size
        for ring, new in zip((self.image, self.text, self.visuals, self.captions), rows):
            ring[places] = new.to(ring.dtype)
        self.at = (self.at + count) % self.size
        self.filled = min(self.size, self.filled + count)

    def state(self):
        return {"image": self.image, "text": self.text, "visuals": self.visuals, "captions": self.captions,
                "at": self.at, "filled": self.filled}

    def load(self, state):
        for name in ("image", "text", "visuals", "captions"):
            getattr(self, name).copy_(state[name])
        self.at, self.filled = state["at"], state["filled"]
