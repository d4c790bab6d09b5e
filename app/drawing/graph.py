"""The annotated graph: an `AutogradGraph` turned into a `GraphDrawing`, a pure function of the two.

Every function node is a box. A leaf (AccumulateGrad or constant) is drawn at each use, one identity in many copies: a
weight used at every step of a loop would otherwise pull long edges through the whole picture. With more boxes than the
view allows, intervals of the call order are drawn as groups, and the drawing says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.drawing.call_order import Wiring, wire
from app.drawing.edges import draw_edges
from app.drawing.faces import Use, group_face, node_face, title_of
from app.drawing.group_names import group_hint, group_title
from app.drawing.grouping import Part, group, read_calls
from app.drawing.lettering import clean
from app.drawing.numerals import show_count
from app.drawing.pieces import Box, BoxKind, Face, GraphDrawing, Opened, Stages
from app.drawing.placement import Placement, PlacementCache, place
from app.drawing.sketch import Outline, Sketch, draw_sketch, leaf_uses, only_outputs, whole_parts
from app.drawing.stages import tell_stages
from app.graph import AutogradGraph, GraphNode, NodeOutput
from app.values import Span, Text
from app.words import in_english

LINES_PER_BOX = 4
MOST_MAPPED = 300
"""Boxes of the largest picture with heatmaps; in larger ones ranges tell what is in a tensor."""
MOST_WHYS = 3
MOST_HELD = 1_000
"""Characters of a group's list of ops and names."""


@dataclass(frozen=True, slots=True)
class GraphView:
    """How a graph is looked at: at most how many boxes, and the keys of the groups the reader opened."""

    max_boxes: int
    opened: frozenset[str] = frozenset()
    staged: bool = True
    """Whether it is told op by op as well; a picture that stands alone is not."""

    @property
    def max_lines(self) -> int:
        return LINES_PER_BOX * self.max_boxes


def draw_graph(graph: AutogradGraph, view: GraphView, cache: PlacementCache | None = None) -> GraphDrawing:
    """The picture; DrawingFailed when the graph is none (a cycle, an edge to nowhere)."""
    wiring = wire(graph)
    parts, boxes_needed = _choose_parts(wiring, view)
    sketch = draw_sketch(wiring, parts, view.max_lines)
    crowded = len(sketch.strands) > view.max_lines
    if crowded:
        sketch = _sketch_fewer(wiring, view)
    roots = {(wiring.places[root.node], root.output_nr) for root in graph.roots if root.node in wiring.places}
    faces = _draw_faces(wiring, sketch, roots)
    placement = _place(sketch, faces, cache)
    name = f"g{graph.occurrence}"
    boxes = _draw_boxes(wiring, sketch, faces, placement, name, {place for place, _ in roots})
    titles = [_short_title(wiring, outline) for outline in sketch.outlines]
    edges = draw_edges(sketch.strands, placement.routes, [box.id for box in boxes], titles)
    return GraphDrawing(
        id=name,
        width=placement.width,
        height=placement.height,
        boxes=boxes,
        edges=edges,
        title=_title(graph),
        description=_description(len(boxes), len(edges)),
        stages=tell_stages(graph, wiring, sketch, titles) if view.staged else Stages(),
        opened=_list_opened(wiring, sketch),
        note=_note(graph, view, boxes_needed, crowded),
    )


def _choose_parts(wiring: Wiring, view: GraphView) -> tuple[tuple[Part, ...], int]:
    """The parts to draw, and how many boxes drawing every node would take."""
    around = leaf_uses(wiring)
    needed = len(wiring.calls) + sum(around)
    if needed <= view.max_boxes:
        return whole_parts(wiring), needed
    calls = read_calls([wiring.nodes[place] for place in wiring.calls], around)
    return group(calls, max(1, view.max_boxes), view.opened), needed


