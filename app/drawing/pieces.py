"""Pieces: what a finished picture is made of, as plain values. A template needs nothing else to write the SVG.

Coordinates are whole pixels from the picture's upper left corner; those inside a box count from the box's own.
A `Text` is a sentence still to be said in the reader's language, a `str` is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.drawing.heatmap import Heatmap
from app.vocabulary.values import Text

LineStyle = Literal["title", "code", "op", "shape", "note", "caption", "number", "nothing", "range", "alarm"]
Column = Literal["", "value", "grad", "use"]
"""What a part of a face belongs to, if it is not there from the start on."""
Phase = Literal["forward", "backward"]
BoxKind = Literal["function", "accumulate", "constant", "group"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a line of text stands: `x` is where it starts, `y` its baseline."""

    style: LineStyle
    x: int
    y: int
    column: Column = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A hairline."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a heatmap stands, and whose it is: the value's or the gradient's."""

    x: int
    y: int
    width: int
    height: int
    cell: int
    """How high each of its cells is."""
    column: Column


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Where everything on a face stands, and the size that takes. Equal faces share one: it is its own identity."""

    width: int
    height: int
    spots: tuple[Spot, ...]
    rules: tuple[Rule, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and how it is written."""

    text: str | Text
    style: LineStyle


class Face(NamedTuple):
    """What a box shows: a text for each spot of its sheet, a heatmap for each frame."""

    sheet: Sheet
    texts: tuple[str | Text, ...]
    heatmaps: tuple[Heatmap, ...]
    sentence: Text
    """The whole box in words."""

    @property
    def width(self) -> int:
        return self.sheet.width

    @property
    def height(self) -> int:
        return self.sheet.height

    @property
    def lines(self) -> tuple[Line, ...]:
        """From top to bottom."""
        pairs = zip(self.texts, self.sheet.spots, strict=True)
        return tuple([Line(text, spot.style) for text, spot in pairs])


class Box(NamedTuple):
    """`node` is the same for all copies of a leaf. `group` opens a group box, `holds` says what is in it.

    `within` are the groups that are open around the box, the innermost last.
    """

    id: str
    node: str
    kind: BoxKind
    root: bool
    span: str | None
    group: str | None
    x: int
    y: int
    face: Face
    within: tuple[str, ...] = ()
    holds: str = ""
    whys: tuple[Text, ...] = ()
    """Reasons of gradients gone wrong that point at it."""
    change: str = ""
    """Of two graphs compared: added, removed or changed."""


class Edge(NamedTuple):
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
class Opened:
    """A group that is open: its key closes it again."""

    key: str
    title: Text
    hint: Text | None


class Stage(NamedTuple):
    """One op's turn: the boxes that run, and those they take from or, backward, send to; each by its number."""

    phase: Phase
    boxes: tuple[int, ...]
    others: tuple[int, ...]
    sentence: Text


@dataclass(frozen=True, slots=True)
class Sum:
    """What the gradient of some boxes (copies of one leaf) has come to after a stage, with more to come."""

    boxes: tuple[int, ...]
    stage: int
    text: str
    heatmap: Heatmap | None


@dataclass(frozen=True, slots=True)
class Stages:
    """A run op by op, and for every box and edge after how many stages what is there."""

    stages: tuple[Stage, ...] = ()
    values: tuple[int, ...] = ()
    grads: tuple[int, ...] = ()
    uses: tuple[int, ...] = ()
    """When what a leaf's copy tells of its own use is there."""
    edges: tuple[int, ...] = ()
    sums: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """What one of several graphs in a picture is."""

    text: Text
    x: int
    y: int


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
    stages: Stages
    opened: tuple[Opened, ...]
    note: Text | None
    """Why the picture does not show every node."""
    top: int = 0
    """Room above it for headings, which stand at negative heights."""
    headings: tuple[Heading, ...] = ()
