"""support.py - what the tests of the package share.

ctest gives VBLIP_BINARY (the program), VBLIP_LIBRARY (the library of the same build), VBLIP_SOURCE (the repository) and
VBLIP_SCRATCH (a folder that stays, for caches). By hand: see tests/README.md.
"""

import atexit
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any, Optional

BINARY = os.environ["VBLIP_BINARY"]
SOURCE = os.environ["VBLIP_SOURCE"]
SCRATCH = os.environ["VBLIP_SCRATCH"]
CLIPS = os.path.join(SOURCE, "examples", "clips")
DEMO = os.path.join(SOURCE, "models", "demo")

os.makedirs(SCRATCH, exist_ok=True)
DATA = tempfile.mkdtemp(prefix="vblip-python-")
atexit.register(shutil.rmtree, DATA, ignore_errors=True)
os.environ.update(XDG_CACHE_HOME=os.path.join(SCRATCH, "cache"), XDG_DATA_HOME=DATA, LC_ALL="C.UTF-8")
for name in [n for n in os.environ if n.startswith("HF_") or n == "VBLIP_MODEL"]:
    del os.environ[name]

import numpy as np  # noqa: E402

import vblip  # noqa: E402

vblip.silence_ffmpeg()
_model: Optional[vblip.Model] = None


def demo() -> vblip.Model:
    """One for all tests, which leave it idle."""
    global _model
    if _model is None or _model.closed:
        _model = vblip.Model(DEMO, "cpu")
    return _model


def clip(number: int) -> str:
    return os.path.join(CLIPS, "clip-%02d.mp4" % number)


def cli(*arguments: Any) -> list[dict[str, Any]]:
    """Rows of the program, of the same model on the same device."""
    argv = [BINARY, *map(str, arguments), "--model", DEMO, "--device", "cpu", "-f", "jsonl"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        raise AssertionError("%s: exit %d\n%s" % (" ".join(argv), done.returncode, done.stderr))
    return [json.loads(line) for line in done.stdout.splitlines()]


def frames_of(path: str, width: int, height: int, count: int) -> Any:
    """uint8 [count, height, width, 3]: the first ones, as ffmpeg decodes them."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-frames:v", str(count), "-s", "%dx%d" %
                           (width, height), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE,
                          check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(count, height, width, 3)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="python-", dir=SCRATCH)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names: str) -> str:
        return os.path.join(self.folder, *names)

    def one_line(self, error: BaseException) -> str:
        message = str(error)
        self.assertTrue(message)
        self.assertNotIn("\n", message)
        return message


def run_tests() -> None:
    unittest.main(module="__main__", argv=sys.argv)


def skip_unless(module: str, package: str) -> None:
    """Ends the tests with a word where a module is not there."""
    if importlib.util.find_spec(module) is None:
        print("skipped: Debian's package %s is not there" % package)
        sys.exit(1 if os.environ.get("CI") else 77)
