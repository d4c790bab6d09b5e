"""The small values everything is told in: identities, numbers, places, sentences, and what a tensor held.

They are the wire format and the schema of the JSON API at once, like `trace`, which is made of them. A number that
JSON cannot write is spelled "NaN", "Infinity" or "-Infinity"; a complex one is a `Complex`. Lines count from 1;
columns count Unicode code points from 0, `end_column` is exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NewType

from typing_extensions import TypeAliasType

TensorId = NewType("TensorId", int)
StorageId = NewType("StorageId", int)
StepId = NewType("StepId", int)
NodeId = NewType("NodeId", int)

Spelled = Literal["NaN", "Infinity", "-Infinity"]
Real = int | float | Spelled


@dataclass(frozen=True, slots=True)
class Complex:
    real: Real
    imag: Real


Scalar = bool | int | float | Spelled | Complex
Nested = TypeAliasType("Nested", "Scalar | tuple[Nested, ...]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the program's text: line from 1, column in code points from 0, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence to be said in the reader's language: a translatable template and what fills its {gaps}."""

    template: str
    values: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was sent: where it is, what it is, and (in the sentence) the remedy."""

    code: str
    sentence: Text
    span: Span | None = None
    name: str | None = None
    """The name the problem is about: a free name without an input, a module that cannot work here."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over all elements; minimum to norm over the finite ones only, null where there is none.

    `norm` is the 2-norm. For complex tensors minimum to std are those of the magnitude.
    """

    minimum: Real | None
    maximum: Real | None
    mean: Real | None
    std: Real | None
    norm: Real | None
    zeros: int
    nan: int
    positive_infinity: int
    negative_infinity: int


@dataclass(frozen=True, slots=True)
class TensorValue:
    """What a tensor held: nested lists like `tolist()`, of the whole or of the window `index` cuts out.

    `index` is the Python slice text that yields `data` ("[:30, ::4]"); null when `data` is everything.
    """

    data: Nested
    index: str | None
    statistics: Statistics | None
