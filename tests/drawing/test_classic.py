"""Laws of the DOT texts: torchviz's look, and whatever a label says is shown letter by letter by the real parser."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import count
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pygraphviz import AGraph
from torchviz import make_dot

from app.drawing.classic import NODE_STYLE, escape_label, write_dot, write_graph_dot
from app.drawing.graphviz_main import render
from app.vocabulary.classic import ClassicEdge, ClassicGraph, ClassicNode
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.values import NodeId
from tests.drawing.graphs import graph_of, join, line_graph, loop_graph, scalar_node

HOSTILE = [
    'say "hello"',
    "back\\slash",
    "ends in a backslash\\",
    '\\"; evil [label="x',
    "\\N\\G\\E\\T\\H\\L",
    "\\n is not a newline",
    "line one\nline two",
    "ends with a newline\n",
    "\n ()",
    "<b>bold</b>",
    "<lambda>",
    "<table><tr><td>x</td></tr></table>",
    "&lt;b&gt; &amp; &#65; &nbsp;",
    "权重 😀",
    "a\x00b\x07c",
    'charset="latin-1"',
    "node",
    "digraph {",
    "-0.5",
    "",
    "// comment /* */ # x",
]


def one_node(label: str, colour: str = "lightblue", shape: str = "box") -> ClassicGraph:
    return ClassicGraph((ClassicNode(NodeId(1), label, colour, shape),), ())


def words(svg: bytes) -> str:
    """The text on a picture of one node, lines joined."""
    root = ElementTree.fromstring(svg)
    return "".join("".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text"))


def shown(label: str) -> str:
    """What of a label can be shown: everything but line ends, what XML forbids, and spaces at the ends."""
    return escape_label(label).replace("\\\\", "\\").replace("&amp;", "&").replace("\n", "")


@pytest.mark.parametrize("label", HOSTILE)
def test_graphviz_shows_a_label_letter_by_letter(label: str) -> None:
    assert words(render(write_dot(one_node(label)).encode())) == shown(label)


labels = st.one_of(
    st.text(max_size=60),
    st.text('\\"<>&;\n{}|[]=-', max_size=20),
    st.text(max_size=20).map(lambda text: f"<{text}>"),
)


@given(labels)
def test_any_label_is_one_node_with_one_label_to_the_real_parser(label: str) -> None:
    graph = AGraph(string=write_dot(one_node(label)))
    assert graph.nodes() == ["n1"]
    attributes = graph.get_node("n1").attr.to_dict()
    assert set(attributes) <= {"label", "fillcolor", *dict(NODE_STYLE)}
    assert attributes.get("label", "") == escape_label(label)
    graph.close()


@given(st.text(max_size=40), st.text(max_size=40))
def test_colour_and_shape_pass_only_when_they_look_like_one(colour: str, shape: str) -> None:
    graph = AGraph(string=write_dot(one_node("x", colour, shape)))
    attributes = graph.get_node("n1").attr.to_dict()
    assert attributes["fillcolor"] in ("lightgrey", colour)
    assert attributes["fillcolor"].lstrip("#").isalnum()
    assert attributes["shape"] in ("box", shape)
    graph.close()


def test_long_label_is_cut() -> None:
    assert len(escape_label("x" * 10**6)) == 2_000
    assert len(escape_label("x\n" * 10**6).split("\n")) == 60


def test_edges_point_and_look_as_torchviz_draws_them() -> None:
    nodes = tuple(ClassicNode(NodeId(number), "x", "orange", "box") for number in range(3))
    edges = (
        ClassicEdge(NodeId(0), NodeId(1)),
        ClassicEdge(NodeId(1), NodeId(2), undirected=True),
        ClassicEdge(NodeId(0), NodeId(2), dotted=True),
    )
    graph = AGraph(string=write_dot(ClassicGraph(nodes, edges)))
    found = {(edge[0], edge[1]): (edge.attr["dir"], edge.attr["style"]) for edge in graph.edges()}
    none = (None, None)
    assert {key: tuple(value or None for value in pair) for key, pair in found.items()} == {
        ("n0", "n1"): none,
        ("n1", "n2"): ("none", None),
        ("n0", "n2"): (None, "dotted"),
    }


# ------------------------------------------------------------------------------------------------ torchviz as oracle


@pytest.fixture
def torchviz_dot() -> Iterator[AGraph]:
    """What torchviz itself makes of y = x * w + b."""
    w, b = (torch.tensor(number, requires_grad=True) for number in (3.0, 2.0))
    y = torch.tensor(5.0) * w + b
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torchviz 0.0.3 compares versions with distutils
        source = make_dot(y, {"w": w, "b": b, "y": y}).source
    graph = AGraph(string=source)
    yield graph
    graph.close()


def test_style_of_nodes_and_page_is_torchvizs_own(torchviz_dot: AGraph) -> None:
    ours = AGraph(string=write_dot(rebuilt(torchviz_dot)))
    assert {key: ours.node_attr[key] for key in dict(torchviz_dot.node_attr)} == dict(torchviz_dot.node_attr)
    assert [float(number) for number in ours.graph_attr["size"].split(",")] == [
        float(number) for number in torchviz_dot.graph_attr["size"].split(",")
    ]


def test_picture_is_the_one_torchviz_makes(torchviz_dot: AGraph) -> None:
    theirs = torchviz_dot.draw(format="svg", prog="dot")
    assert picture(render(write_dot(rebuilt(torchviz_dot)).encode())) == picture(theirs)


def rebuilt(theirs: AGraph) -> ClassicGraph:
    """Their picture as the worker sends it."""
    numbers = dict(zip(theirs.nodes(), map(NodeId, count()), strict=False))
    nodes = tuple(
        ClassicNode(numbers[node], node.attr["label"] or "", node.attr["fillcolor"] or "lightgray", "box")
        for node in theirs.nodes()
    )
    return ClassicGraph(
        nodes, tuple(ClassicEdge(numbers[edge[0]], numbers[edge[1]]) for edge in theirs.edges())
    )


def picture(svg: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Shapes and texts without the names of nodes; light grey has two spellings."""
    drawn = [
        element for element in ElementTree.fromstring(svg).iter() if not element.tag.endswith(("title", "g"))
    ]
    spelled = [{key: value.replace("gray", "grey") for key, value in e.attrib.items()} for e in drawn]
    return [(e.tag, attributes, e.text or "") for e, attributes in zip(drawn, spelled, strict=True)]


