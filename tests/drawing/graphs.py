"""Graphs for the tests of drawing: small ones by hand, real ones from torch programs.

`record` is a simple stand-in for the worker's recorder, good enough to give every picture what it will get: calls,
spans, names, values and the gradients that arrived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, cast

import torch
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode

from app.vocabulary.graph import (
    AutogradGraph,
    BackwardPass,
    GraphEdge,
    GraphNode,
    GraphRoot,
    NodeKind,
    NodeOutput,
)
from app.vocabulary.values import Nested, NodeId, Real, Span, Statistics, TensorValue

FILE = "<program>"
WINDOW = 8

# ------------------------------------------------------------------------------------------------ by hand


def scalar_value(number: Real) -> TensorValue:
    return TensorValue(number, None, None)


def scalar_output(name: str | None, value: Real | None, grad: Real | None) -> NodeOutput:
    return NodeOutput(
        output_nr=0,
        name=name,
        tensor=None,
        shape=(),
        dtype="float32",
        device="cpu",
        value=None if value is None else scalar_value(value),
        grad=None if grad is None else scalar_value(grad),
    )


def scalar_node(
    number: int,
    kind: NodeKind,
    op: str,
    name: str | None = None,
    call: str | None = None,
    value: Real | None = 1.0,
    grad: Real | None = 1.0,
    line: int | None = 1,
    module: str | None = None,
) -> GraphNode:
    span = None if line is None else Span(line, 0, line, 5)
    sequence = number if kind == "function" else None
    output = scalar_output(name, value, grad)
    return GraphNode(NodeId(number), kind, op, (output,), call, None, span, module, sequence)


def join(consumer: int, input_nr: int, producer: int, grad: Real | None = 1.0) -> GraphEdge:
    value = None if grad is None else scalar_value(grad)
    return GraphEdge(NodeId(consumer), input_nr, NodeId(producer), 0, value)


def graph_of(
    nodes: Sequence[GraphNode], edges: Sequence[GraphEdge], root: int, left_out: int = 0
) -> AutogradGraph:
    backward = BackwardPass("backward", ("y",), "one", None, False, False)
    return AutogradGraph((GraphRoot(NodeId(root), 0),), tuple(nodes), tuple(edges), backward, 0, left_out)


def line_graph(
    w: Real = 3.0, x: Real = 5.0, b: Real = 2.0, y: Real = 17.0, grad_w: Real = 5.0
) -> AutogradGraph:
    """y = x * w + b with the constant x."""
    nodes = (
        scalar_node(4, "constant", "constant", "x", None, x, None),
        scalar_node(3, "accumulate", "AccumulateGrad", "w", None, w, grad_w),
        scalar_node(2, "function", "MulBackward0", None, "x * w", y, 1.0),
        scalar_node(1, "accumulate", "AccumulateGrad", "b", None, b, 1.0),
        scalar_node(5, "function", "AddBackward0", "y", "x * w + b", y, 1.0),
    )
    edges = (join(5, 0, 2), join(5, 1, 1), join(2, 0, 4, None), join(2, 1, 3, grad_w))
    return graph_of(nodes, edges, 5)


def loop_graph(steps: int, lines: Sequence[int] = (2,), module: str | None = None) -> AutogradGraph:
    """A shared weight used at every step: one multiplication and one tanh per line of the body."""
    nodes = [
        scalar_node(0, "accumulate", "AccumulateGrad", "w"),
        scalar_node(1, "accumulate", "AccumulateGrad", "x"),
    ]
    edges: list[GraphEdge] = []
    last = 1
    for _ in range(steps):
        for line in lines:
            product, squashed = len(nodes), len(nodes) + 1
            nodes.append(
                scalar_node(product, "function", "MulBackward0", None, "h * w", line=line, module=module)
            )
            nodes.append(scalar_node(squashed, "function", "TanhBackward0", "h", line=line, module=module))
            edges += [join(product, 0, last), join(product, 1, 0), join(squashed, 0, product)]
            last = squashed
    return graph_of(nodes, edges, last)


def module_chain(names: Sequence[str], ops: int = 3) -> AutogradGraph:
    """A chain of modules, each `ops` calls long."""
    nodes = [scalar_node(0, "accumulate", "AccumulateGrad", "x")]
    edges: list[GraphEdge] = []
    for name in names:
        for op in range(ops):
            number = len(nodes)
            nodes.append(scalar_node(number, "function", f"Op{op}Backward0", None, f"op{op}(h)", module=name))
            edges.append(join(number, 0, number - 1))
    return graph_of(nodes, edges, len(nodes) - 1)


# ------------------------------------------------------------------------------------------------ values


def _spell(number: float | complex) -> Any:
    if isinstance(number, bool | int):
        return number
    if isinstance(number, complex):
        raise TypeError("no complex numbers here")
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _nested(data: Any) -> Nested:
    return tuple(_nested(inner) for inner in data) if isinstance(data, list) else _spell(data)


def _real(value: torch.Tensor) -> Real:
    return cast(Real, _spell(float(value)))


def value_of(tensor: torch.Tensor) -> TensorValue:
    tensor = tensor.detach()
    window = tensor[tuple(slice(0, WINDOW) for _ in tensor.shape)] if tensor.dim() else tensor
    numbers = tensor.double()
    finite = numbers[numbers.isfinite()]
    some = finite.numel() > 0
    statistics = Statistics(
        minimum=_real(finite.min()) if some else None,
        maximum=_real(finite.max()) if some else None,
        mean=_real(finite.mean()) if some else None,
        std=_real(finite.std(correction=0)) if some else None,
        norm=_real(finite.norm()) if some else None,
        zeros=int((numbers == 0).sum()),
        nan=int(numbers.isnan().sum()),
        positive_infinity=int((numbers == math.inf).sum()),
        negative_infinity=int((numbers == -math.inf).sum()),
    )
    return TensorValue(_nested(window.tolist()), None, statistics)


# ------------------------------------------------------------------------------------------------ from torch


@dataclass(frozen=True, slots=True)
class Call:
    text: str
    span: Span
    module: str | None
    constants: tuple[torch.Tensor, ...]


@dataclass
class Recording:
    source: str
    outputs: dict[Node, dict[int, torch.Tensor]] = field(default_factory=dict)
    calls: dict[Node, Call] = field(default_factory=dict)
    kept: list[torch.Tensor] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)


class _Recorder(TorchFunctionMode):
    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else (result,)
        for tensor in made:
            if isinstance(tensor, torch.Tensor) and tensor.grad_fn is not None:
                self._note(tensor, args)
        return result

    def _note(self, tensor: torch.Tensor, args: Any) -> None:
        node = cast(Node, tensor.grad_fn)
        self.recording.kept.append(tensor)
        self.recording.outputs.setdefault(node, {})[tensor.output_nr] = tensor
        span = _span_now()
        if span is not None and node not in self.recording.calls:
            constants = tuple(a for a in args if isinstance(a, torch.Tensor) and not a.requires_grad)
            module = self.recording.modules[-1] if self.recording.modules else None
            self.recording.calls[node] = Call(_cut(self.recording.source, span), span, module, constants)


def _span_now() -> Span | None:
    import sys

    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != FILE:
        frame = frame.f_back
    return None if frame is None else _span_at(frame.f_code, frame.f_lasti)


def _span_at(code: CodeType, instruction: int) -> Span | None:
    line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return Span(line, column, end_line, end_column)


def _cut(source: str, span: Span) -> str:
    lines = source.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column]
    lines[0] = lines[0][span.column :]
    return " ".join(line.strip() for line in lines)


def record(source: str, root: str = "loss", backward: bool = True) -> AutogradGraph:
    """Run a program and read the graph of the tensor named `root`."""
    recording = Recording(source)
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    code = compile(source, FILE, "exec")
    with _Recorder(recording), _named_modules(recording):
        exec(code, space)
    return _read(recording, space, space[root], root, backward)


class _named_modules:
    """Module calls by attribute path, from two global hooks."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.names: dict[torch.nn.Module, str] = {}

    def __enter__(self) -> None:
        from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

        self.handles = (
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after, always_call=True),
        )

    def _before(self, module: torch.nn.Module, _: Any) -> None:
        if not self.recording.modules:
            self.names.update({m: f"net.{n}".rstrip(".") for n, m in module.named_modules()})
        self.recording.modules.append(self.names.get(module, "net"))

    def _after(self, *_: Any) -> None:
        self.recording.modules.pop()

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()


