"""Moments between two steps of a training: when the program's own thread may be looked at, or held.

A step ends with the optimiser's; where there is no optimiser, before the next pass of the loop that trains. Most
moments pass by at the cost of two comparisons: listeners are called only at one that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Moment = Literal["step", "pass", "between"]
"""`pass`: of any loop, as long as no training was seen. `between`: of another loop than the one that trains."""


class Moments:
    """Asked for from any thread; listeners are called in the program's, one after the other."""

    __slots__ = ("_listeners", "follow", "hold", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        """Whether somebody waits for the next moment."""
        self.hold: Callable[[Moment], None] | None = None
        """What may keep the program waiting; None while nobody asks for it."""
        self.follow: Callable[[Moment], None] | None = None
        """Who is called at every moment and bounds itself; None while nothing is watched."""
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def arrive(self) -> None:
        """Called by whoever sees a step of the training end."""
        if self.follow is not None:
            self.follow("step")
        if self.wanted:
            self.look()
        if self.hold is not None:
            self.hold("step")

    def look(self) -> None:
        """Let the listeners look now."""
        self.wanted = False
        for listener in self._listeners:
            listener()

    def pass_by(self, moment: Moment) -> None:
        """Called before a pass of a loop that is no step of a training."""
        if self.follow is not None:
            self.follow(moment)
        if self.hold is not None:
            self.hold(moment)
