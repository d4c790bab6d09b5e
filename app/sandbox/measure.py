"""Is a frame as small as our own child would have made it? A forged one must not cost more to read than a real one."""

from __future__ import annotations

from collections.abc import Iterator

from app.sandbox.structure import structure_sizes
from app.vocabulary.errors import WireError
from app.vocabulary.frames import Tensors
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.holding import Held
from app.vocabulary.limits import Limits
from app.vocabulary.predictions import Predictions
from app.vocabulary.stand_ins import SETS
from app.vocabulary.trace import Raised, TensorRecord, Trace
from app.vocabulary.training import Ribbon, Training, Watching
from app.vocabulary.values import Nested, TensorValue
from app.wire import ChildFrame, decode_frame

SMALL_BYTES = 8_192
SHORTEST_CELL = 6
"""Bytes of a cell that shows something."""
MOST_DIMENSIONS = 64
"""Of a tensor, in torch: as many lists may lie around a single number."""


def decode_and_check(body: bytes, limits: Limits) -> ChildFrame:
    """The frame, or WireError for what is no frame or holds more than the limits allow."""
    frame = decode_frame(body)
    if isinstance(frame, Held | Watching) and len(body) > SMALL_BYTES:
        raise WireError(f"{len(body)} bytes in a {frame.frame} frame, {SMALL_BYTES} allowed")
    for what, found, allowed in _sizes_of(frame, limits):
        if found > allowed:
            raise WireError(f"a {frame.frame} frame with {found} {what}, {allowed} allowed")
    return frame


Size = tuple[str, int, int]
"""What is counted, how much there is, and how much our own child would send at most."""


def _sizes_of(frame: ChildFrame, limits: Limits) -> Iterator[Size]:
    match frame:
        case Trace():
            yield from _sizes(frame, limits)
        case Tensors():
            graphs = () if frame.graph is None else (frame.graph,)
            yield from _graph_sizes(graphs, limits)
            yield from _tensor_sizes(frame.tensors, (), limits)
        case Training():
            yield from _ribbon_sizes(frame.ribbons, limits)
        case Predictions():
            yield from _prediction_sizes((frame,), limits)


def _sizes(trace: Trace, limits: Limits) -> Iterator[Size]:
    yield "steps", len(trace.steps), 2 * limits.steps
    yield "figures", len(trace.figures), limits.figures
    yield "values shown", len(trace.displays), limits.displays + limits.source_bytes // SHORTEST_CELL
    yield "warnings", len(trace.warnings), limits.warnings
    yield "watched expressions", len(trace.watched), limits.watched
    yield "curves", len(trace.curves), limits.series
    yield "stand-ins", len(trace.stand_ins), len(SETS)
    yield "notes", len(trace.notes) + len(trace.cuts), 64
    for curve in trace.curves:
        yield "points", len(curve.points.steps), 4 * limits.curve_points
    if trace.classic is not None:
        yield "torchviz edges", len(trace.classic.edges) + len(trace.classic.nodes), 2 * limits.graph_edges
    yield from structure_sizes(trace, limits)
    yield "predictions", len(trace.predictions), 2 * limits.models
    yield from _prediction_sizes(trace.predictions, limits)
    yield from _text_sizes(trace, limits)
    yield from _graph_sizes(trace.graphs, limits)
    yield from _ribbon_sizes(trace.ribbons, limits)
    watched = tuple(each.value for each in trace.watched if each.value is not None)
    yield from _tensor_sizes(trace.tensors, watched, limits)


def _ribbon_sizes(ribbons: tuple[Ribbon, ...], limits: Limits) -> Iterator[Size]:
    yield "ribbons", len(ribbons), limits.ribbons
    for each in ribbons:
        yield "histograms", len(each.histograms), 4 * limits.ribbon_columns
        yield "bins", max((len(one.counts) for one in each.histograms), default=0), limits.bins


def _graph_sizes(graphs: tuple[AutogradGraph, ...], limits: Limits) -> Iterator[Size]:
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
    numbers = sum(size(value.data) for graph in graphs for value in _values(graph))
    yield "numbers in graphs", numbers, 2 * limits.graph_numbers + limits.node_values * limits.graph_values


def _tensor_sizes(
    tensors: tuple[TensorRecord, ...], watched: tuple[TensorValue, ...], limits: Limits
) -> Iterator[Size]:
    yield "tensors", len(tensors), limits.tensors + 1
    yield "reasons", sum(len(record.why) for record in tensors), 8 * limits.tensors
    values = [*watched, *(value for record in tensors for value in (record.value, record.grad) if value)]
    yield (
        "numbers in a tensor",
        max((size(value.data) for value in values), default=0),
        (1 + MOST_DIMENSIONS) * limits.tensor_values,
    )


def _prediction_sizes(looks: tuple[Predictions, ...], limits: Limits) -> Iterator[Size]:
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


def _text_sizes(trace: Trace, limits: Limits) -> Iterator[Size]:
    yield "characters printed", sum(len(chunk.text) for chunk in trace.output), limits.output_bytes
    yield "characters shown in all", sum(len(each.text) for each in trace.displays), limits.output_bytes
    shown = [trace.result.text] if trace.result else []
    shown += [each.message for each in trace.warnings]
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
