"""What is reported: named tuples with the fields of the command line's jsonl. `row._asdict()` is a dictionary.

Times are seconds from the first frame, None for an image. Scores are the float32 of the library.
"""

from typing import Any, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from vblip._memory import decoded, decoded_path, seconds
from vblip._native import ffi


class Caption(NamedTuple):
    path: str
    start: Optional[float]
    end: Optional[float]
    caption: str
    score: float  # mean log-probability of a token


class RankedAnswer(NamedTuple):
    answer: str
    score: float  # sum over its tokens, not normalised


class Answer(NamedTuple):
    path: str
    question: str
    answer: str
    score: float
    start: Optional[float]
    end: Optional[float]
    ranked: Optional[list[RankedAnswer]]  # best first; None: the answer was generated


class Match(NamedTuple):
    path: str
    text: str
    itc: float  # cosine, -1 to 1
    itm_logits: tuple[float, float]  # unmatched, matched
    p_match: float  # 0 to 1


class Hit(NamedTuple):
    query: Optional[str]  # None: of examples alone
    rank: int  # from 1
    path: str
    start: Optional[float]
    end: Optional[float]
    score: float
    itc: float
    itm_logit: Optional[float]  # None, as p_match: ITM was not asked
    p_match: Optional[float]
    then_start: Optional[float]  # of the second segment, with `then`
    then_end: Optional[float]


class Event(NamedTuple):
    """A moment of a stream that matches a text, told when it begins."""

    text: str
    path: str  # the address, without user and password
    start: float  # of the window it was found in, from the first picture that came
    end: float
    score: float
    itc: float
    itm_logits: tuple[float, float]
    p_match: float
    picture: Optional[bytes]  # JPEG of the frame that is most like the text


class Features(NamedTuple):
    path: Optional[str]  # None of a text alone
    text: Optional[str]  # None of an input alone
    values: NDArray[np.float32]  # [cols], or [rows, cols]


class Failure(NamedTuple):
    path: str
    message: str  # what is wrong, without the path


class Progress(NamedTuple):
    path: Optional[str]  # input in work
    unit: str  # what is counted: "frames", "captions", "pairs"
    done: int
    total: Optional[int]  # None: not known yet
    seconds_left: Optional[float]


class Changes(NamedTuple):
    """Files of a library, but for the segments."""

    unchanged: int
    added: int
    changed: int
    moved: int
    removed: int
    failed: int
    waiting: int
    segments: int
    unkept: int
    passed_over: int
    away: int


class IndexInfo(NamedTuple):
    path: str
    root: str
    recordings: int
    failed: int
    segments: int
    bytes: int


class Recording(NamedTuple):
    path: str  # relative to the root
    size: int  # bytes
    error: Optional[str]  # why it could not be read


class Segment(NamedTuple):
    path: str
    start: Optional[float]
    end: Optional[float]


class Segments(NamedTuple):
    segments: list[Segment]
    vectors: NDArray[np.float32]  # [segments, D], of length 1


class Media(NamedTuple):
    duration: float
    lead: float  # what a player shows before the first frame
    fps: Optional[float]


class Clipping(NamedTuple):
    """Where a moment is in the file that was cut."""

    moment: int  # index
    at: float  # begins so long after the file does
    start: float  # of the recording
    end: float
    left_out: int  # tracks that the container does not take


class Counts(NamedTuple):
    frames_decoded: int
    frames_encoded: int


class ModelInfo(NamedTuple):
    path: str
    layout: str
    dtype: str  # as stored
    tasks: frozenset[str]
    image_size: int  # pixels
    parameters: int
    demo: bool


def span(row: Any, start: str = "start_us", end: str = "end_us") -> tuple[Optional[float], Optional[float]]:
    """The times of a row, if it has any."""
    if not row.timed:
        return None, None
    return seconds(getattr(row, start)), seconds(getattr(row, end))


def caption_row(row: Any, _texts: list[str], _answers: list[str]) -> Caption:
    return Caption(decoded_path(row.path), *span(row), decoded(row.text), float(row.score))


def answer_row(row: Any, questions: list[str], answers: list[str]) -> Answer:
    ranked = None
    if row.ranked:
        ranked = [RankedAnswer(answers[row.ranked[i].answer], float(row.ranked[i].score))
                  for i in range(row.ranked_count)]
    start, end = span(row)
    return Answer(decoded_path(row.path), questions[row.question], decoded(row.text), float(row.score), start, end,
                  ranked)


def match_row(row: Any, texts: list[str], _answers: list[str]) -> Match:
    return Match(decoded_path(row.path), texts[row.text], float(row.itc),
                 (float(row.itm_logits[0]), float(row.itm_logits[1])), float(row.p_match))


def hit_row(row: Any, queries: list[str], then: bool) -> Hit:
    judged = bool(row.reranked)
    return Hit(queries[row.query] if row.query < len(queries) else None, int(row.rank), decoded_path(row.path),
               *span(row), float(row.score), float(row.itc), float(row.itm_logits[1]) if judged else None,
               float(row.p_match) if judged else None,
               *(span(row, "then_start_us", "then_end_us") if then else (None, None)))


def event_row(row: Any, texts: list[str]) -> Event:
    picture = bytes(ffi.buffer(row.picture, row.picture_size)) if row.picture else None
    return Event(texts[row.text], decoded_path(row.path), seconds(row.start_us), seconds(row.end_us),
                 float(row.score), float(row.itc), (float(row.itm_logits[0]), float(row.itm_logits[1])),
                 float(row.p_match), picture)


def features_row(row: Any, texts: list[str]) -> Features:
    """One copy: the library's floats die with the callback."""
    count = max(int(row.rows), 1) * int(row.cols)
    values = np.frombuffer(ffi.buffer(row.values, 4 * count), dtype=np.float32).copy()
    if row.rows:
        values = values.reshape(int(row.rows), int(row.cols))
    return Features(decoded_path(row.path) if row.path else None, texts[row.text] if texts else None, values)


def failure_row(row: Any) -> Failure:
    return Failure(decoded_path(row.path), decoded(row.message))


def progress_row(row: Any) -> Progress:
    return Progress(decoded_path(row.path) if row.path else None, decoded(row.unit), int(row.done),
                    int(row.total) or None, float(row.seconds_left) if row.seconds_left >= 0 else None)
