"""_engine.py - one engine of the library: whose turn it is, and what is freed when nobody has it.

An engine, and all that lives on it, may be used by one thread at a time. Here that is a lock: a thread that calls
while another one does waits. Handles that are collected while somebody has the turn are freed at its end.
"""

import contextlib
import os
import threading
import weakref
from collections import deque
from typing import Any, Callable, Iterator, Optional, TypeVar, Union

from vblip._errors import ArgumentError, Error, error_of
from vblip._native import ffi, lib

WAIT_S = 0.05  # between two looks at whether a wait was called off


class Call:
    """One call of the library: its error, and its callbacks. What one of these raises is raised again behind it."""

    def __init__(self) -> None:
        self.err = ffi.new("vblip_error *")
        self._raised: Optional[BaseException] = None
        self._kept: list[Any] = []

    def callback(self, kind: str, function: Callable[[Any], object]) -> Any:
        """`function` of the last argument; what it returns, if true, stops the call."""

        def run(*arguments: Any) -> Optional[int]:
            stop = bool(function(arguments[-1]))
            return int(stop) if returns else None

        returns = ffi.typeof(kind).result.cname != "void"
        made = ffi.callback(kind, run, error=1 if returns else None, onerror=self.catch)
        self._kept.append(made)
        return made

    def catch(self, _kind: Any, value: BaseException, _traceback: Any) -> None:
        self._raised = self._raised or value

    def check(self, status: int) -> None:
        """Raises what a callback did, or the error of the library."""
        if self._raised:
            raise self._raised
        if status:
            raise error_of(status, self.err)


class Turn:
    """Who has the engine, and how the one who has it is told to stop."""

    def __init__(self, holder: int) -> None:
        self.holder = holder  # the thread that would wait for itself
        self.call: Optional[Call] = None
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def is_here(self) -> bool:
        """This thread is within the call."""
        return self.holder == threading.get_ident()


class _Wait:
    """A lock that is waited for until the turn is called off. Not for the main thread: Ctrl-C may come between its
    lines, where it cannot come between those of the lock itself."""

    def __init__(self, lock: threading.Lock, turn: Turn) -> None:
        self._lock = lock
        self._turn = turn

    def __enter__(self) -> None:
        while not self._lock.acquire(timeout=WAIT_S):
            if self._turn.stopped:
                raise Error("stopped")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Engine:
    """A vblip_engine. Costs up to a second to open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn: Optional[Turn] = None
        self._process = os.getpid()
        self._unused: deque[Callable[[], None]] = deque()
        self.asked = ffi.callback("int(void *)", self._is_stopped, error=1, onerror=self._catch)

    def _is_stopped(self, _user: Any) -> int:
        """The library asks, some times a second. On the main thread Python looks for Ctrl-C here."""
        turn = self._turn
        return int(turn is not None and turn.stopped)

    def _catch(self, *raised: Any) -> None:
        turn = self._turn
        if turn and turn.call:
            turn.call.catch(*raised)

    def check_free(self) -> None:
        """This thread does not have the turn already, for it would wait for itself."""
        if os.getpid() != self._process:
            raise ArgumentError("model: opened in process %d, this is %d; open one in each" %
                                (self._process, os.getpid()))
        turn = self._turn
        if turn and turn.holder == threading.get_ident():
            raise ArgumentError("model: busy with rows of this thread that are not read to their end; close() them, "
                                "or list() them first")

    @contextlib.contextmanager
    def turn(self, turn: Optional[Turn] = None) -> Iterator[Call]:
        """Waits for the engine, and has it. `turn` is that of an iterator, which may be stopped while it waits."""
        mine = turn or Turn(threading.get_ident())
        if not turn:
            self.check_free()
        lock: Union[_Wait, threading.Lock] = _Wait(self._lock, turn) if turn else self._lock
        with lock:
            try:
                self._turn = mine
                mine.call = Call()
                yield mine.call
            finally:
                self._turn = None
                mine.call = None
                self._free_unused()
        self._free_now()

    def _free_unused(self) -> None:
        while self._unused:
            self._unused.popleft()()

    def _free_now(self) -> None:
        """Frees what is unused unless somebody has the turn, who does it then."""
        while self._unused and self._lock.acquire(blocking=False):
            try:
                self._free_unused()
            finally:
                self._lock.release()

    def free_later(self, free: Callable[[], None]) -> None:
        """For finalizers, which run in any thread, within any call."""
        if os.getpid() == self._process:
            self._unused.append(free)
            self._free_now()

    def finish(self) -> None:
        """Stops what runs, waits for its end, and frees what is unused then."""
        turn = self._turn
        if turn:
            turn.stop()
        if not turn or not turn.is_here():
            with self._lock:
                self._free_unused()


class Handle:
    """A C object that lives on an engine. It is freed once: when it is closed, when nobody has it any more, or at the
    end of the program; what stands on it, before it."""

    def __init__(self, engine: Engine, name: str, place: Any, free: Callable[[Any], None],
                 parent: Optional["Handle"] = None) -> None:
        self.engine = engine
        self.name = name
        self._place = place  # vblip_x **
        self._parent = parent
        self._children: weakref.WeakSet[Handle] = weakref.WeakSet()
        if parent:
            parent._children.add(self)
        # the parent is kept by the finalizer, so that its own runs later
        self._finalizer = weakref.finalize(self, _finalize, engine, place, free, parent)

    @property
    def alive(self) -> bool:
        return bool(self._finalizer.alive)

    @property
    def pointer(self) -> Any:
        """For who has the turn."""
        if not self.alive:
            raise ArgumentError("%s: closed" % self.name)
        return self._place[0]

    def close(self) -> None:
        """Frees it and what stands on it; again does nothing."""
        for child in list(self._children):
            child.close()
        self._finalizer()


class Held:
    """What has a handle: a context manager, whose close() gives back what it has."""

    _handle: Handle

    def __enter__(self: "HeldKind") -> "HeldKind":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        return not self._handle.alive

    def close(self) -> None:
        self._handle.close()


HeldKind = TypeVar("HeldKind", bound=Held)


def _finalize(engine: Engine, place: Any, free: Callable[[Any], None], parent: Optional[Handle]) -> None:
    del parent
    engine.free_later(lambda: free(place))


def open_engine(options: Any, engine: Engine) -> Handle:
    """Opens what `options` say on this engine."""
    place = ffi.new("vblip_engine **")
    with engine.turn() as call:
        options.stopped = engine.asked
        call.check(lib.vblip_engine_open(place, options, call.err))
    return Handle(engine, "engine", place, lib.vblip_engine_close)
