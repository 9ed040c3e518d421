"""Objects as pictures: Noto Color Emoji glyphs, trimmed, premultiplied, at several sizes."""

import functools
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from world import OBJECTS

FONT = os.environ.get("EMOJI_FONT", "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
LEVELS = (24, 34, 48, 68, 96, 128)  # longest side in pixels


@functools.lru_cache(maxsize=None)
def sprites(x):
    """Premultiplied RGBa images of object x, smallest first."""
    font = ImageFont.truetype(FONT, 109)  # the one size of a bitmap font
    canvas = Image.new("RGBA", (180, 180), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((20, 20), OBJECTS[x].emoji, font=font, embedded_color=True)
    glyph = canvas.crop(canvas.getbbox()).convert("RGBa")
    out = []
    for level in LEVELS:
        k = level / max(glyph.size)
        out.append(glyph.resize((max(1, round(glyph.width * k)), max(1, round(glyph.height * k))), Image.LANCZOS))
    return out


def paste(canvas, alphas, x, cx, cy, height, squeeze, angle, flip):
    """Draw object x on a float canvas [H, W, 3]; returns its alpha [H, W].

    cx, cy in pixels; height is the longest side in pixels; squeeze scales the horizontal axis after turning.
    Alphas of the objects below (a list) lose what this one hides.
    """
    levels = sprites(x)
    sprite = next((s for s, level in zip(levels, LEVELS) if level >= height * 0.95), levels[-1])
    k = height / max(sprite.size)
    rows, cols = canvas.shape[:2]
    reach = height * 0.75 + 2
    left, right = max(0, int(cx - reach)), min(cols, int(cx + reach) + 2)
    top, bottom = max(0, int(cy - reach)), min(rows, int(cy + reach) + 2)
    alpha = np.zeros((rows, cols), np.float32)
    if left >= right or top >= bottom:
        return alpha
    c, s = np.cos(angle), np.sin(angle)
    # output pixel -> sprite pixel: undo squeeze, turn, scale, flip
    m = np.array([[c / squeeze, s], [-s / squeeze, c]]) / k
    if flip:
        m[0] = -m[0]
    shift = np.array([sprite.width, sprite.height]) / 2 - m @ np.array([cx - left, cy - top])
    data = (m[0, 0], m[0, 1], shift[0], m[1, 0], m[1, 1], shift[1])
    patch = sprite.transform((right - left, bottom - top), Image.AFFINE, data, Image.BILINEAR)
    patch = np.asarray(patch, np.float32)
    a = patch[..., 3] * (1 / 255)
    box = (slice(top, bottom), slice(left, right))
    keep = 1 - a
    canvas[box] = canvas[box] * keep[..., None] + patch[..., :3]
    for below in alphas:
        below[box] *= keep
    alpha[box] = a
    return alpha
