"""What each template is given: one frozen dataclass for a template, every sentence in it already said.

Templates add words of their own with `_()`; nothing here is markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.sandbox.face import Device
from app.web.forms import Field
from app.web.graph_contexts import GraphPanel, GraphStory, ModulesPanel
from app.web.output_contexts import Item
from app.web.places import Place
from app.web.recipe_panel import RecipePanel
from app.web.repairs import AdviceRow, RepairsPanel, StandInsPanel
from app.web.values import WIDE_TABLE, MatrixView, ValueView


@dataclass(frozen=True, slots=True)
class Frame:
    function: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class InvolvedRow:
    """A tensor that went into the call that failed; `clashes` names the facts that do not fit."""

    name: str
    shape: str
    dtype: str
    device: str
    requires_grad: bool
    clashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SizeCell:
    text: str
    clash: bool


@dataclass(frozen=True, slots=True)
class SizeRow:
    label: str
    cells: tuple[SizeCell, ...]


@dataclass(frozen=True, slots=True)
class SizeTable:
    """Sizes by their roles; what clashes is marked in its heading and in its cells."""

    columns: tuple[SizeCell, ...]
    rows: tuple[SizeRow, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """An exception in words: its cause, who was involved, which sizes clash, where it began."""

    sentence: str | None
    operands: tuple[InvolvedRow, ...]
    table: SizeTable | None
    beginnings: tuple[Reason, ...]
    fixes: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """An edit on a button: what the button sends, and what the program then says."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing the reader should know: what is wrong, where, why, and what would help."""

    title: str
    message: str
    place: Place | None = None
    frames: tuple[Frame, ...] = ()
    hint: str | None = None
    name: str | None = None
    restated: str | None = None
    """Python's own message in the reader's language, where that says it otherwise."""
    explained: Explained | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The line a screen reader hears after every run. `kind` is an outcome's, or refused or failed."""

    kind: str
    message: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputsPanel:
    fields: tuple[Field, ...]
    parked: tuple[Field, ...]
    left_out: int = 0
    """Names the program reads that the page has no fields for."""


@dataclass(frozen=True, slots=True)
class BackwardChoice:
    chosen: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValueBox:
    """A value or a gradient. `slice` is the Python text of the window shown, null for all of it.

    Without a `view` the page holds enough numbers already, and shows this one's statistics only.
    """

    view: ValueView | None
    slice: str | None
    statistics: tuple[tuple[str, str], ...]
    alarms: tuple[str, ...]
    histogram: tuple[float, ...]

    @property
    def form(self) -> str:
        """`table` or `map`: which of them takes the room."""
        if not isinstance(self.view, MatrixView):
            return ""
        return "table" if self.view.table else "map"

    @property
    def wide(self) -> bool:
        """Whether two of its size, or its own matrices, do not fit beside each other in a narrow card."""
        if not isinstance(self.view, MatrixView):
            return False
        facets = self.view.facets
        return not self.view.table or len(facets) > 1 or any(each.width >= WIDE_TABLE for each in facets)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a tensor's grad or value is what it is, and the place that made it so."""

    sentence: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class TensorCard:
    name: str
    aliases: tuple[str, ...]
    kind: str
    shape: str
    dtype: str
    device: str
    requires_grad: bool
    is_leaf: bool
    grad_fn: str | None
    facts: tuple[tuple[str, str], ...]
    value: ValueBox | None
    grad: ValueBox | None
    why: tuple[Reason, ...]
    shares_with: tuple[str, ...]
    place: Place | None

    @property
    def wide(self) -> bool:
        return any(box is not None and box.wide for box in (self.value, self.grad))


@dataclass(frozen=True, slots=True)
class WarningRow:
    """A warning, and how often it came."""

    category: str
    message: str
    place: Place | None
    count: int


