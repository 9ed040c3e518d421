"""pip makes a wheel and installs it: without a C compiler, from the repository and from its own archive."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

from support import CLIPS, SOURCE, Case, run_tests, skip_unless

ASK = """
import json, vblip, warnings
warnings.simplefilter("ignore")
with vblip.Model(device="cpu") as model:
    row, = model.ask(%r, "what is to the left of the watermelon?")
    print(json.dumps([row.answer, model.info.path, vblip.__file__, vblip.__version__]))
"""


def run(*argv: str, cwd: str, **changes: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VBLIP_", "PYTHONPATH", "PIP_"))}
    done = subprocess.run(argv, cwd=cwd, env={**env, "CC": "false", **changes}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    if done.returncode:
        raise AssertionError("%s: exit %d\n%s" % (" ".join(argv), done.returncode, done.stdout))
    return done.stdout


class Package(Case):
    shared: str
    prefix: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = tempfile.mkdtemp(prefix="vblip-package-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.prefix = os.path.join(cls.shared, "prefix")
        run(shutil.which("cmake") or "cmake", "--install", os.environ["VBLIP_BUILD"], "--prefix", cls.prefix,
            cwd=cls.shared)
        shutil.copytree(os.path.join(SOURCE, "python"), os.path.join(cls.shared, "python"),
                        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))

    def installed_headers(self) -> "dict[str, str]":
        return {"PKG_CONFIG_PATH": os.path.join(self.prefix, "lib", "pkgconfig")}

    def wheel(self, source: str, **changes: str) -> str:
        run(sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", self.folder,
            source, cwd=self.folder, **changes)
        found, = glob.glob(self.path("*.whl"))
        return found

    def answer(self, wheel: str, **changes: str) -> "list[str]":
        """What a program in a new environment with this wheel says, away from the sources."""
        run(sys.executable, "-m", "venv", "--system-site-packages", self.path("venv"), cwd=self.folder)
        python = self.path("venv", "bin", "python")
        run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd=self.folder)
        said = run(python, "-c", ASK % os.path.join(CLIPS, "clip-02.mp4"), cwd=self.folder, **changes)
        found: list[str] = json.loads(said.splitlines()[-1])
        self.assertTrue(found[2].startswith(self.path("venv")), found)
        return found

    def test_a_plain_wheel_uses_the_installed_library(self) -> None:
        wheel = self.wheel(os.path.join(self.shared, "python"), **self.installed_headers())
        self.assertTrue(wheel.endswith("-py3-none-any.whl"), wheel)
        names = zipfile.ZipFile(wheel).namelist()
        for name in ("vblip/_header.py", "vblip/py.typed", "vblip/model.py"):
            self.assertIn(name, names)
        self.assertEqual([n for n in names if "/lib/" in n or "/share/" in n or "test" in n], [])
        found = self.answer(wheel, PATH=os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"])
        self.assertEqual(found[:2], ["rocket", os.path.join(self.prefix, "share", "vblip", "demo")])

    def test_a_wheel_may_take_the_library_along(self) -> None:
        wheel = self.wheel(os.path.join(self.shared, "python"), VBLIP_BUNDLE=self.prefix, **self.installed_headers())
        self.assertIn("-py3-none-linux_", wheel)
        found = self.answer(wheel)
        self.assertEqual(found[0], "rocket")
        self.assertTrue(found[1].startswith(self.path("venv")), found)

    def test_an_archive_of_the_package_alone_uses_the_installed_headers(self) -> None:
        run(sys.executable, "-c", "from setuptools import build_meta; build_meta.build_sdist(%r)" % self.folder,
            cwd=os.path.join(self.shared, "python"), **self.installed_headers())
        archive, = glob.glob(self.path("*.tar.gz"))
        wheel = self.wheel(archive, **self.installed_headers())
        self.assertIn("vblip/_header.py", zipfile.ZipFile(wheel).namelist())


if __name__ == "__main__":
    skip_unless("pip", "python3-pip")
    skip_unless("setuptools", "python3-setuptools")
    skip_unless("wheel", "python3-wheel")
    skip_unless("ensurepip", "python3-venv")
    run_tests()
