"""Moments between two steps of a training: when the program's own thread may be looked at, or held.

A moment comes after each optimiser step; where there is no optimiser, before each pass of the loop that trains. Most
pass by at the cost of one comparison: listeners are called only at one that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable


class Moments:
    """Asked for from any thread; listeners are called in the program's, one after the other."""

    __slots__ = ("_listeners", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        """Whether somebody waits for the next moment."""
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def arrive(self) -> None:
        """Called by whoever sees a step of the training end."""
        if self.wanted:
            self.wanted = False
            for listener in self._listeners:
                listener()
