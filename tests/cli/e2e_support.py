"""e2e_support.py - what the end-to-end tests share: run vblip, make inputs, read results.

ctest gives VBLIP_BINARY (the program), VBLIP_CHECKPOINTS (seeded checkpoints), VBLIP_SOURCE
(the repository) and VBLIP_SCRATCH (a folder that stays, for the pipeline cache).
"""

import csv
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

BINARY = os.environ["VBLIP_BINARY"]
SOURCE = os.environ["VBLIP_SOURCE"]
CLIPS = os.path.join(SOURCE, "examples", "clips")
DEMO = os.path.join(SOURCE, "models", "demo")
RECORDINGS = "/usr/share/doc/opencv-doc/examples/data"

# Of this process alone: no two tests share an index.
DATA = tempfile.TemporaryDirectory(prefix="vblip-data-")

EXIT_DONE, EXIT_NO_MATCH, EXIT_MISUSED, EXIT_SOME_FAILED = 0, 1, 2, 3
EXIT_UNUSABLE, EXIT_NO_DEVICE, EXIT_INTERRUPTED = 4, 5, 130

FIELDS = {
    "retrieve": "query rank path start end score itc itm_logit p_match calibration".split(),
    "match": "path text itc itm_logits p_match calibration".split(),
    "reason": "left right statement answer p_true logits".split(),
    "qa": "path question answer score start end".split(),
    "eval": "metric value".split(),
    "caption": "path start end caption score".split(),
    "shots": "path shot start end".split(),
    "tokenize": "text ids pieces".split(),
}


def checkpoint(name):
    return os.path.join(os.environ["VBLIP_CHECKPOINTS"], name)


RETRIEVAL, CAPTION, VQA, NLVR = (checkpoint("tiny-" + task) for task in ("retrieval", "caption", "vqa", "nlvr"))


def clip(number):
    return os.path.join(CLIPS, "clip-%02d.mp4" % number)


