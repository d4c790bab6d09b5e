"""Backward passes: which are kept, what they started from, and gradients that torch itself would give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from app.vocabulary.graph import AutogradGraph
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, InputSpec, Raised, Trace
from app.worker.graphs import passes
from tests.worker.running import leaf, node, run, tensor

Y = "y = x * w + b"
SCALARS: dict[str, Any] = {"x": leaf(3.0), "w": leaf(4.0), "b": leaf(5.0)}


def grads(graph: AutogradGraph) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in graph.nodes:
        for output in each.outputs:
            found[output.name or each.op] = None if output.grad is None else output.grad.data
    return found


def started(trace: Trace) -> list[tuple[str, tuple[str, ...], str]]:
    return [
        (g.backward.call, g.backward.roots, g.backward.seed) for g in trace.graphs if g.backward is not None
    ]


def test_auto_backward_starts_from_the_last_tensor() -> None:
    trace = run(Y, inputs=SCALARS)
    assert started(trace) == [("auto", ("y",), "one")]
    assert grads(trace.graphs[0]) == {"y": 1.0, "MulBackward0": 1.0, "x": 4.0, "w": 3.0, "b": 1.0}


def test_auto_backward_seeds_a_matrix_with_ones() -> None:
    trace = run("y = w * 2", inputs={"w": leaf(((1.0, 2.0),))})
    assert started(trace) == [("auto", ("y",), "ones")]
    assert tensor(trace, "w").grad is not None


def test_auto_backward_leaves_a_program_alone_that_ran_its_own() -> None:
    trace = run(f"{Y}\ny.backward()\nz = w * 10", inputs=SCALARS)
    assert started(trace) == [("backward", ("y",), "one")]


def test_backward_starts_where_it_is_told_to() -> None:
    trace = run(f"{Y}\nz = y * y\nu = z + 1", inputs=SCALARS, backward="z")
    assert started(trace) == [("auto", ("z",), "one")]


@pytest.mark.parametrize(
    ("source", "root"),
    [
        ("h = w * 2\ny = h.sum()\nz = h", "h"),  # the name it has had the longest
        ("y = w * 2\nouts = [w * 5]", "y"),
        ("outs = [w * 5]", "outs[0]"),
        ("_y = w * 2", "_y"),
        ("y = w * 2\nw * 3", "w * 3"),
        ("for i in range(2):\n    y = w * i\nz = w * 2\ny = y + 1", "y"),
        ("def f():\n    global z\n    z = w * 2\nf()\ny = w * 3", "y"),
    ],
)
def test_auto_backward_starts_from_what_was_shown_or_assigned_last(source: str, root: str) -> None:
    assert started(run(source, inputs={"w": leaf(2.0)})) == [("auto", (root,), "one")]


@pytest.mark.parametrize("name", ["x", "n", "w"])
def test_backward_from_what_has_no_history_says_so(name: str) -> None:
    trace = run("n = 3\ny = x * w", inputs={"x": InputSpec(1.0), "w": leaf(2.0)}, backward=name)
    assert trace.graphs == ()
    assert [note.values for note in trace.notes] == [{"name": name}]


def test_backward_none_shows_the_graph_without_gradients() -> None:
    (graph,) = run(Y, inputs=SCALARS, backward="none").graphs
    assert graph.backward is None
    assert set(grads(graph).values()) == {None}
    assert node(graph, "AddBackward0").outputs[0].value is not None


def test_nothing_to_differentiate_gives_no_graph() -> None:
    assert run("y = torch.ones(2) * 2").graphs == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y.backward()", [("backward", ("y",), "one")]),
        ("torch.autograd.backward(y)", [("backward", ("y",), "one")]),
        ("torch.autograd.backward(tensors=[y])", [("backward", ("y",), "one")]),
        ("torch.autograd.grad(y, [w])", [("grad", ("y",), "one")]),
        ("torch.autograd.grad(outputs=y, inputs=w)", [("grad", ("y",), "one")]),
        ("(y * torch.ones(2)).backward(torch.ones(2))", [("backward", ("y * torch.ones(2)",), "given")]),
        ("(w * 2).backward()", [("backward", ("w * 2",), "one")]),
        ("x.backward()", [("backward", ("x",), "one")]),
        (
            "torch.autograd.backward([y, w * 2], [torch.tensor(2.0), None])",
            [("backward", ("y", "w * 2"), "given")],
        ),
    ],
)
def test_every_way_to_run_backward_is_seen(source: str, expected: list[object]) -> None:
    assert started(run(f"{Y}\n{source}", inputs=SCALARS)) == expected


def test_accumulation_over_several_passes_is_visible() -> None:
    trace = run("for k in range(3):\n    (w * k).backward()", inputs={"w": leaf(2.0)})
    assert [grads(graph)["w"] for graph in trace.graphs] == [0.0, 1.0, 2.0]
    assert tensor(trace, "w").grad is not None
    assert tensor(trace, "w").grad == tensor(run("g = torch.tensor(3.0)"), "g").value


def test_double_backward_shows_the_graph_of_the_gradient() -> None:
    trace = run(
        "y = x ** 3\ng, = torch.autograd.grad(y, x, create_graph=True)\ng.backward()", inputs={"x": leaf(2.0)}
    )
    first, second = trace.graphs
    assert first.backward is not None
    assert first.backward.create_graph
    assert second.backward is not None
    assert second.backward.roots == ("g",)
    assert all(each.span is not None for each in second.nodes if each.kind == "function")
    assert tensor(trace, "x").grad is not None


def test_leaf_asked_for_by_autograd_grad_has_its_gradient() -> None:
    (graph,) = run("y = x * w\ntorch.autograd.grad(y, w)", inputs={"x": leaf(3.0), "w": leaf(4.0)}).graphs
    assert grads(graph)["w"] == 3.0


def test_hook_that_changes_a_gradient_is_seen_to_do_so() -> None:
    source = "y = w * 2\ny.register_hook(lambda g: g * 10)\ny.backward()"
    (graph,) = run(source, inputs={"w": leaf(1.0)}).graphs
    assert grads(graph)["w"] == 20.0


@pytest.mark.parametrize("side", [8, 200])
def test_gradient_torch_adds_into_is_told_as_it_was_when_it_came(side: int) -> None:
    """The first gradient that comes to `h` is written over with the sum of both."""
    trace = run(
        f"w = torch.ones({side}, {side}, requires_grad=True)\nh = w * 1\ny = ((h * 2) + (h * 5)).sum()"
    )
    graph = trace.graphs[0]
    h = next(each for each in graph.nodes if each.outputs[0].name == "h")
    came = [each.grad.statistics for each in graph.edges if each.producer == h.id and each.grad is not None]
    assert {found.mean for found in came if found is not None} == {2.0, 5.0}
    arrived = h.outputs[0].grad
    assert arrived is not None
    assert arrived.statistics is not None
    assert arrived.statistics.mean == 7.0


def test_constant_is_a_node_at_the_slot_torch_left_empty() -> None:
    (graph,) = run(Y, inputs={**SCALARS, "x": leaf(3.0)}, backward="none").graphs
    assert [each.kind for each in graph.nodes].count("constant") == 0
    (graph,) = run("x = torch.tensor(3.)\ny = x * w", inputs={"w": leaf(4.0)}).graphs
    (constant,) = (each for each in graph.nodes if each.kind == "constant")
    (edge,) = (edge for edge in graph.edges if edge.producer == constant.id)
    assert (constant.outputs[0].name, edge.input_nr, edge.grad) == ("x", 0, None)


def test_first_and_latest_passes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "FREE_SECONDS", 60.0)  # on a slow machine, too, the last pass is not too dear
    source = "for k in range(50):\n    (w * k).backward()"
    trace = run(source, Limits(backward_passes=3), inputs={"w": leaf(2.0)})
    assert [graph.occurrence for graph in trace.graphs] == [0, 1, 2, 49]
    assert [(cut.limit, cut.dropped) for cut in trace.cuts] == [("backward_passes", 46)]


def test_deep_graph_is_walked_without_recursion() -> None:
    trace = run("h = w * 1\nfor _ in range(20_000):\n    h = h * 1.0\n", inputs={"w": leaf(2.0)})
    assert isinstance(trace.outcome, Completed)
    assert len(trace.graphs[0].nodes) == 20_002


def test_graph_beyond_the_limit_says_how_much_was_left_out() -> None:
    trace = run(
        "h = w * 1\nfor _ in range(100):\n    h = h * 1.0\n", Limits(graph_nodes=10), inputs={"w": leaf(2.0)}
    )
    assert len(trace.graphs[0].nodes) == 10
    assert trace.graphs[0].nodes_left_out > 0


def test_failing_backward_leaves_its_graph_and_its_error() -> None:
    trace = run("y = w * 2\ny.backward()", inputs={"w": leaf((1.0, 2.0))})
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.hint is not None
    assert [each.op for each in trace.graphs[0].nodes] == ["MulBackward0", "AccumulateGrad"]


def test_backward_changes_nothing_for_the_program() -> None:
    source = "w = torch.ones(2, requires_grad=True)\n(w * 3).sum().backward()\n"
    source += "print(w.grad, w.grad.is_leaf, w._version)"
    assert "".join(chunk.text for chunk in run(source).output) == "tensor([3., 3.]) True 0\n"


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_part_is_differentiated_as_torch_does(reentrant: bool) -> None:
    source = f"""
