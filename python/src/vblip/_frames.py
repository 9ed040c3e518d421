"""_frames.py - numpy pictures as vblip_frame, in place where C can walk them."""

from typing import Any, Iterable, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from vblip._errors import ArgumentError
from vblip._memory import Memory, scaled
from vblip._native import ffi

Picture = NDArray[np.uint8]
Frames = Union[Picture, Sequence[Picture]]


def are_frames(value: Any) -> bool:
    """Rather than paths."""
    if isinstance(value, np.ndarray):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], np.ndarray)


def _walkable(picture: Picture) -> Picture:
    """Rows forward, pixels of three bytes one behind the other; else a copy that is so."""
    rows, pixels, colours = picture.strides
    whole = colours == 1 and pixels == 3 and rows >= 3 * picture.shape[1]
    return picture if whole else np.ascontiguousarray(picture)


def _picture(index: int, value: Any) -> Picture:
    if not isinstance(value, np.ndarray):
        raise ArgumentError("frame %d: %s, expected a numpy array" % (index, type(value).__name__))
    if value.dtype != np.uint8:
        raise ArgumentError("frame %d: %s, expected uint8, 0 to 255" % (index, value.dtype))
    if value.ndim != 3 or value.shape[2] != 3 or not value.size:
        raise ArgumentError("frame %d: shape %s, expected (height, width, 3), RGB" % (index, tuple(value.shape)))
    return _walkable(value)


def pictures_of(frames: Any) -> list[Picture]:
    """[N, height, width, 3] or [height, width, 3], or a list of pictures, of any sizes."""
    if isinstance(frames, np.ndarray):
        if frames.dtype != np.uint8:
            raise ArgumentError("frames: %s, expected uint8, 0 to 255" % frames.dtype)
        if frames.ndim not in (3, 4) or frames.shape[-1] != 3 or not frames.size:
            raise ArgumentError("frames: shape %s, expected (count, height, width, 3) or (height, width, 3), RGB" %
                                (tuple(frames.shape),))
        frames = frames[None] if frames.ndim == 3 else frames
    return [_picture(i, frames[i]) for i in range(len(frames))]


def frame_list(memory: Memory, frames: Any, times: Optional[Iterable[float]]) -> tuple[Any, int]:
    """vblip_frame [count]; the pixels are those of the arrays."""
    pictures = pictures_of(frames)
    times = None if times is None else list(times)
    if times is not None and len(times) != len(pictures):
        raise ArgumentError("times: %d of %d frames" % (len(times), len(pictures)))
    made = memory.keep(ffi.new("vblip_frame []", len(pictures)))
    for i, picture in enumerate(pictures):
        made[i].rgb = ffi.cast("uint8_t *", picture.ctypes.data)
        memory.keep(picture)
        made[i].height, made[i].width = picture.shape[:2]
        made[i].row_bytes = picture.strides[0]
        made[i].time_us = (scaled("times", times[i]) or 0) if times is not None else 0
    return made, len(pictures)
