"""A trace of a classifier on four points, as a sandbox would send it: before training, and at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.vocabulary.predictions import (
    ClassShare,
    DataRows,
    Predictions,
    Probabilities,
    RowProbabilities,
    Surface,
)
from app.vocabulary.trace import Completed, Trace
from app.vocabulary.training import Curve, Points, Series
from tests.fakes import VERSIONS

SIDE = 8
LOSS = Series(0, "loss", "loss", None)


def classifier_look(first: bool, index: int = 0) -> Predictions:
    """Class 1 lies to the right; before training every probability is one half."""
    chances = (0.5,) * 4 if first else (0.1, 0.1, 0.9, 0.9)
    cells = tuple(127 if first else 254 * (place % SIDE) // (SIDE - 1) for place in range(SIDE**2))
    given = 0.5 if first else 0.9
    return Predictions(
        index=index,
        name="net",
        kind="binary",
        first=first,
        step=0 if first else 40,
        own=False,
        axes=("x[:, 0]", "x[:, 1]", "y"),
        data=DataRows((0, 1, 2, 3), ((-1, -1, 1, 1), (-1, 1, -1, 1)), (0, 0, 1, 1), chances),
        surface=Surface(SIDE, -1.2, 1.2, -1.2, 1.2, cells, 0.0, 1.0, 0.5),
        probabilities=Probabilities(
            (ClassShare(0, 2, given), ClassShare(1, 2, given)),
            (0, 0, 0, 0, 0, 2, 0, 0, 0, 0) if first else (0,) * 9 + (4,),
            (0, 0, 0, 0, 0, 2, 0, 0, 0, 0) if first else (0,) * 10,
            (
                RowProbabilities(0, 0, (1 - chances[0], chances[0])),
                RowProbabilities(2, 1, (1 - chances[2], chances[2])),
            ),
        ),
    )


def classifier_trace(*_: Any) -> Trace:
    curve = Curve(LOSS, Points(0, (0, 1), (1.0, 0.5)), 2, 1.0, 0.5, 0.5, 1.0, None)
    looks = (classifier_look(first=True), classifier_look(first=False))
    return Trace(Completed(), curves=(curve,), predictions=looks, versions=VERSIONS)


def regressor_trace(*_: Any) -> Trace:
    """Of a model that reads more numbers than can be drawn: rows 3 and 8, one of them predicted exactly."""
    data = [DataRows((3, 8), (), (1.0, -2.0), predicted) for predicted in ((0.0, 0.0), (1.0, -1.5))]
    looks = [
        Predictions(0, "net", "regression", first, step=0 if first else 9, own=False, axes=("y",), data=rows)
        for first, rows in zip((True, False), data, strict=True)
    ]
    return replace(classifier_trace(), predictions=tuple(looks))
