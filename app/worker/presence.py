"""When the recorder is there: for the start of a program, for single passes of the loop that trains, for what follows.

A loop that cannot be recorded whole is left after its first passes, so that it runs at its own speed; now and then one
more pass is recorded, so that the latest state can be shown too. When the loop has ended the recorder comes back.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import inf
from time import perf_counter

from app.vocabulary.limits import Limits
from app.worker.anchors import count_modes
from app.worker.loops import LoopState
from app.worker.recorder import Recorder

PATIENCE = 200
"""A pass of the training loop is recorded again only after this many times as long as recording the last one took."""
IMPATIENCE = 50
"""So many times after the first, twice as many after the second, and so on up to PATIENCE: short runs end recently."""
SECONDS_PER_CALL = 12e-6
FIRST_PASSES = 10
"""So many passes of a loop are recorded before it is left."""


class Presence:
    def __init__(self, recorder: Recorder, limits: Limits) -> None:
        self.due = 0.0
        """When it wants to be told of a loop's next pass; before, none matters to it."""
        self.sampling = False
        self.training_loop: int | None = None
        """First line of the loop that runs backward passes."""
        self.pass_seconds = 0.0
        """What taking one backward pass costs."""
        self._recorder = recorder
        self._limits = limits
        self._next_sample = 0.0
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
        self.due = inf
        self._left.clear()
        self._recorder.leave()

    def tick(self, line: int, running: Sequence[LoopState]) -> None:
        """Called before a pass of one of the program's loops, with the loop's first line."""
        recorder, trains = self._recorder, line == self.training_loop
        if recorder.recording:
            too_long = trains and not self.sampling and self._is_too_long(line, running)
            recorder.left_early = recorder.left_early or recorder.full or too_long
            if recorder.full or too_long or (trains and self.sampling):
                self._leave()
        if not recorder.recording and trains and perf_counter() > self._next_sample:
            self._sample()
        self.due = 0.0 if recorder.recording else self._next_sample

    def over(self, line: int) -> None:
        """A `for` loop has ended. What follows a loop that was left is recorded again, as long as there is room."""
        recorder = self._recorder
        if recorder.recording and self.sampling and line == self.training_loop:
            self._leave()
        if recorder.recording or line not in self._left or len(recorder.calls) >= self._limits.steps:
            return
        if count_modes() == self._modes and threading.current_thread() is threading.main_thread():
            recorder.start()
            self.due = 0.0

    def attend(self) -> None:
        """Something is going wrong: record every pass of the training loop from the next one on."""
        self._next_sample, self.due, self._attending = 0.0, 0.0, True

    def _is_too_long(self, line: int, running: Sequence[LoopState]) -> bool:
        """Whether what this loop will call finds no room, as far as its first passes tell."""
        calls = len(self._recorder.calls)
        if line in self._left:
            return True
        if not self._passes:
            self._before = calls
        elif self._passes >= FIRST_PASSES:
            each = (calls - self._before) / self._passes
            if calls + each * passes_left(running) > self._limits.steps:
                self._left.add(line)
                return True
        self._passes += 1
        return False

    def _sample(self) -> None:
        recorder = self._recorder
        recorder.forget(since=self._whole)
        self.sampling, recorder.room = True, self._whole + self._limits.steps
        recorder.start()

    def _leave(self) -> None:
        recorder = self._recorder
        recorder.leave()
        if not self.sampling:
            self._whole = len(recorder.calls)
        calls = len(recorder.calls) - (self._whole if self.sampling else 0)
        self.sampling, recorder.room = False, self._limits.steps
        if not self._attending:
            self._samples += 1
        patience = min(PATIENCE, IMPATIENCE * self._samples)
        self._next_sample = perf_counter() + patience * (calls * SECONDS_PER_CALL + self.pass_seconds)
        self.due = self._next_sample


def passes_left(running: Sequence[LoopState]) -> int:
    """How often the innermost loop's body will run again, as far as the loops around it know their length."""
    left, inner = 1, 1
    for state in reversed(running):
        if state.total is None:
            break
        left += max(0, state.total - state.done - 1) * inner
        inner *= state.total
    return left