# ------------------------------------------------------------------------------------------------ the annotated graph


def test_annotated_dot_says_op_name_shape_value_and_gradient() -> None:
    graph = AGraph(string=write_graph_dot(line_graph()))
    assert graph.get_node("n5").attr["label"] == "y\nAddBackward0\n() float32\nvalue 17\ngrad 1"
    assert graph.get_node("n5").attr["fillcolor"] == "darkolivegreen1"
    assert len(graph.nodes()) == 5
    assert len(graph.edges()) == 4


def test_annotated_dot_draws_a_leaf_at_each_use() -> None:
    graph = AGraph(string=write_graph_dot(loop_graph(10)))
    assert len([node for node in graph.nodes() if (node.attr["label"] or "").startswith("w\n")]) == 10


@given(st.text(max_size=40))
def test_annotated_dot_holds_any_text(text: str) -> None:
    nodes = [scalar_node(0, "accumulate", text, text), scalar_node(1, "function", text, None, text)]
    graph = AGraph(string=write_graph_dot(graph_of(nodes, [join(1, 0, 0)], 1)))
    assert sorted(graph.nodes()) == ["n1", "n1_0"]
    graph.close()


def test_annotated_dot_of_no_graph_is_refused() -> None:
    nodes = [scalar_node(0, "function", "A")]
    with pytest.raises(DrawingFailed, match="cycle"):
        write_graph_dot(graph_of(nodes, [join(0, 0, 0)], 0))
