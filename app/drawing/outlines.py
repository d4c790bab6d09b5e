"""What each box of a sketch says, found once for each node, use and group of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.drawing.faces import Use, group_face, node_face, title_of
from app.drawing.group_names import group_hint, group_name
from app.drawing.grouping import Part
from app.drawing.lettering import clean
from app.drawing.pieces import Face
from app.drawing.sketch import Outline, Sketch, only_output
from app.drawing.study import Study
from app.vocabulary.graph import GraphNode, NodeOutput
from app.vocabulary.values import Span, Text

MOST_MAPPED = 300
"""Boxes of the largest picture with heatmaps; in larger ones ranges tell what is in a tensor."""
MOST_WHYS = 3
MOST_HELD = 1_000
"""Characters of a group's list of ops and names."""


class Drawn(NamedTuple):
    """A box before it has a place."""

    face: Face
    title: str | Text
    span: str | None
    whys: tuple[Text, ...]
    """Why gradients went wrong at its nodes."""
    change: str
    holds: str = ""
    """Of a group on a page: the ops and names in it, each once, which is what it is found by."""


def draw_outlines(study: Study, sketch: Sketch, staged: bool) -> list[Drawn]:
    """What groups hold is told only where the picture is staged."""
    mapped = len(sketch.outlines) <= MOST_MAPPED
    found = study.once(("drawn", mapped, staged), dict[object, Drawn])
    keys = [
        _key(outline.part) if outline.part else (outline.node, outline.use if outline.consumer >= 0 else 0)
        for outline in sketch.outlines
    ]
    for box, (key, outline) in enumerate(zip(keys, sketch.outlines, strict=True)):
        if key in found:
            continue
        if outline.part is None:
            found[key] = _draw_node(study, outline, mapped)
        else:
            output = only_output(study.wiring, sketch, box, study.roots)
            found[key] = _draw_group(study, outline.part, output, mapped, staged)
    return [found[key] for key in keys]


def _key(part: Part) -> object:
    return part.kind, part.start, part.end, part.depth, part.first


def _draw_node(study: Study, outline: Outline, mapped: bool) -> Drawn:
    wiring = study.wiring
    node, uses = wiring.nodes[outline.node], wiring.uses[outline.node]
    use = Use(outline.use, uses, outline.grad) if uses > 1 and outline.consumer >= 0 else None
    title = title_of(node)
    face = node_face(node, title, use, mapped)
    if not node.marks:
        return Drawn(face, title, _span_text(node.span), (), "")
    return Drawn(face, title, _span_text(node.span), _whys([node]), _change([node]))


def _draw_group(study: Study, part: Part, output: NodeOutput | None, mapped: bool, staged: bool) -> Drawn:
    wiring = study.wiring
    inside = wiring.calls[part.start : part.end]
    nodes = [wiring.nodes[place] for place in inside]
    title = group_name(part, nodes)
    leaves = sum(study.around[part.start : part.end])
    face = group_face(title, group_hint(part), nodes, leaves, output, mapped)
    around = _around([node.span for node in nodes if node.span is not None])
    marked = [node for node in nodes if node.marks]
    change = _change(nodes) if marked else ""
    holds = _words_in(nodes) if staged else ""
    return Drawn(face, title, around, _whys(marked), change, holds)


def _whys(nodes: Sequence[GraphNode]) -> tuple[Text, ...]:
    return tuple([mark.sentence for node in nodes for mark in node.marks if mark.kind == "why"][:MOST_WHYS])


def _change(nodes: Sequence[GraphNode]) -> str:
    """What became of them, if of two graphs compared; a group in which anything differs is changed."""
    kinds = {node.marks[0].kind if node.marks else "" for node in nodes}
    found = kinds & {"added", "removed", "changed"}
    return "" if not found else found.pop() if len(kinds) == 1 else "changed"


def _words_in(nodes: Sequence[GraphNode]) -> str:
    words = dict.fromkeys([node.op for node in nodes])
    words |= dict.fromkeys([each.name for node in nodes for each in node.outputs if each.name])
    return clean(" ".join(words)[:MOST_HELD])


def _span_text(span: Span | None) -> str | None:
    return None if span is None else f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def _around(spans: Sequence[Span]) -> str | None:
    """From the first place to the last."""
    if not spans:
        return None
    line, column = min([(span.line, span.column) for span in spans])
    last, end = max([(span.end_line, span.end_column) for span in spans])
    return f"{line}:{column}-{last}:{end}"
