"""Laws of values that are moved once more: they are torch's own, and what computes is never repeated."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from app.vocabulary.trace import Completed
from app.worker.graphs.replay import MOVES, move
from app.worker.graphs.saved import read_saved
from tests.worker.running import node, run

CALLS: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("TBackward0", lambda a: a[0].t()),
    ("TransposeBackward0", lambda a: a.transpose(-1, 0)),
    ("PermuteBackward0", lambda a: a.permute(-1, 0, 1)),
    ("ExpandBackward0", lambda a: a.expand(5, 2, 3, 4)),
    ("CloneBackward0", torch.clone),
    ("AliasBackward0", lambda a: torch.ops.aten.alias(a)),
    ("ViewBackward0", lambda a: a.view(6, 4)),
    ("UnsafeViewBackward0", lambda a: torch.ops.aten._unsafe_view(a, (6, 4))),
    ("ReshapeAliasBackward0", lambda a: torch.ops.aten._reshape_alias(a, (6, 4), (4, 1))),
    ("UnsqueezeBackward0", lambda a: a.unsqueeze(1)),
    ("SqueezeBackward0", lambda a: a[:1].squeeze()),
    ("SqueezeBackward1", lambda a: a[:1].squeeze(0)),
    ("SqueezeBackward2", lambda a: a[:1].squeeze((0,))),
)


@pytest.mark.parametrize(("op", "call"), CALLS)
def test_moving_once_more_gives_what_torch_gave(op: str, call: Callable[[Tensor], Tensor]) -> None:
    a = torch.rand(2, 3, 4, requires_grad=True)
    result = call(a)
    made: object = result.grad_fn
    assert type(made).__name__ == op
    operand = {"TBackward0": a[0]}.get(op, a[:1] if op.startswith("Squeeze") else a).detach()
    moved = move(op, operand, tuple(result.shape), dict(read_saved(made)))
    assert moved is not None
    assert torch.equal(moved, result.detach())


def test_every_move_is_tried() -> None:
    assert {op for op, _ in CALLS} == set(MOVES)


def test_operand_of_another_size_moves_nothing() -> None:
    assert move("ViewBackward0", torch.zeros(3), (2, 2), {}) is None
    assert move("TBackward0", torch.zeros(3, 2), (3, 2), {}) is None
    assert move("ExpBackward0", torch.zeros(3), (3,), {}) is None


def test_weight_turned_inside_a_linear_has_its_value() -> None:
    source = "net = nn.Linear(2, 3)\nnet(torch.ones(4, 2)).sum().backward()"
    (graph,) = run(source).graphs
    turned = node(graph, "TBackward0").outputs[0].value
    weight = next(each.outputs[0].value for each in graph.nodes if each.outputs[0].name == "net.weight")
    assert turned is not None
    assert weight is not None
    assert torch.equal(torch.tensor(turned.data), torch.tensor(weight.data).t())


def test_nothing_is_moved_within_a_transform() -> None:
    """There a value is wrapped, and its memory cannot be asked for."""
    trace = run(
        "def f(w, x): return F.linear(x, w).tanh()\n"
        "torch.func.hessian(f, argnums=1)(torch.ones(17, 17), torch.ones(17)).shape"
    )
    assert trace.outcome == Completed()


def test_what_was_computed_inside_a_call_and_not_saved_has_no_value() -> None:
    source = (
        "a, sides = torch.ones(3, requires_grad=True), torch.tensor([1., -1., 1.])\n"
        "F.hinge_embedding_loss(a * 2, sides).backward()"
    )
    (graph,) = run(source).graphs
    assert any(each.outputs[0].value is None for each in graph.nodes if each.op == "AddBackward0")
