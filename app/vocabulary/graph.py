"""The vocabulary of autograd graphs: nodes, edges and the backward pass, as `next_functions` tells them.

Frozen plain values; part of a trace, and moved on its own while a program trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import GraphCut, Many, Mark, NodeId, Span, StepId, TensorId, TensorValue


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
    inner: bool = False
    """Whether `module` made it on the way, inside a library's forward: `call` is that of a module around it."""


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
