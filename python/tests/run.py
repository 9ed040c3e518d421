#!/usr/bin/env python3
"""run.py BUILD NAME... - runs test_NAME.py (of all, without names) on the library and the program in a build folder.

The package is put together in a folder of its own, as pip would: its declarations are made of the headers here.
Ends with 77, or with CI set with 1, where cffi or numpy is not there.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
NEEDS = {"cffi": "python3-cffi", "numpy": "python3-numpy"}


def missing(needs: "dict[str, str]") -> "list[str]":
    """Debian's packages of the modules that are not there."""
    found = []
    for module, package in needs.items():
        try:
            __import__(module)
        except ImportError:
            found.append(package)
    return found


def environment(build: str, folder: str) -> "dict[str, str]":
    return dict(os.environ, VBLIP_BUILD=build, VBLIP_BINARY=os.path.join(build, "vblip"),
                VBLIP_LIBRARY=os.path.join(build, "src", "api", "libvblip.so.0"), VBLIP_SOURCE=SOURCE,
                VBLIP_SCRATCH=os.path.join(build, "python-scratch"), PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE="1")


def main() -> int:
    build, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    lacking = missing(NEEDS)
    if lacking:
        print("skipped: the package for Python needs %s" % " ".join(lacking))
        return 1 if os.environ.get("CI") else 77
    sys.path.insert(0, os.path.dirname(HERE))
    sys.dont_write_bytecode = True
    import declarations
    with tempfile.TemporaryDirectory(prefix="vblip-python-") as folder:
        shutil.copytree(os.path.join(SOURCE, "python", "src", "vblip"), os.path.join(folder, "vblip"))
        declarations.write_module(os.path.join(folder, "vblip", "_header.py"), os.path.join(SOURCE, "include"))
        files = ["test_%s.py" % name for name in names] or sorted(glob.glob(os.path.join(HERE, "test_*.py")))
        env = environment(build, folder)
        codes = [subprocess.run([sys.executable, file], cwd=HERE, env=env, check=False).returncode for file in files]
    bad = [code for code in codes if code not in (0, 77)]
    return bad[0] if bad else max(codes)


if __name__ == "__main__":
    sys.exit(main())
