"""declarations.py - the headers of the C library as declarations for cffi.

    python3 declarations.py OUT.py    writes the module vblip/_header.py

The package has no declaration of its own: this is the one way from include/*.h to Python. It takes
no C compiler and no preprocessor: comments and directives go, and of macros only numbers stay.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from typing import Any

import cffi

HEADERS = ("vblip.h", "vblip_export.h", "vblip_library.h", "vblip_watch.h", "vblip_lab.h")
HERE = os.path.dirname(os.path.abspath(__file__))

LIBC = "void free(void *pointer);\n"  # for what the library says is for free()

NUMBER = re.compile(r"#define\s+(VBLIP_\w+)\s+\(?(-?\d+)\)?$")
CPLUSPLUS = re.compile(r'#ifdef __cplusplus\n.*?#endif\n', re.DOTALL)


def asked_pkg_config() -> str:
    """The folder that pkg-config knows; "" where it knows none."""
    try:
        found = subprocess.run(["pkg-config", "--variable=includedir", "vblip"], check=False, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, encoding="utf-8")
    except OSError:
        return ""
    return found.stdout.strip()


def header_folder() -> str:
    """Where the headers are: what VBLIP_INCLUDE names, else the clone, else where they are installed."""
    given = os.environ.get("VBLIP_INCLUDE")
    folders = [given] if given else [os.path.join(HERE, os.pardir, "include"), asked_pkg_config(), "/usr/local/include",
                                     "/usr/include"]
    for folder in folders:
        if folder and os.path.exists(os.path.join(folder, HEADERS[0])):
            return folder
    raise SystemExit("vblip: %s: not found in %s; install the C library, or set VBLIP_INCLUDE" %
                     (HEADERS[0], given or "the clone, by pkg-config, in /usr/local/include and /usr/include"))


def declarations(text: str) -> str:
    """What cffi reads of a header: the same declarations, without what only a compiler needs."""
    text = CPLUSPLUS.sub("", re.sub(r"//[^\n]*", "", text))
    lines = []
    for line in text.splitlines():
        number = NUMBER.match(line.rstrip())
        if number:
            lines.append("#define %s %s" % number.groups())
        elif not line.startswith("#"):
            lines.append(line.rstrip())
    plain = re.sub(r"\bVBLIP_(API|CHECKED)\b\s*", "", "\n".join(lines))
    return re.sub(r"\n{2,}", "\n", plain).strip() + "\n"


def read_headers(folder: str) -> str:
    parts = []
    for name in HEADERS:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            parts.append(declarations(file.read()))
    return "".join(parts)


def write_module(path: str, folder: str) -> None:
    """Writes the module: no C is compiled, and none is when it is imported."""
    ffi: Any = cffi.FFI()
    ffi.cdef(read_headers(folder) + LIBC)
    ffi.set_source("vblip._header", None)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):  # it says what it does
        ffi.emit_python_code(path)


if __name__ == "__main__":
    write_module(sys.argv[1], header_folder())
