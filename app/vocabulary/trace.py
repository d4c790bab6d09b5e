"""The vocabulary: what a run is asked to do and what it leaves behind, as frozen plain values.

These classes are the wire format and the schema of the JSON API at once. Nothing here knows torch, HTTP or drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.vocabulary.cells import Cell
from app.vocabulary.classic import ClassicGraph
from app.vocabulary.explanation import Explanation
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.holding import Pace
from app.vocabulary.modules import ModuleTree
from app.vocabulary.predictions import Predictions
from app.vocabulary.stand_ins import StandIn
from app.vocabulary.static_graph import StaticGraph, Tracer
from app.vocabulary.training import Curve, Ribbon, Watching
from app.vocabulary.values import (
    Many,
    Numbers,
    Span,
    StepId,
    StorageId,
    TensorId,
    TensorValue,
    Text,
    Why,
)

# ---------------------------------------------------------------------------------------------- what a run is asked

Init = Literal["zeros", "ones", "randn", "rand", "arange", "eye"]
Dtype = Literal[
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
    "uint8", "int8", "int16", "int32", "int64", "bool",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A tensor for a free name: either its `value` (a number or nested lists), or a `shape` and an `init`."""

    value: Numbers | None = None
    shape: Many[int] | None = None
    init: Init = "zeros"
    seed: int | None = None
    dtype: Dtype | None = None
    requires_grad: bool = False


GraphStyle = Literal["annotated", "torchviz", "modules", "static"]
"""What is drawn of a run: the autograd graph, torchviz's picture of it, the tree of its modules, or static graphs."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """How to run a program. `backward` is "auto", "none" or the name of the tensor to start from."""

    inputs: dict[str, InputSpec] = field(default_factory=dict)
    device: str = "cpu"
    backward: str = "auto"
    seed: int | None = None
    graph: GraphStyle = "annotated"
    watch: Many[str] = ()
    """Expressions evaluated in the program's namespace: after each step of a training, as series, and when it has
    ended, also after it raised."""
    pace: Pace | None = None
    """How a run that is watched live goes from its start; null for one that nobody can hold."""
    stand_ins: bool = False
    """Whether small built-in data may take the place of what would be downloaded."""
    tracer: Tracer = "torch.fx"
    """For static graphs: who traces the modules that this run called."""


TensorKind = Literal["tensor", "parameter", "buffer", "array"]


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One named tensor (or NumPy array) as it stood when the program ended."""

    id: TensorId
    name: str
    """An expression of the program that yields it: `w`, `net.fc1.weight`, `layers[0]`."""
    aliases: Many[str]
    kind: TensorKind
    shape: Many[int]
    dtype: str
    device: str
    layout: str
    requires_grad: bool
    is_leaf: bool
    grad_fn: str | None
    stride: Many[int] | None
    storage_offset: int | None
    storage: StorageId | None
    """Tensors with the same storage id share memory."""
    base: TensorId | None
    """The tensor this one is a view of, where torch knows it."""
    version: int | None
    bytes: int
    value: TensorValue | None
    grad: TensorValue | None
    why: Many[Why]
    """Why its grad is None, zero, huge or not finite, or its value not finite; empty where all is well."""
    span: Span | None
    """The assignment (or call) that made it."""


# ---------------------------------------------------------------------------------------------- steps: recorded calls


@dataclass(frozen=True, slots=True)
class Operand:
    tensor: TensorId
    shape: Many[int]
    dtype: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call into torch that the program made."""

    id: StepId
    op: str
    """torch's public name: `torch.Tensor.mul`, `torch.nn.functional.linear`."""
    name: str | None
    """The name the program gave the result, where it assigned it."""
    span: Span | None
    module: str | None
    """Path of the innermost `nn.Module` whose forward made the call, as an expression: `net.fc1`."""
    inputs: Many[Operand]
    outputs: Many[Operand]
    seconds: float | None = None
    """Wall time of the call; on a GPU that of starting it."""


# ---------------------------------------------------------------------------------------------- how a run ended


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One frame of the program (library frames are left out)."""

    function: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Completed:
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class Raised:
    exception: str
    message: str
    span: Span | None
    frames: Many[StackFrame]
    hint: Text | None = None
    explanation: Explanation | None = None
    restated: Text | None = None  # Python's own message, to be said in the reader's language
    kind: Literal["raised"] = "raised"


LimitName = Literal["seconds", "cpu_seconds", "held_seconds", "memory", "output"]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A limit ended the run. `allowed` is in seconds or bytes. `span` is the line that was running, if known."""

    limit: LimitName
    allowed: float
    span: Span | None = None
    kind: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class Crashed:
    """The program took its own process down, e.g. by SIGSEGV; what it had printed until then is kept."""

    signal: str | None
    kind: Literal["crashed"] = "crashed"


