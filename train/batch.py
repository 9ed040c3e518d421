"""A batch of generated scenes with everything the losses need."""

import numpy as np
import torch

import pixels
from captions import ROLES, canonical, say
from claims import claim_of, false_claim, thin
from draw import SIDE, training_image
from questions import question
from vocab import CLS, SEP
from world import BIG, LEFT, OBJECTS, rng_for, sample_scene, sibling

MEAN, STD = [np.array(x, np.float32) for x in (pixels.MEAN, pixels.STD)]

NOTHING = len(OBJECTS)  # the class of a patch of background
# roles of an object in its scene: single, left, right, top, bottom, one of 2, 3, 4
SINGLE, FIRST_ROLE = 0, 1


def normalised(images):
    x = (np.stack(images).astype(np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def draw_scenes(rng, count, siblings):
    scenes = []
    while len(scenes) < count:
        scene = sample_scene(rng)
        scenes.append(scene)
        if len(scenes) < count and rng.random() < siblings:
            scenes.append(sibling(rng, scene))
    return scenes


def patch_labels(placed, alphas, scene):
    """Per patch: class, centre relative to the frame, role."""
    g = SIDE // 16
    classes = np.full(g * g, NOTHING, np.int64)
    centres = np.zeros((g * g, 2), np.float32)
    roles = np.zeros(g * g, np.int64)
    best = np.full(g * g, 0.2, np.float32)
    a, n, b, relation = scene[:4]
    for i, (p, alpha) in enumerate(zip(placed, alphas)):
        cover = alpha.reshape(g, 16, g, 16).mean((1, 3)).ravel()
        here = cover > best
        best[here] = cover[here]
        classes[here] = p.x
        centres[here] = p.cx, p.cy
        if b >= 0:
            roles[here] = FIRST_ROLE + (0 if relation == LEFT else 2) + i
        else:
            roles[here] = SINGLE if n == 1 else FIRST_ROLE + 2 + n
    return classes, centres, roles


class Images:
    """Pixels and what stage 1 learns from them."""

    def __init__(self, rng, scenes):
        drawn = [training_image(rng, s) for s in scenes]
        self.scenes = np.array(scenes)
        self.pixels = normalised([d[0] for d in drawn])
        labels = [patch_labels(d[1], d[2], s) for d, s in zip(drawn, scenes)]
        self.classes, self.centres, self.roles = [torch.from_numpy(np.stack(x)) for x in zip(*labels)]
        a, n, b, relation, colour, size = [torch.from_numpy(c.copy()) for c in self.scenes.T[:6]]
        self.present = torch.zeros(len(scenes), NOTHING + 1)
        rows = torch.arange(len(scenes))
        self.present[rows, torch.where(a < 0, NOTHING, a)] = 1
        self.present[rows, torch.where(b < 0, NOTHING, b)] = 1
        self.present = self.present[:, :NOTHING]
        self.colour, self.count = colour, n + (b >= 0)
        self.size = torch.where((n == 1) & (b < 0), size, BIG + 1)
        self.relation = relation + 1


class Texts:
    """Texts for the scenes of a batch, as token ids."""

    def __init__(self, rng, scenes, tokenizer):
        t = tokenizer
        self.claims, self.captions, self.noun_roles = [], [], []
        self.false_captions, self.prompts, self.questions, self.answers, self.kinds = [], [], [], [], []
        for scene in scenes:
            claim = thin(rng, claim_of(scene)) if rng.random() < 0.75 else claim_of(scene)
            ids, roles = self._tagged(t, say(rng, claim))
            self.claims.append(claim)
            self.captions.append(ids)
            self.noun_roles.append(roles)
            lie = say(rng, false_claim(rng, claim, scene))
            self.false_captions.append(self._tagged(t, lie)[0])
            prompt = rng.choices(("a picture of ", "a photo of ", "a video of ", ""), (85, 5, 5, 5))[0]
            self.prompts.append(t.encode(prompt + canonical(scene), t.dec))
            q, a, kind = question(rng, scene)
            if rng.random() < 0.25:
                q = q.rstrip("?")
            self.questions.append(t.encode(q, CLS if rng.random() < 0.25 else t.enc))
            self.answers.append(t.encode(a, t.dec))
            self.kinds.append(kind)
        self.claims = np.array(self.claims)

    @staticmethod
    def _tagged(t, segments):
        """Token ids in [CLS] ... [SEP], and for each the role of the noun it belongs to (-1: none)."""
        ids, roles = [CLS], [-1]
        for words, role in segments:
            pieces = t.pieces(words)
            ids += pieces
            roles += [ROLES.index(role) if role else -1] * len(pieces)
        return (ids + [SEP])[:40], (roles + [-1])[:40]


def training_images(seed, step, rank, count, siblings):
    rng = rng_for(seed, step, rank)
    scenes = draw_scenes(rng, count, siblings)
    return rng, scenes, Images(rng, scenes)
