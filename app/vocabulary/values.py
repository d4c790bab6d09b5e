"""The small values everything is told in: identities, numbers, places, sentences, and what a tensor held.

They are the wire format and the schema of the JSON API at once, like `trace`, which is made of them. A number that
JSON cannot write is spelled "NaN", "Infinity" or "-Infinity"; a complex one is a `Complex`. Lines count from 1;
columns count Unicode code points from 0, `end_column` is exclusive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, TypeVar, cast

from pydantic import FailFast, GetPydanticSchema, PlainValidator, WithJsonSchema
from pydantic_core.core_schema import no_info_plain_validator_function
from typing_extensions import TypeAliasType

T = TypeVar("T")


class GiveUp(FailFast):
    """pydantic's own FailFast has no hash, which `Many[int] | None` asks for."""

    def __hash__(self) -> int:
        return hash(self.fail_fast)


Many = Annotated[tuple[T, ...], GiveUp()]
"""A tuple whose reader gives up at the first item that is wrong: a hostile one costs no more than that."""

TensorId = NewType("TensorId", int)
StorageId = NewType("StorageId", int)
StepId = NewType("StepId", int)
NodeId = NewType("NodeId", int)

Spelled = Literal["NaN", "Infinity", "-Infinity"]
Real = int | float | Spelled


def spell(number: float) -> float | Spelled:
    """The number, or its name where JSON has no way to write it."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def as_float(value: Real) -> float:
    """The number a spelled one stands for; whole numbers beyond all floats are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class Complex:
    real: Real
    imag: Real


Scalar = bool | int | float | Spelled | Complex
Nested = TypeAliasType("Nested", "Scalar | tuple[Nested, ...]")
"""A scalar, or tuples of tuples of them as deep as a tensor has dimensions."""

DEEPEST = 32
"""Levels of nesting read; torch tensors have fewer."""


def read_nested(data: Any) -> Any:
    """Numbers as JSON gives them, as `Nested`; ValueError for anything else. Its cost grows with its size alone."""
    return data if _is_number(data) else _read_nested(data, DEEPEST)[0]


def _is_number(data: Any) -> bool:
    """What nearly all are, told by its exact class."""
    kind = type(data)
    return math.isfinite(data) if kind is float else kind is int


def _read_nested(data: Any, depth: int) -> tuple[Any, tuple[int, ...]]:
    """The value and its shape: rows of different lengths are no tensor."""
    if not isinstance(data, (list, tuple)):
        return _read_scalar(data), ()
    if depth == 0:
        raise ValueError("nested too deeply")
    items = [_read_nested(item, depth - 1) for item in data]
    inner = items[0][1] if items else ()
    if any(shape != inner for _, shape in items):
        raise ValueError("rows of different lengths")
    return tuple([value for value, _ in items]), (len(items), *inner)


def _read_scalar(data: Any) -> Any:
    if isinstance(data, (bool, int, Complex)) or (isinstance(data, float) and math.isfinite(data)):
        return data
    if isinstance(data, str) and data in ("NaN", "Infinity", "-Infinity"):
        return data
    if isinstance(data, dict) and data.keys() == {"real", "imag"}:
        parts = _read_scalar(data["real"]), _read_scalar(data["imag"])
        if not any(isinstance(part, Complex) for part in parts):
            return Complex(*parts)
    raise ValueError("no number")


Numbers = Annotated[
    Nested,
    GetPydanticSchema(lambda _, __: no_info_plain_validator_function(read_nested)),  # written as what it is
    WithJsonSchema({"description": "A number, or nested lists of numbers; NaN and infinities are spelled."}),
]
"""A field of type `Nested`."""

MOST_GAPS = 16
MOST_TEXT = 4_000


def read_gaps(data: Any) -> dict[str, str | int | float]:
    """What fills a sentence's gaps; ValueError for anything but a few short strings and numbers."""
    if not isinstance(data, dict) or len(data) > MOST_GAPS:
        raise ValueError("too many gaps")
    for name, value in data.items():
        if (
            not isinstance(value, str | int | float)
            or len(name) + len(str(value)[: MOST_TEXT + 1]) > MOST_TEXT
        ):
            raise ValueError("no word for a gap")
    return data


Gaps = Annotated[
    dict[str, str | int | float],
    PlainValidator(read_gaps),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
]


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
    values: Gaps = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Telling(Text):
    """A sentence with others in its gaps, each to be said in the reader's language too. It never crosses the wire."""

    parts: Mapping[str, Text] = field(default_factory=dict)

    def said(self, say: Callable[[Text], str]) -> Text:
        return Text(self.template, {**self.values, **{gap: say(part) for gap, part in self.parts.items()}})


SENTENCES = frozenset([Text, Telling])


def tell(template: str, values: Mapping[str, str | int | float | Text]) -> Text:
    """A text, whatever fills its gaps."""
    if SENTENCES.isdisjoint(map(type, values.values())):
        return Text(template, cast("dict[str, str | int | float]", values))
    parts = {gap: value for gap, value in values.items() if isinstance(value, Text)}
    others = {gap: value for gap, value in values.items() if not isinstance(value, Text)}
    return Telling(template, others, parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was sent: where it is, what it is, and (in the sentence) the remedy."""

    code: str
    sentence: Text
    span: Span | None = None
    name: str | None = None
    """The name the problem is about: a free name without an input, a module that cannot work here."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a gradient is None, zero, huge or not finite, or a value not finite; and the place that made it so.

    `node` is the node that did, of the graph with that `occurrence`.
    """

    code: str
    """A short name of the reason: `dead_relu`, `no_requires_grad`, `log_of_zero`."""
    sentence: Text
    span: Span | None = None
    occurrence: int | None = None
    node: NodeId | None = None


MarkKind = Literal[
    "cut", "view", "in_place", "hook", "checkpoint", "custom", "why", "added", "removed", "changed"
]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something a picture says at a node. `why` and `changed` depend on numbers, all others on the program's text."""

    kind: MarkKind
    sentence: Text


@dataclass(frozen=True, slots=True)
class GraphCut:
    """Where the program cut autograd's history: `constant` was computed from an output of `producer`, without it."""

    constant: NodeId
    producer: NodeId
    output_nr: int
    sentence: Text


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over all elements; minimum to norm over the finite ones only, null where there is none.

    `norm` is the 2-norm. For complex tensors minimum to std are those of the magnitude.
    """

    minimum: Real | None = None
    maximum: Real | None = None
    mean: Real | None = None
    std: Real | None = None
    norm: Real | None = None
    zeros: int = 0
    nan: int = 0
    positive_infinity: int = 0
    negative_infinity: int = 0


@dataclass(frozen=True, slots=True)
class TensorValue:
    """What a tensor held: nested lists like `tolist()`, of the whole or of the window `index` cuts out.

    `index` is the Python slice text that yields `data` ("[:30, ::4]"); null when `data` is everything.
    """

    data: Numbers
    index: str | None = None
    statistics: Statistics | None = None
