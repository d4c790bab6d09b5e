"""Curves of bounded size: the newest points as they came, older ones as the least and greatest of each stretch.

A stretch is a power of two of step numbers, aligned at 0, so the result does not depend on how points were batched.
A spike survives because it is the greatest (or least) of its stretch; a stretch with NaN or Inf keeps one of them.
Of histograms a stretch keeps the one that reaches furthest from zero, as it is: no two are ever mixed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.vocabulary.training import Curve, Histogram, Points, Ribbon, Series
from app.vocabulary.values import as_float, spell

SMALLEST_CAPACITY = 16
PILED = 4_096
"""So many points are put away at once: most programs train for fewer steps, and many together take less time."""


class Point(NamedTuple):
    step: int
    value: float
    epoch: int | None


def is_bad(point: Point) -> bool:
    return not math.isfinite(point.value)


@dataclass(slots=True)
class Stretch:
    index: int
    low: Point | None = None
    high: Point | None = None
    bad: Point | None = None

    def take(self, point: Point) -> None:
        if is_bad(point):
            self.bad = self.bad or point
            return
        if self.low is None or point.value < self.low.value:
            self.low = point
        if self.high is None or point.value > self.high.value:
            self.high = point

    def points(self) -> Iterator[Point]:
        yield from (each for each in (self.low, self.high, self.bad) if each is not None)


class Columns:
    """Points column by column: what is done to many at once is done by Python's own loops, not by ours."""

    __slots__ = ("epochs", "steps", "values")

    def __init__(self, steps: Sequence[int], values: Sequence[float], epochs: Sequence[int | None]) -> None:
        self.steps = list(steps)
        self.values = list(values)
        self.epochs = list(epochs)

    def __len__(self) -> int:
        return len(self.steps)

    def point(self, at: int) -> Point:
        return Point(self.steps[at], self.values[at], self.epochs[at])

    def points(self, start: int, end: int) -> Iterator[Point]:
        return map(Point, self.steps[start:end], self.values[start:end], self.epochs[start:end])

    def extend(self, more: Columns) -> None:
        self.steps += more.steps
        self.values += more.values
        self.epochs += more.epochs

    def cut(self, count: int) -> Columns:
        """Take the first `count` out."""
        taken = Columns(self.steps[:count], self.values[:count], self.epochs[:count])
        del self.steps[:count], self.values[:count], self.epochs[:count]
        return taken


