"""The files that paths stand for."""

from typing import Any, Optional, Sequence, Union

from vblip._engine import Call
from vblip._errors import ArgumentError
from vblip._memory import Memory, PathLike, decoded_path
from vblip._native import ffi, lib

Shard = tuple[int, int]


def check_globs(include: Sequence[str], exclude: Sequence[str]) -> None:
    for name, globs in (("include", include), ("exclude", exclude)):
        if isinstance(globs, (str, bytes)):  # a sequence of letters, too
            raise ArgumentError("%s: %r, expected a list of globs" % (name, globs))


def inputs_options(memory: Memory, include: Sequence[str], exclude: Sequence[str], shard: Optional[Shard]) -> Any:
    """vblip_inputs_options."""
    check_globs(include, exclude)
    if shard is not None and (not isinstance(shard, tuple) or len(shard) != 2):
        raise ArgumentError("shard: %r, expected (number from 1, of how many)" % (shard,))
    number, count = shard or (None, None)
    return memory.struct("vblip_inputs_options", include=memory.texts("include", include) if include else None,
                         exclude=memory.texts("exclude", exclude) if exclude else None, shard=number, shards=count)


def paths_of(given: Any) -> list[PathLike]:
    if isinstance(given, (str, bytes)) or hasattr(given, "__fspath__"):
        return [given]
    try:
        paths = list(given)
    except TypeError:
        raise ArgumentError("paths: %s, expected a path, several, or numpy frames" % type(given).__name__) from None
    if not paths:
        raise ArgumentError("paths: none given")
    return paths


class OpenInputs:
    """vblip_inputs, for the length of a block."""

    def __init__(self, call: Call, paths: Sequence[PathLike], include: Sequence[str] = (), exclude: Sequence[str] = (),
                 shard: Optional[Shard] = None) -> None:
        memory = Memory()
        self._place = ffi.new("vblip_inputs **")
        options = inputs_options(memory, include, exclude, shard)
        call.check(lib.vblip_inputs_open(self._place, memory.paths("path", paths), len(paths), options, call.err))

    @property
    def pointer(self) -> Any:
        return self._place[0]

    def close(self) -> None:
        lib.vblip_inputs_close(self._place)

    def __enter__(self) -> Any:
        return self.pointer

    def __exit__(self, *_: object) -> None:
        self.close()


def files(paths: Union[PathLike, Sequence[PathLike]], *, include: Sequence[str] = (), exclude: Sequence[str] = (),
          shard: Optional[Shard] = None) -> list[str]:
    """The files that paths stand for: a file for itself, a directory for the videos and images below it, sorted.

    include, exclude  globs over names in directories
    shard             (number from 1, of how many): that share of the files alone, as `--shard`; a file's share hangs on
                      its name below the directory, or its path as given, and on no other file

    One that cannot be read stays, and fails when it is.
    """
    call = Call()
    with OpenInputs(call, paths_of(paths), include, exclude, shard) as opened:
        return [decoded_path(lib.vblip_inputs_at(opened, i).path) for i in range(lib.vblip_inputs_count(opened))]
