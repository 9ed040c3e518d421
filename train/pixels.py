"""Videos and images as pixels, as vblip sees them: decoded once and kept in a folder."""

import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps

from annotations import STILLS, extension
from refused import Refused

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def still(path, side):
    """An image, squashed by PIL's bicubic; uint8 [1, side, side, 3]."""
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(image.resize((side, side), Image.BICUBIC))[None]
    except (OSError, ValueError, Image.DecompressionBombError) as e:
        raise Refused("%s: cannot be read as an image: %s" % (path, str(e).split("\n", maxsplit=1)[0])) from e


def program(argv, path):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
    except FileNotFoundError as e:
        raise Refused("%s: not found; install ffmpeg" % argv[0]) from e
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise Refused("%s: %s: %s" % (path, argv[0], said or "exit status %d" % done.returncode))
    return done.stdout


def clip(path, count, side):
    """`count` frames of a video by BLIP's rule, i * floor(frames / count), squashed by swscale's bilinear;
    uint8 [count, side, side, 3]."""
    source = "file:" + path
    said = program(["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries",
                    "stream=nb_read_packets", "-of", "csv=p=0", source], path).decode().split()
    total = int(said[0].strip(",")) if said and said[0].strip(",").isdigit() else 0
    if not total:
        raise Refused("%s: has no video frames" % path)
    at = [i * (total // count) for i in range(count)]
    wanted = sorted(set(at))
    chosen = "+".join("eq(n\\,%d)" % n for n in wanted)
    raw = program(["ffmpeg", "-v", "error", "-i", source, "-map", "0:v:0", "-vf",
                   "select='%s',scale=%d:%d:flags=bilinear" % (chosen, side, side), "-fps_mode", "passthrough",
                   "-frames:v", str(len(wanted)), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], path)
    frames = np.frombuffer(raw, np.uint8).reshape(-1, side, side, 3)
    if len(frames) != len(wanted):
        raise Refused("%s: %d of %d frames could be decoded" % (path, len(frames), len(wanted)))
    return frames[[wanted.index(n) for n in at]]


class Pixels:
    """The frames of many files, decoded when they are first asked for."""

    def __init__(self, folder, count, side):
        self.folder, self.count, self.side = folder, count, side
        os.makedirs(folder, exist_ok=True)

    def _kept(self, path):
        info = os.stat(path)
        key = (os.path.abspath(path), info.st_size, info.st_mtime_ns, self.count, self.side)
        return os.path.join(self.folder, hashlib.sha256(repr(key).encode()).hexdigest()[:32] + ".npy")

    def _decode(self, path):
        kept = self._kept(path)
        if not os.path.exists(kept):
            frames = still(path, self.side) if extension(path) in STILLS else clip(path, self.count, self.side)
            with open(kept + ".part", "wb") as out:
                np.save(out, frames)
            os.replace(kept + ".part", kept)

    def prepare(self, visuals, say):
        """Decodes (path, where) pairs; files that cannot be read are all named before this ends in Refused."""
        def attempt(visual):
            try:
                self._decode(visual[0])
            except Refused as e:
                return "%s: %s" % (visual[1], e)
            return None

        with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
            bad = [line for line in pool.map(attempt, visuals) if line]
        for line in bad[:-1]:
            say(line)
        if bad:
            raise Refused(bad[-1])

    def frames(self, path):
        """uint8 [frames, side, side, 3]; an image has one."""
        return np.load(self._kept(path), mmap_mode="r")
