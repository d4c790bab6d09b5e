"""Curves of bounded size: the newest points as they came, older ones as the least and greatest of each stretch.

A stretch is a power of two of step numbers, aligned at 0, so the result does not depend on how points were batched.
A spike survives because it is the greatest (or least) of its stretch; a stretch with NaN or Inf keeps one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.training import Curve, Points, Series
from app.values import as_float, spell

SMALLEST_CAPACITY = 16


class Point(NamedTuple):
    step: int
    value: float
    epoch: int | None


@dataclass(slots=True)
class Stretch:
    index: int
    low: Point | None = None
    high: Point | None = None
    bad: Point | None = None

    def take(self, point: Point) -> None:
        if not math.isfinite(point.value):
            self.bad = self.bad or point
            return
        if self.low is None or point.value < self.low.value:
            self.low = point
        if self.high is None or point.value > self.high.value:
            self.high = point

    def points(self) -> Iterator[Point]:
        yield from (each for each in (self.low, self.high, self.bad) if each is not None)


class Thinner:
    """One series within `capacity` points (at least 16); what it says of the whole is exact."""

    def __init__(self, series: Series, capacity: int) -> None:
        self.series = series
        self._tail_length = max(1, capacity // 8)
        self._most_stretches = (capacity - 2 * self._tail_length - 1) // 3
        self._width = 1
        self._stretches: list[Stretch] = []
        self._tail: list[Point] = []
        self._first: Point | None = None
        self._first_bad: int | None = None
        self._count = 0
        self._low = math.inf
        self._high = -math.inf

    @property
    def last_step(self) -> int:
        return self._tail[-1].step if self._tail else -1

    def add(self, points: Points) -> None:
        """Take points of rising steps."""
        new = list(read_points(points))
        if not new:
            return
        self._first = self._first or new[0]
        self._count += len(new)
        for point in new:
            if math.isfinite(point.value):
                self._low = min(self._low, point.value)
                self._high = max(self._high, point.value)
            elif self._first_bad is None:
                self._first_bad = point.step
        self._tail.extend(new)
        while len(self._tail) >= 2 * self._tail_length:
            old = self._tail[: self._tail_length]
            del self._tail[: self._tail_length]
            for point in old:
                self._stretch(point.step).take(point)

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
        if self._first is None:
            return None
        kept = {self._first.step: self._first}
        for stretch in self._stretches:
            kept.update((each.step, each) for each in stretch.points())
        kept.update((each.step, each) for each in self._tail)
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


def read_points(points: Points) -> Iterator[Point]:
    count = len(points.steps)
    epochs: Sequence[int | None] = points.epochs if len(points.epochs) == count else (None,) * count
    for step, value, epoch in zip(points.steps, points.values, epochs, strict=False):
        yield Point(step, as_float(value), epoch)


def write_points(series: int, points: list[Point]) -> Points:
    epochs = tuple(each.epoch for each in points if each.epoch is not None)
    return Points(
        series,
        tuple(each.step for each in points),
        tuple(spell(each.value) for each in points),
        epochs if len(epochs) == len(points) else (),
    )
