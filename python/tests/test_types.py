"""mypy --strict accepts the package, its tests and its example."""

import glob
import os
import subprocess
import sys

from support import SOURCE, Case, run_tests, skip_unless

PYTHON = os.path.join(SOURCE, "python")


class Types(Case):
    def check(self, *arguments: str) -> None:
        done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file",
                               os.path.join(PYTHON, "pyproject.toml"), "--cache-dir", self.path("cache"), *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                              env={**os.environ, "MYPYPATH": ":".join(
                                  (PYTHON, os.path.join(PYTHON, "src"), os.path.join(PYTHON, "tests"))),
                                   "PYTHONPATH": ""})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_package_and_tests(self) -> None:
        self.check(*sorted(glob.glob(os.path.join(PYTHON, "src", "vblip", "*.py"))),
                   *sorted(glob.glob(os.path.join(PYTHON, "tests", "*.py"))), os.path.join(PYTHON, "declarations.py"))

    def test_what_is_wrong_is_found(self) -> None:
        with open(self.path("user.py"), "w", encoding="utf-8") as file:
            file.write("import vblip\n\nfor row in vblip.Model().caption('a.mp4'):\n    row.caption + 1\n")
        with self.assertRaisesRegex(AssertionError, "Unsupported operand types"):
            self.check(self.path("user.py"))


if __name__ == "__main__":
    skip_unless("mypy", "mypy")
    run_tests()
