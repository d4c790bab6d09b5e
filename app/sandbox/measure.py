"""Is a frame as small as our own child would have made it? A forged one must not cost more to read than a real one."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import WireError
from app.holding import Held
from app.limits import Limits
from app.predictions import Predictions
from app.trace import AutogradGraph, Raised, Trace
from app.values import Nested, TensorValue
from app.wire import ChildFrame, decode_frame

HELD_BYTES = 8_192


def decode_and_check(body: bytes, limits: Limits) -> ChildFrame:
    """The frame, or WireError for what is no frame or holds more than the limits allow."""
    frame = decode_frame(body)
    if isinstance(frame, Held) and len(body) > HELD_BYTES:
        raise WireError(f"{len(body)} bytes to say that a program is held")
    sizes: Iterator[tuple[str, int, int]] = iter(())
    if isinstance(frame, Trace):
        sizes = _sizes(frame, limits)
    elif isinstance(frame, Predictions):
        sizes = _prediction_sizes((frame,), limits)
    for what, found, allowed in sizes:
        if found > allowed:
            raise WireError(f"a {frame.frame} with {found} {what}, {allowed} allowed")
    return frame


def _sizes(trace: Trace, limits: Limits) -> Iterator[tuple[str, int, int]]:
    """What is counted, how much there is, and how much our own child would send at most."""
    graphs = trace.graphs
    yield "tensors", len(trace.tensors), limits.tensors + 1
    yield "steps", len(trace.steps), 2 * limits.steps
    yield "figures", len(trace.figures), limits.figures
    yield "watched expressions", len(trace.watched), limits.watched
    yield "curves", len(trace.curves), limits.curves
    yield "notes", len(trace.notes) + len(trace.cuts), 64
    yield "graphs", len(graphs), limits.backward_passes + 1
    nodes = sum(len(graph.nodes) for graph in graphs)
    yield "nodes", nodes, 3 * limits.graph_nodes
    yield "cuts", sum(len(graph.cuts) for graph in graphs), limits.graph_edges
    yield "marks", sum(len(node.marks) for graph in graphs for node in graph.nodes), 8 * nodes
    yield "nodes run backward", sum(len(graph.ran) for graph in graphs), nodes
    yield "edges", sum(len(graph.edges) for graph in graphs), 2 * limits.graph_edges
    yield "outputs", sum(len(node.outputs) for graph in graphs for node in graph.nodes), 2 * nodes + 10_000
    saved = sum(len(node.saved) for graph in graphs for node in graph.nodes)
    yield "saved things", saved, limits.graph_saved
    for curve in trace.curves:
        yield "points", len(curve.points.steps), 4 * limits.curve_points
    if trace.classic is not None:
        yield "torchviz edges", len(trace.classic.edges) + len(trace.classic.nodes), 2 * limits.graph_edges
    yield "predictions", len(trace.predictions), 2 * limits.models
    yield from _prediction_sizes(trace.predictions, limits)
    yield from _text_sizes(trace, limits)
    numbers = sum(size(value.data) for graph in graphs for value in _values(graph))
    yield "numbers in graphs", numbers, 2 * limits.graph_numbers + limits.node_values * limits.graph_values
    values = [value for record in trace.tensors for value in (record.value, record.grad)]
    values += [watched.value for watched in trace.watched]
    yield (
        "numbers in a tensor",
        max((size(v.data) for v in values if v is not None), default=0),
        2 * limits.tensor_values,
    )


def _prediction_sizes(looks: tuple[Predictions, ...], limits: Limits) -> Iterator[tuple[str, int, int]]:
    yield "models", max((abs(look.index) for look in looks), default=0), limits.models - 1
    for look in looks:
        surface, line, chances = look.surface, look.line, look.probabilities
        numbers = [*look.data.inputs, look.data.rows, look.data.targets, look.data.predicted]
        numbers += [line.xs, line.ys] if line else []
        numbers += [surface.cells, surface.classes] if surface else []
        numbers += [chances.right, chances.wrong] if chances else []
        rows = [*chances.shares, *chances.samples] if chances else []
        numbers += [each.probabilities for each in (chances.samples if chances else ())]
        yield "numbers", sum(map(len, numbers)) + len(rows), limits.prediction_numbers
        yield "characters", sum(map(len, (look.name, *look.axes))), 1_000


def _text_sizes(trace: Trace, limits: Limits) -> Iterator[tuple[str, int, int]]:
    yield "characters printed", sum(len(chunk.text) for chunk in trace.output), limits.output_bytes
    shown = [trace.result.text] if trace.result else []
    shown += [text for each in trace.watched for text in (each.text, each.error) if text]
    shown += [note.template for note in trace.notes]
    shown += [item.text for graph in trace.graphs for node in graph.nodes for item in node.saved if item.text]
    if isinstance(trace.outcome, Raised):
        shown += [trace.outcome.exception, trace.outcome.message]
    yield "characters shown", max(map(len, shown), default=0), limits.text_chars


def _values(graph: AutogradGraph) -> Iterator[TensorValue]:
    for node in graph.nodes:
        for output in node.outputs:
            kept = output.value, output.grad, output.before, output.after
            yield from (value for value in kept if value is not None)
        yield from (item.value for item in node.saved if item.value is not None)
    yield from (edge.grad for edge in graph.edges if edge.grad is not None)


def size(data: Nested) -> int:
    """How many numbers and lists nested data holds."""
    if not isinstance(data, tuple):
        return 1
    return 1 + sum(size(item) for item in data)