def _walk(root: Node) -> list[Node]:
    found, waiting = {root: None}, [root]
    while waiting:
        for following, _ in waiting.pop().next_functions:
            if following is not None and following not in found:
                found[following] = None
                waiting.append(following)
    return list(found)


def _read(
    recording: Recording, space: dict[str, Any], root: torch.Tensor, name: str, backward: bool
) -> AutogradGraph:
    nodes = _walk(cast(Node, root.grad_fn))
    arrived: dict[Node, tuple[Any, ...]] = {}
    left: dict[Node, tuple[Any, ...]] = {}
    for node in nodes:
        node.register_prehook(lambda grads, node=node: arrived.setdefault(node, grads) and None)
        node.register_hook(lambda inner, _, node=node: left.setdefault(node, inner) and None)
    if backward:
        torch.autograd.backward([root], [torch.ones_like(root)])
    names = _names(space)
    builder = _Builder(recording, names, arrived, left, {node: place for place, node in enumerate(nodes)})
    for node in nodes:
        builder.add(node)
    made = BackwardPass("backward", (name,), "one", None, False, False) if backward else None
    return AutogradGraph(
        (GraphRoot(NodeId(0), root.output_nr),), tuple(builder.nodes), tuple(builder.edges), made, 0, 0
    )


def _names(space: dict[str, Any]) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, value in space.items():
        if isinstance(value, torch.Tensor):
            found.setdefault(id(value), name)
        if isinstance(value, torch.nn.Module):
            found.update({id(p): f"{name}.{inner}" for inner, p in value.named_parameters()})
    return found