def _sketch_fewer(wiring: Wiring, view: GraphView) -> Sketch:
    """Fewer boxes, so that the lines between them are no more than a picture holds; one box has none."""
    calls = read_calls([wiring.nodes[place] for place in wiring.calls], leaf_uses(wiring))
    boxes = view.max_boxes
    while True:
        boxes //= 2
        sketch = draw_sketch(wiring, group(calls, max(1, boxes), view.opened), view.max_lines)
        if len(sketch.strands) <= view.max_lines or boxes <= 1:
            return sketch


def _place(sketch: Sketch, faces: Sequence[Face], cache: PlacementCache | None) -> Placement:
    sizes = tuple([(face.width, face.height) for face in faces])
    links = tuple(
        [
            (strand.consumer, port, strand.producer)
            for strand, port in zip(sketch.strands, sketch.ports, strict=True)
        ]
    )
    return place(sizes, links) if cache is None else cache.place(sizes, links)


# ------------------------------------------------------------------------------------------------ boxes


def _draw_faces(wiring: Wiring, sketch: Sketch, roots: set[tuple[int, int]]) -> list[Face]:
    grouped = [outline.part for outline in sketch.outlines if outline.part is not None]
    outputs = only_outputs(wiring, grouped, roots)
    mapped = len(sketch.outlines) <= MOST_MAPPED
    return [_draw_face(wiring, outline, outputs, mapped) for outline in sketch.outlines]


def _draw_face(wiring: Wiring, outline: Outline, outputs: dict[str, NodeOutput], mapped: bool) -> Face:
    part = outline.part
    if part is None:
        uses = wiring.uses[outline.node]
        use = Use(outline.use, uses, outline.grad) if outline.consumer >= 0 and uses > 1 else None
        return node_face(wiring.nodes[outline.node], use, mapped)
    inside = wiring.calls[part.start : part.end]
    nodes = [wiring.nodes[place] for place in inside]
    leaves = sum(
        [1 for place in inside for operand in wiring.operands[place] if wiring.is_leaf(operand.producer)]
    )
    title, hint, output = group_title(part, nodes), group_hint(part), outputs.get(part.key)
    return group_face(title, hint, nodes, leaves, output, mapped)


def _draw_boxes(
    wiring: Wiring,
    sketch: Sketch,
    faces: Sequence[Face],
    placement: Placement,
    name: str,
    roots: set[int],
) -> tuple[Box, ...]:
    boxes = []
    for outline, face, (x, y) in zip(sketch.outlines, faces, placement.centres, strict=True):
        left, top = x - face.width // 2, y - face.height // 2
        if outline.part is None:
            boxes.append(_node_box(wiring, outline, face, left, top, name, roots))
        else:
            boxes.append(_group_box(wiring, outline.part, face, left, top, name, roots))
    return tuple(boxes)


def _node_box(
    wiring: Wiring, outline: Outline, face: Face, x: int, y: int, name: str, roots: set[int]
) -> Box:
    node = wiring.nodes[outline.node]
    key = f"{name}-n{node.id}"
    if outline.consumer >= 0:
        key = f"{key}-u{outline.use}"
    root = outline.node in roots and outline.consumer < 0
    span = _span_text(node.span)
    within, whys = _keys(outline.within), _whys([node])
    return Box(
        key, f"n{node.id}", node.kind, root, span, None, x, y, face, within, whys=whys, change=_change([node])
    )


def _group_box(wiring: Wiring, part: Part, face: Face, x: int, y: int, name: str, roots: set[int]) -> Box:
    inside = wiring.calls[part.start : part.end]
    spans = [span for place in inside if (span := wiring.nodes[place].span) is not None]
    kind: BoxKind = "group"
    root = not roots.isdisjoint(inside)
    box = f"{name}-{part.key}"
    nodes = [wiring.nodes[place] for place in inside]
    holds, whys, around = _words_in(nodes), _whys(nodes), _around(spans)
    return Box(
        box,
        part.key,
        kind,
        root,
        around,
        part.key,
        x,
        y,
        face,
        _keys(part.within),
        holds,
        whys,
        _change(nodes),
    )


