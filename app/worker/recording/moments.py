"""Moments between two steps of a training: when the program's own thread may be looked at, or held.

A step ends with the optimiser's; where there is no optimiser, before the next pass of the loop that trains. Most
moments pass by at the cost of one comparison: listeners are called only at one that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from app.worker.recording.beat import Beat

Moment = Literal["step", "pass", "between"]
"""`pass`: of any loop, as long as no training was seen. `between`: of another loop than the one that trains."""


class Moments:
    """Asked for from any thread; listeners are called in the program's, one after the other."""

    __slots__ = ("_beat", "_follow", "_hold", "_listeners", "_wanted")

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._wanted = False
        self._hold: Callable[[Moment], None] | None = None
        self._follow: Callable[[Moment], None] | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def asked(self) -> bool:
        """Whether anybody may ask anything of the next moment. Only the program's own thread takes it back, and it
        looks once more afterwards: what another asked for meanwhile is not lost."""
        return self._beat.asked

    def want(self) -> None:
        """Let the listeners look at the next moment."""
        self._wanted = self._beat.asked = True

    @property
    def hold(self) -> Callable[[Moment], None] | None:
        """What may keep the program waiting; None while nobody asks for it."""
        return self._hold

    @hold.setter
    def hold(self, hold: Callable[[Moment], None] | None) -> None:
        self._hold, self._beat.asked = hold, True

    @property
    def follow(self) -> Callable[[Moment], None] | None:
        """Who is called at every moment and bounds itself; None while nothing is watched."""
        return self._follow

    @follow.setter
    def follow(self, follow: Callable[[Moment], None] | None) -> None:
        self._follow, self._beat.asked = follow, True

    def listen(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def arrive(self) -> None:
        """Called by whoever sees a step of the training end, where something is asked."""
        if self._follow is not None:
            self._follow("step")
        if self._wanted:
            self.look()
        if self._hold is not None:
            self._hold("step")
        self._rest()

    def look(self) -> None:
        """Let the listeners look now."""
        self._wanted = False
        for listener in self._listeners:
            listener()

    def pass_by(self, moment: Moment) -> None:
        """Called before a pass of a loop that is no step of a training."""
        if self._follow is not None:
            self._follow(moment)
        if self._hold is not None:
            self._hold(moment)
        self._rest()

    def _rest(self) -> None:
        self._beat.asked, self._beat.timed = False, 0  # it may have waited here: the clock is asked anew
        if self._wanted or self._hold is not None or self._follow is not None:
            self._beat.asked = True
