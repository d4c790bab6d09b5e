"""Is a frame as small as our own child would have made it? A forged one must not cost more to read than a real one."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import WireError
from app.limits import Limits
from app.trace import AutogradGraph, Trace
from app.values import Nested, TensorValue
from app.wire import ChildFrame, decode_frame


def decode_and_check(body: bytes, limits: Limits) -> ChildFrame:
    """The frame, or WireError for what is no frame or holds more than the limits allow."""
    frame = decode_frame(body)
    if isinstance(frame, Trace):
        for what, found, allowed in _sizes(frame, limits):
            if found > allowed:
                raise WireError(f"a trace with {found} {what}, {allowed} allowed")
    return frame


def _sizes(trace: Trace, limits: Limits) -> Iterator[tuple[str, int, int]]:
    graphs = trace.graphs
    yield "tensors", len(trace.tensors), limits.tensors + 1
    yield "steps", len(trace.steps), 2 * limits.steps
    yield "figures", len(trace.figures), limits.figures
    yield "watched expressions", len(trace.watched), limits.watched
    yield "curves", len(trace.curves), limits.curves
    yield "graphs", len(graphs), limits.backward_passes + 1
    yield "nodes", sum(len(graph.nodes) for graph in graphs), 2 * limits.graph_nodes + 1_000
    for graph in graphs:
        yield "edges", len(graph.edges), 4 * len(graph.nodes) + 1_000
        outputs = sum(len(node.outputs) for node in graph.nodes)
        yield "outputs", outputs, 4 * len(graph.nodes) + 1_000
    for curve in trace.curves:
        yield "points", len(curve.points.steps), 4 * limits.curve_points
    numbers = sum(size(value.data) for graph in graphs for value in _values(graph))
    yield "numbers in graphs", numbers, 2 * limits.graph_numbers + 64 * limits.graph_values
    for record in trace.tensors:
        for value in (record.value, record.grad):
            if value is not None:
                yield "numbers in a tensor", size(value.data), 2 * limits.tensor_values


def _values(graph: AutogradGraph) -> Iterator[TensorValue]:
    for node in graph.nodes:
        for output in node.outputs:
            yield from (value for value in (output.value, output.grad) if value is not None)
    yield from (edge.grad for edge in graph.edges if edge.grad is not None)


def size(data: Nested) -> int:
    """How many numbers and lists nested data holds."""
    if not isinstance(data, tuple):
        return 1
    return 1 + sum(size(item) for item in data)
