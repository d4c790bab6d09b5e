"""Random programs, many of them broken on purpose: whatever is claimed about a gradient is so in plain torch."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from app.source import SourceText
from app.vocabulary.trace import Completed, TensorRecord, Trace
from app.vocabulary.values import Span, Why
from app.words import in_english
from tests.worker.programs import TEMPLATES, Builder, programs
from tests.worker.running import run

TROUBLE = (
    *("torch.relu({a} - 9)", "{a} * 0", "{a}.log()", "{a}.sqrt()", "{a} / ({b} - {b})", "{a} - {a}"),
    *("{a}.round()", "{a}.detach()", "{a}.data * 2", "{a}.clamp(8, 9)", "torch.sigmoid({a} * 1e4)"),
    *("({a} * 50).exp().exp()", "{a} * {b}.detach()", "({a} > 0) * {b}", "torch.where({a} > 9, {a}, {b})"),
    *("{a}.abs() ** 0.5", "({a} * 0) ** 2", "torch.tanh({a} * -99)", "{a} * 1e4", "{a} ** 3", "{a} @ {b}.T"),
    *("{a} + 1", "{a}.sum()", "{a}.masked_fill({a} < 9, 0.0)", "1 / {a}", "torch.maximum({a}, {b} + 99)"),
    "with torch.no_grad():\n    {c} = {a} * {b}",
    "{c} = ({a} * 2).relu_()",
)
OPS: Mapping[str, tuple[str, ...]] = {
    "dead_relu": ("Relu",),
    "flat": ("Round", "Floor", "Sign"),
    "masked": ("MaskedFill",),
    "not_chosen": ("Where", "Maximum", "Minimum"),
    "clamped": ("Clamp", "Hardtanh"),
    "saturated": ("Sigmoid", "Tanh"),
    "vanished": ("Sigmoid", "Tanh"),
    "at_zero": ("Pow", "Abs", "Norm"),
    "at_minimum": ("Loss",),
    "multiplied_by_zero": ("Mul", "Mm", "Bmm", "Addmm", "Mv", "Dot"),
    "root_at_zero": ("Sqrt", "Pow"),
}
NONE_CODES = frozenset({"unused", "not_connected", "not_reached", "left_torch"})
CUT_CODES = frozenset({"detached", "no_grad", "whole_numbers", "copied", "not_differentiable"})


@dataclass(frozen=True, slots=True)
class Plain:
    """The same program in plain torch, with what went through every node, numbered breadth first as graphs are."""

    source: str
    names: dict[str, Any]
    loss: Tensor
    nodes: list[Any]
    arrived: dict[int, tuple[Tensor | None, ...]]
    left: dict[int, tuple[Tensor | None, ...]]


def run_plainly(source: str) -> Plain:
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(source, names)
    loss: Tensor = names["loss"]
    nodes: list[Any] = [loss.grad_fn]
    for each in nodes:
        nodes.extend(dict.fromkeys(p for p, _ in each.next_functions if p is not None and p not in nodes))
    plain = Plain(source, names, loss, nodes, {}, {})
    for number, each in enumerate(nodes):
        each.register_hook(listener(plain, number))
    loss.backward()  # type: ignore[no-untyped-call]
    return plain


def listener(plain: Plain, number: int) -> Any:
    def hear(left: Any, arrived: Any) -> None:
        plain.left[number], plain.arrived[number] = left, arrived

    return hear


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs((*TROUBLE, *TROUBLE, *TEMPLATES), last=True))
def test_every_claim_is_true(source: str) -> None:
    plain = run_plainly(source)
    trace = run(source + "loss.backward()\n")
    assert isinstance(trace.outcome, Completed), trace.outcome
    assert not any("Reasons" in note.template for note in trace.notes)
    for record in trace.tensors:
        for why in record.why:
            check(trace, record, why, plain)


def check(trace: Trace, record: TensorRecord, why: Why, plain: Plain) -> None:
    told = f"{record.name}: {why.code}: {in_english(why.sentence)}"
    named: Tensor = plain.names[record.name] if record.name in plain.names else eval(record.name, plain.names)
    if why.node is not None:
        check_node(why, plain, told)
    elif why.code in NONE_CODES:
        assert named.grad is None, told
        assert named.requires_grad, told
        if why.code == "unused":
            assert len(re.findall(rf"\b{record.name}\b", plain.source)) == 1, told
    elif why.code in CUT_CODES:
        check_cut(named, why, plain, told)
    elif why.code == "non_leaf":
        assert named.requires_grad, told
        assert not named.is_leaf, told
    elif why.code == "no_requires_grad":
        assert not named.requires_grad, told
    elif why.code == "dtype":
        assert not named.is_floating_point(), told
    else:
        check_origin(why, plain, told)


def check_node(why: Why, plain: Plain, told: str) -> None:
    """At the node named, what arrives is sound and what leaves is not; or what arrives at one tensor cancels."""
    assert why.node is not None
    arrived = [grad for grad in plain.arrived[why.node] if grad is not None]
    left = [grad for grad in plain.left[why.node] if grad is not None]
    if why.code == "cancelled":
        assert not any(grad.any() for grad in arrived), told
    elif why.code in ("root_at_zero", "at_the_edge", "bad_here"):
        assert all(torch.isfinite(grad).all() for grad in arrived), told
        assert not all(torch.isfinite(grad).all() for grad in left), told
    elif why.code in ("huge", "saturated", "vanished") and "norm" in why.sentence.values:
        assert float(why.sentence.values["largest"]) >= 1e6 or why.code != "huge", told
    else:
        assert any(grad.any() for grad in arrived), told
        assert any(not grad.any() for grad in left), told
    assert any(part in plain.nodes[why.node].name() for part in OPS.get(why.code, ("",))), told


def check_cut(named: Tensor, why: Why, plain: Plain, told: str) -> None:
    """It has no gradient, and the call named gives something without history."""
    assert named.grad is None, told
    if (made := evaluate(plain, why.span)) is not None and why.code != "no_grad":
        results = made if isinstance(made, tuple) else (made,)
        assert any(isinstance(each, Tensor) and each.grad_fn is None for each in results), told


def check_origin(why: Why, plain: Plain, told: str) -> None:
    """The call named gives something that is not finite, though all the names in it are finite."""
    made = evaluate(plain, why.span)
    if not isinstance(made, Tensor):
        return
    assert not torch.isfinite(made).all(), told
    kind = why.sentence.values.get("kind")
    held = [value for value in names_in(plain, why.span) if isinstance(value, Tensor)]
    if kind == "NaN":
        assert torch.isnan(made).any(), told
        assert not any(torch.isnan(value).any() for value in held), told
    elif kind == "∞" and why.code != "written":
        calm = evaluate(plain, why.span, calm=True)  # exp makes 0 of the −∞ it gets
        sound = all(torch.isfinite(value).all() or torch.isnan(value).any() for value in held)
        assert sound or not torch.isfinite(calm).all(), told
    if why.code == "log_of_zero":
        assert math.isinf(float(made.detach().min())), told


def evaluate(plain: Plain, span: Span | None, calm: bool = False) -> Any:
    """What the text at a place gives where it stands; None for what is no expression of a top-level line.

    `calm`: as if all that is not finite by then were 0.
    """
    found = before_place(plain, span)
    if found is None:
        return None
    names, text = found
    if calm:
        names = {
            name: each.nan_to_num(0.0, 0.0, 0.0) if isinstance(each, Tensor) else each
            for name, each in names.items()
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(compile(text, "<plain>", "eval"), names)
        except (SyntaxError, NameError):
            return None


def names_in(plain: Plain, span: Span | None) -> list[Any]:
    found = before_place(plain, span)
    assert found is not None
    return [found[0].get(each.id) for each in ast.walk(ast.parse(found[1])) if isinstance(each, ast.Name)]


def before_place(plain: Plain, span: Span | None) -> tuple[dict[str, Any], str] | None:
    """The names just before the statement at a place, and the text there; None within loops and blocks."""
    if span is None:
        return None
    source = SourceText.of(plain.source)
    if source.lines[span.line - 1].startswith(" "):
        return None
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec("\n".join(source.lines[: span.line - 1]), names)
    return names, source.text(span)


def test_troubled_programs_are_accepted() -> None:
    refused = []
    for template in TROUBLE:
        builder = Builder(0)
        builder.grow("t0 = torch.randn(3, 3, requires_grad=True)")
        size = len(builder.source)
        text = template.format(a="t0", b="t0", c="u")
        builder.grow(text if "{c}" in template else f"u = {text}")
        if len(builder.source) == size:
            refused.append(template)
    assert refused == []
