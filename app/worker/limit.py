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

from app.limits import MIB, Limits
from app.trace import LimitName, Stopped
from app.worker.frames import program_frame

RESERVE_BYTES = 16 * MIB
AGAIN = 0.05
"""Seconds until the alarm is repeated, for a program that caught the first."""
NO_MEMORY = ("can't allocate memory", "out of memory", "Cannot allocate memory", "bad_alloc")


class LimitReached(BaseException):
    """Not an Exception: a program's `except Exception` shall not catch it."""

    def __init__(self, limit: LimitName, allowed: float) -> None:
        super().__init__(f"limit {limit} of {allowed:g} reached")
        self.limit = limit
        self.allowed = allowed


@contextmanager
def wall_clock(limits: Limits) -> Iterator[None]:
    """Raise LimitReached in the main thread when the time is up, again and again until the program ends."""

    ends = perf_counter() + limits.seconds

    def ring(number: int, frame: FrameType | None) -> None:
        if perf_counter() < ends - AGAIN:
            raise SystemExit(
                "Alarm clock"
            )  # the program's own `signal.alarm`, which ends a plain program too
        if program_frame(frame) is not None:  # never into our own telling of what happened
            raise LimitReached("seconds", limits.seconds)

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def reserve_memory() -> mmap.mmap:
    """Memory set aside (never touched), to be closed when the program has used up all there was and its trace must
    still be told."""
    return mmap.mmap(-1, RESERVE_BYTES, flags=mmap.MAP_PRIVATE)


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