from torch.utils.checkpoint import checkpoint
x = torch.tensor([1.0, -2.0], requires_grad=True)
y = checkpoint(lambda t: torch.relu(t) * 3, x, use_reentrant={reentrant})
y.sum().backward()
"""
    grad = tensor(run(source), "x").grad
    assert grad is not None
    assert grad.data == (3.0, 0.0)


def test_torchviz_draws_its_own_picture() -> None:
    classic = run(Y, inputs=SCALARS, graph="torchviz").classic
    assert classic is not None
    labels = {node.label for node in classic.nodes}
    assert {"y\n ()", "w\n ()", "AddBackward0", "MulBackward0", "AccumulateGrad"} <= labels
    assert len(classic.edges) == 8


def test_torchviz_draws_deep_graphs_too() -> None:
    source = "h = w * 1\nfor _ in range(2_000):\n    h = h * 1.0\n"
    classic = run(source, inputs={"w": leaf(2.0)}, graph="torchviz").classic
    assert classic is not None
    assert len(classic.nodes) > 2_000


def order_of(roots: list[torch.Tensor]) -> list[str]:
    """Which nodes torch's engine runs in a backward pass, by its own hooks."""
    ran: list[str] = []
    waiting = [root.grad_fn for root in roots]
    seen = set()
    for each in waiting:
        if each is None or each in seen:
            continue
        seen.add(each)
        name = each.name().rsplit("::", 1)[-1]
        each.register_hook(lambda *grads, name=name: ran.append(name))
        waiting.extend(producer for producer, _ in each.next_functions)
    torch.autograd.backward(roots, [torch.ones_like(root) for root in roots])
    return ran


