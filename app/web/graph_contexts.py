"""What the templates of a run's graphs and modules are given; every sentence in it already said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from app.drawing.pieces import GraphDrawing
from app.vocabulary.values import Text
from app.web.places import Place


@dataclass(frozen=True, slots=True)
class PassChoice:
    """One of the run's graphs that may be shown."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class KindChoice:
    """A kind of graph the page can show of this run."""

    value: str
    label: str
    hint: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class LostRow:
    """Something a static graph does not hold, and where it stands in the program."""

    sentence: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class StaticView:
    """A static graph in words: what it has lost, or why there is none."""

    name: str
    tracer: str
    asked: bool
    lost: tuple[LostRow, ...]
    code: str
    error: str | None
    error_place: Place | None
    remedy: str | None
    left_out: int


@dataclass(frozen=True, slots=True)
class GraphPanel:
    """The picture of the chosen graph: our own drawing, or torchviz's as an image."""

    drawing: GraphDrawing | None
    image: str | None
    caption: str
    key: str
    """The same for pictures of the same structure: the reader's zoom and place stay."""
    svg: Markup | None = None
    """The drawing as it is written: the one thing here that is markup already."""
    kept: str = ""
    """The key of a grouped graph that is kept, so that its groups open without another run."""
    story: Mapping[str, object] | None = None
    """For the script: the stages, and after how many of them what of the drawing is there."""
    inspector: Mapping[str, object] | None = None
    """What there is to say of each node, for the script."""
    passes: tuple[PassChoice, ...] = ()
    """The run's graphs, where it has several."""
    before: str = ""
    changes: Text | None = None
    """What differs from the graph that is kept as `before`."""
    kind: str = "annotated"
    kinds: tuple[KindChoice, ...] = ()
    statics: tuple[StaticView, ...] = ()
    tracer: str = "torch.fx"
    stands: str = ""
    """The name of this picture once it is on the page."""
    since: str = ""
    """The name of the picture it is the difference to."""


@dataclass(frozen=True, slots=True)
class GraphStory:
    """What is told of a picture that stands on the page."""

    story: Mapping[str, object]
    inspector: Mapping[str, object]
    stands: str


@dataclass(frozen=True, slots=True)
class ModuleEntry:
    """A module in the outline, with its parts inside; `facts` in a few words each."""

    name: str
    kind: str
    says: str
    facts: tuple[str, ...]
    place: Place | None
    parts: tuple[ModuleEntry, ...]


@dataclass(frozen=True, slots=True)
class ParameterRow:
    name: str
    kind: str
    shape: str
    dtype: str
    count: str
    requires_grad: bool
    grad_norm: str
    bytes: str
    tied: str
    """The name it was told under first."""


@dataclass(frozen=True, slots=True)
class ModulesPanel:
    """The modules as an outline, and every parameter and buffer in a table."""

    entries: tuple[ModuleEntry, ...]
    rows: tuple[ParameterRow, ...]
    totals: tuple[str, ...]
    left_out: tuple[str, ...]
