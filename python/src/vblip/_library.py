"""Recordings that are encoded once and searched for years, and the indexes that hold them (docs/library.md)."""

from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from vblip import rows
from vblip._engine import Call, Handle, Held
from vblip._errors import ArgumentError
from vblip._memory import Memory, PathLike, decoded, decoded_path, listed, real, scaled, whole
from vblip._native import ffi, lib
from vblip._places import data_folder
from vblip._stream import Channel, Failed, Progressed, Rows
from vblip._tasks import Texts, make_job, make_streamed_job, refuse, shown
from vblip.inputs import OpenInputs, Shard, check_globs, paths_of
from vblip.model import Model

RERANK_AUTO, RERANK_NONE = -2, -1


class Example(NamedTuple):
    """A picture, or a part of a recording (seconds), that hits are to be like; with a weight below 0, unlike."""

    path: PathLike
    start: float = 0.0
    end: Optional[float] = None
    weight: float = 1.0


def _changes_row(changes: Any) -> rows.Changes:
    return rows.Changes(*(int(getattr(changes, name)) for name in rows.Changes._fields))


def _check_ranking(ranking: dict[str, Any]) -> None:
    Memory().struct("vblip_retrieve_options", **_ranking_fields(ranking))


def _ranking_fields(ranking: dict[str, Any]) -> dict[str, Any]:
    rerank = None if ranking["rerank"] is None else whole("rerank", ranking["rerank"])
    if rerank is not None and rerank < 0:
        raise ArgumentError("rerank: %r, expected 0 or more, or None for auto" % (rerank,))
    return {"top": ranking["top"], "min_p": ranking["min_p"],
            "rerank": RERANK_AUTO if rerank is None else rerank or RERANK_NONE}


def _example_list(memory: Memory, examples: Sequence[Example]) -> Any:
    made = memory.keep(ffi.new("vblip_example []", len(examples)))
    for place, example in zip(made, examples):
        place.path = memory.path("like", example.path)
        place.start_us = scaled("start", example.start)
        place.end_us = scaled("end", example.end) or 0
        place.weight = real("weight", example.weight)
    return made


def _search(call: Call, memory: Memory, channel: Channel, library: Any, queries: list[str], ranking: dict[str, Any],
            search: dict[str, Any], examples: Sequence[Example], job: Any) -> None:
    retrieve = memory.struct("vblip_retrieve_options", job=job, **_ranking_fields(ranking))
    fields = dict(search)
    for name in ("include", "exclude"):
        globs = fields.pop(name, None)
        if globs:
            fields[name] = memory.texts(name, globs)
    if examples:
        fields.update(examples=_example_list(memory, examples), example_count=len(examples))
    options = memory.struct("vblip_search_options", retrieve=retrieve, **fields)
    then = search.get("then") is not None
    fn = call.callback("vblip_hit_fn", lambda row: channel.put("row", rows.hit_row(row, queries, then)))
    call.check(lib.vblip_library_retrieve(library, memory.texts("queries", queries) if queries else ffi.NULL,
                                          len(queries), options, ffi.NULL, fn, ffi.NULL, call.err))


def _open_library(call: Call, memory: Memory, model: Any, inputs: Any, settings: dict[str, Any]) -> Any:
    place = ffi.new("vblip_library **")
    call.check(lib.vblip_library_open(place, model, inputs, memory.struct("vblip_library_options", **settings),
                                      call.err))
    return place


def transient_retrieve(model: Model, paths: list[PathLike], queries: list[str], settings: dict[str, Any],
                       ranking: dict[str, Any], failed: Optional[Failed],
                       progress: Optional[Progressed]) -> Rows[rows.Hit]:
    """Of a library that leaves nothing on disk and is there for one search."""
    Memory().struct("vblip_library_options", **settings)
    _check_ranking(ranking)
    Memory().paths("path", paths)
    Memory().texts("queries", queries)

    def work(call: Call, channel: Channel) -> None:
        memory = Memory()
        job = make_streamed_job(call, memory, {}, channel, progress is not None)
        with OpenInputs(call, paths) as opened:
            place = _open_library(call, memory, model._handle.pointer, opened, settings)
            try:
                _search(call, memory, channel, place[0], queries, ranking, {}, (), job)
            finally:
                lib.vblip_library_close(place)

    return Rows(model._engine, work, failed, progress)


