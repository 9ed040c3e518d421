"""_memory.py - Python values as what the C functions take, alive as long as the call."""

import math
import operator
import os
from typing import Any, Iterable, Optional, Sequence, Union

from vblip._errors import ArgumentError
from vblip._native import ffi

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

# Options of which 0 says something. Of all others it would mean the default, which None does.
ZERO_SPEAKS = {"seed", "min_p", "same_picture", "same", "start_us", "within_us", "offset", "since_ns", "until_ns",
               "pad_us"}


def whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError("%s: %r, expected a whole number" % (name, value)) from None


def natural(name: str, value: Any, most: int = 2**32 - 1) -> int:
    number = whole(name, value)
    if not 0 <= number <= most:
        raise ArgumentError("%s: %d, expected 0 to %d" % (name, number, most))
    return number


def real(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError("%s: %r, expected a number" % (name, value)) from None
    if not math.isfinite(number):
        raise ArgumentError("%s: %r, expected a finite number" % (name, number))
    return number


def scaled(name: str, value: Optional[float], unit: int = 10**6) -> Optional[int]:
    """Seconds as microseconds (or what `unit` says)."""
    if value is None:
        return None
    number = round(real(name, value) * unit)
    if not -2**63 <= number < 2**63:
        raise ArgumentError("%s: %g s, which is out of range" % (name, value))
    return number


class Memory:
    """What one call of the library points at."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def keep(self, data: Any) -> Any:
        self._kept.append(data)
        return data

    def forget(self) -> None:
        self._kept.clear()

    def _bytes(self, name: str, data: bytes) -> Any:
        if b"\0" in data:
            raise ArgumentError("%s: a NUL byte at %d" % (name, data.index(b"\0")))
        return self.keep(ffi.new("char[]", data))

    def text(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            raise ArgumentError("%s: %s, expected a str" % (name, type(value).__name__))
        try:
            return self._bytes(name, value.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise ArgumentError("%s: no Unicode text at character %d" % (name, error.start)) from None

    def path(self, name: str, value: Any) -> Any:
        try:
            return self._bytes(name, os.fsencode(value))
        except TypeError:
            raise ArgumentError("%s: %s, expected a path" % (name, type(value).__name__)) from None
        except UnicodeEncodeError as error:
            raise ArgumentError("%s: no path of this system at character %d" % (name, error.start)) from None

    def texts(self, name: str, values: Sequence[str]) -> Any:
        """const char *const *, with a NULL behind it."""
        return self.keep(ffi.new("char *[]", [self.text(name, value) for value in values] + [ffi.NULL]))

    def paths(self, name: str, values: Sequence[PathLike]) -> Any:
        return self.keep(ffi.new("char *[]", [self.path(name, value) for value in values] + [ffi.NULL]))

    def _field(self, label: str, kind: Any, value: Any) -> Any:
        """A value as a field of this C type takes it."""
        if isinstance(value, ffi.CData) or kind.kind == "enum":
            return value
        if kind.kind == "pointer":
            return self.text(label, value)
        if kind.cname == "_Bool":
            return bool(value)
        if kind.cname in ("float", "double"):
            return real(label, value)
        number = whole(label, value)
        bits = 8 * ffi.sizeof(kind)
        least, end = (0, 2**bits) if kind.cname.startswith(("u", "size_t")) else (-2**(bits - 1), 2**(bits - 1))
        if not least <= number < end:
            raise ArgumentError("%s: %d, expected %d to %d" % (label, number, least, end - 1))
        return number

    def struct(self, kind: str, labels: Optional[dict[str, str]] = None, /, **fields: Any) -> Any:
        """A pointer to an options struct; None leaves the default. `labels`: what messages call a field."""
        made = self.keep(ffi.new(kind + " *"))
        types = dict(ffi.typeof(kind).fields)
        if "size" in types:
            made.size = ffi.sizeof(kind)
        for name, value in fields.items():
            if value is None:
                continue
            label = (labels or {}).get(name, name)
            taken = self._field(label, types[name].type, value)
            if isinstance(taken, (int, float)) and not isinstance(taken, bool) and taken == 0 \
                    and name not in ZERO_SPEAKS and types[name].type.kind == "primitive":
                raise ArgumentError("%s: 0, expected more; None is the default" % label)
            setattr(made, name, taken)
        return made


def listed(name: str, value: Union[str, Iterable[str]]) -> list[str]:
    """Texts: one, or several."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bytes, bytearray)):
        raise ArgumentError("%s: %s, expected str" % (name, type(value).__name__))
    try:
        return list(value)
    except TypeError:
        raise ArgumentError("%s: %s, expected a str, or several" % (name, type(value).__name__)) from None


def seconds(time_us: int) -> float:
    return float(time_us) / 1e6


def decoded(text: Any) -> str:
    """A text of the library."""
    return str(ffi.string(text).decode("utf-8", "replace"))


def decoded_path(path: Any) -> str:
    return os.fsdecode(ffi.string(path))
