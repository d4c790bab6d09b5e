"""Pieces: what a finished picture is made of, as plain values. A template needs nothing else to write the SVG.

Coordinates are whole pixels from the picture's upper left corner; those inside a box count from the box's own.
A `Text` is a sentence still to be said in the reader's language, a `str` is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.drawing.heatmap import Heatmap
from app.values import Text

LineStyle = Literal["title", "code", "op", "shape", "caption", "number", "nothing", "range", "alarm"]
BoxKind = Literal["function", "accumulate", "constant", "group"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: `x` is where it starts, `y` its baseline."""

    text: str | Text
    style: LineStyle
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A hairline."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Face:
    """What a box shows, and the size that takes."""

    width: int
    height: int
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    heatmaps: tuple[Heatmap, ...]
    sentence: Text
    """The whole box in words."""


@dataclass(frozen=True, slots=True)
class Box:
    """`node` is the same for all copies of a leaf. `group` opens a group box."""

    id: str
    node: str
    kind: BoxKind
    root: bool
    span: str | None
    group: str | None
    x: int
    y: int
    face: Face


@dataclass(frozen=True, slots=True)
class Edge:
    """From a producer's box down to its consumer's; `weight` w1 to w6, or zero, none, bad."""

    producer: str
    consumer: str
    weight: str
    path: str
    tip: str
    """The arrow head."""
    mark: str | None
    """A cross on the edge when its gradient is not finite."""
    sentence: Text


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    id: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    """In the order of the calls, each leaf before the call that uses it."""
    edges: tuple[Edge, ...]
    title: Text
    description: Text
    note: Text | None
    """Why the picture does not show every node."""
