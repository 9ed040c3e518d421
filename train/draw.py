"""Scenes as pixels: layout, background, and the damage that video frames come with."""

import io
import math

import numpy as np
from PIL import Image

from sprites import paste
from world import ABOVE, BIG, COLOURS, SMALL

SIDE = 96


class Placed:
    """One drawn object: where (fractions of the frame), how big (fraction of the frame height)."""

    def __init__(self, x, cx, cy, d, rng):
        self.x, self.cx, self.cy, self.d = x, cx, cy, d
        self.angle = rng.uniform(-0.13, 0.13)
        self.flip = rng.random() < 0.5


def layout(rng, scene, margin=0.0):
    """Places for the objects of a scene, in drawing order; margin keeps them away from the edges."""
    a, n, b, relation, _, size, _ = scene
    if a < 0:
        return []
    if b >= 0:
        near, far = rng.uniform(0.17, 0.34), rng.uniform(0.66, 0.83)
        mid = rng.uniform(0.33, 0.67)
        offset = rng.uniform(-0.22, 0.22)
        cross = [min(0.78, max(0.22, mid + offset / 2)), min(0.78, max(0.22, mid - offset / 2))]
        places = [(near, cross[0]), (far, cross[1])]
        if relation == ABOVE:
            places = [(q, p) for p, q in places]
        return [Placed(o, p, q, rng.uniform(0.33, 0.50), rng) for o, (p, q) in zip((a, b), places)]
    if n == 1:
        low, high = {0: (0.40, 0.54), SMALL: (0.25, 0.32), BIG: (0.62, 0.85)}[size]
        d = rng.uniform(low, high)
        room = max(0.04, 0.5 - d * 0.55 - margin)
        return [Placed(a, 0.5 + rng.uniform(-room, room), 0.5 + rng.uniform(-room, room), d, rng)]
    low, high = {2: (0.32, 0.46), 3: (0.28, 0.38), 4: (0.25, 0.34)}[n]
    while True:
        d = rng.uniform(low, high)
        edge = d * 0.5 + margin
        spots = []
        for _ in range(60):
            p, q = rng.uniform(edge, 1 - edge), rng.uniform(edge, 1 - edge)
            if all(math.hypot(p - u, q - v) > d * 1.02 for u, v in spots):
                spots.append((p, q))
                if len(spots) == n:
                    return [Placed(a, p, q, d * rng.uniform(0.93, 1.0), rng) for p, q in spots]


def background(rng, colour, width, height):
    """Float canvas [height, width, 3] of one of the eleven colours, plain or patterned."""
    base = np.array(COLOURS[colour][1], np.float32)
    base = base + np.array([rng.uniform(-11, 11) for _ in range(3)], np.float32)
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = base
    style = rng.random()
    if style < 0.35:
        return canvas
    depth = rng.uniform(8, 24)
    if style < 0.6:  # gradient
        angle = rng.uniform(0, 2 * math.pi)
        ramp = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * math.cos(angle) \
            + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * math.sin(angle)
        canvas += (ramp * depth)[..., None]
    elif style < 0.8:  # clouds
        k = rng.randint(3, 7)
        seed = np.random.default_rng(rng.getrandbits(32))
        coarse = Image.fromarray(seed.uniform(-1, 1, (k, k)).astype(np.float32))
        canvas += (np.asarray(coarse.resize((width, height), Image.BICUBIC)) * depth)[..., None]
    else:  # stripes or squares
        period = rng.uniform(0.07, 0.3) * height
        angle = rng.choice((0, math.pi / 2, rng.uniform(0, math.pi)))
        xs, ys = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
        u = np.sin((xs * math.cos(angle) + ys * math.sin(angle)) * (2 * math.pi / period) + rng.uniform(0, 6))
        wave = np.clip(u * 3, -1, 1)
        if rng.random() < 0.4:
            v = np.sin((-xs * math.sin(angle) + ys * math.cos(angle)) * (2 * math.pi / period))
            wave = wave * np.clip(v * 3, -1, 1)
        canvas += (wave * (depth * 0.55))[..., None]
    return canvas


def compose(canvas, placed, aspect, order):
    """Draw the objects; aspect squeezes them horizontally. Returns the visible alpha of each."""
    height, width = canvas.shape[:2]
    alphas = [None] * len(placed)
    drawn = []
    for i in order:
        p = placed[i]
        alphas[i] = paste(canvas, drawn, p.x, p.cx * width, p.cy * height, p.d * height, aspect, p.angle, p.flip)
        drawn.append(alphas[i])
    return alphas


def damage(rng, canvas):
    """Brightness, blur, noise and JPEG artefacts."""
    canvas = canvas * rng.uniform(0.88, 1.1) + rng.uniform(-8, 8)
    if rng.random() < 0.35:
        seed = np.random.default_rng(rng.getrandbits(32))
        canvas += seed.standard_normal(canvas.shape, np.float32) * rng.uniform(2, 9)
    np.clip(canvas, 0, 255, out=canvas)
    image = Image.fromarray(canvas.astype(np.uint8))
    if rng.random() < 0.3:
        side = int(SIDE * rng.uniform(0.62, 0.95))
        image = image.resize((side, side), Image.BILINEAR).resize((SIDE, SIDE), Image.BILINEAR)
    if rng.random() < 0.65:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(25, 92))
        image = Image.open(buffer)
    return np.asarray(image)


def training_image(rng, scene):
    """(uint8 [96, 96, 3], placed objects, their visible alphas)."""
    placed = layout(rng, scene)
    canvas = background(rng, scene[4], SIDE, SIDE)
    order = list(range(len(placed)))
    rng.shuffle(order)
    alphas = compose(canvas, placed, rng.uniform(0.55, 1.1), order)
    return damage(rng, canvas), placed, alphas
