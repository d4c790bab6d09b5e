"""Laws of the rules: each formula a reader sees is evaluated, as it is written, against autograd."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from app.drawing.formula import names_in
from app.drawing.rules import Rule, all_rules, find_rule
from app.worker.recording.anchors import node_outputs, saved_names
from tests.drawing.reference import FUNCTIONS
from tests.drawing.rule_cases import (
    BROADCASTING,
    CASES,
    COMMONEST,
    COMPLEX,
    ELEMENTWISE,
    MASKED,
    REAL_ONLY,
    Call,
)

BIG = 2**63


@pytest.mark.parametrize(("op", "call", "shapes"), CASES)
def test_rule_is_autograd_s(op: str, call: Call, shapes: Sequence[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    check(op, call, [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in shapes])


def check(op: str, call: Call, operands: list[Tensor]) -> None:
    """Evaluate the rule's formulas on what a node holds, and compare with what the node itself gives back."""
    made = call(*operands)
    results = made if isinstance(made, tuple | list) else (made,)
    node: Any = results[0].grad_fn
    assert node.name().rsplit("::", 1)[-1] == op
    kept = {name.removeprefix("_saved_"): plain(getattr(node, name)) for name in saved_names(node)}
    rule = find_rule(op, {name: str(value) for name, value in kept.items() if not isinstance(value, Tensor)})
    assert rule is not None
    made_by_node = zip(results, node_outputs(node), strict=False)
    gs = [torch.randn_like(each) if each.requires_grad else None for each, _ in made_by_node]
    expected = node(*gs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = operand_names(rule, node) | {"result": results[0], "results": results}
    names |= {name: value for name, value in kept.items() if value is not None or name not in names}
    if rule.for_complex == "conjugate":
        names = {name: conjugated(value) for name, value in names.items()}
    names |= {
        "g": gs[0],
        "gs": [torch.zeros_like(r) if g is None else g for g, r in zip(gs, results, strict=False)],
    }
    for name, default in rule.defaults:
        names[name] = run(default, names) if names.get(name) is None else names[name]
    for name, part in rule.lets:
        names[name] = run(part, names)
    if rule.forward is not None and names_in(rule.forward) <= {*names, "pi"}:
        same(run(rule.forward, names), results[0].conj() if rule.for_complex == "conjugate" else results[0])
    for input_nr, grad in enumerate(expected):
        if grad is not None:
            check_grad(rule, input_nr, grad, names, operands)


def check_grad(
    rule: Rule, input_nr: int, grad: Tensor, names: dict[str, Any], operands: list[Tensor]
) -> None:
    found = rule.grad_of(input_nr)
    assert found is not None, "torch gives a gradient that the rule does not know"
    if rule.each is not None:
        start = sum(each.shape[names["dim"]] for each in operands[:input_nr])
        names = names | {"index": input_nr, "start": start, "length": operands[input_nr].shape[names["dim"]]}
    unknown = {name: torch.full_like(grad, math.nan) for name, _ in rule.grads[input_nr : input_nr + 1]}
    value = run(found[1], unknown | names)  # of an operand that is no leaf the shape is known
    value = value if isinstance(value, Tensor) else torch.tensor(value, dtype=grad.dtype)
    same((value + torch.zeros_like(grad)).sum_to_size(grad.shape), grad)


def same(value: Tensor, expected: Tensor) -> None:
    shaped = value.reshape(expected.shape) if value.numel() == expected.numel() else value
    torch.testing.assert_close(shaped, expected, check_dtype=False, rtol=1e-6, atol=1e-9, equal_nan=True)


def operand_names(rule: Rule, node: Any) -> dict[str, Any]:
    """The operands that are leaves; of others a rule uses only what the node saved."""
    pairs = zip(rule.grads, node.next_functions, strict=False)
    return {name: edge.variable for (name, _), (edge, _) in pairs if hasattr(edge, "variable")}


def conjugated(value: Any) -> Any:
    return value.conj() if isinstance(value, Tensor) and value.is_complex() else value


def plain(value: Any) -> Any:
    """A saved value; torch shows a negative whole number as if it had no sign."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value - 2 * BIG if type(value) is int and value >= BIG else value


def run(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    code = compile(ast.Expression(expression), "<rule>", "eval")
    return eval(code, {"__builtins__": {}, "pi": math.pi, **FUNCTIONS}, dict(names))


@pytest.mark.parametrize(
    ("op", "call"), [each for each in (*ELEMENTWISE, *BROADCASTING) if each[0] not in MASKED]
)
def test_rule_holds_for_a_single_number(op: str, call: Call) -> None:
    torch.manual_seed(1)
    count = 2 if (op, call) in BROADCASTING else 1
    check(op, call, [torch.rand((), dtype=torch.float64, requires_grad=True) for _ in range(count)])


@pytest.mark.parametrize(("op", "call", "shapes"), COMPLEX)
def test_rule_holds_for_complex_numbers(op: str, call: Call, shapes: Sequence[tuple[int, ...]]) -> None:
    torch.manual_seed(2)
    check(op, call, [torch.rand(shape, dtype=torch.complex128, requires_grad=True) for shape in shapes])


def test_every_rule_is_tried() -> None:
    tried = {op for op, _, _ in (*CASES, *COMPLEX)}
    assert tried == set(all_rules())
    assert {op for op, _, _ in COMPLEX} >= {
        op for op, (rule, *_) in all_rules().items() if rule.for_complex
    } - REAL_ONLY


def test_rules_of_the_commonest_nodes_are_there() -> None:
    assert len(all_rules()) >= 80
    assert set(COMMONEST.split()) - set(all_rules()) == set()


def test_node_without_a_rule_for_what_it_saved_has_none() -> None:
    assert find_rule("GeluBackward0", {"approximate": "none"}) is not None
    assert find_rule("GeluBackward0", {"approximate": "tanh"}) is None
    assert find_rule("CtcLossBackward0", {}) is None
