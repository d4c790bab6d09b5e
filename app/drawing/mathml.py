"""A formula set as MathML, as plain data: a `Tree` is a tag and its children.

A leaf's child is its text; that of `word` names a word still to be said in the reader's language: if, otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

Tree = tuple["str | Tree", ...]

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly an expression holds together; a looser one inside a tighter one gets parentheses."""
OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "−",
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Eq: "=",
}
BESIDE: Tree = ("mi", "\u2009")
"""Between the factors of a matrix product: names of many letters want a space."""
TURNED: Tree = ("mo", "⊤")
SILENT = frozenset({"along"})
"""Functions that only line dimensions up: their first argument says everything."""


@dataclass(frozen=True, slots=True)
class Set:
    """An expression as MathML, and how tightly it holds together."""

    tree: Tree
    hold: int = ATOM


@dataclass(frozen=True, slots=True)
class Look:
    """How names are set, and the sign of a product of two of them."""

    names: Mapping[str, Set] = field(default_factory=dict)
    times: str = "·"


def leaf(tag: str, text: str) -> Tree:
    return (tag, text)


def row(*parts: Tree) -> Tree:
    return ("mrow", *parts)


def sign(text: str) -> Tree:
    return ("mo", text)


def in_parentheses(tree: Tree) -> Tree:
    return row(sign("("), tree, sign(")"))


def transposed(found: Set) -> Set:
    """Turned once more, what is transposed is itself again."""
    if found.tree[0] == "msup" and found.tree[2] == TURNED:
        inner = found.tree[1]
        assert isinstance(inner, tuple)
        return Set(inner)
    return Set(("msup", found.tree if found.hold == ATOM else in_parentheses(found.tree), TURNED), POWER)


def spell_out(tree: Tree) -> str:
    """All its text in a row."""
    return "".join([spell_out(part) if isinstance(part, tuple) else part for part in tree[1:]])


def typeset(expression: ast.expr, look: Look) -> Tree:
    """The expression as it is read on paper."""
    return _set(expression, look).tree


def _hold(expression: ast.expr, look: Look, least: int) -> Tree:
    """Set so that it can stand beside an operator that holds as tightly as `least`."""
    found = _set(expression, look)
    return found.tree if found.hold >= least else in_parentheses(found.tree)


def _set(node: ast.expr, look: Look) -> Set:
    match node:
        case ast.Constant(value=value):
            return set_plain(value)
        case ast.Name(id=name):
            return look.names.get(name) or Set(leaf("mi", GREEK.get(name, name)))
        case ast.UnaryOp(operand=operand):
            return Set(row(sign("−"), _hold(operand, look, PRODUCT)), SUM)
        case ast.BinOp():
            return _set_operation(node, look)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            parts = _set(left, look).tree, sign(OPERATORS[type(operator)]), _set(right, look).tree
            return Set(row(*parts), SUM)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _set_call(name, arguments, look)
    raise TypeError(ast.dump(node))


GREEK: Mapping[str, str] = {"pi": "π", "self": "input", "sigma": "σ", "mu": "μ", "gs": "g"}


def set_plain(value: object) -> Set:
    """A plain value: a number, a tuple of sizes, None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Set(leaf("mtext", str(value)[:60]))
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    negative = text.startswith("-")
    return Set(leaf("mn", text.replace("-", "−").replace("inf", "∞")), SUM if negative else ATOM)


def _set_operation(node: ast.BinOp, look: Look) -> Set:
    match node.op:
        case ast.Add() | ast.Sub():
            right = _hold(node.right, look, PRODUCT if isinstance(node.op, ast.Sub) else SUM)
            if right[0] == "mn" and str(right[1]).startswith("−"):
                right = in_parentheses(right)
            return Set(row(_hold(node.left, look, SUM), sign(OPERATORS[type(node.op)]), right), SUM)
        case ast.Mult():
            numeral = isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)
            times = "·" if numeral and look.times == "⊙" else look.times
            parts = _hold(node.left, look, PRODUCT), sign(times), _hold(node.right, look, PRODUCT)
            return Set(row(*parts), PRODUCT)
        case ast.MatMult():
            parts = _hold(node.left, look, PRODUCT), BESIDE, _hold(node.right, look, PRODUCT)
            return Set(row(*parts), PRODUCT)
        case ast.Div():
            return Set(("mfrac", _set(node.left, look).tree, _set(node.right, look).tree), POWER)
        case ast.Pow():
            base = _hold(node.left, look, ATOM)
            return Set(("msup", base, _set(node.right, look).tree), POWER)
    raise TypeError(ast.dump(node.op))


def _set_call(name: str, arguments: list[ast.expr], look: Look) -> Set:
    first = arguments[0]
    match name:
        case "exp":
            return Set(("msup", leaf("mi", "e"), _set(first, look).tree), POWER)
        case "sqrt":
            return Set(("msqrt", _set(first, look).tree))
        case "abs":
            return Set(row(sign("|"), _set(first, look).tree, sign("|")))
        case "T":
            return transposed(_set(first, look))
        case "inv":
            return Set(("msup", _hold(first, look, ATOM), row(sign("−"), leaf("mn", "1"))), POWER)
        case "where":
            return Set(_set_cases(arguments, look), PRODUCT)
        case "between" | "inside":
            return Set(_set_chain("≤" if name == "between" else "<", arguments, look), SUM)
        case "shape" if isinstance(_set(first, look).tree[1], str) and _set(first, look).tree[0] == "mtext":
            return _set(first, look)  # its name is set as its shape already
        case _ if name in SILENT:
            return _set(first, look)
    shown = "ln" if name == "log" else {"sigmoid": "σ", "Phi": "Φ", "phi": "φ"}.get(name, name)
    inner: list[Tree] = []
    for argument in arguments:
        if isinstance(argument, ast.Constant) and argument.value is None:
            continue
        inner += [*([sign(",")] if inner else []), _set(argument, look).tree]
    return Set(row(leaf("mi", shown), sign("\u2061"), in_parentheses(row(*inner))))


def _set_chain(operator: str, arguments: list[ast.expr], look: Look) -> Tree:
    """`low ≤ x ≤ high`, without the bound that is None."""
    shown = [each for each in arguments if not (isinstance(each, ast.Constant) and each.value is None)]
    parts: list[Tree] = []
    for each in shown:
        parts += [*([sign(operator)] if parts else []), _set(each, look).tree]
    return row(*parts)


def _set_cases(arguments: list[ast.expr], look: Look) -> Tree:
    """A value for each condition; one `where` in the last place of another adds its own."""
    rows: list[Tree] = []
    while True:
        condition, then, otherwise = arguments
        rows.append(_case(_set(then, look).tree, row(leaf("word", "if"), _set(condition, look).tree)))
        match otherwise:
            case ast.Call(func=ast.Name(id="where"), args=[_, _, _] as inner):
                arguments = inner
            case _:
                rows.append(_case(_set(otherwise, look).tree, leaf("word", "otherwise")))
                return row(sign("{"), ("mtable", *rows))


def _case(value: Tree, condition: Tree) -> Tree:
    return ("mtr", ("mtd", value), ("mtd", condition))
