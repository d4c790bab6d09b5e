"""Edges: lines whose width is the size of the gradient that ran along them, against the largest in the picture.

One step of width is about a factor of ten. A gradient of zero, none at all, and one that is not finite each look
different without colour: thin, dashed, and dashed with a cross.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import hypot, isfinite, log10
from typing import NamedTuple

from app.drawing.faces import in_words
from app.drawing.numerals import as_float, show_count, show_number
from app.drawing.pieces import Edge
from app.drawing.routes import TIP, Point, Route
from app.vocabulary.values import Complex, Nested, TensorValue, Text, tell

WIDEST = 6
TIP_HERE = f"l-4 -{TIP + 1}h8z"
"""An arrow head from its point on; those of wide lines are wider."""
TIPS: Mapping[str, str] = {
    "w4": f"l-5 -{TIP + 1}h10z",
    "w5": f"l-6 -{TIP + 1}h12z",
    "w6": f"l-7 -{TIP + 1}h14z",
}


class Strand(NamedTuple):
    """What is drawn as one edge: between two boxes, one edge of the graph, or several where a group is closed."""

    producer: int
    consumer: int
    grads: tuple[TensorValue | None, ...]
    input_nr: int
    cut: Text | None = None
    """How the program cut the consumer, a constant, from the producer."""


def norm_of(value: TensorValue) -> float:
    """The 2-norm, not finite where the tensor holds anything that is not."""
    found = value.statistics
    if found is not None:
        broken = found.nan or found.positive_infinity or found.negative_infinity
        if broken or found.norm is not None:
            return float("nan") if broken or found.norm is None else as_float(found.norm)
    return hypot(*_magnitudes(value.data))


def _magnitudes(data: Nested) -> list[float]:
    sizes: list[float] = []
    waiting = [data]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple):
            waiting.extend(found)
        elif isinstance(found, Complex):
            sizes.append(hypot(as_float(found.real), as_float(found.imag)))
        else:
            sizes.append(as_float(found))
    return sizes


def strand_norm(strand: Strand) -> float | None:
    if len(strand.grads) == 1:  # nearly all
        return None if strand.grads[0] is None else abs(norm_of(strand.grads[0]))
    norms = [norm_of(grad) for grad in strand.grads if grad is not None]
    return hypot(*norms) if norms else None


def largest_norm(norms: Iterable[float | None]) -> float:
    return max([norm for norm in norms if norm is not None and isfinite(norm)], default=0.0)


def weight_of(norm: float | None, largest: float) -> str:
    """w6 at the largest gradient, one less for each factor of ten, never below w1."""
    if norm is None:
        return "none"
    if not isfinite(norm):
        return "bad"
    if not norm:
        return "zero"
    return f"w{max(1, WIDEST - round(log10(largest) - log10(norm)))}"


def draw_edges(
    strands: Sequence[Strand], routes: Sequence[Route], ids: Sequence[str], titles: Sequence[str | Text]
) -> tuple[Edge, ...]:
    """`ids` and `titles` are those of the boxes."""
    norms = [strand_norm(strand) for strand in strands]
    largest = largest_norm(norms)
    edges = []
    for strand, norm, (points, path) in zip(strands, norms, routes, strict=True):
        weight = weight_of(norm, largest) if strand.cut is None else "cut"
        x, y = points[-1]
        edges.append(
            Edge(
                ids[strand.producer],
                ids[strand.consumer],
                weight,
                path,
                f"M{x} {y}{TIPS.get(weight, TIP_HERE)}",
                MARKS[weight](points) if weight in MARKS else None,
                _say(strand, norm, titles[strand.producer], titles[strand.consumer]),
            )
        )
    return tuple(edges)


def _cross(points: Sequence[Point]) -> str:
    """A cross on the edge, a little above where it arrives."""
    x, y = points[-1]
    return f"M{x - 5} {y - 21}l10 10m0 -10l-10 10"


def _bars(points: Sequence[Point]) -> str:
    """Two bars across the edge, a little above where it arrives: nothing flows back here."""
    x, y = points[-1]
    return f"M{x - 7} {y - 15}l14 -5m-14 11l14 -5"


MARKS: Mapping[str, Callable[[Sequence[Point]], str]] = {"bad": _cross, "cut": _bars}


def _tell_gradient(grad: TensorValue | None, norm: float | None) -> str:
    """A number, or of a tensor what the line's width shows: its norm. The boxes tell the rest of it."""
    if grad is None or norm is None or not isfinite(norm) or not isinstance(grad.data, tuple):
        return in_words(grad)
    return f"norm {show_number(norm, 6)}"


def _say(strand: Strand, norm: float | None, producer: str | Text, consumer: str | Text) -> Text:
    if strand.cut is not None:
        cut = {"producer": producer, "consumer": consumer, "reason": strand.cut}
        return tell("{producer} ⇢ {consumer}: {reason}", cut)
    if len(strand.grads) > 1:
        count, size = show_count(len(strand.grads)), "None" if norm is None else show_number(norm, 6)
        many = {"producer": producer, "consumer": consumer, "count": count, "norm": size}
        return tell("{producer} → {consumer}, {count} edges: gradient norm {norm}", many)
    operand, grad = str(strand.input_nr), _tell_gradient(strand.grads[0], norm)
    one = {"producer": producer, "consumer": consumer, "operand": operand, "grad": grad}
    return tell("{producer} → {consumer}, operand {operand}: gradient {grad}", one)
