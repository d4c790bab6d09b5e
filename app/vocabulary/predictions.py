"""The vocabulary of what a model says of its data while it trains: points, a line, a surface, class probabilities.

A `Predictions` is one look at one model; a run leaves the first (before training) and the latest. Rows keep their
number between looks, so that the same row can be compared with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import Many, Real

PredictionKind = Literal["regression", "binary", "classes"]
"""Numbers; the probability of one class out of two; a probability for each of several classes."""


@dataclass(frozen=True, slots=True)
class DataRows:
    """A bounded sample of the rows the program trained on, column by column."""

    rows: Many[int]
    inputs: Many[Many[Real]]
    """One or two columns; none where a row has more numbers than can be drawn."""
    targets: Many[Real]
    predicted: Many[Real]
    """The number predicted, the probability of class 1, or the most probable class."""


@dataclass(frozen=True, slots=True)
class FittedLine:
    """What the model gives between the points of a single input."""

    xs: Many[Real]
    ys: Many[Real]


@dataclass(frozen=True, slots=True)
class Surface:
    """What the model gives on a grid over two inputs, row by row from the bottom.

    A cell from 0 to 254 stands for `low` to `high`; 255 is NaN. It holds the number predicted, the probability of
    class 1, or, where there are `classes`, the probability of the most probable one.
    """

    columns: int
    left: Real
    right: Real
    bottom: Real
    top: Real
    cells: Many[int]
    low: Real
    high: Real
    level: Real | None
    """Where one side of the decision ends, if there is a decision."""
    classes: Many[int] = ()


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Rows of one class, and the mean probability the model gives them of being what they are."""

    label: int
    count: int
    mean: Real


@dataclass(frozen=True, slots=True)
class RowProbabilities:
    row: int
    target: int
    probabilities: Many[Real]
    """Of each class, in order."""


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of the sample. `right` and `wrong` count its rows by the probability of the class predicted, in tenths."""

    shares: Many[ClassShare]
    right: Many[int]
    wrong: Many[int]
    samples: Many[RowProbabilities]


@dataclass(frozen=True, slots=True)
class Predictions:
    """One look at what one model predicts. Also a frame, sent a few times a second."""

    index: int
    name: str
    """The program's: `model`; of a prediction without a module its own name."""
    kind: PredictionKind
    first: bool
    """Whether this is the look before training, not the latest."""
    step: int
    """Training steps done."""
    own: bool
    """Whether these are the predictions the program made itself: there is no module that could be asked for others."""
    axes: Many[str]
    """The program's names of the inputs drawn, and of the target."""
    data: DataRows
    line: FittedLine | None = None
    surface: Surface | None = None
    probabilities: Probabilities | None = None
    frame: Literal["predictions"] = "predictions"
