"""Laws of the SVG: well-formed for any text, self-contained when it stands alone, and everything on it can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.graph import GraphView, draw_graph
from app.drawing.heatmap import STEPS
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.values import Mark, Text
from app.web.svg import Pen
from app.words import in_english
from tests.drawing.graphs import graph_of, join, line_graph, loop_graph, record, scalar_node

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
CSS = (ROOT / "static" / "graph.css").read_text(encoding="utf-8")
PEN = Pen(
    jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
)
HOSTILE = [
    "</text><script>alert(1)</script>",
    '" onload="alert(1)',
    "<lambda>",
    "&lt;b&gt; &amp; {{ 7 * 7 }} {% raw %}",
    "a\x00b\x1b[0m\ud800\uffff",
    "权重 😀👩‍🔬 e\u0301 \u202eevil",
    "]]>",
    "x" * 5_000,
]


def svg_of(graph: AutogradGraph, standalone: bool = True, most: int = 300) -> str:
    drawing = draw_graph(graph, GraphView(most))
    return PEN.write(drawing, standalone, in_english, CSS if standalone else "")


def hostile_graph(text: str) -> AutogradGraph:
    nodes = [
        scalar_node(0, "accumulate", "AccumulateGrad", text),
        scalar_node(1, "function", text, text, text, module=text),
    ]
    return graph_of(nodes, [join(1, 0, 0)], 1)


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    root = tree(svg_of(hostile_graph(text)))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_mark_with_what_stands_for_a_gap_moves_nothing() -> None:
    graph = line_graph()
    marked = replace(graph.nodes[-1], marks=(Mark("hook", Text("a\x00<b>\x00")),))
    box = tree(svg_of(replace(graph, nodes=(*graph.nodes[:-1], marked)))).findall(
        f".//{SVG}g[@tabindex='0']"
    )[-1]
    assert [text.text for text in box.iter(f"{SVG}text")][3] == "a\ufffd<b>\ufffd"
    assert box.attrib["aria-label"].startswith("y: AddBackward0")


@given(st.text())
def test_svg_is_well_formed_for_any_text(text: str) -> None:
    tree(svg_of(hostile_graph(text)))


def test_standing_alone_it_refers_to_nothing_outside() -> None:
    svg = svg_of(line_graph())
    assert not re.search(r"href|url\(|@import|src=", svg)
    root = tree(svg)
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None


def test_rules_come_through_escaping_unchanged() -> None:
    style = tree(svg_of(line_graph())).find(f"{SVG}style")
    assert style is not None
    assert style.text == CSS


def test_embedded_it_brings_no_style_of_its_own() -> None:
    svg = svg_of(loop_graph(3), standalone=False)
    assert "<style" not in svg
    assert not re.search(r"\sstyle=", svg)


def test_every_box_is_reachable_and_says_everything() -> None:
    boxes = tree(svg_of(line_graph())).findall(f".//{SVG}g[@tabindex='0']")
    assert len(boxes) == 5
    assert all(box.attrib["aria-label"] and box.attrib["data-node"] for box in boxes)
    assert boxes[-1].attrib["data-span"] == "1:0-1:5"


def test_every_edge_names_its_ends_and_its_gradient() -> None:
    root = tree(svg_of(line_graph()))
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    edges = [group for group in root.iter(f"{SVG}g") if group.attrib.get("class", "").startswith("edge ")]
    assert len(edges) == 4
    for edge in edges:
        assert {edge.attrib["data-producer"], edge.attrib["data-consumer"]} <= ids
        title = edge.find(f"{SVG}title")
        assert title is not None
        assert "gradient" in (title.text or "")


def test_group_can_be_asked_to_open() -> None:
    root = tree(svg_of(loop_graph(1_000)))
    assert [group.attrib["data-group"] for group in root.iter(f"{SVG}g") if "data-group" in group.attrib] == [
        "lines-0-2000"
    ]


def test_every_class_on_the_picture_has_a_rule() -> None:
    source = "x = torch.tensor([[1., 0.], [-1., 2.]], requires_grad=True)\nloss = (x.sqrt() / x).sum()"
    graphs = [line_graph(grad_w=0.0), record(source), loop_graph(1_000)]
    used = {
        name
        for graph in graphs
        for found in re.findall(r'class="([^"]*)"', svg_of(graph))
        for name in found.split()
    }
    ruled = set(re.findall(r"\.([a-z][a-z0-9-]*)", CSS))
    assert used - ruled <= {"box", "edges", "boxes", "function", "edge", "shape", "op"}
    assert {f"h{step}" for step in range(2 * STEPS + 1)} <= ruled


def test_sentences_are_said_by_the_caller() -> None:
    drawing = draw_graph(line_graph(), GraphView(300))
    svg = str(PEN.write(drawing, True, lambda text: f"«{text.template}»"))
    assert "«value»" in svg
    assert "«Autograd graph of {roots}»" in svg