@dataclass(frozen=True, slots=True)
class Words:
    """A part of a text cell: a `heading`, or `text` between headings."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell: its text and what it gave; of a text cell the `words`."""

    number: int | None
    title: str
    state: str
    said: str
    """What there is to say of its state; nothing where it just ran."""
    source: str
    words: tuple[Words, ...]
    place: Place | None
    raised: str
    """The exception that ended the program in it."""
    items: tuple[Item, ...]
    warnings: tuple[WarningRow, ...]


@dataclass(frozen=True, slots=True)
class StepRow:
    number: int
    op: str
    name: str | None
    shapes: str
    module: str | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One curve in words and numbers, for readers without a script."""

    name: str
    kind: str
    count: int
    first: str
    last: str
    minimum: str
    maximum: str
    first_bad: int | None


@dataclass(frozen=True, slots=True)
class TrainedPanel:
    """What a run's training left: curves and predictions in words; these and ribbons as JSON for the pictures."""

    rows: tuple[CurveRow, ...]
    looks: tuple[str, ...]
    json: str
    predictions: str
    ribbons: str


@dataclass(frozen=True, slots=True)
class WatchedRow:
    """A watched expression: its value at the end or what it raised, and what is to be said of its curve."""

    expression: str
    text: str
    failed: bool
    said: str


@dataclass(frozen=True, slots=True)
class ResultPanel:
    notes: tuple[str, ...]
    cuts: tuple[str, ...]
    """What a limit left out."""
    items: tuple[Item, ...]
    """What was printed, shown and drawn in no cell, in order."""
    warnings: tuple[WarningRow, ...]
    graph: GraphPanel | None
    tensors: tuple[TensorCard, ...]
    steps: tuple[StepRow, ...]
    trained: TrainedPanel | None = None
    modules: ModulesPanel | None = None
    cells: tuple[CellView, ...] = ()
    watched: tuple[WatchedRow, ...] = ()
    stand_ins: tuple[Reason, ...] = ()
    """What took the place of other data, and where it was first asked for."""

    @property
    def empty(self) -> bool:
        return not (
            self.trained
            or self.cells
            or self.items
            or self.warnings
            or self.graph
            or self.tensors
            or self.modules
            or self.watched
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything one evaluation changes on the page; what is None stays as it is.

    Without a `result` the one on the page is `stale`: it belongs to an earlier text of the program.
    """

    sequence: str
    status: Status
    notices: tuple[Notice, ...]
    result: ResultPanel | None = None
    inputs: InputsPanel | None = None
    backward: BackwardChoice | None = None
    repairs: RepairsPanel | None = None
    advice: tuple[AdviceRow, ...] = ()
    stand_ins: StandInsPanel | None = None

    @property
    def stale(self) -> bool:
        return self.result is None


@dataclass(frozen=True, slots=True)
class GraphLook:
    """The picture on the page drawn again with other groups open."""

    graph: GraphPanel


@dataclass(frozen=True, slots=True)
class GraphTold:
    """What is told of that picture once it is painted."""

    graph: GraphStory


@dataclass(frozen=True, slots=True)
class LiveStart:
    """What a live run that was started changes on the page."""

    status: Status
    inputs: InputsPanel | None
    run: str
    repairs: RepairsPanel | None = None
    advice: tuple[AdviceRow, ...] = ()
    stand_ins: StandInsPanel | None = None


@dataclass(frozen=True, slots=True)
class LiveTensors:
    """What the tensors and the graph of a live run hold just now."""

    result: ResultPanel


@dataclass(frozen=True, slots=True)
class MenuEntry:
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class PlayPage:
    """The whole page: the form as it was sent, and the answer to it."""

    source: str
    sequence: str
    inputs: InputsPanel
    backward: BackwardChoice
    device: str
    devices: tuple[Device, ...]
    seed: str
    style: str
    watch: tuple[str, ...]
    recipe: RecipePanel
    sealed: bool
    held_seconds: float
    """How long a live run may be paused or slowed down."""
    examples: tuple[MenuEntry, ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class FailurePage:
    message: str
