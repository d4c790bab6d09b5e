"""Curves, predictions, ribbons -> what the page shows: rows to read, and JSON for the pictures, within many points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import TypeAdapter

from app.runs.curves import thin_to
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Trace, Watched
from app.vocabulary.training import Curve, Ribbon
from app.vocabulary.values import Text, as_float
from app.web.contexts import CurveRow, TrainedPanel, WatchedRow
from app.web.languages import Language
from app.web.values import show_number

MOST_POINTS = 24_000
"""Points of all curves of one page together."""
DISTANCE = Text("{name}: mean distance from the target {now}, before training {before}.")
RIGHT = Text("{name}: {now} of {count} rows predicted right, before training {before}.")
KINDS: Mapping[str, Text] = {
    "loss": Text("loss"),
    "metric": Text("metric"),
    "learning_rate": Text("learning rate"),
    "grad_norm": Text("gradient norm"),
    "update_ratio": Text("update / weight"),
    "watched": Text("watched"),
}
WATCHED_CHARACTERS = 200
"""Of a watched expression's value on the page; the API gives more."""


def show_trained(trace: Trace, language: Language) -> TrainedPanel:
    rows = tuple(show_row(curve, language) for curve in trace.curves)
    curves = curves_writer().dump_json(thin_to(trace.curves, MOST_POINTS)).decode()
    predictions = predictions_writer().dump_json(trace.predictions).decode()
    ribbons = ribbons_writer().dump_json(trace.ribbons).decode()
    return TrainedPanel(rows, tuple(show_looks(trace.predictions, language)), curves, predictions, ribbons)


@cache
def curves_writer() -> TypeAdapter[tuple[Curve, ...]]:
    return TypeAdapter(tuple[Curve, ...])


@cache
def ribbons_writer() -> TypeAdapter[tuple[Ribbon, ...]]:
    return TypeAdapter(tuple[Ribbon, ...])


@cache
def predictions_writer() -> TypeAdapter[tuple[Predictions, ...]]:
    return TypeAdapter(tuple[Predictions, ...])


def show_looks(looks: tuple[Predictions, ...], language: Language) -> Iterator[str]:
    """How far off each model's predictions were before training and are now, in a sentence."""
    before = {look.index: how_far(look) for look in looks if look.first}
    for look in looks:
        if not look.first:
            values = {
                "name": look.name or language.gettext("prediction"),
                "now": how_far(look),
                "before": before.get(look.index, "–"),
            }
            sentence = DISTANCE if look.kind == "regression" else RIGHT
            yield language.say(Text(sentence.template, {**values, "count": len(look.data.rows)}))


def how_far(look: Predictions) -> str:
    pairs = [
        (as_float(one), as_float(two))
        for one, two in zip(look.data.targets, look.data.predicted, strict=False)
    ]
    if look.kind == "regression":
        return show_number(sum(abs(one - two) for one, two in pairs) / max(1, len(pairs)))
    return str(sum(one == (two if look.kind == "classes" else float(two > 0.5)) for one, two in pairs))


def show_row(curve: Curve, language: Language) -> CurveRow:
    numbers = (curve.first, curve.last, curve.minimum, curve.maximum)
    first, last, minimum, maximum = ("–" if each is None else show_number(each) for each in numbers)
    kind = language.say(KINDS[curve.series.kind])
    return CurveRow(curve.series.name, kind, curve.count, first, last, minimum, maximum, curve.first_bad)


def show_watched(watched: Watched, language: Language) -> WatchedRow:
    text = watched.error or watched.text or ""
    cut = text if len(text) <= WATCHED_CHARACTERS else text[: WATCHED_CHARACTERS - 1] + "…"
    said = ""
    if watched.fault is not None:
        values: dict[str, str | int | float] = {"step": watched.fault.step, "error": watched.fault.said}
        said = language.say(Text("At step {step} it raised {error}", values))
    elif watched.followed is not None and watched.followed.followed == "norm":
        said = language.gettext("Its curve is the norm of its elements.")
    return WatchedRow(watched.expression, cut, watched.error is not None, said)
