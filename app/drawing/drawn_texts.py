"""A finished picture as text for other tools: its boxes with their lines, and its edges, as DOT and as Mermaid.

For pictures whose boxes show no values: module trees and static graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphviz import Digraph

from app.drawing.classic import NODE_STYLE, escape_label
from app.drawing.exports import LABEL_LETTERS, escape_mermaid
from app.drawing.pieces import Box, BoxKind, GraphDrawing
from app.vocabulary.values import Text

Say = Callable[[Text], str]
COLOURS: Mapping[BoxKind, str] = {
    "function": "lightgrey",
    "accumulate": "lightblue",
    "constant": "white",
    "group": "lavender",
}


def write_drawing_dot(drawing: GraphDrawing, say: Say) -> str:
    dot = Digraph(node_attr=dict(NODE_STYLE), graph_attr={"label": escape_label(say(drawing.title))})
    names = {box.id: f"n{number}" for number, box in enumerate(drawing.boxes)}
    for box in drawing.boxes:
        colour = "darkolivegreen1" if box.root else COLOURS[box.kind]
        dot.node(names[box.id], escape_label("\n".join(_lines(box, say))), fillcolor=colour)
    for edge in drawing.edges:
        dot.edge(names[edge.producer], names[edge.consumer])
    return str(dot.source)


def write_drawing_mermaid(drawing: GraphDrawing, say: Say) -> str:
    names = {box.id: f"n{number}" for number, box in enumerate(drawing.boxes)}
    lines = ["flowchart TD"]
    for box in drawing.boxes:
        text = "\n".join(_lines(box, say))[:LABEL_LETTERS]
        label = "<br/>".join([escape_mermaid(line) for line in text.split("\n")])
        lines.append(f'  {names[box.id]}["{label}"]')
    lines += [f"  {names[edge.producer]} --> {names[edge.consumer]}" for edge in drawing.edges]
    lines += [f"  style {names[box.id]} stroke-width:3px" for box in drawing.boxes if box.root]
    return "\n".join(lines) + "\n"


def _lines(box: Box, say: Say) -> list[str]:
    return [line.text if isinstance(line.text, str) else say(line.text) for line in box.face.lines]
