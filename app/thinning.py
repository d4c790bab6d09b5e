"""A long curve in bounded room: spikes survive, the ends are exact, and nothing is ever reordered.

Points are kept until there are twice as many as allowed; then each stretch of points gives up all but its least and
its greatest. A NaN or an infinity is kept like a spike. The newest points are never thinned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from app.training import Curve, Points, Series
from app.values import Real

STRETCH = 4
"""Points of which two are kept when room is made."""
NEWEST = 256
"""Points at the end that are never thinned."""


def as_float(value: Real) -> float:
    """The number a spelled one stands for."""
    return float(value)


class ThinnedCurve:
    """A series as it grows, at most about twice `allowed` points at any time."""

    def __init__(self, series: Series, allowed: int) -> None:
        self.series = series
        self.count = 0
        self._allowed = max(allowed, 2 * NEWEST)
        self._points: list[tuple[int, Real, int | None]] = []
        self._first: Real | None = None
        self._minimum = math.inf
        self._maximum = -math.inf
        self._first_bad: int | None = None

    def add(self, points: Points) -> None:
        epochs: Iterable[int | None] = points.epochs or (None,) * len(points.steps)
        for step, value, epoch in zip(points.steps, points.values, epochs, strict=True):
            self._note(step, value)
            self._points.append((step, value, epoch))
        while len(self._points) > 2 * self._allowed:
            self._make_room()

    def _note(self, step: int, value: Real) -> None:
        if self.count == 0:
            self._first = value
        self.count += 1
        number = as_float(value)
        if math.isfinite(number):
            self._minimum = min(self._minimum, number)
            self._maximum = max(self._maximum, number)
        elif self._first_bad is None:
            self._first_bad = step

    def _make_room(self) -> None:
        old, new = self._points[:-NEWEST], self._points[-NEWEST:]
        self._points = [*thin(old), *new]

    def curve(self) -> Curve | None:
        """The curve so far; None before its first point."""
        if self._first is None:
            return None
        steps, values, epochs = zip(*self._points, strict=True)
        known = tuple(epoch for epoch in epochs if epoch is not None)
        finite = self._minimum <= self._maximum
        return Curve(
            series=self.series,
            points=Points(self.series.index, steps, values, known if len(known) == len(steps) else ()),
            count=self.count,
            first=self._first,
            last=values[-1],
            minimum=self._minimum if finite else None,
            maximum=self._maximum if finite else None,
            first_bad=self._first_bad,
        )


def thin(points: list[tuple[int, Real, int | None]]) -> Iterator[tuple[int, Real, int | None]]:
    """Of each stretch its least and its greatest point, in order; of the first one the very first point too."""
    for start in range(0, len(points), STRETCH):
        stretch = points[start : start + STRETCH]
        bad = [point for point in stretch if not math.isfinite(as_float(point[1]))]
        good = [point for point in stretch if math.isfinite(as_float(point[1]))]
        kept = {id(point) for point in bad[:1]}
        if good:
            kept.add(id(min(good, key=lambda point: as_float(point[1]))))
            kept.add(id(max(good, key=lambda point: as_float(point[1]))))
        if start == 0:
            kept.add(id(stretch[0]))
        yield from (point for point in stretch if id(point) in kept)
