"""Laws of what nodes saved: torch's own attributes are the oracle, and nothing is held or invented."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from app.vocabulary.graph import SavedItem
from app.vocabulary.limits import Limits
from app.worker.graphs.saved import describe, read_saved, text_of
from tests.worker.running import leaf, node, run


def saved(source: str, op: str, limits: Limits | None = None) -> dict[str, SavedItem]:
    (graph,) = run(source, limits, inputs={"x": leaf(3.0), "w": leaf(4.0)}).graphs
    return {item.name: item for item in node(graph, op).saved}


def test_scalar_operands_are_saved_with_their_numbers() -> None:
    found = saved("y = x * w", "MulBackward0")
    assert set(found) == {"self", "other"}
    assert found["self"].value is not None
    assert (found["self"].value.data, found["self"].bytes, found["self"].shape) == (3.0, 4, ())


def test_large_tensors_are_told_by_their_facts_alone() -> None:
    found = saved("y = (x * torch.ones(3, 4)).exp().sum()", "ExpBackward0")["result"]
    assert (found.shape, found.dtype, found.bytes, found.value) == ((3, 4), "float32", 48, None)


def test_plain_values_are_told_as_python_writes_them() -> None:
    found = saved("y = (x * torch.ones(3, 4)).sum(-1).sum()", "SumBackward1")
    assert (found["dim"].text, found["keepdim"].text) == ("(-1,)", "False")


def test_custom_function_tells_what_its_context_saved() -> None:
    source = (
        "class Square(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        ctx.save_for_backward(x)\n"
        "        return x * x\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        return 2 * ctx.saved_tensors[0] * g\n"
        "y = Square.apply(x * w)\n"
    )
    found = saved(source, "SquareBackward")["saved_tensors[0]"]
    assert found.value is not None
    assert found.value.data == 12.0


def test_what_an_earlier_pass_freed_is_not_there() -> None:
    x = torch.ones((), requires_grad=True)
    y = x * x
    y.backward()  # type: ignore[no-untyped-call]
    assert list(read_saved(y.grad_fn)) == []


def test_no_more_is_told_than_the_limit_allows() -> None:
    limits = replace(Limits(), graph_saved=3)
    trace = run("y = x\nfor i in range(9):\n    y = y * w", limits, inputs={"x": leaf(1.0), "w": leaf(2.0)})
    assert sum(len(each.saved) for each in trace.graphs[0].nodes) <= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**64 - 1, "-1"),
        ((2**64 - 2, 1), "(-2, 1)"),
        ((1,), "(1,)"),
        ((), "()"),
        (None, "None"),
        ("none", "none"),
        (0.5, "0.5"),
        ((torch.zeros(2, 3), None), "(tensor(2, 3), None)"),
    ],
)
def test_text_of_a_plain_value(value: object, text: str) -> None:
    assert text_of(value) == text


def test_longest_text_is_bounded() -> None:
    assert len(describe("x", "y" * 10_000).text or "") <= 60
    assert len(text_of(tuple(range(10_000)))) <= 60


def test_time_is_told_of_calls_and_of_nodes() -> None:
    trace = run("y = x * w", inputs={"x": leaf(3.0), "w": leaf(4.0)})
    seconds = trace.steps[0].seconds
    assert seconds is not None
    assert 0 < seconds < 5
    assert all(0 < (each.seconds or 0) < 5 for each in trace.graphs[0].nodes)