def _whys(nodes: Sequence[GraphNode]) -> tuple[Text, ...]:
    """Why gradients went wrong at these nodes."""
    return tuple([mark.sentence for node in nodes for mark in node.marks if mark.kind == "why"][:MOST_WHYS])


def _change(nodes: Sequence[GraphNode]) -> str:
    """What became of them, if of two graphs compared; a group in which anything differs is changed."""
    kinds = {node.marks[0].kind if node.marks else "" for node in nodes}
    found = kinds & {"added", "removed", "changed"}
    return "" if not found else found.pop() if len(kinds) == 1 else "changed"


def _keys(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple([part.key for part in parts])


def _words_in(nodes: Sequence[GraphNode]) -> str:
    """The ops and names in a group, each once: what it is found by."""
    words = [word for node in nodes for word in (node.op, *[each.name for each in node.outputs]) if word]
    return clean(" ".join(dict.fromkeys(words)))[:MOST_HELD]


def _list_opened(wiring: Wiring, sketch: Sketch) -> tuple[Opened, ...]:
    """Each opened group once, in the order of the picture."""
    parts = dict.fromkeys([part for outline in sketch.outlines for part in outline.within])
    return tuple(
        [
            Opened(
                part.key,
                group_title(part, [wiring.nodes[place] for place in wiring.calls[part.start : part.end]]),
                group_hint(part),
            )
            for part in parts
        ]
    )


def _span_text(span: Span | None) -> str | None:
    return None if span is None else f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def _around(spans: Sequence[Span]) -> str | None:
    """From the first place to the last."""
    if not spans:
        return None
    first = min([(span.line, span.column) for span in spans])
    last = max([(span.end_line, span.end_column) for span in spans])
    return _span_text(Span(*first, *last))


# ------------------------------------------------------------------------------------------------ words


def _short_title(wiring: Wiring, outline: Outline) -> str:
    if outline.part is None:
        return title_of(wiring.nodes[outline.node])
    part = outline.part
    return in_english(
        group_title(part, [wiring.nodes[place] for place in wiring.calls[part.start : part.end]])
    )


def _title(graph: AutogradGraph) -> Text:
    names = graph.backward.roots if graph.backward else _root_titles(graph)
    return Text("Autograd graph of {roots}", {"roots": ", ".join([clean(name) for name in names[:4]])})


def _root_titles(graph: AutogradGraph) -> tuple[str, ...]:
    wanted = {root.node for root in graph.roots}
    return tuple([title_of(node) for node in graph.nodes if node.id in wanted])


def _description(boxes: int, edges: int) -> Text:
    return Text(
        "{boxes} boxes and {edges} edges. Leaves stand above, the result at the bottom.",
        {"boxes": show_count(boxes), "edges": show_count(edges)},
    )


def _note(graph: AutogradGraph, view: GraphView, needed: int, crowded: bool) -> Text | None:
    values: dict[str, str | int | float] = {
        "nodes": show_count(len(graph.nodes)),
        "boxes": show_count(needed),
        "most": show_count(view.max_boxes),
        "missing": show_count(graph.nodes_left_out),
        "edges": show_count(len(graph.edges)),
        "lines": show_count(view.max_lines),
    }
    if crowded:
        return Text(
            "Grouped further: the graph has {edges} edges, and a picture holds {lines} lines.", values
        )
    grouped, missing = needed > view.max_boxes, graph.nodes_left_out > 0
    if grouped and missing:
        return Text(
            "Grouped: all {nodes} nodes would take {boxes} boxes, and a picture holds {most}. "
            "{missing} more nodes were beyond the limit and are not in it.",
            values,
        )
    if grouped:
        return Text(
            "Grouped: all {nodes} nodes would take {boxes} boxes, and a picture holds {most}.", values
        )
    if missing:
        return Text("{missing} more nodes were beyond the limit and are not in this picture.", values)
    return None
