"""Laws of formulas: one text is evaluated and set, and both say the same."""

from __future__ import annotations

import ast
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.formula import NUMERIC, evaluate, fill, functions_in, local_factor, names_in, read
from app.drawing.mathml import Look, Set, Tree, spell_out, typeset
from app.drawing.rules import all_rules
from tests.drawing.reference import FUNCTIONS

TAGS = {
    *("mi", "mn", "mo", "mtext", "word", "mrow", "mfrac", "msup", "msqrt", "mover", "mtable", "mtr", "mtd"),
}
CHILDREN = {"mfrac": 2, "msup": 2, "mover": 2, "mi": 1, "mn": 1, "mo": 1, "mtext": 1, "word": 1}
PLACING = {"expand", "reshape", "T", "numel", "size", "sum", "mean"}


def expressions() -> list[ast.expr]:
    rules = [rule for found in all_rules().values() for rule in found]
    parts = [part for rule in rules for _, part in (*rule.grads, *rule.lets, *rule.defaults)]
    return parts + [each for rule in rules for each in (rule.forward, rule.each) if each is not None]


def look_of(expression: ast.expr) -> Look:
    return Look({name: Set(("mi", name)) for name in names_in(expression)})


def assert_is_mathml(tree: Tree) -> None:
    tag, *children = tree
    assert tag in TAGS
    assert len(children) == CHILDREN.get(str(tag), len(children))
    for child in children:
        if isinstance(child, tuple):
            assert_is_mathml(child)


@pytest.mark.parametrize("expression", expressions(), ids=ast.unparse)
def test_every_formula_is_well_formed_and_names_all_it_uses(expression: ast.expr) -> None:
    tree = typeset(expression, look_of(expression))
    assert_is_mathml(tree)
    said = spell_out(tree)
    silent = {"pi", "gs", *(["input"] if "along" in functions_in(expression) else [])}
    assert [name for name in names_in(expression) - silent if name not in said] == []


def test_every_function_of_the_rules_is_known_to_their_test() -> None:
    named = {name for expression in expressions() for name in functions_in(expression)}
    assert named - set(FUNCTIONS) == {"@"}


@pytest.mark.parametrize("name", sorted(set(NUMERIC) - PLACING))
@pytest.mark.parametrize("number", [0.25, -0.5, 0.75, 2.5])
def test_functions_of_numbers_are_torch_s(name: str, number: float) -> None:
    value = evaluate(read(f"{name}(x)"), {"x": number})
    function = FUNCTIONS.get(name) or getattr(torch, name)
    expected = float(function(torch.tensor(number, dtype=torch.float64)))
    assert value is None or math.isclose(value, expected, rel_tol=1e-9)
    assert value is not None or not math.isfinite(expected)


@given(st.integers(-4, 4), st.floats(0.5, 3))
def test_filling_changes_no_value(exponent: int, x: float) -> None:
    whole = read("a * (n * x ** (n - 1)) / b")
    numbers = {"a": 1.0, "b": 1.0, "n": float(exponent), "x": x}
    filled = fill(whole, {"a": 1, "b": 1, "n": exponent})
    assert names_in(filled) == {"x"}
    before, after = evaluate(whole, numbers), evaluate(filled, {"x": x})
    assert before is not None
    assert after is not None
    assert math.isclose(before, after, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("g", "1"),
        ("-g", "-1"),
        ("g * other", "other"),
        ("-g * sin(self)", "-sin(self)"),
        ("g / self", "1 / self"),
        ("g / (2 * result)", "1 / (2 * result)"),
        ("alpha * g", "alpha"),
        ("where(result > 0, g, 0)", None),
        ("result * (g - sum(g * result, dim))", None),
        ("self / g", None),
    ],
)
def test_local_factor_is_what_g_is_multiplied_by(text: str, factor: str | None) -> None:
    found = local_factor(read(text))
    assert (None if found is None else ast.unparse(ast.fix_missing_locations(found))) == factor


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a - (b - c)", "a−(b−c)"),
        ("(a + b) * c", "(a+b)·c"),
        ("a * b ** 2", "a·b2"),
        ("(-a) ** 2", "(−a)2"),
        ("a - b + c", "a−b+c"),
        ("T(T(a))", "a"),
        ("log(a)", "ln\u2061(a)"),
        ("between(None, a, 2)", "a≤2"),
    ],
)
def test_parentheses_stand_where_they_must(text: str, said: str) -> None:
    assert spell_out(typeset(read(text), look_of(read(text)))) == said


def test_negative_numbers_beside_an_operator_stand_in_parentheses() -> None:
    look = Look({"x": Set(("mn", "−3"), 0), "g": Set(("mn", "2"))}, "×")
    assert spell_out(typeset(read("g * x"), look)) == "2×(−3)"
    assert spell_out(typeset(read("g + x"), look)) == "2+(−3)"


@pytest.mark.parametrize("text", ["1 / (2 * x)", "-1 / x", "x / x", "log(x)", "x ** -0.5", "x * log(x)"])
def test_what_divides_by_zero_is_torch_s(text: str) -> None:
    value = evaluate(read(text), {"x": 0.0})
    expected = eval(text, {"x": torch.zeros((), dtype=torch.float64), "log": torch.log})
    assert value == pytest.approx(float(expected), nan_ok=True)


@pytest.mark.parametrize("text", ["sqrt(x - 1)", "(-1) ** 0.5 * y", "exp(exp(99 + 0 * x))", "x @ T(unknown)"])
def test_what_has_no_value_is_none(text: str) -> None:
    assert evaluate(read(text), {"x": 0.0}) is None
