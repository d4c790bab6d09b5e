"""The vocabulary of a program that trains: named series of numbers, sent while it runs and kept, thinned, at the end.

Points travel in batches, column by column. Steps are their x axis: losses and metrics share them, counted by the series
with the most points; the epoch stands beside where loops are nested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import Many, Real, Span

SeriesKind = Literal["loss", "metric", "learning_rate", "grad_norm", "update_ratio", "watched"]
Part = Literal["weight", "grad"]
"""Of a parameter."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve. `name` is the program's own: `loss`, `lr`, `net.0.weight`; with `kind` it is unique in a run."""

    index: int
    name: str
    kind: SeriesKind
    span: Span | None
    """The assignment or the `.backward()` that gives its values."""


@dataclass(frozen=True, slots=True)
class Points:
    """New points of one series: `steps[i]` is the step of the training it belongs to, from 0, `values[i]` its value."""

    series: int
    steps: Many[int]
    values: Many[Real]
    epochs: Many[int] = ()
    """Pass of the outer loop for each point, where loops are nested; else empty."""
    left_out: int = 0
    """Points of a very fast loop that are not sent: those between the least and the greatest of their stretch."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Passes of the outermost loop around the training done and, where its length is known, to do; its first line."""

    line: int
    done: int
    total: int | None
    optimiser_steps: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How the elements of one tensor lay at one optimiser step: `counts` over equal bins from `low` to `high`.

    Every finite element is in a bin, every other in `not_finite`; bins and bounds are empty where none is finite.
    """

    step: int
    low: float | None
    high: float | None
    counts: Many[int]
    not_finite: int
    mean_size: Real | None
    """Mean of the finite elements' magnitudes."""


@dataclass(frozen=True, slots=True)
class Ribbon:
    """One parameter's weights, or their gradients, as histograms over time. A run's ribbons are numbered from 0."""

    index: int
    name: str
    part: Part
    elements: int
    histograms: Many[Histogram]


@dataclass(frozen=True, slots=True)
class Training:
    """A frame sent a few times a second: series seen for the first time, and what is new since the last frame."""

    new_series: Many[Series]
    points: Many[Points]
    progress: Progress | None
    ribbons: Many[Ribbon] = ()
    """Histograms since the last frame, each ribbon's in the order of their steps."""
    frame: Literal["training"] = "training"


Followed = Literal["number", "norm", "other", "error"]


@dataclass(frozen=True, slots=True)
class Watching:
    """How a watched expression stands after a step of the program: a frame sent when that is another than before.

    A `number` is a series of the expression's own text; several numbers are followed as their `norm`, a series `‖w‖`.
    """

    expression: str
    followed: Followed
    step: int
    """As in its series."""
    said: str = ""
    """For an `error` the exception, for `other` what it is instead of numbers: `list`."""
    frame: Literal["watching"] = "watching"


@dataclass(frozen=True, slots=True)
class Curve:
    """A whole series, thinned so that every spike survives: least and greatest of each stretch are kept.

    `count`, `first`, `last`, `minimum` and `maximum` are exact. NaN and Inf are spelled; `first_bad` is the step of
    the first of them.
    """

    series: Series
    points: Points
    count: int
    first: Real
    last: Real
    minimum: Real | None
    maximum: Real | None
    first_bad: int | None
