"""Sketch: which boxes a picture has and what joins them, before anything is measured or placed.

Boxes stand in call order, each leaf just before the call that uses it. Between a closed group and another box all
edges are one strand; between any two boxes where the edges are too many to be told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.drawing.call_order import Wiring
from app.drawing.edges import Strand
from app.drawing.grouping import Part
from app.vocabulary.graph import GraphEdge, NodeOutput
from app.vocabulary.values import TensorValue

NOWHERE = -1


class Outline(NamedTuple):
    """A box to be: a node by its place in the wiring, or a part. `use` counts a leaf's copies from 1."""

    node: int
    part: Part | None = None
    use: int = 1
    consumer: int = -1
    grad: TensorValue | None = None
    """Of a leaf's copy: what came back from this use."""
    within: tuple[Part, ...] = ()
    """The groups that are open around it, the innermost last."""


@dataclass(frozen=True, slots=True)
class Sketch:
    outlines: list[Outline]
    strands: list[Strand]
    """Sorted by consumer, in the order of its operands."""
    ports: list[int]
    """For each strand its place among its consumer's strands."""
    homes: list[int]
    """The box of each node by its place in the wiring, NOWHERE for leaves."""
    handed_out: dict[int, set[tuple[int, int]]]
    """By closed group, the outputs that others take from it: a node by its place, and which of its outputs."""


def whole_parts(wiring: Wiring) -> tuple[Part, ...]:
    """Every call by itself."""
    return tuple([Part("node", place, place + 1) for place in range(len(wiring.calls))])


def leaf_uses(wiring: Wiring) -> list[int]:
    """For each call how many leaves stand around it."""
    leaves, counts = wiring.leaves, []
    for place in wiring.calls:
        count = 0
        for producer, _ in wiring.operands[place]:
            count += leaves[producer]
        counts.append(count)
    return counts


def draw_sketch(wiring: Wiring, parts: Sequence[Part], most_strands: int) -> Sketch:
    """Each edge a strand of its own; with more than so many of them one for each pair of boxes."""
    sketch = _sketch_parts(wiring, parts, joined=False)
    return sketch if len(sketch.strands) <= most_strands else _sketch_parts(wiring, parts, joined=True)


def _sketch_parts(wiring: Wiring, parts: Sequence[Part], joined: bool) -> Sketch:
    sketch, used = Sketch([], [], [], [NOWHERE] * len(wiring.nodes), {}), [0] * len(wiring.nodes)
    for part in parts:
        _sketch_part(wiring, part, sketch, used, joined)
    return sketch


def _sketch_part(wiring: Wiring, part: Part, sketch: Sketch, used: list[int], joined: bool) -> None:
    """What is inside has no home before its box is there: edges between its nodes are none of the picture's."""
    homes = sketch.homes
    inside, leaves, outlines = wiring.calls[part.start : part.end], wiring.leaves, sketch.outlines
    single = part.kind == "node"
    grads: dict[int, list[GraphEdge]] = {}
    numbers: list[tuple[int, list[GraphEdge]]] = []
    for place in inside:
        for fed_by, edge in wiring.operands[place]:
            if leaves[fed_by]:
                used[fed_by] += 1
                if single:
                    numbers.append((len(outlines), [edge]))
                    outlines.append(Outline(fed_by, None, used[fed_by], place, edge.grad, part.within))
                    if fed_by in wiring.cuts:
                        _draw_cuts(wiring, fed_by, sketch)
                continue
            producer = homes[fed_by]
            if producer != NOWHERE:
                closed = outlines[producer].part is not None
                if closed:
                    sketch.handed_out.setdefault(producer, set()).add((fed_by, edge.output_nr))
                _add_edge(numbers, grads, producer, edge, apart=single and not joined and not closed)
    box = len(outlines)
    outlines.append(Outline(inside[0], None if single else part, 1, -1, None, part.within))
    for place in inside:
        homes[place] = box
    sketch.ports.extend(range(len(numbers)))
    for producer, (edge, *more) in numbers:
        flown = (edge.grad, *[each.grad for each in more]) if more else (edge.grad,)
        sketch.strands.append(Strand(producer, box, flown, edge.input_nr))


def _draw_cuts(wiring: Wiring, constant: int, sketch: Sketch) -> None:
    """Strands to the constant that was just drawn, from the boxes it was cut from."""
    cuts, homes = wiring.cuts[constant], sketch.homes
    sources = {homes[place]: text for place, text in cuts if homes[place] != NOWHERE}
    for port, (box, text) in enumerate(sources.items()):
        sketch.ports.append(port)
        sketch.strands.append(Strand(box, len(sketch.outlines) - 1, (), port, text))


def _add_edge(
    numbers: list[tuple[int, list[GraphEdge]]],
    grads: dict[int, list[GraphEdge]],
    producer: int,
    edge: GraphEdge,
    apart: bool,
) -> None:
    """A strand for each edge that stands apart, else one for all that come from the same box."""
    if producer in grads and not apart:
        grads[producer].append(edge)
        return
    edges = [edge]
    grads[producer] = edges
    numbers.append((producer, edges))


def only_output(
    wiring: Wiring, sketch: Sketch, box: int, roots: Collection[tuple[int, int]]
) -> NodeOutput | None:
    """What a closed group hands out, if that is just one output of one node."""
    own = {root for root in roots if sketch.homes[root[0]] == box}
    outputs = own | sketch.handed_out.get(box, own)
    return _output(wiring, *outputs.pop()) if len(outputs) == 1 else None


def _output(wiring: Wiring, place: int, number: int) -> NodeOutput | None:
    return next((output for output in wiring.nodes[place].outputs if output.output_nr == number), None)