Outcome = Completed | Raised | Stopped | Crashed

# ---------------------------------------------------------------------------------------------- the trace


@dataclass(frozen=True, slots=True)
class Output:
    """Text the program wrote, in order. Also a frame of its own, sent while the program runs."""

    stream: Literal["stdout", "stderr"]
    text: str
    cell: int | None = None
    frame: Literal["output"] = "output"


@dataclass(frozen=True, slots=True)
class Figure:
    """A matplotlib figure as SVG. Made by the program: show it as an image, never as markup."""

    svg: str
    title: str
    xlabel: str
    ylabel: str
    lines: int
    scatters: int
    bars: int
    legend: Many[str]
    cell: int | None = None
    after: int = 0
    """How many pieces of `Trace.output` came before it."""
    turn: int = 0
    """Its turn among the figures and values of a run."""
    moving: int | None = None
    """Figures with the same number are one that moves: what it showed at each `plt.pause()`."""
    frame: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Watched:
    """An expression's value at the end: its repr, and the tensor's value where it is one."""

    expression: str
    text: str | None
    value: TensorValue | None
    error: str | None
    followed: Watching | None = None
    """How it stood after the last step it was followed at; null where there was none."""
    fault: Watching | None = None
    """The first time it raised an exception after it had been followed."""


@dataclass(frozen=True, slots=True)
class Table:
    """A DataFrame in texts, cut as pandas cuts it: `…` stands for the rows and columns that are left out."""

    columns: Many[Many[str]]
    """The heads of each column, index columns included: several where the column index has levels."""
    rows: Many[Many[str]]
    """The cells of each row; the first `heads` of them name it."""
    heads: int
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """The value of the last bare expression of the program, or of a `cell` of it (its place in `Trace.cells`).

    Or what the program handed to `display()`, as notebooks have it.
    """

    text: str
    span: Span
    tensor: TensorId | None
    cell: int | None = None
    after: int = 0
    """How many pieces of `Trace.output` came before it."""
    turn: int = 0
    """Its turn among the figures and values of a run."""
    displayed: bool = False
    """Whether `display()` was called for it."""
    markup: str | None = None
    """The language its text is written in, which is shown and never obeyed: `HTML`, `Markdown`."""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning, told once for each line of the program that caused it; `count` is how often it came."""

    category: str
    message: str
    span: Span | None
    count: int = 1
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Something the trace does not hold because a limit cut it; `dropped` is null where nobody counted."""

    limit: str
    allowed: int
    dropped: int | None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of wall time inside the child. `picture` and `total` are added by the server."""

    run: float = 0.0
    backward: float = 0.0
    record: float = 0.0
    picture: float = 0.0
    total: float = 0.0
    looks: float = 0.0
    """Of `run`, what was spent on what is shown meanwhile: tensors, ribbons, predictions."""


@dataclass(frozen=True, slots=True)
class Versions:
    python: str = ""
    torch: str = ""
    numpy: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything one run left behind; the last frame of every run."""

    outcome: Outcome
    device: str = "cpu"
    tensors: Many[TensorRecord] = ()
    result: Shown | None = None
    displays: Many[Shown] = ()
    cells: Many[Cell] = ()
    output: Many[Output] = ()
    warnings: Many[Warned] = ()
    figures: Many[Figure] = ()
    watched: Many[Watched] = ()
    steps: Many[Step] = ()
    graphs: Many[AutogradGraph] = ()
    classic: ClassicGraph | None = None
    modules: Many[ModuleTree] = ()
    static_graphs: Many[StaticGraph] = ()
    curves: Many[Curve] = ()
    predictions: Many[Predictions] = ()
    """Of each model found, the first and the latest look."""
    ribbons: Many[Ribbon] = ()
    stand_ins: Many[StandIn] = ()
    """Data that took the place of other data."""
    notes: Many[Text] = ()
    cuts: Many[Cut] = ()
    versions: Versions = field(default_factory=Versions)
    timings: Timings = field(default_factory=Timings)
    frame: Literal["trace"] = "trace"
