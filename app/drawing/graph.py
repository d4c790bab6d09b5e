"""The annotated graph: an `AutogradGraph` turned into a `GraphDrawing`, a pure function of the two.

Every function node is a box. A leaf (AccumulateGrad or constant) is drawn at each use, one identity in many copies: a
weight used at every step of a loop would otherwise pull long edges through the whole picture. With more boxes than the
view allows, intervals of the call order are drawn as groups, and the drawing says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.drawing.call_order import Wiring
from app.drawing.edges import draw_edges
from app.drawing.faces import title_of
from app.drawing.group_names import group_hint, group_title
from app.drawing.lettering import clean
from app.drawing.numerals import show_count
from app.drawing.outlines import Drawn, draw_outlines
from app.drawing.pieces import Box, BoxKind, Face, GraphDrawing, Opened, Stages
from app.drawing.placement import Placement, PlacementCache, place
from app.drawing.sketch import Sketch, draw_sketch
from app.drawing.stages import tell_stages
from app.drawing.study import Study
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.values import Text

LINES_PER_BOX = 4
MOST_OPENED = 40
"""Groups that are listed as open."""


@dataclass(frozen=True, slots=True)
class GraphView:
    """How a graph is looked at: at most how many boxes, and the keys of the groups the reader opened."""

    max_boxes: int
    opened: frozenset[str] = frozenset()
    staged: bool = True
    """Whether which groups are open and what closed ones hold is told as well.

    Of a picture that stands alone it is not: nothing in it is found, opened or played.
    """
    played: bool = True
    """Whether a staged picture is told op by op at once, and not by `tell_story` once it is there."""

    @property
    def max_lines(self) -> int:
        return LINES_PER_BOX * self.max_boxes

    @property
    def closed(self) -> frozenset[str]:
        """Groups that open by themselves and were closed: their keys stand in `opened` with a minus before them."""
        return frozenset([key[1:] for key in self.opened if key.startswith("-")])


def draw_graph(graph: AutogradGraph, view: GraphView, cache: PlacementCache | None = None) -> GraphDrawing:
    """The picture; DrawingFailed when the graph is none (a cycle, an edge to nowhere)."""
    return draw_studied(Study(graph), view, cache)


def draw_studied(study: Study, view: GraphView, cache: PlacementCache | None = None) -> GraphDrawing:
    """The same for a graph that may be looked at again."""
    graph, wiring = study.graph, study.wiring
    sketch, crowded = _sketch(study, view)
    drawn = draw_outlines(study, sketch, view.staged)
    placement = _place(sketch, [each.face for each in drawn], cache)
    name = f"g{graph.occurrence}"
    boxes = _draw_boxes(study, sketch, drawn, placement, name)
    titles = [each.title for each in drawn]
    edges = draw_edges(sketch.strands, placement.routes, [box.id for box in boxes], titles)
    return GraphDrawing(
        id=name,
        width=placement.width,
        height=placement.height,
        boxes=boxes,
        edges=edges,
        title=_title(graph),
        description=_description(len(boxes), len(edges)),
        stages=tell_stages(graph, wiring, sketch, titles) if view.staged and view.played else Stages(),
        opened=_list_opened(wiring, sketch) if view.staged else (),
        note=_note(graph, view, study.boxes_needed, crowded),
    )


def tell_story(study: Study, view: GraphView) -> Stages:
    """The stages of the picture that is drawn of this view."""
    sketch, _ = _sketch(study, view)
    titles = [each.title for each in draw_outlines(study, sketch, view.staged)]
    return tell_stages(study.graph, study.wiring, sketch, titles)


def _sketch(study: Study, view: GraphView) -> tuple[Sketch, bool]:
    """The boxes and lines of a view, and whether it has fewer boxes because the lines were too many."""
    parts = study.choose_parts(view.max_boxes, view.opened, view.closed)
    sketch = draw_sketch(study.wiring, parts, view.max_lines)
    crowded = len(sketch.strands) > view.max_lines
    return (_sketch_fewer(study, view), True) if crowded else (sketch, False)


def _sketch_fewer(study: Study, view: GraphView) -> Sketch:
    """Fewer boxes, so that the lines between them are no more than a picture holds; one box has none."""
    boxes = view.max_boxes
    while True:
        boxes //= 2
        sketch = draw_sketch(study.wiring, study.group(boxes, view.opened, view.closed), view.max_lines)
        if len(sketch.strands) <= view.max_lines or boxes <= 1:
            return sketch


def _place(sketch: Sketch, faces: Sequence[Face], cache: PlacementCache | None) -> Placement:
    sizes = tuple([(face.sheet.width, face.sheet.height) for face in faces])
    links = tuple(
        [
            (strand.consumer, port, strand.producer)
            for strand, port in zip(sketch.strands, sketch.ports, strict=True)
        ]
    )
    return place(sizes, links) if cache is None else cache.place(sizes, links)


def _draw_boxes(
    study: Study, sketch: Sketch, drawn: Sequence[Drawn], placement: Placement, name: str
) -> tuple[Box, ...]:
    """Each box's fields stand in their order here: by name they would take as long as all else in it."""
    wiring, roots = study.wiring, {place for place, _ in study.roots}
    boxes = []
    for outline, found, (x, y) in zip(sketch.outlines, drawn, placement.centres, strict=True):
        face, part, node = found.face, outline.part, wiring.nodes[outline.node]
        copied = outline.consumer >= 0
        kind: BoxKind = "group" if part else node.kind
        root = outline.node in roots and not copied
        if part:
            root = not roots.isdisjoint(wiring.calls[part.start : part.end])
        group = part.key if part else None
        key = group or f"n{node.id}"
        boxes.append(
            Box(
                f"{name}-{key}-u{outline.use}" if copied else f"{name}-{key}",
                key,
                kind,
                root,
                found.span,
                group,
                x - face.sheet.width // 2,
                y - face.sheet.height // 2,
                face,
                tuple([each.key for each in outline.within]) if outline.within else (),
                found.holds,
                found.whys,
                found.change,
            )
        )
    return tuple(boxes)


def _list_opened(wiring: Wiring, sketch: Sketch) -> tuple[Opened, ...]:
    """Each opened group once, in the order of the picture."""
    parts = list(dict.fromkeys([part for outline in sketch.outlines for part in outline.within]))[
        :MOST_OPENED
    ]
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


# ------------------------------------------------------------------------------------------------ words


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
