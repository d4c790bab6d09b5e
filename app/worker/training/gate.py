"""Where a watched program waits: paused, slowed down, or stopped short because its loss is no number any more.

Commands come in a thread of ours and only set what holds from now on; the program's own thread waits, at its next
moment. What it waits is not its own time, but it is bounded too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import perf_counter
from types import CodeType

from app.vocabulary.holding import Command, Held, HeldState, NonFinite, Pace
from app.vocabulary.values import Span
from app.worker.limit import LimitReached, WallClock
from app.worker.recording.frames import program_frame
from app.worker.recording.moments import Moment, Moments


class Gate:
    def __init__(
        self,
        pace: Pace,
        trains: bool,
        moments: Moments,
        clock: WallClock,
        allowed: float,
        send: Callable[[Held], None],
        span_of: Callable[[CodeType, int], Span | None],
        settle: Callable[[], None],
    ) -> None:
        """`trains` says that the text looks like a training: passes of its other loops are no steps then.

        `settle` is called in the program's thread before it is held: what is new until then shall be seen.
        """
        self.pauses_on_nonfinite = pace.pause_on_nonfinite
        self._paused = pace.paused
        self._rate = pace.steps_per_second
        self._trains = trains
        self._moments = moments
        self._clock = clock
        self._allowed = allowed
        self._send = send
        self._span_of = span_of
        self._settle = settle
        self._changed = threading.Condition()
        self._steps = 0
        """Steps to be made although it is paused."""
        self._waiting = 0
        """Threads of the program that are held."""
        self._due = 0.0
        self._span: Span | None = None
        self._nonfinite: NonFinite | None = None

    # ------------------------------------------------------------------------------------------ told

    def open(self) -> None:
        """Called once, before the program begins."""
        with self._changed:
            if self._paused or self._rate is not None:
                self._arm()
                self._tell()

    def obey(self, command: Command) -> None:
        with self._changed:
            match command.do:
                case "pause":
                    self._paused, self._steps = True, 0
                case "resume":
                    self._paused, self._steps = False, 0
                case "step":
                    self._paused, self._steps = True, self._steps + 1
                case "speed":
                    self._rate, self._due = command.steps_per_second, 0.0
                case "nonfinite":
                    self.pauses_on_nonfinite = command.pause
            self._arm()
            self._tell()
            self._changed.notify_all()

    def pause_for(self, nonfinite: NonFinite) -> None:
        """Pause at the next moment, because of a loss; the first one found is the one that is told."""
        with self._changed:
            self._nonfinite = self._nonfinite or nonfinite
            self._paused, self._steps = True, 0
            self._arm()

    def _arm(self) -> None:
        self._moments.hold = self.wait if self._paused or self._rate is not None else None

    def _tell(self) -> None:
        state = self._state
        span = self._span if state == "paused" else None
        self._send(Held(state, self._rate, round(self._clock.held, 3), span, self._nonfinite))

    @property
    def _state(self) -> HeldState:
        if not self._paused:
            return "running"
        if self._steps:
            return "stepping"
        return "paused" if self._waiting else "pausing"

    @property
    def _shut(self) -> bool:
        return self._paused and not self._steps

    # ------------------------------------------------------------------------------------------ obeyed

    def wait(self, moment: Moment) -> None:
        """Called in the program's thread at each moment while anything is asked; returns when it may go on."""
        with self._changed:
            if moment == "step" or (moment == "pass" and not self._trains):
                self._steps = max(0, self._steps - 1)
                self._wait_for_turn()
        if self._shut:
            self.hold()

    def hold(self) -> None:
        """Wait while it is paused."""
        self._settle()
        frame = program_frame(sys._getframe(1))
        with self._changed, self._clock.stopped():
            self._span = None if frame is None else self._span_of(frame.f_code, frame.f_lasti)
            self._waiting += 1
            try:
                if self._shut:
                    self._tell()
                while self._shut:
                    self._pass_time(self._allowed)
            finally:
                self._waiting -= 1
                self._span = None
                self._due = 0.0

    def _wait_for_turn(self) -> None:
        """In slow motion, until the next step is due; a command ends the wait. A late step is not made up for."""
        if self._rate is None or self._paused:
            return
        due = self._due = max(self._due + 1 / self._rate, perf_counter())
        with self._clock.stopped():
            while (left := self._left_until(due)) > 0:
                self._pass_time(left)

    def _left_until(self, due: float) -> float:
        """Nothing once a command has changed what was waited for."""
        return 0.0 if self._paused or self._due != due else due - perf_counter()

    def _pass_time(self, seconds: float) -> None:
        left = self._allowed - self._clock.held
        if left <= 0:
            raise LimitReached("held_seconds", self._allowed)
        self._changed.wait(min(seconds, left))
