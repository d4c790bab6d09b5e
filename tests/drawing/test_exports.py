"""Laws of the graph's texts for other tools: each is read back and tells the same nodes and edges.

Mermaid's own parser needs a browser's DOM and 60 MB of packages; a strict grammar of the flowcharts we write stands in
for it. Model Explorer's format is checked against the fields its `graph_builder.py` declares.
"""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest

from app.drawing.exports import escape_mermaid, write_mermaid, write_model_explorer
from app.drawing.paints import Theme, paint
from app.vocabulary.graph import AutogradGraph
from tests.drawing.graphs import line_graph, loop_graph
from tests.drawing.test_template import CSS, HOSTILE, hostile_graph

LABEL = r'(?:\["[^"]*"\]|\(\["[^"]*"\]\)|\[/"[^"]*"/\])'
NODE = re.compile(rf"  n\d+{LABEL}")
EDGE = re.compile(rf"  n\d+(?:_\d+{LABEL})? --> (n\d+)")
STYLE = re.compile(r"  style n\d+ stroke-width:3px")
SAFE = re.compile(r"(?:[\w .,:=+\-×→]|#\d+;|<br/>)*")


@pytest.mark.parametrize("graph", [line_graph(), loop_graph(30)], ids=["line", "loop"])
def test_mermaid_tells_every_edge(graph: AutogradGraph) -> None:
    first, *lines = write_mermaid(graph).splitlines()
    edges = [found for line in lines if (found := EDGE.fullmatch(line))]
    others = [line for line in lines if not EDGE.fullmatch(line)]
    assert first == "flowchart TD"
    assert all(NODE.fullmatch(line) or STYLE.fullmatch(line) for line in others)
    assert sorted(found[1] for found in edges) == sorted(f"n{edge.consumer}" for edge in graph.edges)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_mermaid(text: str) -> None:
    for line in write_mermaid(hostile_graph(text)).splitlines()[1:]:
        labels = re.findall(r'"([^"]*)"', line)
        assert line.count('"') in (0, 2)
        assert all(SAFE.fullmatch(label) for label in labels)


def test_escaped_text_comes_back() -> None:
    text = 'a["<b>"] --> `**`; #1'
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), escape_mermaid(text)) == text


@pytest.mark.parametrize("graph", [line_graph(), loop_graph(30)], ids=["line", "loop"])
def test_model_explorer_tells_every_edge(graph: AutogradGraph) -> None:
    (told,) = json.loads(write_model_explorer(graph))["graphs"]
    assert [node["id"] for node in told["nodes"]] == [str(node.id) for node in graph.nodes]
    assert {
        (node["id"], edge["targetNodeInputId"], edge["sourceNodeId"], edge["sourceNodeOutputId"])
        for node in told["nodes"]
        for edge in node["incomingEdges"]
    } == {
        (str(edge.consumer), str(edge.input_nr), str(edge.producer), str(edge.output_nr))
        for edge in graph.edges
    }
    for node in told["nodes"]:
        assert node.keys() == {"id", "label", "namespace", "attrs", "incomingEdges", "outputsMetadata"}
        assert all(each.keys() == {"key", "value"} for each in node["attrs"])
        assert all(isinstance(each["value"], str) for each in node["attrs"])


def test_painted_sheet_needs_no_custom_properties() -> None:
    for theme in get_args(Theme):
        sheet = paint(CSS, theme)
        assert not re.search(r"var\(|light-dark|--|:hover", sheet)
    assert paint(CSS, "auto").startswith(paint(CSS, "light"))
    assert ".graph .paper { fill: #16181d }" in paint(CSS, "dark")
    assert ".graph .paper { fill: #16181d }" in paint(CSS, "auto").split("prefers-color-scheme: dark")[1]
