"""setup.py - what pyproject.toml cannot say: _header.py is made of the C headers, and a wheel may hold the library.

VBLIP_BUNDLE=PREFIX names where the library was installed (`cmake --install`): the wheel then holds it, the demo model
and the vocabulary, and is for machines like this one. Without it the wheel is plain Python.
"""

import os
import shutil
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import declarations  # noqa: E402

BUNDLE = os.environ.get("VBLIP_BUNDLE")
SONAME = "libvblip.so.0"


class BuildWithHeader(build_py):
    def run(self):
        super().run()
        package = os.path.join(self.build_lib, "vblip")
        declarations.write_module(os.path.join(package, "_header.py"), declarations.header_folder())
        for folder in ("lib", "share"):  # of a build before
            shutil.rmtree(os.path.join(package, folder), ignore_errors=True)
        if BUNDLE:
            os.makedirs(os.path.join(package, "lib"))
            shutil.copy(os.path.join(BUNDLE, "lib", SONAME), os.path.join(package, "lib", SONAME))
            for folder in ("vblip", os.path.join("doc", "vblip")):
                shutil.copytree(os.path.join(BUNDLE, "share", folder), os.path.join(package, "share", folder))


class VblipDistribution(Distribution):
    def has_ext_modules(self):
        return bool(BUNDLE)


def commands():
    found = {"build_py": BuildWithHeader}
    if BUNDLE:
        try:
            from setuptools.command.bdist_wheel import bdist_wheel
        except ImportError:  # before setuptools 70
            from wheel.bdist_wheel import bdist_wheel

        class AnyPython(bdist_wheel):
            def get_tag(self):
                return ("py3", "none", super().get_tag()[2])

        found["bdist_wheel"] = AnyPython
    return found


setup(cmdclass=commands(), distclass=VblipDistribution)