def said_of_clips(name):
    """captions, questions or scenes of the bundled clips."""
    with open(os.path.join(CLIPS, name + ".jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def environment(**changes):
    """That of the test without what a user may have set; None in `changes` removes."""
    scratch = os.environ["VBLIP_SCRATCH"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VBLIP_", "HF_"))}
    env.update(XDG_CACHE_HOME=os.path.join(scratch, "cache"), HOME=os.path.join(scratch, "home"), LC_ALL="C.UTF-8",
               XDG_DATA_HOME=DATA.name)
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


class Run:
    """What one run of the program left behind."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out_bytes, self.err = argv, code, out, err.decode("utf-8", "replace")
        for sign in ("runtime error:", "Sanitizer", "Assertion"):
            if sign in self.err:
                raise AssertionError("%s\n%s" % (self, self.err))
        if code < 0:
            raise AssertionError("%s: killed by signal %d" % (self, -code))

    def __str__(self):
        return " ".join(self.argv) + ": exit %d\n%s" % (self.code, self.err)

    @property
    def out(self):
        return self.out_bytes.decode("utf-8")

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def messages(self):
        return self.err.splitlines()


def vblip(*arguments, env=None, stdin=subprocess.DEVNULL, cwd=None, timeout=300, before=None):
    argv = [BINARY, *map(str, arguments)]
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(argv, env=env or environment(), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False, preexec_fn=before, **given)
    return Run(argv, done.returncode, done.stdout, done.stderr)


def start(*arguments, env=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    """The program, running."""
    return subprocess.Popen([BINARY, *map(str, arguments)], env=env or environment(), stdin=stdin, stdout=stdout,
                            stderr=stderr)


# --------------------------------------------------------------------------- making inputs


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def make_video(path, seconds=2, size="64x48", rate=10, options=()):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=%s:size=%s:rate=%s" % (seconds, size, rate), "-pix_fmt", "yuv420p",
           *options, path)
    return path


def make_image(path, video, second=1):
    ffmpeg("-ss", second, "-i", video, "-frames:v", 1, path)
    return path


def write(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def distinct(path, number, source):
    """A clip that no other file is equal to: players pass over its last box."""
    payload = b"%08d" % number
    write(path, read(source) + struct.pack(">I4s", 8 + len(payload), b"free") + payload)


def write_png(path, pixels):
    """A numpy array of uint8, [height, width, 3]."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return write(path, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                 chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def change_weights(folder, change):
    """Rewrites a checkpoint's weights: change({name: [dtype, shape, bytes]}) edits in place."""
    path = os.path.join(folder, "model.safetensors")
    data = read(path)
    start_of_data = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start_of_data])
    metadata = header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, end = (start_of_data + o for o in entry["data_offsets"])
        tensors[name] = [entry["dtype"], entry["shape"], data[first:end]]
    change(tensors)
    header, at, parts = {"__metadata__": metadata} if metadata else {}, 0, []
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
        parts.append(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    write(path, len(text).to_bytes(8, "little") + text + b"".join(parts))


# ------------------------------------------------------------------------- reading results


def parse(kind, text):
    """Rows of a result in a machine format, as dictionaries in the order of the fields."""
    if kind == "json":
        return json.loads(text)
    if kind == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    lines = [[re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n"}.get(m[1], m[1]), cell) for cell in line.split("\t")]
             for line in text.split("\n")[:-1]]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def probe_subtitles(path):
    """[(start, end, text)] of a subtitle file as ffprobe sees it."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_packets", "-show_data", "-of", "json", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    if done.stderr:
        raise AssertionError("ffprobe %s: %s" % (path, done.stderr.decode()))
    rows = []
    for packet in json.loads(done.stdout).get("packets", []):
        first = float(packet["pts_time"])
        data = b"".join(bytes.fromhex(line.split(": ")[1].split("  ")[0].replace(" ", ""))
                        for line in packet["data"].strip().splitlines())
        rows.append((first, first + float(packet["duration_time"]), data.decode()))
    return rows


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="e2e-", dir=os.environ["VBLIP_SCRATCH"])
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def ok(self, *arguments, **how):
        return self.exits(EXIT_DONE, *arguments, **how)

    def exits(self, code, *arguments, **how):
        run = vblip(*arguments, **how)
        self.assertEqual(run.code, code, str(run))
        return run

    def refused(self, code, names, *arguments, **how):
        """One line on stderr, holding all of `names`; nothing on stdout."""
        run = self.exits(code, *arguments, **how)
        self.assertEqual(len(run.messages), 1, str(run))
        self.assertTrue(run.err.startswith("vblip: ") and run.err.endswith("\n"), str(run))
        for name in [names] if isinstance(names, str) else names:
            self.assertIn(name, run.err)
        self.assertEqual(run.out_bytes, b"", str(run))
        return run

    def check_cues(self, cues, rows):
        """Cues as probe_subtitles gives them: those of a row share its time, and have its words in short lines."""
        cues = list(cues)
        for row in rows:
            words, end = [], row["start"]
            while cues and cues[0][0] < row["end"] - 0.001:
                start, until, text = cues.pop(0)
                self.assertAlmostEqual(start, end, delta=0.0015)
                lines = text.strip("\n").split("\n")
                self.assertLessEqual(len(lines), 2)
                self.assertLessEqual(max(map(len, lines)), 42)
                words += text.split()
                end = until
            self.assertAlmostEqual(end, row["end"], delta=0.0015)
            self.assertEqual(words, row["caption"].split())
        self.assertEqual(cues, [])

    def only_files(self, *names):
        """The test's folder holds these, and no leftovers."""
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(names))


class LibraryCase(Case):
    """Each test has a data folder of its own."""

    def setUp(self):
        super().setUp()
        self.env = environment(XDG_DATA_HOME=self.path("data"))

    def retrieve(self, *arguments, **options):
        return self.run_program("retrieve", *arguments, env=self.env, **options)

    def index(self, *arguments, **options):
        return self.run_program("index", *arguments, env=self.env, **options)

    def run_program(self, *arguments, code=EXIT_DONE, env=None):
        done = vblip(*arguments, "--model", DEMO, env=env)
        self.assertEqual(done.code, code, done)
        done.said = [line for line in done.messages if not line.startswith("vblip: the bundled demo model answers; ")]
        return done

    def clips(self, count, folder="films"):
        folder = self.path(folder)
        os.makedirs(folder)
        for number in range(count):
            distinct(os.path.join(folder, "clip %03d.mp4" % number), number, clip(number % 16 + 1))
        return folder

    def film(self, path, scenes, seconds=7):
        """A recording of clips by their numbers, so long each, with cuts between them."""
        for number in set(scenes):
            part = self.path("scene%02d-%g.mp4" % (number, seconds))
            if not os.path.exists(part):
                ffmpeg("-stream_loop", -1, "-i", clip(number), "-t", seconds, "-r", 25, "-s", "128x128", "-c:v",
                       "libx264", "-g", 250, "-pix_fmt", "yuv420p", part)
        scenes = "".join("file '%s'\n" % self.path("scene%02d-%g.mp4" % (number, seconds)) for number in scenes)
        ffmpeg("-f", "concat", "-safe", 0, "-i", write(self.path("scenes"), scenes), "-c", "copy", path)
        return path


def main():
    for folder in ("cache", "home"):
        os.makedirs(os.path.join(os.environ["VBLIP_SCRATCH"], folder), exist_ok=True)
    result = unittest.main(verbosity=2 if sys.stdout.isatty() else 1, exit=False).result
    nothing_ran = result.testsRun == len(result.skipped)
    skipped = 1 if os.environ.get("CI") else 77
    sys.exit(1 if not result.wasSuccessful() else skipped if nothing_ran else 0)
