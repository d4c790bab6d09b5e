"""DOT texts: torchviz's picture as torchviz would write it, and the annotated graph for people who want DOT.

Labels come from strangers: every one is escaped so that Graphviz shows it letter by letter. Nothing else of theirs gets
into the text: names are our numbers, colours and shapes pass only when they look like one.
"""

from __future__ import annotations

import re

from graphviz import Digraph, escape

from app.drawing.call_order import Wiring, wire
from app.drawing.faces import in_words, title_of
from app.drawing.lettering import FORBIDDEN, REMOVED, clean
from app.drawing.numerals import show_shape
from app.vocabulary.classic import ClassicGraph
from app.vocabulary.graph import AutogradGraph, GraphNode

NODE_STYLE = (
    ("style", "filled"),
    ("shape", "box"),
    ("align", "left"),
    ("fontsize", "10"),
    ("ranksep", "0.1"),
    ("height", "0.2"),
    ("fontname", "monospace"),
)
"""torchviz 0.0.3's own."""
SMALLEST, PER_ROW = 12, 0.15
"""Inches: torchviz lets a picture grow by this much for each node and edge."""
COLOUR = re.compile(r"[a-z]{1,24}[1-4]?|#[0-9a-fA-F]{6}")
SHAPES = ("box", "ellipse", "oval", "circle", "diamond", "plaintext", "note", "octagon")
LABEL_LETTERS, LABEL_LINES = 2_000, 60
COLOURS = (("function", "lightgrey"), ("accumulate", "lightblue"), ("constant", "white"))


def write_dot(classic: ClassicGraph) -> str:
    """torchviz's picture: boxes for functions, blue for leaves, green for outputs, orange for saved tensors."""
    dot = _new_graph(len(classic.nodes) + len(classic.edges))
    for node in classic.nodes:
        colour = node.colour if COLOUR.fullmatch(node.colour) else "lightgrey"
        shape = node.shape if node.shape in SHAPES else "box"
        dot.node(f"n{node.id}", escape_label(node.label), fillcolor=colour, shape=shape)
    for edge in classic.edges:
        style = {"style": "dotted"} if edge.dotted else {}
        direction = {"dir": "none"} if edge.undirected else {}
        dot.edge(f"n{edge.tail}", f"n{edge.head}", **style, **direction)
    return str(dot.source)


def write_graph_dot(graph: AutogradGraph) -> str:
    """The annotated graph, a leaf at each use as in our own picture; DrawingFailed when the graph is none."""
    wiring = wire(graph)
    dot = _new_graph(len(graph.nodes) + len(graph.edges))
    roots = {root.node for root in graph.roots}
    for place in wiring.calls:
        node = wiring.nodes[place]
        _write_node(dot, f"n{node.id}", node, "darkolivegreen1" if node.id in roots else None)
        _write_operands(dot, wiring, place)
    return str(dot.source)


def _write_operands(dot: Digraph, wiring: Wiring, place: int) -> None:
    consumer = wiring.nodes[place]
    for number, (fed_by, _) in enumerate(wiring.operands[place]):
        producer = wiring.nodes[fed_by]
        name = f"n{producer.id}"
        if wiring.is_leaf(fed_by):
            name = f"n{consumer.id}_{number}"
            _write_node(dot, name, producer, None)
        dot.edge(name, f"n{consumer.id}")


def _write_node(dot: Digraph, name: str, node: GraphNode, colour: str | None) -> None:
    dot.node(name, escape_label("\n".join(describe_node(node))), fillcolor=colour or dict(COLOURS)[node.kind])


def describe_node(node: GraphNode) -> list[str]:
    lines = [title_of(node)]
    if clean(node.op) != lines[0]:
        lines.append(clean(node.op))
    for output in node.outputs:
        shape = "" if output.shape is None else show_shape(output.shape)
        lines.append(f"{shape} {clean(output.dtype or '')}".strip())
        lines.append(f"value {in_words(output.value)}")
        lines.append(f"grad {in_words(output.grad)}")
    return [line for line in lines if line]


def _new_graph(rows: int) -> Digraph:
    size = max(SMALLEST, rows * PER_ROW)
    return Digraph(node_attr=dict(NODE_STYLE), graph_attr={"size": f"{size:g},{size:g}"})


def escape_label(label: str) -> str:
    """A label Graphviz shows as it is: no escapes, no HTML, no entities, nothing XML forbids; of bounded size."""
    lines = label[:LABEL_LETTERS].replace("\t", " ").split("\n")[:LABEL_LINES]
    kept = "\n".join([FORBIDDEN.sub("\ufffd", REMOVED.sub("", line)) for line in lines])
    escaped: str = escape(kept.replace("&", "&amp;"))  # a subclass of str that is never taken for HTML
    return escaped
