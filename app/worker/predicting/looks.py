"""One look at a model's predictions, put together from arrays: rounded, bounded, in the vocabulary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.vocabulary.predictions import (
    ClassShare,
    DataRows,
    FittedLine,
    PredictionKind,
    Probabilities,
    RowProbabilities,
    Surface,
)
from app.vocabulary.values import Real, spell
from app.worker.predicting.rows import Array

DIGITS = 6
LINE = 200
GRID = 40
MARGIN = 0.12
NOT_A_NUMBER = 255
MOST_CLASSES = 20
MOST_BARS = 10
"""Classes a row's probabilities are shown of."""
SAMPLES = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of a look: inputs (rows, features), and what was predicted for them, probabilities if classes."""

    kind: PredictionKind
    rows: list[int]
    inputs: Array
    targets: Array
    outputs: Array


def as_reals(numbers: Array) -> tuple[Real, ...]:
    """Rounded to `DIGITS` digits of the largest, which is more than a screen can show."""
    flat = np.asarray(numbers, dtype=np.float64).ravel()
    finite = np.isfinite(flat)
    largest = float(np.abs(flat[finite]).max(initial=0.0))
    if largest > 0:
        flat = np.round(flat, min(300, max(-300, DIGITS - 1 - math.floor(math.log10(largest)))))
    return tuple(flat.tolist()) if finite.all() else tuple(spell(each) for each in flat.tolist())


def predicted(seen: Seen) -> Array:
    """One number for each row."""
    if seen.kind == "classes":
        return np.asarray(np.nan_to_num(seen.outputs, nan=-1.0).argmax(1), dtype=np.float64)
    return np.asarray(seen.outputs[:, 0], dtype=np.float64)


def tell_rows(seen: Seen) -> DataRows:
    drawn = seen.inputs.shape[1] in (1, 2)
    columns = tuple(as_reals(column) for column in seen.inputs.T) if drawn else ()
    return DataRows(tuple(seen.rows), columns, as_reals(seen.targets), as_reals(predicted(seen)))


# ------------------------------------------------------------------------------------------------ lines, surfaces


def reach(column: Array) -> tuple[float, float]:
    """From where to where to draw, a little beyond the data."""
    finite = column[np.isfinite(column)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    room = MARGIN * (high - low or abs(high) or 1.0)
    return float(f"{low - room:.{DIGITS}g}"), float(f"{high + room:.{DIGITS}g}")


def line_inputs(inputs: Array) -> Array:
    return np.linspace(*reach(inputs[:, 0]), LINE)[:, None]


def grid_inputs(inputs: Array) -> Array:
    """Points row by row, from the bottom."""
    across = np.linspace(*reach(inputs[:, 0]), GRID)
    up = np.linspace(*reach(inputs[:, 1]), GRID)
    return np.stack([np.tile(across, GRID), np.repeat(up, GRID)], 1)


def tell_line(xs: Array, outputs: Array) -> FittedLine:
    return FittedLine(as_reals(xs), as_reals(outputs))


def tell_surface(seen: Seen, grid: Array, outputs: Array) -> Surface:
    """`outputs` at the grid's points; values are drawn on the scale of the targets."""
    classes: tuple[int, ...] = ()
    level: float | None = None
    low, high = 0.0, 1.0
    if seen.kind == "classes" and outputs.shape[1] > 2:
        classes = tuple(np.nan_to_num(outputs, nan=-1.0).argmax(1).tolist())
        values = outputs.max(1)
    elif seen.kind == "regression":
        values, level = outputs[:, 0], halfway(seen.targets)
        low, high = reach(seen.targets)
    else:
        values, level = outputs[:, -1], 0.5
    left, right, bottom, top = as_reals(grid[[0, -1]].T)
    return Surface(GRID, left, right, bottom, top, as_cells(values, low, high), low, high, level, classes)


def halfway(targets: Array) -> float | None:
    """Between two targets, where there are only two: then it is a decision."""
    kinds = np.unique(targets)
    return float(kinds.mean()) if len(kinds) == 2 else None


def as_cells(values: Array, low: float, high: float) -> tuple[int, ...]:
    scaled = np.clip((values - low) / (high - low) * 254, 0, 254)
    cells: Any = np.where(np.isnan(values), NOT_A_NUMBER, np.round(np.nan_to_num(scaled))).astype(int)
    return tuple(cells.tolist())


# ------------------------------------------------------------------------------------------------ probabilities


def tell_probabilities(seen: Seen, with_samples: bool) -> Probabilities | None:
    if seen.kind == "regression":
        return None
    shares = seen.outputs if seen.kind == "classes" else np.hstack([1 - seen.outputs, seen.outputs])
    labels = seen.targets.astype(int)
    known = (labels >= 0) & (labels < shares.shape[1])
    shares, labels = shares[known], labels[known]
    if not len(labels):
        return None
    given = shares[np.arange(len(labels)), labels]
    right, wrong = tell_confidence(shares, labels)
    samples: tuple[RowProbabilities, ...] = ()
    if with_samples and shares.shape[1] <= MOST_BARS:
        rows = np.array(seen.rows)[known]
        samples = tuple(
            RowProbabilities(int(rows[at]), int(labels[at]), as_reals(shares[at]))
            for at in pick_samples(labels)
        )
    return Probabilities(tell_shares(given, labels), right, wrong, samples)


def tell_shares(given: Array, labels: Array) -> tuple[ClassShare, ...]:
    return tuple(
        ClassShare(int(label), int((labels == label).sum()), as_reals(given[labels == label].mean())[0])
        for label in np.unique(labels)[:MOST_CLASSES]
    )


def tell_confidence(shares: Array, labels: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many rows the model is how sure of, right and wrong."""
    best = np.nan_to_num(shares, nan=-1.0).argmax(1)
    sure = np.nan_to_num(shares.max(1))
    tenth = np.clip((sure * 10).astype(int), 0, 9)
    counts = (np.bincount(tenth[chosen], minlength=10) for chosen in (best == labels, best != labels))
    right, wrong = (tuple(count.tolist()) for count in counts)
    return right, wrong


def pick_samples(labels: Array) -> list[int]:
    """A few rows of different classes, always the same ones: the first of each class, then the second."""
    turn: dict[int, int] = {}
    order = []
    for at, label in enumerate(labels.tolist()):
        turn[label] = turn.get(label, -1) + 1
        order.append((turn[label], at))
    return sorted(at for _, at in sorted(order)[:SAMPLES])
