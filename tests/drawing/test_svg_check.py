"""Laws of the check: what Graphviz draws passes, anything that could act or load is refused."""

from __future__ import annotations

import pytest

from app.drawing.classic import write_dot
from app.drawing.graphviz_main import render
from app.drawing.svg_check import check_svg
from app.vocabulary.classic import ClassicEdge, ClassicGraph, ClassicNode
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.values import NodeId


def svg(inside: str, head: str = "", attributes: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


def test_what_graphviz_draws_passes() -> None:
    nodes = tuple(ClassicNode(NodeId(number), 'a\n"b" <c> & 权重', "orange", "box") for number in range(2))
    edges = (ClassicEdge(NodeId(0), NodeId(1), undirected=True, dotted=True),)
    assert check_svg(render(write_dot(ClassicGraph(nodes, edges)).encode())).endswith("</svg>\n")


@pytest.mark.parametrize(
    "refused",
    [
        svg("<script>alert(1)</script>"),
        svg("<foreignObject/>"),
        svg("<image/>"),
        svg('<a><text x="1"/></a>'),
        svg('<g onclick="alert(1)"/>'),
        svg('<g style="color: red"/>'),
        svg('<g href="x"/>'),
        svg('<path fill="url(#x)"/>'),
        svg('<text xmlns="http://www.w3.org/1999/xhtml" xlink:href="x"/>'),
        svg("&x;", '<!DOCTYPE svg [<!ENTITY x "y">]>'),
        svg("<?xml-stylesheet href='x'?>"),
        svg("<g>"),
        svg("", attributes='onload="alert(1)"'),
        b"",
        b"not xml",
        b"\xff\xfe<svg/>",
    ],
)
def test_anything_else_is_refused(refused: bytes) -> None:
    with pytest.raises(DrawingFailed):
        check_svg(refused)
