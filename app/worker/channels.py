"""Series while they grow: the program's thread only appends, a thread of ours takes what is new."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from app.thinning import fill_epochs
from app.vocabulary.training import Points, Series
from app.vocabulary.values import Real, spell

Waiting = tuple[int, Any, int | None]
"""Step, value, epoch: not yet sent."""


class Channel:
    """One series with what waits to be sent. Filled by the program's thread, emptied by ours."""

    __slots__ = ("count", "last", "place", "read_at_once", "series", "step", "waiting")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.count = 0
        self.step = -1
        """Of the newest point."""
        self.read_at_once = False
        """Whether its values are tensors whose numbers nothing waits for."""
        self.waiting: deque[Waiting] = deque()
        self.last: Any = None
        self.place = 0
        """The newest number, and where it came from: a line of the program."""

    def repeats(self, number: Any, place: int) -> bool:
        """Whether a number only moved to another place: `loss = loss.item()`."""
        repeated = place != self.place and type(number) is float and number == self.last
        if not repeated:
            self.last, self.place = number, place
        return repeated

    def take(self) -> Points | None:
        """What is new, as it is sent."""
        taken = [self.waiting.popleft() for _ in range(len(self.waiting))]
        if not taken:
            return None
        steps, numbers, epochs = zip(*taken, strict=True)
        values: tuple[Real, ...] = tuple(map(float, numbers))
        if not all(map(math.isfinite, values)):  # type: ignore[arg-type] # not spelled yet
            values = tuple(map(spell, values))  # type: ignore[arg-type]
        return Points(self.series.index, steps, values, fill_epochs(epochs))


class Steps:
    """The steps of a training, counted for all losses and metrics by the series with the most points.

    So a loss that is looked at in every tenth pass stands where it was looked at.
    """

    __slots__ = ("_most", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self._most = 0
        """Points of the series that counts."""

    def count(self, channel: Channel) -> int:
        """The step a new point of a series belongs to."""
        step = channel.step + 1
        if step < self.newest:
            step = self.newest
        channel.step = step
        channel.count += 1
        if channel.count >= self._most:
            self._most, self.newest = channel.count, step
        return step