class Library(Held):
    """Recordings of a model, encoded once, kept in indexes, searched as often as you like.

    paths         files and directories; none: all that `index` holds, as it is
    index         file that all goes to; None: one for each directory, in `data_dir`
    data_dir      folder of those; None: $XDG_DATA_HOME/vblip, where `vblip retrieve` keeps its own
    segment       "auto", "whole", "shots", or a length in seconds, as text; None: auto
    frames        of a segment; None: 8
    rebuild       make indexes anew
    retry_failed  try files again that could not be read before
    write         an index that cannot be written is an error; else what it holds is searched
    tokens_bytes  of visual tokens that ITM read, kept beside the indexes, at most; 0: none
    include, exclude  globs over names in directories
    shard         (number from 1, of how many): that share of the files alone, as of files()

    A context manager; it shares its model's lock.
    """

    def __init__(self, model: Model, paths: Union[PathLike, Sequence[PathLike]] = (), *,
                 index: Optional[PathLike] = None, data_dir: Optional[PathLike] = None,
                 segment: Optional[str] = None, frames: Optional[int] = None, rebuild: bool = False,
                 retry_failed: bool = False, write: bool = False, tokens_bytes: Optional[int] = None,
                 include: Sequence[str] = (), exclude: Sequence[str] = (), shard: Optional[Shard] = None) -> None:
        memory = Memory()
        folder = data_dir if data_dir is not None else data_folder()
        settings = {"index": None if index is None else memory.path("index", index),
                    "data_dir": None if folder is None else memory.path("data_dir", folder), "segment": segment,
                    "frames": frames, "rebuild": rebuild, "retry_failed": retry_failed, "write": write,
                    "tokens_bytes": 2**64 - 1 if tokens_bytes == 0 else tokens_bytes}
        given = paths_of(paths) if paths else []
        if not given and index is None:
            raise ArgumentError("library: no paths and no index")
        with model._engine.turn() as call:
            opened = OpenInputs(call, given, include, exclude, shard)
            try:
                place = _open_library(call, memory, model._handle.pointer, opened.pointer, settings)
            except BaseException:
                opened.close()
                raise

        def free(library: Any) -> None:
            lib.vblip_library_close(library)
            opened.close()
            memory.forget()

        self._engine = model._engine
        self._handle = Handle(model._engine, "library", place, free, model._handle)

    def update(self, *, jobs: Optional[int] = None, batch: Optional[int] = None, failed: Optional[Failed] = None,
               progress: Optional[Progressed] = None) -> rows.Changes:
        """Brings the indexes up to date. `failed` as of Model.caption()."""
        memory = Memory()
        changes = ffi.new("vblip_index_changes *")
        report = failed or refuse
        with self._engine.turn() as call:
            job = make_job(call, memory, {"jobs": jobs, "batch": batch},
                           lambda row: report(rows.failure_row(row)) and None, shown(progress), None)
            call.check(lib.vblip_library_update(self._handle.pointer, job, changes, call.err))
        return _changes_row(changes)

    def retrieve(self, queries: Texts = (), *, like: Union[Example, Sequence[Example]] = (),
                 then: Optional[str] = None, within: Optional[float] = None, top: Optional[int] = None,
                 rerank: Optional[int] = None, min_p: float = 0.0, by_recording: bool = False,
                 same: Optional[float] = None, offset: Optional[int] = None, since: Optional[float] = None,
                 until: Optional[float] = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
                 failed: Optional[Failed] = None, progress: Optional[Progressed] = None) -> Rows[rows.Hit]:
        """The segments that match, best first, query by query; what is new is encoded first.

        like          Examples, with or without a query
        then          what a second segment shows, begun at most `within` seconds behind the first (60)
        top           hits a query (10), behind `offset` that are passed over
        rerank        candidates that ITM scores; 0: none, ITC alone; None: those at hand and some others
        min_p         hits with a P(match) below are dropped
        by_recording  the best hit of each recording alone
        same          hits with this cosine to a better one are left out
        since, until  only files written to then, seconds since 1970
        include, exclude  without paths: globs over the names in the index
        """
        said = listed("queries", queries)
        examples = [like] if isinstance(like, Example) else list(like)
        if not said and not examples:
            raise ArgumentError("queries: none given, and nothing that hits are to be like")
        check_globs(include, exclude)
        ranking = {"top": top, "rerank": rerank, "min_p": min_p}
        if then is not None and within is None:
            within = 60.0
        search = {"then": then, "within_us": scaled("within", within), "by_recording": by_recording, "same": same,
                  "offset": offset, "since_ns": scaled("since", since, 10**9),
                  "until_ns": scaled("until", until, 10**9), "include": include, "exclude": exclude}
        _check_ranking(ranking)
        Memory().texts("queries", said)
        Memory().struct("vblip_search_options", **{k: v for k, v in search.items() if k not in ("include", "exclude")})
        _example_list(Memory(), examples)

        def work(call: Call, channel: Channel) -> None:
            memory = Memory()
            job = make_streamed_job(call, memory, {}, channel, progress is not None)
            _search(call, memory, channel, self._handle.pointer, said, ranking, search, examples, job)

        return Rows(self._engine, work, failed, progress)

    def describe(self) -> list[rows.IndexInfo]:
        """Its indexes."""
        found: list[rows.IndexInfo] = []
        with self._engine.turn() as call:
            fn = call.callback("vblip_index_info_fn", lambda row: found.append(_info_row(row)))
            call.check(lib.vblip_library_describe(self._handle.pointer, fn, ffi.NULL, call.err))
        return found


