"""Series while they grow: the program's thread only appends, a thread of ours takes what is new."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

from app.thinning import fill_epochs
from app.vocabulary.training import Points, Series
from app.vocabulary.values import Real, spell
from app.worker.recording.beat import Beat
from app.worker.recording.loops import LoopState

Point = tuple[int, Any, int | None]
"""Step, value, epoch."""


class Channel:
    """One series with what waits to be sent. Filled by the program's thread, emptied by ours."""

    __slots__ = (
        *("_epoch", "_step", "ahead", "calm", "count", "epochs", "last", "noted_epoch", "outermost", "place"),
        *("read_at_once", "series", "step", "waiting"),
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
        self.noted_epoch: int | None = None
        """Of the newest point that came as such."""
        self.ahead = 0
        """Points since then, which nobody has counted yet."""
        self.waiting: deque[Any] = deque()
        """Points that are not yet sent. A number alone is the next step's, of the same epoch."""
        self._step = -1
        self._epoch: int | None = None
        """Of the newest point that was taken."""
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
        taken = list(self._take_all())
        if not taken:
            return None
        steps, numbers, epochs = zip(*taken, strict=True)
        values: tuple[Real, ...] = tuple(map(float, numbers))
        if not all(map(math.isfinite, values)):  # type: ignore[arg-type] # not spelled yet
            values = tuple(map(spell, values))  # type: ignore[arg-type]
        return Points(self.series.index, steps, values, fill_epochs(epochs))

    def _take_all(self) -> Iterator[Point]:
        step, epoch = self._step, self._epoch
        for _ in range(len(self.waiting)):
            each = self.waiting.popleft()
            if type(each) is tuple:
                yield each
                step, _number, epoch = each
            else:
                step += 1
                yield step, each, epoch
        self._step, self._epoch = step, epoch


class Plateau(Channel):
    """A series of optimisers' steps whose number mostly stays what it is: only changes are written down.

    What waits is (step, number): it holds from this step on. None ends that.
    """

    __slots__ = ("_beat", "_number")

    def __init__(self, series: Series, beat: Beat) -> None:
        super().__init__(series)
        self._beat = beat
        self._number: float | None = None

    def hold(self, step: int, number: float) -> None:
        self.waiting.append((step, number))

    def end(self, step: int) -> None:
        self.waiting.append((step, None))

    def _take_all(self) -> Iterator[Point]:
        steps = self._beat.steps  # asked first: what changed before this step waits by now
        for _ in range(len(self.waiting)):
            step, number = self.waiting.popleft()
            yield from self._fill(step)
            self._step, self._number = step, number
        yield from self._fill(steps)

    def _fill(self, end: int) -> Iterator[Point]:
        if self._number is not None and end > self._step:
            yield from zip(range(self._step, end), repeat(self._number), repeat(None))
            self._step = end


class Steps:
    """The steps of a training, counted for all losses and metrics by the series with the most points.

    So a loss that is looked at in every tenth pass stands where it was looked at. The series that was counted last may
    go on alone, `ahead` of what is counted here: each point of it is one step.
    """

    __slots__ = ("_most", "_newest", "alone")

    def __init__(self) -> None:
        self.alone: Channel | None = None
        self._newest = 0
        self._most = 0
        """Points of the series that counts."""

    @property
    def newest(self) -> int:
        self._catch_up()
        return self._newest

    def count(self, channel: Channel) -> int:
        """The step a new point of a series belongs to."""
        self._catch_up()
        self.alone = None
        step = max(channel.step + 1, self._newest)
        channel.step = step
        channel.count += 1
        self._lead(channel)
        return step

    def _catch_up(self) -> None:
        channel = self.alone
        if channel is not None and channel.ahead:
            channel.step += channel.ahead
            channel.count += channel.ahead
            channel.ahead = 0
            self._lead(channel)

    def _lead(self, channel: Channel) -> None:
        if channel.count >= self._most:
            self._most, self._newest = channel.count, channel.step
