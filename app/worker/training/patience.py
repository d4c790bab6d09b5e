"""When something that costs time may be done again: the more it costs, the later, so that a program hardly notices."""

from __future__ import annotations

import math
from time import perf_counter

FIRST_GUESS = 0.0005


class Patience:
    """Asks for a pause of `times` as long as one look takes, at least of `shortest` seconds.

    Time is that of the thread that looks: one that is interrupted has not taken longer. A first look may pay for what
    it is the first to use: what looks are thought to take grows fourfold at most from one to the next.

    The first looks may be paid in advance: as long as `credit` seconds last, only the shortest pause is kept. What
    moves, moves most in the beginning, and many a program is over before a pause in proportion would be.
    """

    __slots__ = ("_credit", "_shortest", "_times", "cost", "next_time", "spent")

    def __init__(self, times: float, shortest: float, credit: float = 0.0) -> None:
        self.cost = FIRST_GUESS
        """Seconds one look is thought to take."""
        self._credit = credit
        self._times = times
        self._shortest = shortest
        self.next_time = 0.0
        """When it is time again."""
        self.spent = 0.0
        """Seconds all looks so far took."""

    @property
    def over(self) -> bool:
        """Whether it is time again."""
        return perf_counter() >= self.next_time

    def begin(self, seconds: float, pause: float = 0.0) -> None:
        """A look took so long; it may ask for a longer pause by itself."""
        self.spent += seconds
        self.cost = min(seconds, 4 * self.cost)
        self._credit -= self.cost
        earned = 0.0 if self._credit > 0 else self._times * self.cost
        self.next_time = perf_counter() + max(self._shortest, earned, pause)

    def hurry(self) -> None:
        """It is time again now, unless it never shall be."""
        if self.next_time < math.inf:
            self.next_time = 0.0

    def lose(self) -> None:
        """It shall never be time again."""
        self.next_time = math.inf
