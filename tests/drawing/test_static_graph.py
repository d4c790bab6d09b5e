"""Laws of static graphs' pictures: every node and edge once, inputs above, beside the autograd graph."""

from __future__ import annotations

from app.drawing.graph import GraphView, draw_graph
from app.drawing.static_graph import draw_static
from app.vocabulary.static_graph import StaticGraph, StaticNode
from app.vocabulary.values import NodeId, Span
from tests.drawing.graphs import line_graph


def chain(count: int, module: str | None = None) -> StaticGraph:
    """x, then so many calls of one line, then the output; each call takes the one before and x."""
    nodes = [StaticNode(NodeId(0), "placeholder", "x", "x", "x", ())]
    for at in range(1, count + 1):
        inputs = (NodeId(at - 1), NodeId(0)) if at > 1 else (NodeId(0),)
        place = Span(3, 4, 3, 9)
        nodes.append(
            StaticNode(
                NodeId(at), "call_function", f"add_{at}", "operator.add", "x + x", inputs, module, place
            )
        )
    nodes.append(StaticNode(NodeId(count + 1), "output", "output", "output", "return x", (NodeId(count),)))
    return StaticGraph("g", "torch.fx", False, tuple(nodes))


def test_every_node_and_edge_is_drawn_once_from_the_inputs_down() -> None:
    drawing = draw_static([chain(5)], 300)
    assert [box.id for box in drawing.boxes] == [f"s0-n{at}" for at in range(7)]
    tops = {box.id: box.y for box in drawing.boxes}
    assert sorted((edge.producer, edge.consumer) for edge in drawing.edges) == sorted(
        [("s0-n0", f"s0-n{at}") for at in range(1, 6)]
        + [(f"s0-n{at}", f"s0-n{at + 1}") for at in range(1, 6)]
    )
    assert all(tops[edge.producer] < tops[edge.consumer] for edge in drawing.edges)
    assert [box.root for box in drawing.boxes] == [False] * 6 + [True]


def test_it_stands_beside_the_autograd_graph_whose_steps_it_does_not_change() -> None:
    autograd = draw_graph(line_graph(), GraphView(300))
    both = draw_static([chain(2), StaticGraph("h", "torch.fx", False), chain(1)], 300, beside=autograd)
    first = both.boxes[: len(autograd.boxes)]
    assert first == autograd.boxes
    right = max(box.x + box.face.width for box in first)
    columns = [[box for box in both.boxes if box.id.startswith(name)] for name in ("s0-", "s2-")]
    for column in columns:
        assert all(box.x > right for box in column)
        right = max(box.x + box.face.width for box in column)
    assert right <= both.width
    assert all(box.y + box.face.height <= both.height for box in both.boxes)
    assert len(both.headings) == 3
    assert both.stages.stages == autograd.stages.stages
    assert len(both.stages.values) == len(both.boxes)
    assert both.stages.values[len(first) :] == (0,) * (len(both.boxes) - len(first))
    assert len(both.stages.edges) == len(both.edges)


def test_large_graph_is_grouped_by_line_and_opens() -> None:
    closed = draw_static([chain(400)], 100)
    group = next(box for box in closed.boxes if box.group)
    assert len(closed.boxes) <= 100
    assert group.group is not None
    opened = draw_static([chain(400)], 100, frozenset({group.group}))
    assert len(closed.boxes) < len(opened.boxes) <= 100
    assert [each.key for each in opened.opened] == [group.group]
