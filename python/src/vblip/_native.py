"""_native.py - the C library: found, opened, and no older than the headers that the package was made of."""

import os
import shutil
from typing import Any, Iterator

from vblip._header import ffi as ffi

SONAME = "libvblip.so.0"


def _places() -> Iterator[str]:
    """What to open, in this order: what is named is taken or nothing is."""
    named = os.environ.get("VBLIP_LIBRARY")
    if named:
        yield named
        return
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", SONAME)
    if os.path.exists(bundled):
        yield bundled
    yield SONAME  # where the loader looks: LD_LIBRARY_PATH, ldconfig
    program = shutil.which("vblip")
    if program:  # `cmake --install` puts one beside the other
        yield os.path.join(os.path.dirname(os.path.realpath(program)), os.pardir, "lib", SONAME)


def _number(version: str) -> int:
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return 10000 * major + 100 * minor + patch


def _open() -> Any:
    reasons: list[str] = []
    for place in _places():
        try:
            library = ffi.dlopen(place)
            break
        except OSError as error:
            reasons.append(str(error).split("': ", 1)[-1].split(".  ")[0].replace("\n", " "))
    else:
        if os.environ.get("VBLIP_LIBRARY"):
            raise ImportError("VBLIP_LIBRARY: " + reasons[0])
        raise ImportError("%s; install the C library and run ldconfig, or set VBLIP_LIBRARY" % "; ".join(reasons))
    version = ffi.string(library.vblip_version()).decode()
    needed = library.VBLIP_VERSION_NUMBER  # of the headers that the package was made of
    if _number(version) < needed:
        raise ImportError("%s: version %s, this package needs %d.%d.%d or later" %
                          (place, version, needed // 10000, needed // 100 % 100, needed % 100))
    return library


lib = _open()
library_version: str = ffi.string(lib.vblip_version()).decode()


def silence_ffmpeg() -> None:
    """FFmpeg prints to stderr what it finds wrong with files; this silences it, for the whole process."""
    lib.vblip_silence_ffmpeg()
