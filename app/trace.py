"""The vocabulary: what a run is asked to do and what it leaves behind, as frozen plain values.

These classes are the wire format and the schema of the JSON API at once. Nothing here knows torch, HTTP or drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.cells import Cell
from app.classic import ClassicGraph
from app.explanation import Explanation
from app.holding import Pace
from app.predictions import Predictions
from app.training import Curve, Ribbon
from app.values import (
    GraphCut,
    Many,
    Mark,
    NodeId,
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


GraphStyle = Literal["annotated", "torchviz"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """How to run a program. `backward` is "auto", "none" or the name of the tensor to start from."""

    inputs: dict[str, InputSpec] = field(default_factory=dict)
    device: str = "cpu"
    backward: str = "auto"
    seed: int | None = None
    graph: GraphStyle = "annotated"
    watch: Many[str] = ()
    """Expressions evaluated in the program's namespace when it has ended, also after it raised."""
    pace: Pace | None = None
    """How a run that is watched live goes from its start; null for one that nobody can hold."""


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


# ---------------------------------------------------------------------------------------------- autograd graphs


@dataclass(frozen=True, slots=True)
class NodeOutput:
    """One output of a node's forward operation: the tensor's facts, its value and the gradient that arrived."""

    output_nr: int
    name: str | None = None
    tensor: TensorId | None = None
    shape: Many[int] | None = None
    dtype: str | None = None
    device: str | None = None
    value: TensorValue | None = None
    grad: TensorValue | None = None
    before: TensorValue | None = None
    """Of a leaf: what `.grad` held before the pass, where it held anything; `after` is what the pass made of it."""
    after: TensorValue | None = None


@dataclass(frozen=True, slots=True)
class SavedItem:
    """Something a node saved for its backward: the `text` of a plain value, or a tensor's facts.

    `value` is there for tensors of a single element.
    """

    name: str
    text: str | None = None
    shape: Many[int] | None = None
    dtype: str | None = None
    bytes: int | None = None
    value: TensorValue | None = None


NodeKind = Literal["function", "accumulate", "constant"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A `function` node is an autograd Node; `accumulate` is AccumulateGrad, shown as its leaf tensor;

    `constant` is a tensor that took part without requiring grad (torch has no node for it).
    """

    id: NodeId
    kind: NodeKind
    op: str
    """`MulBackward0`, `AccumulateGrad`; for a constant, "constant"."""
    outputs: Many[NodeOutput]
    call: str | None = None
    """The program's own text of the call: `x * w`."""
    step: StepId | None = None
    span: Span | None = None
    module: str | None = None
    sequence: int | None = None
    saved: Many[SavedItem] = ()
    seconds: float | None = None
    """Wall time of the node's part of the backward pass; on a GPU that of starting it."""
    call_seconds: float | None = None
    """Of the whole call that made the node."""
    marks: Many[Mark] = ()


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """`consumer.next_functions[input_nr]` is (`producer`, `output_nr`); `grad` flows from consumer to producer.

    An edge to a constant has no counterpart in torch: its `grad` is null, and `input_nr` is the slot torch left None.
    """

    consumer: NodeId
    input_nr: int
    producer: NodeId
    output_nr: int
    grad: TensorValue | None = None


@dataclass(frozen=True, slots=True)
class BackwardPass:
    """One call that ran the graph backward."""

    call: Literal["backward", "grad", "auto"]
    roots: Many[str]
    """The roots' names in the program, or their call's text."""
    seed: Literal["one", "ones", "given"]
    """The gradient it started from: 1 for a scalar, ones put in for a non-scalar by `auto`, or the program's own."""
    span: Span | None
    retain_graph: bool
    create_graph: bool


@dataclass(frozen=True, slots=True)
class GraphRoot:
    node: NodeId
    output_nr: int


@dataclass(frozen=True, slots=True)
class AutogradGraph:
    """A graph as `next_functions` tells it. `backward` is null when it never ran backward."""

    roots: Many[GraphRoot]
    nodes: Many[GraphNode]
    edges: Many[GraphEdge]
    backward: BackwardPass | None
    occurrence: int
    """Which backward pass of the run it was, from 0 (passes in between may not have been kept)."""
    nodes_left_out: int
    ran: Many[NodeId] = ()
    """Nodes in the order torch's engine ran them backward; those it did not need are missing."""
    cuts: Many[GraphCut] = ()


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
    frame: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Watched:
    """An expression's value at the end: its repr, and the tensor's value where it is one."""

    expression: str
    text: str | None
    value: TensorValue | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The value of the last bare expression of the program, or of a `cell` of it (its place in `Trace.cells`)."""

    text: str
    span: Span
    tensor: TensorId | None
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
    figures: Many[Figure] = ()
    watched: Many[Watched] = ()
    steps: Many[Step] = ()
    graphs: Many[AutogradGraph] = ()
    classic: ClassicGraph | None = None
    curves: Many[Curve] = ()
    predictions: Many[Predictions] = ()
    """Of each model found, the first and the latest look."""
    ribbons: Many[Ribbon] = ()
    notes: Many[Text] = ()
    cuts: Many[Cut] = ()
    versions: Versions = field(default_factory=Versions)
    timings: Timings = field(default_factory=Timings)
    frame: Literal["trace"] = "trace"