def _info_row(row: Any) -> rows.IndexInfo:
    return rows.IndexInfo(decoded_path(row.path), decoded_path(row.root), int(row.recordings), int(row.failed),
                          int(row.segments), int(row.bytes))


# ------------------------------------------------------------------- indexes by themselves


def describe_index(path: PathLike) -> rows.IndexInfo:
    """What an index holds. As all of these functions, it needs neither a model nor a device."""
    found: list[rows.IndexInfo] = []
    call, memory = Call(), Memory()
    fn = call.callback("vblip_index_info_fn", lambda row: found.append(_info_row(row)))
    call.check(lib.vblip_index_describe(memory.path("index", path), fn, ffi.NULL, call.err))
    return found[0]


def list_index(path: PathLike) -> list[rows.Recording]:
    """The recordings in an index."""
    found: list[rows.Recording] = []
    call, memory = Call(), Memory()
    fn = call.callback("vblip_index_recording_fn", lambda row: found.append(rows.Recording(
        decoded_path(row.path), int(row.size), decoded(row.error) if row.error else None)))
    call.check(lib.vblip_index_list(memory.path("index", path), fn, ffi.NULL, call.err))
    return found


def export_index(path: PathLike) -> rows.Segments:
    """Every segment in an index with its ITC vector, in the order of paths, then of times."""
    segments: list[rows.Segment] = []
    vectors: list[NDArray[np.float32]] = []
    call, memory = Call(), Memory()

    def take(row: Any) -> None:
        if not vectors:
            vectors.append(np.empty((int(row.total), int(row.dims)), np.float32))
        vectors[0][row.number] = np.frombuffer(ffi.buffer(row.vector, 4 * int(row.dims)), np.float32)
        segments.append(rows.Segment(decoded_path(row.path), *rows.span(row)))

    fn = call.callback("vblip_index_segment_fn", take)
    call.check(lib.vblip_index_export(memory.path("index", path), fn, ffi.NULL, call.err))
    return rows.Segments(segments, vectors[0] if vectors else np.empty((0, 0), np.float32))


def verify_index(path: PathLike) -> None:
    """Reads all of it; FormatError names the first thing that is wrong."""
    call, memory = Call(), Memory()
    call.check(lib.vblip_index_verify(memory.path("index", path), call.err))


def merge_indexes(path: PathLike, indexes: Sequence[PathLike], *, replace: bool = False) -> int:
    """Makes an index of all that `indexes` hold; how many recordings it was told of. The file appears whole."""
    call, memory = Call(), Memory()
    seen: list[bool] = []
    fn = call.callback("vblip_merged_fn", lambda row: seen.append(bool(row.taken)))
    given = paths_of(indexes)
    call.check(lib.vblip_index_merge(memory.path("index", path), memory.paths("index", given), len(given), replace, fn,
                                     ffi.NULL, call.err))
    return sum(seen)
