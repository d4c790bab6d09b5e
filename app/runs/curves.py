"""All curves and ribbons of a run as they grow: what a child sends is checked for order and number, then thinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import lt

from app.thinning import RibbonThinner, Thinner, thin_curve, thin_ribbon
from app.vocabulary.limits import Limits
from app.vocabulary.training import Curve, Histogram, Points, Progress, Ribbon, Series, Training

MOST_NAME = 200
MOST_LEFT_OUT = 100_000_000
SMALLEST = 32


class CurveBook:
    def __init__(self, limits: Limits) -> None:
        self._most = limits.series
        self._capacity = limits.curve_points
        self._most_ribbons = limits.ribbons
        self._columns = limits.ribbon_columns
        self._thinners: dict[int, Thinner] = {}
        self._ribbons: dict[int, RibbonThinner] = {}
        self.progress: Progress | None = None

    def take(self, frame: Training) -> Training:
        """Note a frame; what of it is new and in order goes on to the viewers."""
        new = tuple(self._meet(frame.new_series))
        points = tuple(filter(None, map(self._add, frame.points)))
        ribbons = tuple(filter(None, map(self._add_ribbon, frame.ribbons)))
        self.progress = frame.progress or self.progress
        return Training(new, points, frame.progress, ribbons)

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

    def _add_ribbon(self, ribbon: Ribbon) -> Ribbon | None:
        """What of it is new: histograms whose steps rise, of one of not too many ribbons."""
        thinner = self._ribbons.get(ribbon.index)
        if thinner is None:
            if len(self._ribbons) >= self._most_ribbons:
                return None
            named = replace(ribbon, name=ribbon.name[:MOST_NAME])
            thinner = self._ribbons[ribbon.index] = RibbonThinner(named, self._columns)
        new: list[Histogram] = []
        for each in ribbon.histograms:
            if each.step > (new[-1].step if new else thinner.last_step):
                new.append(each)
        thinner.add(new)
        return replace(ribbon, name=ribbon.name[:MOST_NAME], histograms=tuple(new)) if new else None

    def forget(self) -> None:
        """Drop the curves and keep the progress."""
        self._thinners.clear()
        self._ribbons.clear()

    def curves(self) -> tuple[Curve, ...]:
        found = (thinner.curve() for thinner in self._thinners.values())
        return tuple(curve for curve in found if curve is not None)

    def ribbons(self) -> tuple[Ribbon, ...]:
        return tuple(thinner.ribbon() for thinner in self._ribbons.values())


def in_order(points: Points, after: int) -> Points:
    """The points whose steps rise above `after`; nearly always all of them."""
    steps = points.steps
    whole = len(points.values) == len(steps) and len(points.epochs) in (0, len(steps))
    if (
        whole
        and 0 <= points.left_out <= MOST_LEFT_OUT
        and (not steps or (steps[0] > after and all(map(lt, steps, steps[1:]))))
    ):
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
        min(max(points.left_out, 0), MOST_LEFT_OUT),
    )


def thin_to(curves: tuple[Curve, ...], points: int) -> tuple[Curve, ...]:
    """The same curves with about `points` points together, spread evenly, no fewer than a few each."""
    if not curves:
        return ()
    each = max(SMALLEST, points // len(curves))
    return tuple(thin_curve(curve, each) for curve in curves)


def thin_ribbons(ribbons: tuple[Ribbon, ...], share: float) -> tuple[Ribbon, ...]:
    """The same ribbons with that share of their histograms; none at all where it is nothing."""
    return tuple(thin_ribbon(each, int(len(each.histograms) * share)) for each in ribbons if share)
