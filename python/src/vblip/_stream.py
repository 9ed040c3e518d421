"""_stream.py - rows as the library reports them: a thread calls, an iterator gives out."""

import os
import threading
import warnings
import weakref
from collections import deque
from typing import Any, Callable, Generic, Iterator, Optional, TypeVar

from vblip._engine import Call, Engine, Turn
from vblip._errors import CancelledError, InputError, InputWarning
from vblip.rows import Failure, Progress

Row = TypeVar("Row")
ROOM = 64  # rows that wait for who reads them; then the library waits
FEATURE_ROOM = 2  # of features, which may be megabytes each
ENDS = ("end", "error")

Failed = Callable[[Failure], object]
Progressed = Callable[[Progress], object]
Work = Callable[[Call, "Channel"], None]


class Channel(Turn):
    """From the thread that calls the library to the one that reads."""

    def __init__(self, room: int) -> None:
        super().__init__(threading.get_ident())
        self._room = room
        self._changed = threading.Condition()
        self._waiting: deque[tuple[str, Any]] = deque()
        self.thread: Optional[threading.Thread] = None

    def put(self, kind: str, value: Any) -> bool:
        """Waits for room; true: nobody reads any more, so stop."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or len(self._waiting) < self._room)
            self._waiting.append((kind, value))
            self._changed.notify_all()
        return self.stopped

    def get(self) -> tuple[str, Any]:
        """What is next; its end stays, for whoever reads too."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            item = self._waiting[0]
            if item[0] not in ENDS:
                self._waiting.popleft()
            self._changed.notify_all()
        return item

    def start(self, engine: Engine, work: Work) -> None:
        """Calls the library, once."""
        with self._changed:
            if not self.thread:
                self.thread = threading.Thread(target=_call, args=(engine, self, work), daemon=True, name="vblip")
                self.thread.start()

    def stop(self) -> None:
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def is_here(self) -> bool:
        return False  # the call has a thread of its own


def _call(engine: Engine, channel: Channel, work: Work) -> None:
    try:
        with engine.turn(channel) as call:
            work(call, channel)
        channel.put("end", None)
    except BaseException as error:  # whatever it is, it is for the reader
        channel.put("error", error)


def _stop(channel: Channel, process: int) -> None:
    if os.getpid() != process:
        return  # a fork has no thread of it
    channel.stop()
    thread = channel.thread
    if thread and thread is not threading.current_thread():
        thread.join()


class Rows(Iterator[Row], Generic[Row]):
    """Rows, each as soon as it is known; the library works on in a thread of its own, some rows ahead.

    A loop that is left stops it, and so do close() and Ctrl-C. Until then, or the last row, the model is in use: other
    threads that call it wait, this one is refused.
    """

    def __init__(self, engine: Engine, work: Work, failed: Optional[Failed], progress: Optional[Progressed],
                 room: int = ROOM) -> None:
        self._engine = engine
        self._work: Optional[Work] = work
        self._failed = failed
        self._progress = progress
        self._channel = Channel(room)
        self._finalizer = weakref.finalize(self, _stop, self._channel, os.getpid())

    def __iter__(self) -> "Rows[Row]":
        return self

    def __enter__(self) -> "Rows[Row]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the work. What was given out stands."""
        self._work = None
        self._finalizer()

    def __next__(self) -> Row:
        if not self._finalizer.alive:
            raise StopIteration
        self._channel.holder = threading.get_ident()
        try:
            if not self._channel.thread and self._work:
                self._engine.check_free()
                self._channel.start(self._engine, self._work)
            while True:
                kind, value = self._channel.get()
                if self._channel.stopped and kind != "end":
                    raise CancelledError("rows: closed, or their model was, while they were read")
                if kind == "row":
                    row: Row = value
                    return row
                self._tell(kind, value)
        except BaseException:
            self.close()
            raise

    def _tell(self, kind: str, value: Any) -> None:
        """All but rows, which is told on the thread that reads."""
        if kind == "failed":
            if not self._failed:
                raise InputError(value.path, value.message)
            self._failed(value)
        elif kind == "progress" and self._progress:
            self._progress(value)
        elif kind == "warned":
            warnings.warn("%s: %s" % (value.path, value.message), InputWarning, stacklevel=3)
        elif kind == "error":
            raise value
        elif kind == "end":
            raise StopIteration