class Thinner:
    """One series within `capacity` points (at least 16); what it says of the whole is exact."""

    def __init__(self, series: Series, capacity: int) -> None:
        self.series = series
        self._tail_length = max(1, capacity // 8)
        self._most_stretches = (capacity - 2 * self._tail_length - 1) // 3
        self._width = 1
        self._stretches: list[Stretch] = []
        self._tail = Columns((), (), ())
        self.last_step = -1
        self._piled: list[Points] = []
        """What came and was not looked at yet."""
        self._piled_count = 0
        self._first: Point | None = None
        self._first_bad: int | None = None
        self._count = 0
        self._low = math.inf
        self._high = -math.inf

    def add(self, points: Points) -> None:
        """Take points of rising steps."""
        count = min(len(points.steps), len(points.values))
        if not count:
            return
        self._piled.append(points)
        self._piled_count += count
        self.last_step = points.steps[count - 1]
        if self._piled_count >= PILED:
            self._settle()

    def _settle(self) -> None:
        piled, self._piled, self._piled_count = self._piled, [], 0
        for points in piled:
            self._take(points)
        blocks = len(self._tail) // self._tail_length - 1
        if blocks > 0:
            self._put_away(self._tail.cut(blocks * self._tail_length))

    def _take(self, points: Points) -> None:
        new = read_columns(points)
        self._first = self._first or new.point(0)
        self._count += len(new) + points.left_out
        self._note_extremes(new)
        self._tail.extend(new)

    def _note_extremes(self, new: Columns) -> None:
        finite = list(filter(math.isfinite, new.values))
        if finite:
            self._low = min(self._low, min(finite))
            self._high = max(self._high, max(finite))
        if len(finite) < len(new) and self._first_bad is None:
            self._first_bad = next(point.step for point in new.points(0, len(new)) if is_bad(point))

    def _put_away(self, old: Columns) -> None:
        """Put points into their stretches; of many that share one, only the least and the greatest are looked at."""
        while (
            len(self._stretches) + len({step // self._width for step in old.steps}) > self._most_stretches + 1
        ):
            self._widen()  # sooner or later: now there are fewer to make
        start = 0
        while start < len(old):
            stretch = self._stretch(old.steps[start])
            end = bisect_left(old.steps, (stretch.index + 1) * self._width, start)
            values = old.values[start:end]
            if end - start > 2 and all(map(math.isfinite, values)):
                stretch.take(old.point(start + values.index(min(values))))
                stretch.take(old.point(start + values.index(max(values))))
            else:
                for point in old.points(start, end):
                    stretch.take(point)
            start = end

    def _stretch(self, step: int) -> Stretch:
        index = step // self._width
        if self._stretches and self._stretches[-1].index == index:
            return self._stretches[-1]
        while len(self._stretches) >= self._most_stretches:
            self._widen()
            index = step // self._width
            if self._stretches[-1].index == index:
                return self._stretches[-1]
        self._stretches.append(Stretch(index))
        return self._stretches[-1]

    def _widen(self) -> None:
        self._width *= 2
        merged: list[Stretch] = []
        for each in self._stretches:
            index = each.index // 2
            if not merged or merged[-1].index != index:
                merged.append(Stretch(index))
            for point in sorted(each.points(), key=lambda point: point.step):
                merged[-1].take(point)
        self._stretches = merged

    def curve(self) -> Curve | None:
        """The curve as it stands; None before the first point."""
        self._settle()
        if self._first is None:
            return None
        kept = {self._first.step: self._first}
        for stretch in self._stretches:
            kept.update((each.step, each) for each in stretch.points())
        kept.update((each.step, each) for each in self._tail.points(0, len(self._tail)))
        points = [kept[step] for step in sorted(kept)]
        finite = self._low <= self._high
        return Curve(
            series=self.series,
            points=write_points(self.series.index, points),
            count=self._count,
            first=spell(points[0].value),
            last=spell(points[-1].value),
            minimum=self._low if finite else None,
            maximum=self._high if finite else None,
            first_bad=self._first_bad,
        )


def thin_points(points: Points, most: int) -> Points:
    """About `most` of new points, the first and the newest among them, spikes too; how many are left out is told."""
    count = len(points.steps)
    if count <= most:
        return points
    thinner = Thinner(Series(points.series, "", "metric", None), max(most, SMALLEST_CAPACITY))
    thinner.add(points)
    curve = thinner.curve()
    assert curve is not None
    kept = curve.points
    return replace(kept, left_out=count - len(kept.steps))


def thin_curve(curve: Curve, capacity: int) -> Curve:
    """The same curve with at most `capacity` points (at least 16)."""
    if len(curve.points.steps) <= capacity:
        return curve
    thinner = Thinner(curve.series, max(capacity, SMALLEST_CAPACITY))
    thinner.add(curve.points)
    thinned = thinner.curve()
    if thinned is None:
        return curve
    return Curve(
        curve.series, thinned.points, curve.count, curve.first, curve.last, curve.minimum, curve.maximum,
        curve.first_bad,
    )  # fmt: skip


def read_columns(points: Points) -> Columns:
    """The points as numbers; where columns are of different lengths, as far as all of them go."""
    count = min(len(points.steps), len(points.values))
    try:
        values = list(map(float, points.values[:count]))  # spelled numbers, too
    except OverflowError:
        values = list(map(as_float, points.values[:count]))
    epochs: Sequence[int | None] = points.epochs if len(points.epochs) == count else (None,) * count
    return Columns(points.steps[:count], values, epochs)


def fill_epochs(epochs: Iterable[int | None]) -> tuple[int, ...]:
    """Epochs for all points or for none: a point from before loops were seen to be nested is of the first."""
    filled: list[int] = []
    last: int | None = None
    for each in epochs:
        last = last if each is None else each
        filled.append(last or 0)
    return () if last is None else tuple(filled)


def write_points(series: int, points: list[Point]) -> Points:
    return Points(
        series,
        tuple(each.step for each in points),
        tuple(spell(each.value) for each in points),
        fill_epochs(each.epoch for each in points),
    )


class RibbonThinner:
    """One ribbon within `capacity` histograms (at least 4): first and newest, and one of each stretch between."""

    def __init__(self, ribbon: Ribbon, capacity: int) -> None:
        self._ribbon = replace(ribbon, histograms=())
        self.index = ribbon.index
        self._capacity = max(capacity, 4)
        self._width = 1
        self._kept: dict[int, Histogram] = {}
        self._first: Histogram | None = None
        self._newest: Histogram | None = None

    @property
    def last_step(self) -> int:
        return self._newest.step if self._newest else -1

    def add(self, histograms: Sequence[Histogram]) -> None:
        """Take histograms of rising steps."""
        for each in histograms:
            self._first = self._first or each
            self._newest = each
            self._keep(each)
            while len(self._kept) > self._capacity - 2:
                self._width *= 2
                kept, self._kept = self._kept, {}
                for old in kept.values():
                    self._keep(old)

    def _keep(self, new: Histogram) -> None:
        known = self._kept.get(new.step // self._width)
        if known is None or reach_of(new) > reach_of(known):
            self._kept[new.step // self._width] = new

    def ribbon(self) -> Ribbon:
        ends = [each for each in (self._first, self._newest) if each is not None]
        kept = {each.step: each for each in (*self._kept.values(), *ends)}
        return replace(self._ribbon, histograms=tuple(kept[step] for step in sorted(kept)))


def reach_of(histogram: Histogram) -> float:
    """How far from zero its elements lie; infinitely where some are not finite."""
    if histogram.not_finite or histogram.low is None or histogram.high is None:
        return math.inf
    return max(abs(histogram.low), abs(histogram.high))


def thin_ribbon(ribbon: Ribbon, capacity: int) -> Ribbon:
    """The same ribbon with at most `capacity` histograms (at least 4)."""
    if len(ribbon.histograms) <= capacity:
        return ribbon
    thinner = RibbonThinner(ribbon, capacity)
    thinner.add(ribbon.histograms)
    return thinner.ribbon()