@dataclass
class _Builder:
    recording: Recording
    names: dict[int, str]
    arrived: dict[Node, tuple[Any, ...]]
    left: dict[Node, tuple[Any, ...]]
    numbers: dict[Node, int]
    nodes: list[GraphNode] = field(default_factory=list)
    edges: list[GraphEdge] = field(default_factory=list)
    constants: dict[int, int] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        number = self.numbers[node]
        if hasattr(node, "variable"):
            self.nodes.append(self._leaf(number, "accumulate", "AccumulateGrad", node.variable))
            return
        call = self.recording.calls.get(node) or self._call_around(node)
        outputs: Mapping[int, torch.Tensor | None] = self.recording.outputs.get(node) or {0: None}
        grads = self.arrived.get(node, ())
        made = tuple(self._output(nr, tensor, grads) for nr, tensor in sorted(outputs.items()))
        text, span, module = (call.text, call.span, call.module) if call else (None, None, None)
        sequence = node._sequence_nr()
        self.nodes.append(
            GraphNode(NodeId(number), "function", node.name(), made, text, None, span, module, sequence)
        )
        self._join(node, number, call)

    def _call_around(self, node: Node) -> Call | None:
        """A node torch made on the way to a result belongs to the call whose result comes next."""
        number = node._sequence_nr()
        later = [(found._sequence_nr(), call) for found, call in self.recording.calls.items()]
        return min(
            [entry for entry in later if entry[0] > number], key=lambda entry: entry[0], default=(0, None)
        )[1]

    def _output(self, nr: int, tensor: torch.Tensor | None, grads: tuple[Any, ...]) -> NodeOutput:
        grad = grads[nr] if nr < len(grads) else None
        shape = None if tensor is None else tuple(tensor.shape)
        dtype = None if tensor is None else str(tensor.dtype).removeprefix("torch.")
        value = None if tensor is None else value_of(tensor)
        name = None if tensor is None else self.names.get(id(tensor))
        return NodeOutput(
            nr, name, None, shape, dtype, "cpu", value, None if grad is None else value_of(grad)
        )

    def _leaf(self, number: int, kind: NodeKind, op: str, tensor: torch.Tensor) -> GraphNode:
        output = self._output(0, tensor, (tensor.grad,) if kind == "accumulate" else ())
        return GraphNode(NodeId(number), kind, op, (output,))

    def _join(self, node: Node, number: int, call: Call | None) -> None:
        gone = self.left.get(node, ())
        constants = list(call.constants) if call else []
        for slot, (following, output_nr) in enumerate(node.next_functions):
            grad = gone[slot] if slot < len(gone) else None
            value = None if grad is None else value_of(grad)
            if following is not None:
                self.edges.append(
                    GraphEdge(NodeId(number), slot, NodeId(self.numbers[following]), output_nr, value)
                )
            elif constants:
                self._constant(number, slot, constants.pop(0))

    def _constant(self, consumer: int, slot: int, tensor: torch.Tensor) -> None:
        number = self.constants.get(id(tensor))
        if number is None:
            number = self.constants[id(tensor)] = len(self.numbers) + len(self.constants)
            self.nodes.append(self._leaf(number, "constant", "constant", tensor))
        self.edges.append(GraphEdge(NodeId(consumer), slot, NodeId(number), 0, None))
