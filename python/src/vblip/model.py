"""A BLIP checkpoint on a device, and clips that stay encoded."""

import os
import warnings
from typing import Any, Callable, Iterable, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from vblip import rows
from vblip._engine import Call, Engine, Handle, Held, open_engine
from vblip._errors import ArgumentError, DemoWarning, InputWarning
from vblip._frames import Frames, frame_list
from vblip._memory import Memory, PathLike, decoded, decoded_path, listed, scaled
from vblip._native import ffi, lib
from vblip._places import cache_folder, hub_folder
from vblip._stream import FEATURE_ROOM, Channel, Failed, Progressed, Rows
from vblip._tasks import (ASK, CAPTION, COMPAT, MATCH, OF_INPUTS, OF_TEXTS, TASKS, Asked, Inputs, Matrix, Source, Texts,
                          feature_number, make_job, make_streamed_job, refuse, shown, some)
from vblip.inputs import OpenInputs, paths_of


def _caption_asked(given: dict[str, Any]) -> Asked:
    job = {name: given.pop(name, None) for name in ("frames", "batch", "jobs")}
    given["every_us"] = scaled("every", given.pop("every", None))
    return Asked(CAPTION, None, given, {"every_us": "every"}, job, []).check()


def _ask_asked(questions: Texts, answers: Optional[Texts], values: dict[str, Any], job: dict[str, Any]) -> Asked:
    candidates = listed("answers", answers) if answers is not None else []
    if answers is not None and not candidates:
        raise ArgumentError("answers: none given")
    return Asked(ASK, some("questions", questions), values, {}, job, candidates).check()


def _match_asked(texts: Texts, itm_cls: bool, job: dict[str, Any]) -> Asked:
    return Asked(MATCH, some("texts", texts), {"itm_cls": itm_cls}, {}, job, []).check()


class Clip(Held):
    """A clip to ask several things: decoded and encoded once, its visual tokens stay in device memory.

    Made by Model.clip(). A context manager; close() gives the memory back.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def _ask(self, asked: Asked, progress: Optional[Progressed]) -> list[Any]:
        found: list[Any] = []
        memory = Memory()
        with self._handle.engine.turn() as call:
            job = make_job(call, memory, asked.job, None, shown(progress), None)
            asked.call_clip(call, self._handle.pointer, job, memory, found.append)
        return found

    def caption(self, *, prompt: Optional[str] = None, beams: Optional[int] = None, max_length: Optional[int] = None,
                min_length: Optional[int] = None, repetition_penalty: Optional[float] = None, sample: bool = False,
                top_p: Optional[float] = None, top_k: Optional[int] = None, temperature: Optional[float] = None,
                seed: Optional[int] = None, samples: Optional[int] = None,
                progress: Optional[Progressed] = None) -> list[rows.Caption]:
        """What all of its frames show: one caption, or `samples`. Options as of Model.caption()."""
        given = {name: value for name, value in locals().items() if name not in ("self", "progress")}
        return self._ask(_caption_asked(given), progress)

    def ask(self, questions: Texts, *, answers: Optional[Texts] = None, k_test: Optional[int] = None,
            beams: Optional[int] = None, max_length: Optional[int] = None, min_length: Optional[int] = None,
            progress: Optional[Progressed] = None) -> list[rows.Answer]:
        """An answer to each question, in their order. Options as of Model.ask()."""
        values = {"k_test": k_test, "beams": beams, "max_length": max_length, "min_length": min_length}
        return self._ask(_ask_asked(questions, answers, values, {}), progress)

    def match(self, texts: Texts, *, itm_cls: bool = False,
              progress: Optional[Progressed] = None) -> list[rows.Match]:
        """How well each text matches, in their order."""
        return self._ask(_match_asked(texts, itm_cls, {}), progress)

    def features(self, what: str, texts: Optional[Texts] = None) -> list[rows.Features]:
        """`what`: "itc-image" [D], "vision" [frames * tokens, D], or, for each of `texts`, "multimodal" [tokens, D]."""
        number = feature_number(what)
        if what not in OF_INPUTS:
            raise ArgumentError("what: %s is not of a clip" % what)
        said = _feature_texts(what, texts)
        found: list[rows.Features] = []
        memory = Memory()
        with self._handle.engine.turn() as call:
            fn = call.callback("vblip_features_fn", lambda row: found.append(rows.features_row(row, said)))
            call.check(lib.vblip_clip_embed(self._handle.pointer, number, memory.texts("texts", said), len(said),
                                            ffi.NULL, fn, ffi.NULL, call.err))
        return found

    def embed(self) -> NDArray[np.float32]:
        """Its ITC vector, float32 [D], of length 1: the mean of its frames'."""
        return self.features("itc-image")[0].values


