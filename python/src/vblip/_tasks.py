"""_tasks.py - what a model is asked: one table, one way to call it about files and about a clip."""

from typing import Any, Callable, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from vblip import rows
from vblip._engine import Call
from vblip._errors import ArgumentError, InputError
from vblip._frames import Frames, are_frames, frame_list
from vblip._memory import Memory, PathLike, listed
from vblip._native import ffi, lib
from vblip._stream import Channel, Progressed
from vblip.inputs import paths_of

Texts = Union[str, Sequence[str]]
Inputs = Union[PathLike, Sequence[PathLike], Frames]

FEATURES = ("itc-image", "itc-text", "vision", "text", "multimodal")
OF_INPUTS = ("itc-image", "vision", "multimodal")
OF_TEXTS = ("itc-text", "text", "multimodal")
TASKS = {"retrieval": 1, "caption": 2, "vqa": 4, "nlvr": 8, "itc": 16, "features": 32}
COMPAT = {"salesforce": 0, "hf": 1}


class Task(NamedTuple):
    of_inputs: str  # functions of the library
    of_clip: str
    options: str
    callback: str
    row: Callable[[Any, list[str], list[str]], Any]


CAPTION = Task("vblip_caption_inputs", "vblip_clip_caption", "vblip_caption_options", "vblip_caption_fn",
               rows.caption_row)
ASK = Task("vblip_ask", "vblip_clip_ask", "vblip_ask_options", "vblip_answer_fn", rows.answer_row)
MATCH = Task("vblip_match", "vblip_clip_match", "vblip_match_options", "vblip_match_fn", rows.match_row)


class Asked(NamedTuple):
    """A task and what goes with it, checked; options that C is to point at are made with the call."""

    task: Task
    texts: Optional[list[str]]
    values: dict[str, Any]  # fields of the options
    labels: dict[str, str]  # what callers call them, where that differs
    job: dict[str, Any]  # fields of vblip_job
    answers: list[str]

    def options(self, memory: Memory, job: Any) -> Any:
        values = dict(self.values)
        if self.answers:
            values["answers"] = memory.texts("answers", self.answers)
            values["answer_count"] = len(self.answers)
        return memory.struct(self.task.options, self.labels, job=job, **values)

    def check(self) -> "Asked":
        """Finds what is wrong where the caller stands, not where the rows are read."""
        memory = Memory()
        self.options(memory, memory.struct("vblip_job", **self.job))
        if self.texts is not None:
            memory.texts("texts", self.texts)
        return self

    def call_clip(self, call: Call, clip: Any, job: Any, memory: Memory, give: Callable[[Any], object]) -> None:
        self._call(call, self.task.of_clip, [clip], job, memory, give)

    def call_inputs(self, call: Call, model: Any, inputs: Any, job: Any, memory: Memory,
                    give: Callable[[Any], object]) -> None:
        self._call(call, self.task.of_inputs, [model, inputs], job, memory, give)

    def _call(self, call: Call, function: str, about: list[Any], job: Any, memory: Memory,
              give: Callable[[Any], object]) -> None:
        texts = self.texts
        if texts is not None:
            about = [*about, memory.texts("texts", texts), len(texts)]
        callback = call.callback(self.task.callback, lambda row: give(self.task.row(row, texts or [], self.answers)))
        call.check(getattr(lib, function)(*about, self.options(memory, job), callback, ffi.NULL, call.err))


def some(name: str, texts: Texts) -> list[str]:
    found = listed(name, texts)
    if not found:
        raise ArgumentError("%s: none given" % name)
    return found


def shown(progress: Optional[Progressed]) -> Optional[Callable[[Any], object]]:
    """Of a call on this thread. What it returns does not stop the call, what it raises does."""
    if not progress:
        return None
    tell = progress
    return lambda row: tell(rows.progress_row(row)) and None


def make_job(call: Call, memory: Memory, values: dict[str, Any], failed: Optional[Callable[[Any], object]],
             progress: Optional[Callable[[Any], object]], warned: Optional[Callable[[Any], object]]) -> Any:
    made = memory.struct("vblip_job", **values)
    fields = dict(ffi.typeof("vblip_job").fields)
    for name, function in (("failed", failed), ("progress", progress), ("warned", warned)):
        if function:
            setattr(made, name, call.callback(ffi.getctype(fields[name].type), function))
    return made


def make_streamed_job(call: Call, memory: Memory, values: dict[str, Any], channel: Channel, progress: bool) -> Any:
    """A job whose callbacks are told on the thread that reads."""
    return make_job(call, memory, values, lambda row: channel.put("failed", rows.failure_row(row)),
                    (lambda row: channel.put("progress", rows.progress_row(row))) if progress else None,
                    lambda row: channel.put("warned", rows.failure_row(row)))


def feature_number(what: str) -> int:
    if what not in FEATURES:
        raise ArgumentError("what: %r, expected one of %s" % (what, ", ".join(FEATURES)))
    return FEATURES.index(what)


class Source:
    """Files, or frames in memory, that are checked; opened for each call."""

    def __init__(self, given: Inputs, times: Optional[Sequence[float]] = None) -> None:
        self.frames: Any = given if are_frames(given) else None
        self.times = times
        self.paths: list[PathLike] = []
        if self.frames is not None:
            frame_list(Memory(), given, times)
        else:
            if times is not None:
                raise ArgumentError("times: of frames in memory only")
            self.paths = paths_of(given)
            Memory().paths("path", self.paths)


class Matrix:
    """ITC vectors of a call, one a row; NaN where there is none."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.values: NDArray[np.float32] = np.full((count, 0), np.nan, np.float32)

    def take(self, features: Any, row: int) -> None:
        if not self.values.shape[1]:
            self.values = np.full((self._count, int(features.cols)), np.nan, np.float32)
        self.values[row] = np.frombuffer(ffi.buffer(features.values, 4 * int(features.cols)), np.float32)


def refuse(failure: rows.Failure) -> None:
    raise InputError(failure.path, failure.message)
