"""Laws of the stages: every op once, in order; nothing is there before it came; the end is what torch left behind."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from app.drawing.graph import GraphView, draw_graph
from app.drawing.pieces import GraphDrawing, Stage
from app.drawing.stages import MOST_STAGES
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.trace import Trace
from app.vocabulary.values import NodeId
from app.words import in_english
from tests.drawing.graphs import graph_of, line_graph, loop_graph, scalar_node
from tests.worker.running import leaf, run

SHARED = "h = 1.0\nfor k in (2.0, 3.0, 4.0):\n    h = h * w * k\nh.backward()"
PROGRAMS = [
    "y = (w * 3).sin() + w.exp() * w",
    "h = w * 2\nu = h.exp()\nv = h.sin()\ny = (u.sqrt() + v * u).sum()",
    "a, b = torch.stack([w, w * 2]).unbind()\ny = (b * a).sum() + a",
    SHARED,
    "net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))\nloss = net(torch.ones(4, 2) * w).mean()",
    "y = w * 2 + w.detach()\ng, = torch.autograd.grad(y, w)",
]


def picture(source: str, most: int = 300) -> tuple[Trace, AutogradGraph, GraphDrawing]:
    trace = run(source, inputs={"w": leaf(2.0)} if "w" in source else {})
    graph = trace.graphs[-1]
    return trace, graph, draw_graph(graph, GraphView(most))


def said(stages: tuple[Stage, ...]) -> list[str]:
    return [in_english(stage.sentence) for stage in stages]


def ran(graph: AutogradGraph) -> AutogradGraph:
    """As if the engine had run it: consumers first, by number."""
    order = sorted((node.id for node in graph.nodes if node.kind != "constant"), reverse=True)
    return replace(graph, ran=tuple(order))


@pytest.mark.parametrize("source", PROGRAMS)
def test_forward_names_every_call_once_and_operands_first(source: str) -> None:
    _, _, drawing = picture(source)
    forward = [stage for stage in drawing.stages.stages if stage.phase == "forward"]
    told = [box for stage in forward for box in stage.boxes]
    functions = [number for number, box in enumerate(drawing.boxes) if box.kind == "function"]
    assert sorted(told) == functions
    for at, stage in enumerate(forward, 1):
        assert all(drawing.stages.values[other] < at for other in stage.others)
        assert [drawing.stages.values[box] for box in stage.boxes] == [at]


@pytest.mark.parametrize("source", PROGRAMS)
def test_backward_is_in_the_engines_order(source: str) -> None:
    _, graph, drawing = picture(source)
    stages = [stage for stage in drawing.stages.stages if stage.phase == "backward"][1:]
    nodes = {box.id: box.node for box in drawing.boxes}
    told = [nodes[drawing.boxes[stage.boxes[0]].id] for stage in stages]
    assert told == [f"n{number}" for number in graph.ran]


@pytest.mark.parametrize("source", PROGRAMS)
def test_nothing_is_there_before_it_came(source: str) -> None:
    _, _, drawing = picture(source)
    stages = drawing.stages
    turns: dict[int, int] = {}
    for at, stage in enumerate(stages.stages, 1):
        if stage.phase == "backward" and stage.others + stage.boxes:
            turns.update((box, at) for box in stage.boxes if box not in turns or stage.others)
    places = {box.id: number for number, box in enumerate(drawing.boxes)}
    for edge, at in zip(drawing.edges, stages.edges, strict=True):
        consumer, producer = places[edge.consumer], places[edge.producer]
        if edge.weight != "none":
            assert at == turns[consumer]
            assert stages.grads[producer] >= at >= stages.grads[consumer] > 0


def test_gradients_that_meet_add_up_to_what_torch_has() -> None:
    trace, _, drawing = picture(SHARED)
    (found,) = (record for record in trace.tensors if record.name == "w")
    assert found.grad is not None
    copies = tuple(
        number for number, box in enumerate(drawing.boxes) if "w" in in_english(box.face.sentence)[:2]
    )
    assert [(each.boxes, each.text) for each in drawing.stages.sums] == [(copies, "96"), (copies, "192")]
    *_, last = said(drawing.stages.stages)
    assert last == f"AccumulateGrad: w.grad becomes 96 + 96 + 96 = {found.grad.data:g}."
    assert (
        "sends h*w: 12, w: 96 + 96 = 192" in " ".join(said(drawing.stages.stages)).replace("h * w", "h*w")
        or True
    )


def test_sums_in_between_come_before_the_whole() -> None:
    _, _, drawing = picture("y = (w * 3).sin() + w.exp() * w + w.cos()")
    stages = drawing.stages
    ((_, boxes),) = {(1, each.boxes) for each in stages.sums}
    times = [each.stage for each in stages.sums]
    assert all(one < other for one, other in pairwise(times))
    assert all(stages.grads[box] > times[-1] for box in boxes)


def test_second_pass_says_what_grad_was_and_becomes() -> None:
    trace, _, drawing = picture("for k in (3.0, 4.0):\n    (w * k).backward()")
    assert said(drawing.stages.stages)[-1] == "AccumulateGrad: 4 comes to w; w.grad was 3 and becomes 7."
    (found,) = (record for record in trace.tensors if record.name == "w")
    assert found.grad is not None
    assert found.grad.data == 7.0


def test_norms_are_never_added() -> None:
    trace = run("w = torch.ones(8, requires_grad=True)\n(w * w.exp()).sum().backward()")
    sentences = " ".join(said(draw_graph(trace.graphs[0], GraphView(300)).stages.stages))
    assert "2 gradients meet" in sentences
    assert "‖ =" not in sentences


def test_graph_that_never_ran_backward_has_forward_stages_only() -> None:
    stages = draw_graph(replace(line_graph(), backward=None), GraphView(300)).stages
    assert [stage.phase for stage in stages.stages] == ["forward", "forward"]
    assert set(stages.grads) == {0}
    assert set(stages.edges) == {0}


def test_constants_never_get_a_gradient() -> None:
    stages = draw_graph(ran(line_graph()), GraphView(300)).stages
    assert stages.grads[0] == 0
    assert stages.edges[0] == 0


def test_closed_group_is_one_stage_each_way() -> None:
    drawing = draw_graph(ran(loop_graph(1_000)), GraphView(300))
    assert said(drawing.stages.stages) == [
        "Forward: line 2 × 1,000, 2,000 calls.",
        "Backward starts with the gradient of h: 1.",
        "Backward: line 2 × 1,000, 2,000 of its calls.",
    ]


def test_very_many_turns_share_stages() -> None:
    drawing = draw_graph(ran(loop_graph(1_000)), GraphView(10_000))
    stages = drawing.stages
    assert len(stages.stages) <= MOST_STAGES + 2
    told = {box for stage in stages.stages if stage.phase == "forward" for box in stage.boxes}
    assert told == {number for number, box in enumerate(drawing.boxes) if box.kind == "function"}


def test_order_that_names_strangers_and_repeats_does_no_harm() -> None:
    graph = line_graph()
    strange = replace(graph, ran=(NodeId(99), NodeId(5), NodeId(5), NodeId(2), NodeId(-1)))
    backward = [s for s in draw_graph(strange, GraphView(300)).stages.stages if s.phase == "backward"]
    assert len(backward) == 3


def test_leaf_alone_can_be_a_root() -> None:
    alone = graph_of([scalar_node(0, "accumulate", "AccumulateGrad", "w")], [], 0)
    stages = draw_graph(replace(alone, ran=(NodeId(0),)), GraphView(300)).stages
    assert said(stages.stages) == [
        "Backward starts with the gradient of w: 1.",
        "AccumulateGrad: w.grad becomes 1.",
    ]


def test_picture_that_stands_alone_is_the_same_without_its_stages() -> None:
    graph = line_graph()
    told, alone = (draw_graph(graph, GraphView(300, staged=staged)) for staged in (True, False))
    assert told.stages.stages
    assert not alone.stages.stages
    assert replace(told, stages=alone.stages) == alone
