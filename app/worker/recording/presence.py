"""When the recorder is there: for the start of a program, for single passes of the loop that trains, for what follows.

A loop that cannot be recorded whole is left after its first passes, so that it runs at its own speed; now and then one
more pass is recorded, so that the latest state can be shown too, and its last one where its length is known. When the
loop has ended the recorder comes back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import inf
from time import perf_counter

from app.vocabulary.limits import Limits
from app.worker.recording.anchors import count_modes
from app.worker.recording.beat import Beat
from app.worker.recording.loops import LoopState
from app.worker.recording.recorder import Recorder

PATIENCE = 200
"""A pass of the training loop is recorded again only after this many times as long as recording the last one took."""
IMPATIENCE = 50
"""Of a loop that may end at any time, so many times after the first pass, twice as many after the second, and so on up
to PATIENCE: what is shown at its end shall be recent."""
SECONDS_PER_CALL = 100e-6
"""With all that comes along with recording one, in the midst of a training, where none of it is at hand."""
FEW_PASSES = 1
"""So many passes of a loop are recorded after the first one before it is left: with the first step behind them,"""
FIRST_PASSES = 10
"""and so many where each still brings something new."""


class Presence:
    def __init__(self, recorder: Recorder, limits: Limits, beat: Beat) -> None:
        self.sampling = False
        self.training_loop: int | None = None
        """First line of the loop that runs backward passes."""
        self.pass_seconds = 0.0
        """What taking one backward pass costs."""
        self.too_long = False
        """Whether the training loop is known to find no room: its passes are no longer kept one by one."""
        self.learns: Callable[[], bool] = lambda: False
        """Whether the newest pass brought something new."""
        self._recorder = recorder
        self._limits = limits
        self._beat = beat
        self._next_sample = 0.0
        self._soonest = 0.0
        """When the last pass of a loop may be recorded, however lately one was."""
        self._samples = 0
        self._attending = False
        self._modes = 0
        """Modes on torch's stack when it began."""
        self._whole = limits.steps
        """Calls before this one are never forgotten."""
        self._left: set[int] = set()
        """Loops that are too long to be recorded whole."""
        self._passes = 0
        """Of the training loop that were recorded from the start of the program on, and the calls before them."""
        self._before = 0

    def begin(self) -> None:
        self._modes = count_modes()
        self._recorder.start()

    def end(self) -> None:
        """The program is over; whatever loop ends now, nothing is recorded any more."""
        self._beat.due = inf
        self._left.clear()
        self._recorder.leave()

    def tick(self, line: int, running: Sequence[LoopState]) -> None:
        """Called before a pass of one of the program's loops, with the loop's first line."""
        recorder, trains = self._recorder, line == self.training_loop
        self._beat.light = False
        if recorder.recording:
            too_long = trains and not self.sampling and self._is_too_long(line, running)
            recorder.left_early = recorder.left_early or recorder.full or too_long
            if recorder.full or too_long or (trains and self.sampling):
                self._leave(knows_end(line, running))
        if not recorder.recording and trains and self._is_time(line, running):
            self._sample()
        self._beat.due = 0.0 if recorder.recording else self._next_sample

    def over(self, line: int) -> None:
        """A `for` loop has ended. What follows a loop that was left is recorded again, as long as there is room."""
        recorder = self._recorder
        if line == self.training_loop:
            self.too_long = False
            if recorder.recording and self.sampling:
                self._leave()
        if recorder.recording or line not in self._left or len(recorder.calls) >= self._limits.steps:
            return
        if count_modes() == self._modes and threading.current_thread() is threading.main_thread():
            recorder.start()
            self._beat.due = 0.0

    def attend(self) -> None:
        """Something is going wrong: record every pass of the training loop from the next one on."""
        self._next_sample, self._beat.due, self._attending = 0.0, 0.0, True

    def _is_too_long(self, line: int, running: Sequence[LoopState]) -> bool:
        """Whether what this loop will call finds no room, as far as its first passes tell."""
        calls = len(self._recorder.calls)
        if line in self._left:
            self.too_long = True
            return True
        if not self._passes:
            self._before = calls
        elif self._passes >= FEW_PASSES:
            each = (calls - self._before) / self._passes
            self.too_long = calls + each * passes_left(running) > self._limits.steps
            if self.too_long and (self._passes >= FIRST_PASSES or not self.learns()):
                self._left.add(line)
                return True
        self._passes += 1
        return False

    def _is_time(self, line: int, running: Sequence[LoopState]) -> bool:
        """Whether this pass is to be recorded; the last one of all too, unless there are many last ones."""
        now = perf_counter()
        if now < self._next_sample and knows_end(line, running) and passes_left(running) == 1:
            return self._samples == 1 or now > self._soonest
        return now > self._next_sample

    def _sample(self) -> None:
        recorder = self._recorder
        recorder.forget(since=self._whole)
        self.sampling, recorder.room = True, self._whole + self._limits.steps
        recorder.start()

    def _leave(self, ends: bool = False) -> None:
        """`ends` says whether its last pass will be known as such."""
        recorder, sampled = self._recorder, self.sampling
        recorder.leave()
        calls = len(recorder.calls)
        self.sampling, recorder.room = False, self._limits.steps
        if sampled:
            self._plan(calls - self._whole, ends)
        else:
            self._whole = calls
            if not self._samples:  # else it was there between two loops, and the plan stays
                self._plan((calls - self._before) // max(1, self._passes), ends)
        self._beat.due = self._next_sample

    def _plan(self, calls: int, ends: bool) -> None:
        """When to record the next pass; the last one took so many calls."""
        if not self._attending:
            self._samples += 1
        patience = PATIENCE if ends else min(PATIENCE, IMPATIENCE * self._samples)
        now, cost = perf_counter(), calls * SECONDS_PER_CALL + self.pass_seconds
        self._soonest, self._next_sample = now + IMPATIENCE * cost, now + patience * cost


def knows_end(line: int, running: Sequence[LoopState]) -> bool:
    """Whether the loop at `line` runs, and its length is known, and that of each loop around it."""
    return bool(running) and running[-1].line == line and all(each.total is not None for each in running)


def passes_left(running: Sequence[LoopState]) -> int:
    """How often the innermost loop's body will run again, as far as the loops around it know their length."""
    left, inner = 1, 1
    for state in reversed(running):
        if state.total is None:
            break
        left += max(0, state.total - state.done - 1) * inner
        inner *= state.total
    return left
