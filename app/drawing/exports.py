"""The annotated graph as texts for other tools: Mermaid's flowchart, and the JSON of Google's Model Explorer.

Mermaid is for readers of documents, so a leaf stands at each use, as in our picture. Model Explorer is for giants: each
node stands once, its module path is the namespace by which that tool nests and opens layers. Its format is the
`GraphCollection` of ai-edge-model-explorer's `graph_builder.py` (github.com/google-ai-edge/model-explorer), the same
that its visualizer's `input-graph.ts` reads: nodes with id, label, namespace, attrs, incomingEdges, outputsMetadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from app.drawing.call_order import Operand, Wiring, wire
from app.drawing.classic import describe_node
from app.drawing.faces import in_words, title_of
from app.drawing.lettering import clean
from app.drawing.numerals import show_shape
from app.vocabulary.graph import AutogradGraph, GraphNode, NodeOutput

LABEL_LETTERS = 400
PLAIN = re.compile(r"[^\w .,:=+\-×→]")
"""What a label in double quotes may not hold as it is: Mermaid reads markup, entities and Markdown in it."""
SHAPES = (("function", ('["', '"]')), ("accumulate", ('(["', '"])')), ("constant", ('[/"', '"/]')))


def write_mermaid(graph: AutogradGraph) -> str:
    """A flowchart from leaves down to the result; DrawingFailed when the graph is none."""
    wiring = wire(graph)
    roots = [f"n{root.node}" for root in graph.roots if root.node in wiring.places]
    marked = [f"  style {name} stroke-width:3px" for name in dict.fromkeys(roots)]
    return "\n".join(["flowchart TD", *_mermaid_lines(wiring), *marked]) + "\n"


def _mermaid_lines(wiring: Wiring) -> Iterator[str]:
    for place in wiring.calls:
        consumer = wiring.nodes[place]
        yield f"  n{consumer.id}{_mermaid_label(consumer)}"
        for number, (fed_by, _) in enumerate(wiring.operands[place]):
            producer = wiring.nodes[fed_by]
            leaf = wiring.is_leaf(fed_by)
            name = f"n{consumer.id}_{number}{_mermaid_label(producer)}" if leaf else f"n{producer.id}"
            yield f"  {name} --> n{consumer.id}"


def _mermaid_label(node: GraphNode) -> str:
    text = "\n".join(describe_node(node))[:LABEL_LETTERS]
    before, after = dict(SHAPES)[node.kind]
    return before + "<br/>".join([escape_mermaid(line) for line in text.split("\n")]) + after


def escape_mermaid(text: str) -> str:
    """Mermaid shows `#38;` as the character of that number; in it stand no quotes, tags or Markdown."""
    return PLAIN.sub(lambda found: f"#{ord(found[0])};", text)


# ------------------------------------------------------------------------------------------------ Model Explorer


def write_model_explorer(graph: AutogradGraph) -> str:
    return json.dumps(model_explorer(graph), ensure_ascii=False, separators=(",", ":")) + "\n"


def model_explorer(graph: AutogradGraph) -> dict[str, Any]:
    """A `GraphCollection` of one graph; DrawingFailed when the graph is none."""
    wiring = wire(graph)
    nodes = [_explorer_node(wiring, place) for place in range(len(wiring.nodes))]
    return {"label": "Autograd graph", "graphs": [{"id": f"pass {graph.occurrence}", "nodes": nodes}]}


def _explorer_node(wiring: Wiring, place: int) -> dict[str, Any]:
    node = wiring.nodes[place]
    return {
        "id": str(node.id),
        "label": title_of(node),
        "namespace": "/".join(clean(node.module or "").split(".")),
        "attrs": [_pair(key, text) for key, text in _facts(node) if text],
        "incomingEdges": [_explorer_edge(wiring, operand) for operand in wiring.operands[place]],
        "outputsMetadata": [
            {"id": str(each.output_nr), "attrs": [_pair(*fact) for fact in _output(each)]}
            for each in node.outputs
        ],
    }


def _explorer_edge(wiring: Wiring, operand: Operand) -> dict[str, str]:
    producer, edge = operand
    return {
        "sourceNodeId": str(wiring.nodes[producer].id),
        "sourceNodeOutputId": str(edge.output_nr),
        "targetNodeInputId": str(edge.input_nr),
    }


def _facts(node: GraphNode) -> Iterator[tuple[str, str]]:
    yield "op", clean(node.op)
    yield "kind", node.kind
    yield "call", clean(node.call or "")
    yield "line", str(node.span.line) if node.span else ""
    for output in node.outputs:
        yield f"value {output.output_nr}", in_words(output.value)
        yield f"grad {output.output_nr}", in_words(output.grad)
    for saved in node.saved:
        shape = "" if saved.shape is None else show_shape(saved.shape)
        yield f"saved {clean(saved.name)}", clean(saved.text or f"{shape} {saved.dtype or ''}".strip())


def _output(output: NodeOutput) -> Iterator[tuple[str, str]]:
    """`tensor_shape` is the key whose text Model Explorer writes on the edges."""
    yield "tensor_shape", "" if output.shape is None else show_shape(output.shape)
    yield "dtype", clean(output.dtype or "")


def _pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}
