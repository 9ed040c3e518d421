"""What hits are good for: clips that are cut, pictures. Needs no model and no device."""

from typing import Any, Iterable, NamedTuple, Optional, Sequence, Union

from vblip import rows
from vblip._engine import Call
from vblip._errors import ArgumentError
from vblip._memory import Memory, PathLike, natural, scaled, seconds
from vblip._native import ffi, lib

_libc = ffi.dlopen(None)


class Moment(NamedTuple):
    """A part of a recording, in seconds."""

    path: PathLike
    start: float
    end: float


def _moment_of(hit: Union[Moment, rows.Hit]) -> Moment:
    if not isinstance(hit, (Moment, rows.Hit)):
        raise ArgumentError("moments: %r, expected a Moment or a hit" % (hit,))
    return Moment(hit.path, hit.start or 0.0, hit.end or 0.0)


def media(path: PathLike) -> rows.Media:
    """Duration and frame rate of a video."""
    call, memory = Call(), Memory()
    found = ffi.new("vblip_media *")
    call.check(lib.vblip_media_look(found, memory.path("path", path), call.err))
    return rows.Media(seconds(found.duration_us), seconds(found.lead_us),
                      found.rate_num / found.rate_den if found.rate_num and found.rate_den else None)


def cut(out: PathLike, moments: Union[Moment, rows.Hit, Sequence[Union[Moment, rows.Hit]]], *, exact: bool = False,
        overwrite: bool = False, pad: Optional[float] = None) -> list[rows.Clipping]:
    """Writes moments, or hits, one after another to a file: mp4, m4v, mov, mkv or webm. It appears whole.

    exact  encode the picture anew; else it is copied, from the key frame before
    pad    seconds more at both ends of each
    """
    given = [moments] if isinstance(moments, (Moment, rows.Hit)) else list(moments)
    call, memory = Call(), Memory()
    made = memory.keep(ffi.new("vblip_moment []", len(given)))
    for place, moment in zip(made, map(_moment_of, given)):
        place.path = memory.path("moment", moment.path)
        place.start_us, place.end_us = scaled("start", moment.start), scaled("end", moment.end)
    options = memory.struct("vblip_cut_options", exact=exact, overwrite=overwrite, pad_us=scaled("pad", pad))
    options.stopped = _ctrl_c(call, "vblip_cut_options")
    found: list[rows.Clipping] = []
    fn = call.callback("vblip_clipping_fn", lambda c: found.append(rows.Clipping(
        int(c.moment), seconds(c.at_us), seconds(c.start_us), seconds(c.end_us), int(c.left_out))))
    call.check(lib.vblip_cut(memory.path("out", out), made, len(given), options, fn, ffi.NULL, call.err))
    return found


def _ctrl_c(call: Call, options: str) -> Any:
    """Python looks for Ctrl-C when it is called."""
    kind = dict(ffi.typeof(options).fields)["stopped"].type
    return call.callback(ffi.getctype(kind), lambda _user: False)


def contact_sheet(out: PathLike, hits: Iterable[rows.Hit], *, title: Optional[str] = None,
                  overwrite: bool = False) -> list[rows.Failure]:
    """Writes a PNG of hits, 400 at most: thumbnails with rank, P(match), start and name. What could not be shown is
    returned; its tile stays empty."""
    call, memory, shown = Call(), Memory(), list(hits)
    made = memory.keep(ffi.new("vblip_tile []", len(shown)))
    for place, hit in zip(made, shown):
        place.path = memory.path("hit", hit.path)
        place.timed = hit.start is not None
        place.start_us, place.end_us = scaled("start", hit.start or 0.0), scaled("end", hit.end or 0.0)
        place.rank = hit.rank
        place.judged = hit.p_match is not None
        place.p_match = hit.p_match or 0.0
    failures: list[rows.Failure] = []
    options = memory.struct("vblip_sheet_options", title=title, overwrite=overwrite)
    options.stopped = _ctrl_c(call, "vblip_sheet_options")
    kind = dict(ffi.typeof("vblip_sheet_options").fields)["failed"].type
    options.failed = call.callback(ffi.getctype(kind), lambda row: failures.append(rows.failure_row(row)))
    call.check(lib.vblip_contact_sheet(memory.path("out", out), made, len(shown), options, call.err))
    return failures


def thumbnail(path: PathLike, time: float = 0.0, *, width: int = 320) -> bytes:
    """A JPEG of what is shown at `time` (seconds), `width` pixels wide, an even number from 16 to 1024."""
    call, memory = Call(), Memory()
    data, size = ffi.new("uint8_t **"), ffi.new("uint64_t *")
    call.check(lib.vblip_thumbnail(data, size, memory.path("path", path), scaled("time", time), natural("width", width),
                                   call.err))
    try:
        return bytes(ffi.buffer(data[0], size[0]))
    finally:
        _libc.free(data[0])
