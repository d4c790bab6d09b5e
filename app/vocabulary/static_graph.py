"""The vocabulary of static graphs: what torch.fx or torch.export saw when it traced a function, and what it lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import Many, NodeId, Span, Text

Tracer = Literal["torch.fx", "torch.export"]
StaticOp = Literal["placeholder", "get_attr", "call_function", "call_method", "call_module", "output"]


@dataclass(frozen=True, slots=True)
class StaticNode:
    """One `torch.fx.Node`. Its `inputs` are the nodes it takes from, in the order of its arguments."""

    id: NodeId
    op: StaticOp
    name: str
    target: str
    """`torch.relu`, `sum`, `fc1`, `aten.relu.default`; of an input its own name, of a lifted parameter its path."""
    call: str
    """The call it stands for, as Python: `torch.relu(matmul)`."""
    inputs: Many[NodeId]
    module: str | None = None
    span: Span | None = None
    shape: Many[int] | None = None
    """As torch.export knows it; of torch.fx, which knows none, what the place gave in this run. -1 is any size."""
    dtype: str | None = None


LostKind = Literal[
    "branch", "loop", "print", "side_effect", "check", "no_grad", "shape", "sizes", "training", "module"
]


@dataclass(frozen=True, slots=True)
class Lost:
    """Something of the program that the static graph does not hold, in words."""

    kind: LostKind
    sentence: Text
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class CannotTrace:
    """Why there is no graph: the tracer's own error, where in the program, and what would help."""

    exception: str
    message: str
    span: Span | None
    remedy: Text | None = None


@dataclass(frozen=True, slots=True)
class StaticGraph:
    """A graph the program traced, or one that was `asked` for when it had ended; no nodes where there is an error."""

    name: str
    tracer: Tracer
    asked: bool
    nodes: Many[StaticNode] = ()
    lost: Many[Lost] = ()
    error: CannotTrace | None = None
    code: str | None = None
    """The Python that the graph stands for, as torch.fx writes it."""
    nodes_left_out: int = 0
