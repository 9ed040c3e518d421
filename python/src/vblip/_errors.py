"""_errors.py - what can go wrong, and whose move is next."""

from typing import Any

from vblip._native import ffi, lib


class Error(Exception):
    """Of the library. Its text is one line: the subject, what is wrong, the numbers."""


class ArgumentError(Error, ValueError):
    """The caller broke a documented rule; fix the call."""


class FileError(Error, OSError):
    """A file is missing, unreadable or short."""


class FormatError(Error, ValueError):
    """A file was read in full and is not what it claims."""


class UnsupportedError(Error):
    """Valid input that this build or device cannot handle."""


class OutOfMemoryError(Error, MemoryError):
    """Host or device memory ran out."""


class DeviceError(Error, RuntimeError):
    """No usable device, or the device was lost."""


class CancelledError(Error):
    """Somebody closed what another thread was waiting for."""


class InputError(Error):
    """One input of many cannot be read. `path` names it, `reason` says why, without the path."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("%s: %s" % (path, reason) if path else reason)
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return (InputError, (self.path, self.reason))


class InputWarning(UserWarning):
    """An input is damaged and was read all the same."""


class DemoWarning(UserWarning):
    """The bundled demo model answers, which knows only generated emoji scenes."""


BY_STATUS = {
    "VBLIP_ERR_ARGUMENT": ArgumentError,
    "VBLIP_ERR_IO": FileError,
    "VBLIP_ERR_FORMAT": FormatError,
    "VBLIP_ERR_UNSUPPORTED": UnsupportedError,
    "VBLIP_ERR_MEMORY": OutOfMemoryError,
    "VBLIP_ERR_DEVICE": DeviceError,
    "VBLIP_ERR_CANCELLED": CancelledError,
}
_OF_NUMBER = {getattr(lib, name): error for name, error in BY_STATUS.items()}


def error_of(status: int, err: Any) -> Error:
    """The exception of a failed call; `err` is its vblip_error *."""
    message = ffi.string(err.message).decode("utf-8", "replace")
    return _OF_NUMBER.get(status, Error)(message or "status %d" % status)
