"""What a picture says beside numbers: cuts as edges of their own, notes in the boxes, a sign where a gradient went
wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.drawing.graph import GraphView, draw_graph
from app.drawing.pieces import Box, GraphDrawing
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.values import Mark, NodeId, Text
from app.words import in_english
from tests.fakes import cut_graph


def drawn(graph: AutogradGraph) -> GraphDrawing:
    return draw_graph(graph, GraphView(100))


def box(drawing: GraphDrawing, node: str) -> Box:
    return next(each for each in drawing.boxes if each.node == node)


def marked(*marks: Mark) -> AutogradGraph:
    graph = cut_graph()
    return replace(graph, nodes=(replace(graph.nodes[0], marks=marks), *graph.nodes[1:]))


def test_cut_is_an_edge_of_its_own_kind_with_bars_across() -> None:
    drawing = drawn(cut_graph())
    (cut,) = (edge for edge in drawing.edges if edge.weight == "cut")
    assert (cut.producer, cut.consumer) == (box(drawing, "n1").id, box(drawing, "n2").id)
    assert cut.mark is not None
    assert in_english(cut.sentence) == "h ⇢ d: cut: detach"
    assert len(drawing.edges) == 3


def test_constant_that_was_cut_stands_below_what_it_was_cut_from() -> None:
    drawing = drawn(cut_graph())
    assert box(drawing, "n2").y > box(drawing, "n1").y + box(drawing, "n1").face.height


def test_note_is_a_line_of_its_box() -> None:
    lines = box(drawn(cut_graph()), "n2").face.lines
    assert [
        in_english(line.text) for line in lines if line.style == "note" and isinstance(line.text, Text)
    ] == ["cut: detach"]


def test_reason_is_a_sign_that_moves_nothing() -> None:
    plain, asked = drawn(cut_graph()), drawn(marked(Mark("why", Text("Because."))))
    assert [in_english(why) for why in box(asked, "n0").whys] == ["Because."]
    assert [(each.x, each.y, each.face) for each in plain.boxes] == [
        (each.x, each.y, each.face) for each in asked.boxes
    ]


def test_closed_group_shows_the_reasons_within() -> None:
    graph = marked(Mark("why", Text("Because.")))
    (whole,) = draw_graph(graph, GraphView(1)).boxes
    assert whole.group is not None
    assert [in_english(why) for why in whole.whys] == ["Because."]


def test_cut_to_nowhere_is_refused() -> None:
    graph = cut_graph()
    with pytest.raises(DrawingFailed):
        drawn(replace(graph, cuts=(replace(graph.cuts[0], producer=NodeId(9)),)))


def test_cut_from_what_comes_later_is_left_out() -> None:
    """Only a hostile child says so; a picture's edges go down."""
    graph = cut_graph()
    drawing = drawn(replace(graph, cuts=(replace(graph.cuts[0], producer=NodeId(0)),)))
    assert all(edge.weight != "cut" for edge in drawing.edges)