def _feature_texts(what: str, texts: Optional[Texts]) -> list[str]:
    if what in OF_TEXTS:
        if texts is None:
            raise ArgumentError("texts: none given, %s is of texts" % what)
        return some("texts", texts)
    if texts is not None:
        raise ArgumentError("texts: %s is not of texts" % what)
    return []


class Model(Held):
    """A BLIP checkpoint, resident in the memory of one device, with all that can be asked of it.

    path         a folder or file, a model set, or a hub name in the local Hugging Face cache; None: $VBLIP_MODEL, else
                 the bundled demo model, which warns (DemoWarning): it knows only generated emoji scenes
    device       "cpu", an index, or part of a name as `vblip doctor` tells; None: the best there is
    precision    of weights in memory: "f32", "f16", "bf16"; None: by device
    tasks        names, of "retrieval", "caption", "vqa", "nlvr", "itc", "features"; None: all that it can
    threads      of the processor; None: OMP_NUM_THREADS, else its cores
    hwaccel      what decodes videos: "auto", "vaapi", ...; None: the processor
    image_size   pixels a side; None: the checkpoint's own
    compat       "salesforce", or "hf": whose numbers where they differ (docs/compat.md)
    raw_text     texts are not cleaned
    calibration  file of P(match), or "none"; None: the checkpoint's own
    cache_dir    for compiled pipelines and verdicts of the self-test; None: $XDG_CACHE_HOME/vblip

    `info` says what the checkpoint holds, `device` is the name of the device.

    A context manager. A Model, its clips and libraries are used by one thread at a time: they have one lock, and
    whoever calls meanwhile waits, with the GIL released. Two Models share nothing and run at once. A process that was
    forked opens its own.
    """

    def __init__(self, path: Optional[PathLike] = None, device: Optional[str] = None, precision: Optional[str] = None,
                 *, tasks: Union[str, Iterable[str], None] = None, threads: Optional[int] = None,
                 hwaccel: Optional[str] = None, kernels: Optional[str] = None, image_size: Optional[int] = None,
                 vocab: Optional[PathLike] = None, compat: str = "salesforce", raw_text: bool = False,
                 calibration: Optional[PathLike] = None, cache_dir: Optional[PathLike] = None,
                 cache_weights: bool = False) -> None:
        memory = Memory()
        cache = cache_dir if cache_dir is not None else cache_folder()
        if path is None:
            path = os.environ.get("VBLIP_MODEL") or None
        options = memory.struct("vblip_engine_options", device=device, kernels=kernels, precision=precision,
                                cache_dir=memory.path("cache_dir", cache) if cache else None,
                                cache_weights=cache_weights, threads=threads, hwaccel=hwaccel)
        source = memory.struct("vblip_model_options",
                               path=None if path is None else memory.path("path", path),
                               hub_dir=memory.path("hub", hub_folder()) if hub_folder() else None,
                               vocab=None if vocab is None else memory.path("vocab", vocab), image_size=image_size,
                               tasks=_task_bits(tasks), raw_text=raw_text, compat=_compat_number(compat),
                               calibration=None if calibration is None else memory.path("calibration", calibration))
        engine = Engine()
        opened = open_engine(options, engine)
        place = ffi.new("vblip_model **")
        try:
            with engine.turn() as call:
                call.check(lib.vblip_model_load(place, opened.pointer, source, call.err))
                self._handle = Handle(engine, "model", place, lib.vblip_model_free, opened)
                self.device = decoded(lib.vblip_engine_device(opened.pointer).name)
                self.info = _info(lib.vblip_model_describe(place[0]))
        except BaseException:
            opened.close()
            raise
        self._engine = engine
        self._opened = opened
        if path is None:
            warnings.warn("the bundled demo model answers; it knows only generated emoji scenes. Real weights: hf "
                          "download Salesforce/blip-itm-base-coco, then Model(\"Salesforce/blip-itm-base-coco\")",
                          DemoWarning, stacklevel=2)

    def close(self) -> None:
        """Stops what runs on it, closes its clips and libraries, and gives the device back."""
        self._opened.close()
        self._engine.finish()

    @property
    def counts(self) -> rows.Counts:
        """Frames decoded and encoded since it was loaded."""
        with self._engine.turn():
            counts = lib.vblip_model_counts(self._handle.pointer)
            return rows.Counts(int(counts.frames_decoded), int(counts.frames_encoded))

    # ------------------------------------------------------------------------- clips

    def _open_clip(self, call: Call, source: Source, options: dict[str, Any], name: str) -> Any:
        place = ffi.new("vblip_clip **")
        memory = Memory()
        model = self._handle.pointer
        if source.frames is None:
            opts = memory.struct("vblip_clip_options", {"start_us": "start", "end_us": "end"}, **options)
            call.check(lib.vblip_clip_open(place, model, memory.path("path", source.paths[0]), opts, call.err))
        else:
            made, count = frame_list(memory, source.frames, source.times)
            call.check(lib.vblip_clip_from_frames(place, model, memory.text("name", name), made, count, call.err))
        return place

    def clip(self, source: Union[PathLike, Frames], *, start: Optional[float] = None, end: Optional[float] = None,
             frames: Optional[int] = None, batch: Optional[int] = None, times: Optional[Sequence[float]] = None,
             name: str = "frames") -> Clip:
        """Decodes and encodes a clip, to ask it several things.

        source  a path: `frames` of it are sampled (8) between `start` and `end`, in seconds; or numpy frames, uint8
                RGB, [count, height, width, 3], [height, width, 3], or a list of pictures: all are encoded. They are
                read where they are, also of views that leave out rows, borders or frames; others are copied first
        times   of frames in memory, seconds, in order; rows begin and end with them (0 without)
        name    of frames in memory: the `path` of their rows
        """
        given = Source(source, times)
        options = {"start_us": scaled("start", start), "end_us": scaled("end", end), "frames": frames, "batch": batch}
        if given.frames is not None and any(value is not None for value in options.values()):
            raise ArgumentError("start, end, frames, batch: of a path only; frames in memory are all encoded")
        if len(given.paths) > 1:
            raise ArgumentError("clip: %d paths, expected one" % len(given.paths))
        with self._engine.turn() as call:
            place = self._open_clip(call, given, options, name)
        return Clip(Handle(self._engine, "clip", place, lib.vblip_clip_close, self._handle))

    # ------------------------------------------------------------------------- tasks

    def _rows(self, inputs: Inputs, asked: Asked, failed: Optional[Failed], progress: Optional[Progressed],
              times: Optional[Sequence[float]]) -> Rows[Any]:
        source = Source(inputs, times)

        def work(call: Call, channel: Channel) -> None:
            memory = Memory()
            job = make_streamed_job(call, memory, asked.job, channel, progress is not None)
            model = self._handle.pointer

            def give(row: Any) -> object:
                return channel.put("row", row)

            if source.frames is None:
                with OpenInputs(call, source.paths) as opened:
                    asked.call_inputs(call, model, opened, job, memory, give)
                return
            place = self._open_clip(call, source, {}, "frames")
            try:
                asked.call_clip(call, place[0], job, memory, give)
            finally:
                lib.vblip_clip_close(place)

        return Rows(self._engine, work, failed, progress)

    def caption(self, inputs: Inputs, *, every: Optional[float] = None, every_frames: Optional[int] = None,
                count: Optional[int] = None, shots: bool = False, prompt: Optional[str] = None,
                beams: Optional[int] = None, max_length: Optional[int] = None, min_length: Optional[int] = None,
                repetition_penalty: Optional[float] = None, merge: bool = False, sample: bool = False,
                top_p: Optional[float] = None, top_k: Optional[int] = None, temperature: Optional[float] = None,
                seed: Optional[int] = None, samples: Optional[int] = None, same_picture: Optional[float] = None,
                batch: Optional[int] = None, jobs: Optional[int] = None, times: Optional[Sequence[float]] = None,
                failed: Optional[Failed] = None, progress: Optional[Progressed] = None) -> Rows[rows.Caption]:
        """Describes recordings: one caption a second, each `every` so many seconds or `every_frames`, `count` in all,
        or one a shot. Of numpy frames: one about all of them.

        inputs   paths of files and directories, or numpy frames as of clip()
        prompt   what captions begin with; None: "a picture of ", which is cut off
        sample   tokens are drawn, by top_p (0.9), top_k (50), temperature (1) and seed, `samples` times
        merge    neighbours with the same text, or a picture with this ITC cosine (same_picture), become one
        failed   called with the Failure of each input that cannot be read, and the work goes on; None: InputError
        """
        given = {name: value for name, value in locals().items()
                 if name not in ("self", "inputs", "failed", "progress", "times")}
        return self._rows(inputs, _caption_asked(given), failed, progress, times)

    def ask(self, inputs: Inputs, questions: Texts, *, answers: Optional[Texts] = None, segment: Optional[str] = None,
            k_test: Optional[int] = None, beams: Optional[int] = None, max_length: Optional[int] = None,
            min_length: Optional[int] = None, frames: Optional[int] = None, batch: Optional[int] = None,
            jobs: Optional[int] = None, times: Optional[Sequence[float]] = None, failed: Optional[Failed] = None,
            progress: Optional[Progressed] = None) -> Rows[rows.Answer]:
        """Answers each question about each input, in their order.

        answers  candidates: they are ranked, none is made up
        segment  "auto", "shots" or a length in seconds, as text: each segment is asked about; None: the whole
        frames   of a clip; None: 16
        failed   as of caption()
        """
        values = {"segment": segment, "k_test": k_test, "beams": beams, "max_length": max_length,
                  "min_length": min_length}
        asked = _ask_asked(questions, answers, values, {"frames": frames, "batch": batch, "jobs": jobs})
        return self._rows(inputs, asked, failed, progress, times)

    def match(self, inputs: Inputs, texts: Texts, *, itm_cls: bool = False, frames: Optional[int] = None,
              batch: Optional[int] = None, jobs: Optional[int] = None, times: Optional[Sequence[float]] = None,
              failed: Optional[Failed] = None, progress: Optional[Progressed] = None) -> Rows[rows.Match]:
        """How well each input and each text match: ITC cosine, ITM logits, P(match). `failed` as of caption()."""
        asked = _match_asked(texts, itm_cls, {"frames": frames, "batch": batch, "jobs": jobs})
        return self._rows(inputs, asked, failed, progress, times)

    def retrieve(self, inputs: Union[PathLike, Sequence[PathLike]], queries: Texts, *,
                 segment: Optional[str] = None, top: Optional[int] = None, rerank: Optional[int] = None,
                 min_p: float = 0.0, frames: Optional[int] = None, failed: Optional[Failed] = None,
                 progress: Optional[Progressed] = None) -> Rows[rows.Hit]:
        """Ranks the segments of the inputs for each query, best first, and leaves nothing on disk; a Library keeps
        what was encoded. Options as of Library() and Library.retrieve()."""
        from vblip._library import transient_retrieve
        return transient_retrieve(self, paths_of(inputs), some("queries", queries),
                                  {"segment": segment, "frames": frames},
                                  {"top": top, "rerank": rerank, "min_p": min_p}, failed, progress)

    def watch(self, address: str, texts: Texts, *, min_p: float = 0.5, window: Optional[float] = None,
              rerank: Optional[int] = None, picture_width: Optional[int] = None, frames: Optional[int] = None,
              batch: Optional[int] = None) -> Rows[rows.Event]:
        """Looks at a stream while it comes, and tells when it shows what a text says, until it ends or is left.

        address        rtsp, http, tcp, udp and the like, or "-", standard input
        min_p          P(match) of an event, at least
        window         seconds that the frames of a window are spread over; None: a second for each of `frames` (8)
        rerank         texts of a window that ITM is asked about; None: 8
        picture_width  of the picture of an event, an even number of pixels from 16 to 1024; None: no picture
        """
        said = some("texts", texts)
        values = {"window_us": scaled("window", window), "min_p": min_p, "rerank": rerank,
                  "picture_width": picture_width}
        job_values = {"frames": frames, "batch": batch}
        Memory().text("address", address)
        Memory().texts("texts", said)
        Memory().struct("vblip_watch_options", {"window_us": "window"}, job=Memory().struct("vblip_job", **job_values),
                        **values)

        def work(call: Call, channel: Channel) -> None:
            memory = Memory()
            job = make_streamed_job(call, memory, job_values, channel, False)
            options = memory.struct("vblip_watch_options", job=job, **values)
            fn = call.callback("vblip_event_fn", lambda row: channel.put("row", rows.event_row(row, said)))
            call.check(lib.vblip_watch_stream(self._handle.pointer, memory.text("address", address),
                                              memory.texts("texts", said), len(said), options, fn, ffi.NULL, call.err))

        return Rows(self._engine, work, None, None)

    # ---------------------------------------------------------------------- features

    def embed(self, inputs: Optional[Inputs] = None, texts: Optional[Texts] = None, *, frames: Optional[int] = None,
              batch: Optional[int] = None, jobs: Optional[int] = None, failed: Optional[Failed] = None,
              progress: Optional[Progressed] = None) -> NDArray[np.float32]:
        """ITC vectors of inputs, or of texts: float32 [count, D], of length 1, so that `a @ b.T` are cosines.

        A row for each file, in their order (a directory has one for each of its files); of a video the mean of its
        frames'. Numpy frames are one clip: [1, D].
        failed  called with the Failure of each input that cannot be read, whose row is NaN; None: InputError
        """
        if (inputs is None) == (texts is None):
            raise ArgumentError("embed: expected inputs or texts, one of the two")
        if inputs is not None:
            source = Source(inputs)
            if source.frames is not None:
                with self.clip(source.frames) as clip:
                    return clip.embed()[None]
        said = some("texts", texts) if texts is not None else []
        memory = Memory()
        report = failed or refuse
        with self._engine.turn() as call:
            job = make_job(call, memory, {"frames": frames, "batch": batch, "jobs": jobs},
                           lambda row: report(rows.failure_row(row)) and None, shown(progress),
                           lambda row: warnings.warn("%s: %s" % rows.failure_row(row), InputWarning, stacklevel=5))
            model = self._handle.pointer
            if texts is not None:
                return self._matrix(call, memory, model, "itc-text", ffi.NULL, len(said), said, job)
            with OpenInputs(call, source.paths) as opened:
                return self._matrix(call, memory, model, "itc-image", opened, int(lib.vblip_inputs_count(opened)), [],
                                    job)

    def _matrix(self, call: Call, memory: Memory, model: Any, what: str, opened: Any, count: int, said: list[str],
                job: Any) -> NDArray[np.float32]:
        found = Matrix(count)
        fn = call.callback("vblip_features_fn", lambda row: found.take(row, row.text if said else row.input))
        call.check(lib.vblip_embed(model, feature_number(what), opened, memory.texts("texts", said), len(said), job, fn,
                                   ffi.NULL, call.err))
        return found.values

    def features(self, what: str, inputs: Optional[Inputs] = None, texts: Optional[Texts] = None, *,
                 frames: Optional[int] = None, batch: Optional[int] = None, jobs: Optional[int] = None,
                 failed: Optional[Failed] = None, progress: Optional[Progressed] = None) -> Rows[rows.Features]:
        """Features one by one. `what` they are, and the shape of their float32 values:

        "itc-image"   of each input, [D]
        "itc-text"    of each text, [D]
        "vision"      of each input, the visual tokens of all its frames, [frames * tokens, D]
        "text"        of each text, its states, [CLS] first, [tokens, D]
        "multimodal"  of each input with each text, the text's states, [ENC] first, [tokens, D]
        """
        number = feature_number(what)
        said = _feature_texts(what, texts)
        if (inputs is not None) != (what in OF_INPUTS):
            raise ArgumentError("inputs: %s is %sof inputs" % (what, "not " if inputs is not None else ""))
        source = Source(inputs) if inputs is not None else None
        Memory().texts("texts", said)
        values = {"frames": frames, "batch": batch, "jobs": jobs}
        Memory().struct("vblip_job", **values)

        def work(call: Call, channel: Channel) -> None:
            memory = Memory()
            job = make_streamed_job(call, memory, values, channel, progress is not None)
            fn = call.callback("vblip_features_fn", lambda row: channel.put("row", rows.features_row(row, said)))
            model = self._handle.pointer
            c_texts = memory.texts("texts", said)
            if source is None or source.frames is None:
                with OpenInputs(call, source.paths if source else []) as opened:
                    call.check(lib.vblip_embed(model, number, opened, c_texts, len(said), job, fn, ffi.NULL, call.err))
                return
            place = self._open_clip(call, source, {}, "frames")
            try:
                call.check(lib.vblip_clip_embed(place[0], number, c_texts, len(said), job, fn, ffi.NULL, call.err))
            finally:
                lib.vblip_clip_close(place)

        return Rows(self._engine, work, failed, progress, FEATURE_ROOM)


def _info(info: Any) -> rows.ModelInfo:
    return rows.ModelInfo(decoded_path(info.path), decoded(info.layout), decoded(info.dtype),
                          frozenset(name for name, bit in TASKS.items() if info.tasks & bit), int(info.image_size),
                          int(info.parameters), bool(info.demo))


def _task_bits(tasks: Union[str, Iterable[str], None]) -> Optional[int]:
    if tasks is None:
        return None
    bits = 0
    for name in listed("tasks", tasks):
        if name not in TASKS:
            raise ArgumentError("tasks: %r, expected some of %s" % (name, ", ".join(TASKS)))
        bits |= TASKS[name]
    return bits


def _compat_number(compat: str) -> int:
    if compat not in COMPAT:
        raise ArgumentError("compat: %r, expected %s" % (compat, " or ".join(COMPAT)))
    return COMPAT[compat]
