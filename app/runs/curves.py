"""All curves of a run as they grow: what a child sends is checked for order and number, then thinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import lt

from app.limits import Limits
from app.thinning import Thinner, thin_curve
from app.training import Curve, Points, Progress, Series, Training

MOST_NAME = 200
SMALLEST = 32


class CurveBook:
    def __init__(self, limits: Limits) -> None:
        self._most = limits.curves
        self._capacity = limits.curve_points
        self._thinners: dict[int, Thinner] = {}
        self.progress: Progress | None = None

    def take(self, frame: Training) -> Training:
        """Note a frame; what of it is new and in order goes on to the viewers."""
        new = tuple(self._meet(frame.new_series))
        points = tuple(filter(None, map(self._add, frame.points)))
        self.progress = frame.progress or self.progress
        return Training(new, points, frame.progress)

    def _meet(self, series: tuple[Series, ...]) -> Iterator[Series]:
        for each in series:
            if each.index not in self._thinners and len(self._thinners) < self._most:
                named = replace(each, name=each.name[:MOST_NAME])
                self._thinners[each.index] = Thinner(named, self._capacity)
                yield named

    def _add(self, points: Points) -> Points | None:
        thinner = self._thinners.get(points.series)
        if thinner is None:
            return None
        new = in_order(points, thinner.last_step)
        thinner.add(new)
        return new if new.steps else None

    def forget(self) -> None:
        """Drop the curves and keep the progress."""
        self._thinners.clear()

    def curves(self) -> tuple[Curve, ...]:
        found = (thinner.curve() for thinner in self._thinners.values())
        return tuple(curve for curve in found if curve is not None)


def in_order(points: Points, after: int) -> Points:
    """The points whose steps rise above `after`; nearly always all of them."""
    steps = points.steps
    whole = len(points.values) == len(steps) and len(points.epochs) in (0, len(steps))
    if whole and (not steps or (steps[0] > after and all(map(lt, steps, steps[1:])))):
        return points
    kept: list[int] = []
    for index, step in enumerate(steps[: len(points.values)]):
        if step > (steps[kept[-1]] if kept else after):
            kept.append(index)
    epochs = points.epochs if len(points.epochs) == len(steps) else ()
    return Points(
        points.series,
        tuple(steps[index] for index in kept),
        tuple(points.values[index] for index in kept),
        tuple(epochs[index] for index in kept) if epochs else (),
    )


def thin_to(curves: tuple[Curve, ...], points: int) -> tuple[Curve, ...]:
    """The same curves with about `points` points together, spread evenly, no fewer than a few each."""
    if not curves:
        return ()
    each = max(SMALLEST, points // len(curves))
    return tuple(thin_curve(curve, each) for curve in curves)
