"""Formulas: an expression in Python's own syntax, read once, then filled with what is known and evaluated.

What a rule says is executable, so that the very text a reader sees is tested against torch.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import lru_cache

LARGEST_FOLDED = 10**6


def _with_pole(logarithm: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: logarithm(x) if x else -math.inf


NUMERIC: Mapping[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("exp", "exp2", "expm1", "log1p", "sqrt")},
    **{name: _with_pole(getattr(math, name)) for name in ("log", "log2", "log10")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "erf", "erfc")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "lgamma")},
    "abs": abs,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "sgn": lambda x: math.copysign(1.0, x) if x else 0.0,
    "floor": math.floor,
    "Phi": lambda x: (1 + math.erf(x / math.sqrt(2))) / 2,
    "phi": lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "expand": lambda value, *rest: value,
    "sum": lambda value, *rest: value,
    "mean": lambda value, *rest: value,
    "T": lambda value: value,
    "reshape": lambda value, *rest: value,
    "numel": lambda value: 1.0,
    "size": lambda value, *rest: 1.0,
}
"""Functions of single numbers; those that only move or spread elements give a single one back."""


@lru_cache(maxsize=1024)
def read(text: str) -> ast.expr:
    """An authored expression; it is never anybody else's text."""
    return ast.parse(text, mode="eval").body


def fill(node: ast.expr, known: Mapping[str, object]) -> ast.expr:
    """The expression with known plain values in the place of their names, and what is idle (× 1, ** 1) left out."""
    match node:
        case ast.Name(id=name) if name in known:
            value = known[name]
            return value if isinstance(value, ast.expr) else ast.Constant(value)  # type: ignore[arg-type]
        case ast.Call(func=function, args=arguments):
            filled = [fill(argument, known) for argument in arguments]
            lined_up = isinstance(function, ast.Name) and function.id == "along"
            return (
                filled[0]
                if lined_up and isinstance(filled[0], ast.Constant)
                else ast.Call(function, filled, [])
            )
        case ast.Compare(left=left, ops=operators, comparators=[right]):
            return ast.Compare(fill(left, known), operators, [fill(right, known)])
        case ast.UnaryOp(op=operator, operand=operand):
            inner = fill(operand, known)
            if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
                return ast.Constant(-inner.value)
            return inner.operand if isinstance(inner, ast.UnaryOp) else ast.UnaryOp(operator, inner)
        case ast.BinOp(left=left, op=operator, right=right):
            return _simplify(fill(left, known), operator, fill(right, known))
    return node


def _simplify(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    match operator:
        case ast.Mult() | ast.Add() if _is(left, 1 if isinstance(operator, ast.Mult) else 0):
            return right
        case ast.Mult() | ast.Div() | ast.Pow() if _is(right, 1):
            return left
        case ast.Mult() if _is(left, -1):
            return ast.UnaryOp(ast.USub(), right)
    if _is_whole(left) and _is_whole(right):
        folded = evaluate(ast.BinOp(left, operator, right), {})
        if folded is not None and abs(folded) < LARGEST_FOLDED and folded == int(folded):
            return ast.Constant(int(folded))
    return ast.BinOp(left, operator, right)


def _is(node: ast.expr, number: int) -> bool:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return plain and node.value == number  # type: ignore[attr-defined]


def _is_whole(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def evaluate(expression: ast.expr, numbers: Mapping[str, float]) -> float | None:
    """Its value where every name is a single number, infinite where it divides by 0; None where none can be told."""
    try:
        return float(_value(expression, numbers))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _value(node: ast.expr, numbers: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return float(value)
        case ast.Name(id="pi"):
            return math.pi
        case ast.Name(id=name):
            return numbers[name]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, numbers)
        case ast.BinOp(left=left, op=operator, right=right):
            return _calculate(operator, _value(left, numbers), _value(right, numbers))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _calculate(operator, _value(left, numbers), _value(right, numbers))
        case ast.Call(func=ast.Name(id="where"), args=[condition, then, otherwise]):
            return _value(then if _value(condition, numbers) else otherwise, numbers)
        case ast.Call(func=ast.Name(id="between" | "inside" as name), args=[low, middle, high]):
            return _is_within(name == "between", [_bound(each, numbers) for each in (low, middle, high)])
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return NUMERIC[name](*(_value(argument, numbers) for argument in arguments[:1]))
    raise TypeError(ast.dump(node))


def _bound(node: ast.expr, numbers: Mapping[str, float]) -> float | None:
    return None if isinstance(node, ast.Constant) and node.value is None else _value(node, numbers)


def _is_within(closed: bool, numbers: list[float | None]) -> float:
    low, middle, high = numbers
    assert middle is not None
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    return float(low <= middle <= high if closed else low < middle < high)


def _calculate(operator: ast.AST, left: float, right: float) -> float:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult() | ast.MatMult():
            return left * right
        case ast.Div():
            return left / right if right else left * math.copysign(math.inf, right)
        case ast.Pow() if not left and right < 0:
            return math.inf
        case ast.Pow():
            power = left**right
            if isinstance(power, complex):
                raise ValueError("a root of a negative number")
            return float(power)
        case ast.Gt():
            return float(left > right)
        case ast.GtE():
            return float(left >= right)
        case ast.Lt():
            return float(left < right)
        case ast.LtE():
            return float(left <= right)
        case ast.Eq():
            return float(left == right)
    raise TypeError(type(operator).__name__)


def local_factor(expression: ast.expr) -> ast.expr | None:
    """What the arriving gradient `g` is multiplied by, where the expression is such a product."""
    match expression:
        case ast.Name(id="g"):
            return ast.Constant(1)
        case ast.UnaryOp(operand=operand):
            inner = local_factor(operand)
            return None if inner is None else fill(ast.UnaryOp(ast.USub(), inner), {})
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as operator, right=right):
            for side, other in ((left, right), (right, left)):
                inner = local_factor(side)
                if (
                    inner is None
                    or "g" in names_in(other)
                    or (side is right and isinstance(operator, ast.Div))
                ):
                    continue
                ordered = (inner, other) if side is left else (other, inner)
                return fill(ast.BinOp(ordered[0], operator, ordered[1]), {})
    return None


def names_in(expression: ast.expr) -> frozenset[str]:
    """Every name but those of functions."""
    return contents(expression)[0]


def functions_in(expression: ast.expr) -> frozenset[str]:
    """Every function; a product of matrices is told as `@`."""
    return contents(expression)[1]


def contents(expression: ast.expr) -> tuple[frozenset[str], frozenset[str]]:
    names: set[str] = set()
    functions: set[str] = set()
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case ast.Name(id=name):
                names.add(name)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                functions.add(name)
                waiting += arguments
            case ast.BinOp(left=left, op=operator, right=right):
                waiting += (left, right)
                if isinstance(operator, ast.MatMult):
                    functions.add("@")
            case ast.Compare(left=left, comparators=others):
                waiting += (left, *others)
            case ast.UnaryOp(operand=operand):
                waiting.append(operand)
    return frozenset(names), frozenset(functions)
