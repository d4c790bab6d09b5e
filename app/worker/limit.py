"""Limits felt inside the child: each ends the program where it stands, so that its trace can still be told.

The parent enforces the same limits from outside, for programs that do not let themselves be ended.
"""

from __future__ import annotations

import mmap
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from types import FrameType

from app.vocabulary.limits import Limits
from app.vocabulary.trace import LimitName, Stopped
from app.worker.recording.frames import program_frame

AGAIN = 0.05
"""Seconds until the alarm is repeated, for a program that caught the first."""
NO_MEMORY = ("can't allocate memory", "out of memory", "Cannot allocate memory", "bad_alloc")


class LimitReached(BaseException):
    """Not an Exception: a program's `except Exception` shall not catch it."""

    def __init__(self, limit: LimitName, allowed: float) -> None:
        super().__init__(f"limit {limit} of {allowed:g} reached")
        self.limit = limit
        self.allowed = allowed


class WallClock:
    """The program's time, which stands still while it is held."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = 0.0
        self._held = 0.0
        self._stopped: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Raise LimitReached in the main thread when the time is up, again and again until the program ends."""
        self._ends = perf_counter() + self._seconds
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if perf_counter() < self._ends - AGAIN:
            raise SystemExit(
                "Alarm clock"
            )  # the program's own `signal.alarm`, which ends a plain program too
        if program_frame(frame) is not None:  # never into our own telling of what happened
            raise LimitReached("seconds", self._seconds)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Meanwhile no time passes for the program. Within itself, and from a second thread, it changes nothing."""
        if self._stopped is not None:
            yield
            return
        self._stopped = perf_counter()
        left = signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            spent = perf_counter() - self._stopped
            self._stopped = None
            self._ends += spent
            self._held += spent
            signal.setitimer(signal.ITIMER_REAL, *left)

    @property
    def held(self) -> float:
        """Seconds it has stood still so far."""
        return self._held if self._stopped is None else self._held + perf_counter() - self._stopped


def reserve_memory(size: int) -> mmap.mmap:
    """Memory set aside (never touched), to be closed when the program has used up all there was and its trace must
    still be told."""
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE)


def as_limit(error: BaseException, limits: Limits) -> Stopped | None:
    """The limit an exception stands for, if it stands for one."""
    match error:
        case LimitReached():
            return Stopped(error.limit, error.allowed)
        case MemoryError():
            return Stopped("memory", limits.memory_bytes)
        case RuntimeError() if any(words in str(error) for words in NO_MEMORY):
            return Stopped("memory", limits.memory_bytes)
    return None
