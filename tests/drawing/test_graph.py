"""Laws of the annotated drawing: everything the graph says is on it, and only its structure decides where."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.edges import weight_of
from app.drawing.graph import GraphView, draw_graph
from app.drawing.pieces import Box, GraphDrawing
from app.drawing.placement import PlacementCache
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph, GraphNode, NodeKind
from app.vocabulary.values import Complex, Nested, NodeId, Real, Statistics, TensorValue
from app.words import in_english
from tests.drawing.graphs import (
    graph_of,
    join,
    line_graph,
    loop_graph,
    module_chain,
    record,
    scalar_node,
    value_of,
)

VIEW = GraphView(300)


def draw(graph: AutogradGraph, most: int = 300, opened: frozenset[str] = frozenset()) -> GraphDrawing:
    return draw_graph(graph, GraphView(most, opened))


def texts(box: Box) -> list[str]:
    return [line.text if isinstance(line.text, str) else in_english(line.text) for line in box.face.lines]


def titles(drawing: GraphDrawing) -> list[str]:
    return [texts(box)[0] for box in drawing.boxes]


def named(drawing: GraphDrawing, title: str) -> Box:
    return next(box for box in drawing.boxes if texts(box)[0] == title)


# ------------------------------------------------------------------------------------------------ y = x * w + b


def test_line_has_five_boxes_in_call_order() -> None:
    drawing = draw(line_graph())
    assert titles(drawing) == ["x", "w", "x * w", "b", "y"]
    assert [box.kind for box in drawing.boxes] == [
        "constant",
        "accumulate",
        "function",
        "accumulate",
        "function",
    ]
    assert [box.root for box in drawing.boxes] == [False, False, False, False, True]


def test_box_says_name_call_op_shape_value_and_gradient() -> None:
    assert texts(draw(line_graph()).boxes[-1]) == [
        "y", "x * w + b", "AddBackward0", "() float32", "value", "17", "grad", "1",
    ]  # fmt: skip


def test_box_knows_its_span_and_its_sentence() -> None:
    box = draw(line_graph()).boxes[-1]
    assert box.span == "1:0-1:5"
    assert in_english(box.face.sentence) == "y: AddBackward0, () float32. Value 17; gradient 1."


def test_edge_says_its_gradient() -> None:
    edges = draw(line_graph()).edges
    assert [in_english(edge.sentence) for edge in edges] == [
        "x → x * w, operand 0: gradient None",
        "w → x * w, operand 1: gradient 5",
        "x * w → y, operand 0: gradient 1",
        "b → y, operand 1: gradient 1",
    ]
    assert [edge.weight for edge in edges] == ["none", "w6", "w5", "w5"]


def test_no_gradient_looks_different_from_zero() -> None:
    nothing = named(draw(line_graph()), "x").face.lines[-1]
    zero = named(draw(line_graph(grad_w=0.0)), "w").face.lines[-1]
    assert (nothing.text, nothing.style) == ("—", "nothing")
    assert (zero.text, zero.style) == ("0", "number")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_carries_a_sign(number: Real) -> None:
    drawing = draw(line_graph(w=number, grad_w=number))
    alarms = [line for line in named(drawing, "w").face.lines if line.style == "alarm"]
    assert [str(line.text)[0] for line in alarms] == ["⚠", "⚠"]
    edge = drawing.edges[1]
    assert edge.weight == "bad"
    assert edge.mark is not None


@pytest.mark.parametrize(
    ("norm", "weight"),
    [(None, "none"), (0.0, "zero"), (float("nan"), "bad"), (float("inf"), "bad"), (100.0, "w6"), (9.0, "w5"),
     (1.1, "w4"), (1e-3, "w1"), (1e-30, "w1"), (5e-324, "w1")],
)  # fmt: skip
def test_edge_width_is_the_gradients_size_in_tens(norm: float | None, weight: str) -> None:
    assert weight_of(norm, 100.0) == weight


# ------------------------------------------------------------------------------------------------ structure and numbers

numbers = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-300, "NaN", "Infinity"]))


@given(numbers, numbers, numbers)
def test_numbers_never_move_anything(w: Real, y: Real, grad: Real) -> None:
    first, second = draw(line_graph()), draw(line_graph(w=w, y=y, grad_w=grad))
    assert [(box.id, box.x, box.y, box.face.width, box.face.height) for box in first.boxes] == [
        (box.id, box.x, box.y, box.face.width, box.face.height) for box in second.boxes
    ]
    assert [edge.path for edge in first.edges] == [edge.path for edge in second.edges]


def test_new_numbers_find_their_places_in_the_cache() -> None:
    cache = PlacementCache()
    first = draw_graph(line_graph(), VIEW, cache)
    assert draw_graph(line_graph(), VIEW, cache) == first
    draw_graph(line_graph(w=1e-20), VIEW, cache)
    assert len(cache) == 1


def test_same_graph_is_drawn_the_same() -> None:
    assert draw(loop_graph(20)) == draw(loop_graph(20))


# ------------------------------------------------------------------------------------------------ leaves


def test_leaf_is_drawn_at_each_use_with_one_identity() -> None:
    copies = [box for box in draw(loop_graph(7)).boxes if texts(box)[0] == "w"]
    assert len(copies) == 7
    assert {box.node for box in copies} == {"n0"}
    assert len({box.id for box in copies}) == 7
    assert texts(copies[2])[1] == "AccumulateGrad · use 3 of 7"


def test_copy_of_a_leaf_says_what_came_from_this_use() -> None:
    first, second = [
        box for box in draw(record("w = torch.tensor(3., requires_grad=True)\nloss = w * 2 + w * 5")).boxes
        if texts(box)[0] == "w"
    ]  # fmt: skip
    assert (texts(first)[-1], texts(second)[-1]) == ("from this use: 2", "from this use: 5")
    assert texts(first)[-2] == texts(second)[-2] == "7"


def test_leaf_that_is_the_result_is_a_box() -> None:
    graph = graph_of([scalar_node(0, "accumulate", "AccumulateGrad", "w")], [], 0)
    assert [(box.kind, box.root) for box in draw(graph).boxes] == [("accumulate", True)]


# ------------------------------------------------------------------------------------------------ tensors


def test_tensor_shows_paired_heatmaps_and_ranges() -> None:
    drawing = draw(
        record("x = torch.tensor([[1., -2.], [3., 4.]], requires_grad=True)\nloss = (x * x).sum()")
    )
    face = named(drawing, "x").face
    assert [(frame.width, frame.height) for frame in face.sheet.frames] == [(48, 24), (48, 24)]
    assert face.sheet.frames[0].y == face.sheet.frames[1].y
    assert len(face.heatmaps) == 2
    assert [line.text for line in face.lines if line.style == "range"][:2] == ["-2…4", "-4…8"]


def test_large_picture_tells_ranges_where_a_small_one_has_maps() -> None:
    graph = record(
        "x = torch.ones(3, requires_grad=True)\nh = x\nfor _ in range(160):\n    h = h * x\nloss = h.sum()"
    )
    small, large = draw(graph), draw(graph, most=1_000)
    assert small.boxes[0].face.heatmaps
    assert not any(box.face.heatmaps for box in large.boxes)
    assert [line.text for line in named(large, "x").face.lines if line.style == "range"][:2] == ["1", "161"]


def test_every_output_of_a_node_is_listed() -> None:
    source = "x = torch.arange(6.).requires_grad_()\na, b, c = (x * 1).split(2)\nloss = (a * b).sum()"
    split = named(draw(record(source)), "a, b, c")
    shown = texts(split)
    assert [line for line in shown if "(2,)" in line] == [
        "a  (2,) float32",
        "b  (2,) float32",
        "c  (2,) float32",
    ]
    assert shown.count("value") == shown.count("grad") == 3
    assert shown.count("—") == 1, "c took no part"


def test_node_with_many_outputs_says_how_many_are_not_listed() -> None:
    drawing = draw(record("x = torch.arange(9.).requires_grad_()\nparts = (x * 1).unbind()\nloss = parts[0]"))
    assert "and 5 more outputs" in texts(drawing.boxes[-1])


def test_gradients_drawn_are_those_torch_computes() -> None:
    drawing = draw(record("a = torch.tensor(2., requires_grad=True)\nb = torch.tensor(3., requires_grad=True)\n"
                          "c = a * b\nloss = c * c"))  # fmt: skip
    assert {title: texts(named(drawing, title))[-1] for title in ("a", "b", "c", "loss")} == {
        "a": "36",
        "b": "24",
        "c": "12",
        "loss": "1",
    }


# ------------------------------------------------------------------------------------------------ groups


def test_graph_within_the_limit_is_not_grouped() -> None:
    drawing = draw(loop_graph(10))
    assert drawing.note is None
    assert "group" not in {box.kind for box in drawing.boxes}


def test_large_graph_is_grouped_and_says_so() -> None:
    drawing = draw(loop_graph(1_000, lines=(12,)))
    assert titles(drawing) == ["line 12 × 1,000"]
    assert drawing.note is not None
    assert in_english(drawing.note) == (
        "Grouped: all 2,002 nodes would take 3,001 boxes, and a picture holds 300."
    )


def test_group_says_how_many_nodes_it_holds_and_what_comes_out() -> None:
    assert texts(draw(loop_graph(1_000)).boxes[0]) == [
        "line 2 × 1,000", "iterations 1–1,000", "2,000 nodes", "MulBackward0 × 1,000", "TanhBackward0 × 1,000",
        "() float32", "value", "1", "grad", "1",
    ]  # fmt: skip


def test_group_opens_and_its_inside_is_drawn() -> None:
    closed = draw(module_chain(["net.one", "net.two", "net.three"], ops=8), most=12)
    key = closed.boxes[-1].group
    assert (titles(closed), key) == (["net.one", "net.two", "net.three"], "module-16-24")
    opened = draw(module_chain(["net.one", "net.two", "net.three"], ops=8), 12, frozenset({"module-16-24"}))
    assert titles(opened)[:2] == ["net.one", "net.two"]
    assert [box.kind for box in opened.boxes] == ["group"] * 2 + ["function"] * 8
    assert opened.boxes[-1].root


def test_group_that_opened_by_itself_can_be_closed() -> None:
    graph = module_chain(["net.a.one", "net.a.two", "net.b.one", "net.b.two"], ops=8)
    by_itself = draw(graph, most=24)
    assert [in_english(each.title) for each in by_itself.opened] == ["net.a", "net.b"]
    closed = draw(graph, 24, frozenset({f"-{by_itself.opened[0].key}"}))
    assert titles(closed) == ["net.a", "net.b.one", "net.b.two"]
    assert {box.within for box in closed.boxes} == {(), (by_itself.opened[1].key,)}


def test_edges_between_groups_are_joined() -> None:
    source = "x = torch.ones(1, requires_grad=True) * 1\ny = x * x\nloss = y * x"
    drawing = draw(record(source), most=2)
    assert len(drawing.boxes) == 2
    assert len(drawing.edges) == 1
    assert "edges: gradient norm" in in_english(drawing.edges[0].sentence)


def test_nodes_left_out_are_mentioned() -> None:
    note = draw(replace(line_graph(), nodes_left_out=7)).note
    assert note is not None
    assert in_english(note) == "7 more nodes were beyond the limit and are not in this picture."


@st.composite
def any_graph(draw_from: st.DrawFn) -> AutogradGraph:
    count = draw_from(st.integers(1, 30))
    nodes: list[GraphNode] = []
    for number in range(count):
        kind: NodeKind = draw_from(st.sampled_from(("function", "accumulate", "constant")))
        module = draw_from(st.sampled_from([None, "a", "a.b"]))
        sequence = draw_from(st.one_of(st.none(), st.integers(0, 20)))
        node = scalar_node(number, kind, f"{kind}Backward0", line=draw_from(st.integers(1, 2)), module=module)
        nodes.append(replace(node, sequence=sequence))
    pairs = draw_from(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60))
    edges = [join(max(a, b), port, min(a, b)) for port, (a, b) in enumerate(pairs) if a != b]
    return graph_of(nodes, edges, count - 1)


@given(any_graph(), st.integers(1, 40))
def test_any_graph_is_drawn_within_its_limit(graph: AutogradGraph, most: int) -> None:
    drawing = draw(graph, most)
    assert 1 <= len(drawing.boxes) <= most
    ids = [box.id for box in drawing.boxes]
    assert len(set(ids)) == len(ids)
    assert {edge.producer for edge in drawing.edges} | {edge.consumer for edge in drawing.edges} <= set(ids)


@given(any_graph())
def test_whole_drawing_has_a_box_for_every_node_and_an_edge_for_every_edge(graph: AutogradGraph) -> None:
    drawing = draw(graph, 1_000)
    assert {box.node for box in drawing.boxes} == {f"n{node.id}" for node in graph.nodes}
    assert len(drawing.edges) == len(graph.edges)


# ------------------------------------------------------------------------------------------------ no graph at all


def two_nodes() -> list[GraphNode]:
    return [scalar_node(0, "function", "A"), scalar_node(1, "function", "B")]


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (graph_of(two_nodes(), [join(0, 0, 1), join(1, 0, 0)], 0), "cycle"),
        (graph_of(two_nodes(), [join(0, 0, 0)], 0), "cycle"),
        (graph_of(two_nodes(), [join(0, 0, 9)], 0), "not there"),
        (graph_of([*two_nodes(), *two_nodes()], [], 0), "one number"),
    ],
)
def test_what_is_no_graph_is_refused(graph: AutogradGraph, reason: str) -> None:
    with pytest.raises(DrawingFailed, match=reason):
        draw(graph)


def test_empty_graph_is_an_empty_picture() -> None:
    drawing = draw(graph_of([], [], NodeId(0)))
    assert (drawing.boxes, drawing.edges) == ((), ())


def test_strange_values_are_drawn_all_the_same() -> None:
    """A child may send whatever has the right types."""
    deep: Nested = 1.0
    for _ in range(5_000):
        deep = (deep,)
    wild = Statistics("NaN", "Infinity", None, None, "NaN", -1, 10**30, 0, 0)
    values = [
        TensorValue(deep, None, None),
        TensorValue((1.0, 2.0), None, wild),
        TensorValue((10**400, ("NaN", ()), Complex("Infinity", 0)), None, None),
        TensorValue(((1.0, (2.0,)), 3.0), None, None),
        TensorValue((((1.0,), (2.0,)), ((3.0,),)), None, None),
        TensorValue(((1.0, 2.0), (3.0,)), None, None),
        TensorValue(((1.0, 2.0), (3.0, (4.0,))), None, None),
        TensorValue((), None, None),
        TensorValue(Complex(1.0, "NaN"), None, None),
    ]
    for value in values:
        graph = line_graph()
        nodes = [replace(n, outputs=(replace(n.outputs[0], value=value, grad=value),)) for n in graph.nodes]
        edges = [replace(edge, grad=value) for edge in graph.edges]
        assert len(draw(replace(graph, nodes=tuple(nodes), edges=tuple(edges))).boxes) == 5
    bare = [replace(node, outputs=()) for node in line_graph().nodes]
    assert len(draw(replace(line_graph(), nodes=tuple(bare))).boxes) == 5


def test_thousand_nodes_are_drawn_whole_in_no_time() -> None:
    """The target is 40 ms; ten times that is a broken law on any machine."""
    graph = loop_graph(330)
    start = process_time()
    drawing = draw(graph, 2_000)
    assert len(drawing.boxes) == 991
    assert process_time() - start < 0.5


def test_fifty_thousand_nodes_are_grouped_in_bounded_time() -> None:
    graph = loop_graph(8_000, lines=(1, 2, 3))
    start = process_time()
    assert len(draw(graph).boxes) <= 300
    assert process_time() - start < 10


def test_values_come_from_torch_as_they_are() -> None:
    value = value_of(torch.tensor([1.0, float("nan"), float("inf")]))
    assert value.data == (1.0, "NaN", "Infinity")