@pytest.mark.parametrize(
    "source",
    [
        "y = (w.sin() * w.exp() + w.cos()).tanh()",
        "h = w * 2\nu = h.exp()\nv = h.sin()\ny = u.sqrt() + v * u",
        "a, b = w.exp().chunk(2)\ny = (b * a).sum() + a.sum()",
    ],
)
def test_nodes_are_told_in_the_order_the_engine_ran_them(source: str) -> None:
    (graph,) = run(source, inputs={"w": leaf((1.0, 2.0))}).graphs
    names: dict[str, Any] = {"w": torch.tensor([1.0, 2.0], requires_grad=True)}
    exec(source, names)
    ops = {each.id: each.op for each in graph.nodes}
    assert [ops[number] for number in graph.ran] == order_of([names["y"]])


def test_leaf_says_what_its_gradient_was_before_and_after() -> None:
    first, second = run("for k in (3.0, 4.0):\n    (w * k).backward()", inputs={"w": leaf(2.0)}).graphs
    (leaf_before,) = (each.outputs[0] for each in first.nodes if each.kind == "accumulate")
    assert (leaf_before.before, leaf_before.after) == (None, None)
    (added,) = (each.outputs[0] for each in second.nodes if each.kind == "accumulate")
    assert [value.data for value in (added.before, added.grad, added.after) if value] == [3.0, 4.0, 7.0]


def test_leaf_that_nothing_is_added_to_has_no_before() -> None:
    source = "(w * 3.0).backward()\ng, = torch.autograd.grad(w * 4.0, w)"
    _, asked = run(source, inputs={"w": leaf(2.0)}).graphs
    (found,) = (each.outputs[0] for each in asked.nodes if each.kind == "accumulate")
    assert (found.before, found.after) == (None, None)
    assert found.grad is not None
    assert found.grad.data == 4.0
    assert [each.op for each in asked.nodes if each.id in asked.ran] == ["MulBackward0"]
