"""Series while they grow: the program's thread only appends, a thread of ours takes what is new."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from app.thinning import fill_epochs
from app.vocabulary.training import Points, Series
from app.vocabulary.values import Real, spell
from app.worker.recording.loops import LoopState

Waiting = tuple[int, Any, int | None]
"""Step, value, epoch: not yet sent."""


class Noted:
    """The tensor that was noted last, weakly held: what follows a backward pass from it by its name."""

    __slots__ = ("tensor",)

    def __init__(self) -> None:
        self.tensor: Callable[[], Tensor | None] = nothing


def nothing() -> None:
    return None


class Channel:
    """One series with what waits to be sent. Filled by the program's thread, emptied by ours."""

    __slots__ = (
        "calm",
        "count",
        "epochs",
        "last",
        "outermost",
        "place",
        "read_at_once",
        "series",
        "step",
        "waiting",
    )

    def __init__(self, series: Series) -> None:
        self.series = series
        self.count = 0
        self.step = -1
        """Of the newest point."""
        self.read_at_once = False
        """Whether its values are tensors whose numbers nothing waits for."""
        self.calm = math.inf
        """Nobody heeds numbers smaller than this."""
        self.outermost: LoopState | None = None
        """The outermost loop that ran when its newest number was looked at closely,"""
        self.epochs: LoopState | None = None
        """and the same where its passes are epochs."""
        self.waiting: deque[Waiting] = deque()
        self.last: Any = None
        self.place = 0
        """The newest number, and where it came from: a line of the program."""

    def stand(self, running: Sequence[LoopState], training: int | None) -> None:
        """Learn between which loops its numbers come; `training` is the first line of the one that trains."""
        self.outermost = running[0] if running else None
        around = self.outermost is not None and self.outermost.line != training
        self.epochs = self.outermost if around else None

    @property
    def epoch(self) -> int | None:
        return None if self.epochs is None else self.epochs.done

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

    __slots__ = ("most", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self.most = 0
        """Points of the series that counts."""

    def count(self, channel: Channel) -> int:
        """The step a new point of a series belongs to."""
        step = channel.step + 1
        if step < self.newest:
            step = self.newest
        channel.step = step
        channel.count += 1
        if channel.count >= self.most:
            self.most, self.newest = channel.count, step
        return step
