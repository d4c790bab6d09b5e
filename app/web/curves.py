"""Curves -> what the page shows of them: rows to read, and JSON for the plot, within a number of points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic import TypeAdapter

from app.runs.curves import thin_to
from app.training import Curve
from app.values import Text
from app.web.contexts import CurveRow, TrainedPanel
from app.web.languages import Language
from app.web.values import show_number

MOST_POINTS = 24_000
"""Points of all curves of one page together."""
KINDS: Mapping[str, Text] = {
    "loss": Text("loss"),
    "metric": Text("metric"),
    "learning_rate": Text("learning rate"),
    "grad_norm": Text("gradient norm"),
    "update_ratio": Text("update / weight"),
}


def show_curves(curves: tuple[Curve, ...], language: Language) -> TrainedPanel:
    rows = tuple(show_row(curve, language) for curve in curves)
    return TrainedPanel(rows, curves_writer().dump_json(thin_to(curves, MOST_POINTS)).decode())


@cache
def curves_writer() -> TypeAdapter[tuple[Curve, ...]]:
    return TypeAdapter(tuple[Curve, ...])


def show_row(curve: Curve, language: Language) -> CurveRow:
    numbers = (curve.first, curve.last, curve.minimum, curve.maximum)
    first, last, minimum, maximum = ("–" if each is None else show_number(each) for each in numbers)
    kind = language.say(KINDS[curve.series.kind])
    return CurveRow(curve.series.name, kind, curve.count, first, last, minimum, maximum, curve.first_bad)
