"""True to autograd: what a graph tells of views, writes in place, cuts, hooks, checkpoints, transforms and the rest."""

from __future__ import annotations

import pytest
import torch

from app.vocabulary.graph import AutogradGraph, GraphNode
from app.vocabulary.trace import Completed
from app.vocabulary.values import Complex
from app.words import in_english
from tests.worker.running import node, run, tensor

W = "w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"


def last_graph(source: str) -> AutogradGraph:
    trace = run(source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    return trace.graphs[-1]


def named(graph: AutogradGraph, name: str) -> GraphNode:
    (found,) = (each for each in graph.nodes if any(output.name == name for output in each.outputs))
    return found


def marks(graph: AutogradGraph, kind: str) -> list[str]:
    return [in_english(mark.sentence) for each in graph.nodes for mark in each.marks if mark.kind == kind]


# ---------------------------------------------------------------------------------------------- cuts


@pytest.mark.parametrize(
    ("cutting", "sentence"),
    [
        ("c = h.detach()", "cut from h: detached"),
        ("c = h.data", "cut from h: detached"),
        ("with torch.no_grad():\n    c = h * 5", "cut from h: under no_grad"),
        ("with torch.no_grad():\n    d = h * 5\nc = d + 1", "cut from h: under no_grad"),
        ("c = (h > 1).float()", "cut from h: bool has no gradient"),
        ("c = torch.tensor(h)", "cut from h: numbers copied"),
    ],
)
def test_cut_is_in_the_graph_between_the_constant_and_what_it_was_cut_from(
    cutting: str, sentence: str
) -> None:
    graph = last_graph(W + f"h = w * 2\n{cutting}\n(h * c).sum().backward()")
    (cut,) = graph.cuts
    constant, producer = named(graph, "c"), named(graph, "h")
    assert (cut.constant, cut.producer, in_english(cut.sentence)) == (constant.id, producer.id, sentence)
    assert constant.kind == "constant"
    assert marks(graph, "cut") == [sentence]
    assert not any(edge.consumer == constant.id for edge in graph.edges)


def test_cut_from_a_leaf_leads_to_the_leaf() -> None:
    graph = last_graph(W + "(w * w.detach()).sum().backward()")
    (cut,) = graph.cuts
    assert next(each for each in graph.nodes if each.id == cut.producer).kind == "accumulate"


def test_constant_without_history_is_no_cut() -> None:
    graph = last_graph(W + "x = torch.ones(3) * 2\n(w * x).sum().backward()")
    assert (graph.cuts, marks(graph, "cut")) == ((), [])


# ---------------------------------------------------------------------------------------------- views, writes in place


def test_view_names_its_base() -> None:
    graph = last_graph(W + "h = w * 2\nv = h.view(1, 3)\nt = v.T\n(t * v.T).sum().backward()")
    assert [in_english(mark.sentence) for mark in named(graph, "v").marks] == ["view of h"]
    assert [in_english(mark.sentence) for mark in named(graph, "t").marks] == ["view of h"]


def test_write_in_place_tells_the_version_torch_counts() -> None:
    source = W + "h = w * 2\nh.add_(1)\nh.mul_(3)\nh.sum().backward()"
    graph = last_graph(source)
    assert marks(graph, "in_place") == ["in place: h has version 2", "in place: h has version 1"]
    assert tensor(run(source), "h").version == 2


def test_write_through_a_view_changes_the_history_of_its_base() -> None:
    graph = last_graph(W + "h = w * 2\nv = h[:2]\nv.mul_(10)\nh.sum().backward()")
    copied = node(graph, "CopySlices")
    assert copied.outputs[0].name == "h"
    assert copied.outputs[0].value is not None
    assert copied.outputs[0].value.data == (20.0, 40.0, 6.0)
    assert [mark.kind for mark in copied.marks] == ["in_place"]


def test_every_output_of_an_op_is_told() -> None:
    graph = last_graph(W + "best, rest = w.topk(2).values.unbind()\n(best * 3 + rest).backward()")
    outputs = node(graph, "UnbindBackward0").outputs
    assert [(each.name, each.grad.data if each.grad else None) for each in outputs] == [
        ("best", 3.0),
        ("rest", 1.0),
    ]


# ---------------------------------------------------------------------------------------------- Python in the graph


def test_custom_function_is_marked() -> None:
    source = """
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): return g * 2
"""
    assert marks(last_graph(source + W + "Double.apply(w).sum().backward()"), "custom") == ["custom Function"]


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint_is_marked_and_runs_as_often_as_in_plain_torch(reentrant: bool) -> None:
    source = f"""
from torch.utils.checkpoint import checkpoint
calls = []
def part(t):
    calls.append(1)
    return torch.sigmoid(t).exp()
y = checkpoint(part, w, use_reentrant={reentrant})
y.sum().backward()
print(len(calls))
"""
    trace = run(W + source)
    assert "checkpoint: computed again for backward" in marks(trace.graphs[-1], "checkpoint")
    assert [chunk.text.strip() for chunk in trace.output if chunk.stream == "stdout"] == ["2"]


def test_hooks_of_the_program_on_saved_tensors_are_called_only_by_torch() -> None:
    source = """
seen = []
with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: seen.append(1) or t):
    y = w.exp()
y.sum().backward()
print(len(seen))
"""
    trace = run(W + source)
    assert marks(trace.graphs[-1], "hook") == ["saved tensors pass a hook"]
    assert [chunk.text.strip() for chunk in trace.output] == ["1"]


@pytest.mark.parametrize(
    ("hooking", "sentence"),
    [
        ("h.register_hook(lambda g: g * 2)", "hook on the tensor"),
        ("w.register_hook(lambda g: g * 2)", "hook on the tensor"),
        ("w.register_post_accumulate_grad_hook(lambda p: None)", "hook on the tensor"),
    ],
)
def test_hooked_tensor_is_marked(hooking: str, sentence: str) -> None:
    assert marks(last_graph(W + f"h = w * 2\n{hooking}\nh.sum().backward()"), "hook") == [sentence]


def test_removed_hook_is_not_marked() -> None:
    source = W + "h = w * 2\nhook = h.register_hook(lambda g: g)\nhook.remove()\nh.sum().backward()"
    assert marks(last_graph(source), "hook") == []


@pytest.mark.parametrize("kind", ["register_forward_hook", "register_full_backward_hook"])
def test_module_with_hooks_is_marked(kind: str) -> None:
    source = f"net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())\nnet[1].{kind}(lambda *facts: None)\n"
    found = marks(last_graph(source + "net(torch.ones(1, 2)).sum().backward()"), "hook")
    assert "hook on module net.1" in found
    if kind == "register_full_backward_hook":
        assert "backward hook of a module" in found


# ---------------------------------------------------------------------------------------------- passes and transforms


def test_gradient_of_a_gradient_has_the_graph_torch_made() -> None:
    source = (
        "x = torch.tensor(2.0, requires_grad=True)\ny = x ** 3\n"
        "g, = torch.autograd.grad(y, x, create_graph=True)\n"
    )
    graph = run(source + "g.backward()").graphs[-1]
    x = torch.tensor(2.0, requires_grad=True)
    (g,) = torch.autograd.grad(x**3, x, create_graph=True)
    walked, queue = [], [g.grad_fn]
    for each in queue:
        if each is not None and each not in walked:
            walked.append(each)
            queue.extend(producer for producer, _ in each.next_functions)
    drawn = [each.op for each in graph.nodes if each.kind != "constant"]
    assert sorted(drawn) == sorted(each.name().rsplit("::", 1)[-1] for each in walked)
    assert named(graph, "x").outputs[0].grad is not None


def test_every_pass_says_what_it_added_to_a_leaf() -> None:
    trace = run(W + "for k in (1, 2):\n    (w.sum() * k).backward()")
    told = [named(graph, "w").outputs[0] for graph in trace.graphs]
    assert [(each.before, each.after) for each in told[:1]] == [(None, None)]
    assert (told[1].before, told[1].after) == (told[0].grad, tensor(trace, "w").grad)


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("g = torch.func.grad(f)(x)", (3.0, 12.0)),
        ("g = torch.func.jacrev(f)(x)", (3.0, 12.0)),
        ("g = torch.func.vmap(torch.func.grad(f))(torch.stack([x, x]))", None),
    ],
)
def test_transform_s_inner_pass_has_its_graph(source: str, data: object) -> None:
    begin = "x = torch.tensor([1.0, 2.0])\ndef f(v):\n    return (v ** 3).sum()\n"
    trace = run(begin + source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    (graph,) = trace.graphs
    assert graph.backward is not None
    assert graph.backward.call == "grad"
    power = node(graph, "PowBackward0")
    assert power.span is not None
    if data is not None:
        (edge,) = (edge for edge in graph.edges if edge.consumer == power.id and edge.grad is not None)
        assert edge.grad is not None
        assert edge.grad.data in (data, (data,))


# ---------------------------------------------------------------------------------------------- kinds of tensors


def test_complex_gradient_is_told_as_torch_has_it() -> None:
    trace = run("z = torch.tensor([1 + 2j, 3j], requires_grad=True)\n(z * z.conj()).real.sum().backward()")
    grad = tensor(trace, "z").grad
    assert grad is not None
    assert grad.data == (Complex(2.0, 4.0), Complex(0.0, 6.0))


def test_sparse_tensors_and_gradients_are_told() -> None:
    source = """
e = nn.Embedding(4, 2, sparse=True)
e(torch.tensor([1, 1, 3])).sum().backward()
s = torch.eye(3).to_sparse()
y = torch.sparse.mm(s, torch.ones(3, 2, requires_grad=True))
"""
    trace = run(source)
    grad = tensor(trace, "e.weight").grad
    assert grad is not None
    assert grad.data == ((0.0, 0.0), (2.0, 2.0), (0.0, 0.0), (1.0, 1.0))
    assert tensor(trace, "s").layout == "sparse_coo"


def test_giant_sparse_tensor_is_not_made_dense() -> None:
    source = "s = torch.sparse_coo_tensor([[5], [7]], [1.5], (10**7, 10**7))\nt = s * 2"
    trace = run(source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    assert tensor(trace, "t").shape == (10**7, 10**7)


def test_leaf_used_many_times_is_one_node_with_an_edge_for_each_use() -> None:
    graph = last_graph(W + "(w * w + w).sum().backward()")
    leaf = named(graph, "w")
    assert sum(edge.producer == leaf.id for edge in graph.edges) == 3


def test_reason_is_marked_at_its_node() -> None:
    graph = last_graph(W + "h = torch.relu(w - 9)\nh.sum().backward()")
    (mark,) = (mark for mark in named(graph, "h").marks if mark.kind == "why")
    assert "relu" in in_english(mark.sentence)
