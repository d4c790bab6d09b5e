"""What the names in a node's rule stand for: its operands, what it made, what arrived, and what it saved.

The trace tells it all; nothing is worked out anew. What a name's own symbol is comes from the program where it can.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.drawing.lettering import clean, columns
from app.drawing.numerals import as_float, scalar_of
from app.drawing.rules import Rule
from app.vocabulary.graph import GraphEdge, GraphNode, NodeOutput, SavedItem
from app.vocabulary.values import Complex, Nested, TensorValue

SYMBOL_COLUMNS = 18
LONGEST_READ = 200
"""Characters of a call that is read for the number written in it."""
SUMS = frozenset({"add", "add_", "sub", "sub_", "subtract", "subtract_"})
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One name: how the program calls it, its shape, and its value as far as it is known."""

    symbol: str | None = None
    whole: bool = True
    """Whether the symbol is a name, not an expression that wants parentheses."""
    shape: Shape | None = None
    value: TensorValue | None = None
    complex: bool = False
    transposed: bool = False
    """Whether it is the transpose of what the symbol names."""


@dataclass(frozen=True, slots=True)
class Fed:
    """An edge that feeds a node, and the output it comes from."""

    edge: GraphEdge
    producer: GraphNode
    output: NodeOutput
    turned: str | None = None
    """The name of what the producer, of no name itself, only transposed."""
    inner: bool = False
    """Whether the producer is one step of a call, and the call's text means the result of another."""

    @property
    def symbol(self) -> tuple[str, bool] | None:
        """What the program calls it, and whether that is a name."""
        return (self.turned, True) if self.turned else symbol_of(self.producer, self.output, self.inner)


@dataclass(frozen=True, slots=True)
class Bindings:
    tensors: Mapping[str, Bound]
    plain: Mapping[str, object] = field(default_factory=dict)
    """Plain values a node saved: a dimension, an exponent."""


def plain_texts(node: GraphNode) -> dict[str, str]:
    """What a rule's conditions are asked about."""
    return {item.name: item.text for item in node.saved if item.text is not None}


def bind(node: GraphNode, rule: Rule, fed: Sequence[Fed], inner: bool = False) -> Bindings:
    """Operands by their place among the node's edges; what was saved of them is the surer value."""
    tensors: dict[str, Bound] = {}
    for each in fed:
        found = rule.grad_of(each.edge.input_nr)
        if found is not None and rule.each is None:
            bound = of_output(each.output, each.symbol or (argument(found[0]), True))
            tensors[found[0]] = replace(bound, transposed=each.turned is not None)
    operands = {name for name, _ in rule.grads}
    plain: dict[str, object] = {}
    for item in node.saved:
        if item.shape is not None:
            tensors[item.name] = _with_saved(tensors.get(item.name, Bound()), item)
        elif not (item.text == "None" and (item.name in operands or item.name in dict(rule.defaults))):
            plain[item.name] = read_plain(item.text)
    written = literal_operand(node.call or "") if "other" not in tensors else None
    if written is not None:
        plain.setdefault("other", written)
    if node.outputs:
        made = node.outputs[0]
        tensors["result"] = of_output(made, symbol_of(node, made, inner))
        tensors["g"] = Bound("g", True, made.shape, made.grad, _is_complex(made.dtype))
    for name, shown in rule.renamed:
        tensors[name] = replace(tensors.get(name, Bound()), symbol=shown)
    return Bindings(tensors, plain)


def of_output(output: NodeOutput, symbol: tuple[str, bool] | None) -> Bound:
    name, whole = symbol or (None, True)
    return Bound(name, whole, output.shape, output.value, _is_complex(output.dtype))


def argument(name: str) -> str:
    """torch's name of an operand, as its documentation has it."""
    return "input" if name == "self" else name


def _with_saved(known: Bound, item: SavedItem) -> Bound:
    value = item.value or known.value
    return replace(known, shape=item.shape, value=value, complex=_is_complex(item.dtype))


def _is_complex(dtype: str | None) -> bool:
    return (dtype or "").startswith("complex")


def symbol_of(node: GraphNode, output: NodeOutput, inner: bool = False) -> tuple[str, bool] | None:
    """The program's name of an output, else a short call as it is written; and whether it is a name."""
    name = clean(output.name or "")
    if name and columns(name) <= SYMBOL_COLUMNS:
        return name, True
    if inner:
        module = clean(node.module or "")
        return (f"{module}(…)", True) if module and columns(module) <= SYMBOL_COLUMNS else None
    call = clean(node.call or "")
    if call and len(node.outputs) == 1 and columns(call) <= SYMBOL_COLUMNS:
        return call, call.isidentifier()
    return None


def literal_operand(call: str) -> float | None:
    """The number written beside a tensor: 1 in `x + 1`, `x += 1`, `x.add(1)`. Torch saves none that no rule needs."""
    try:
        body = ast.parse(" ".join(call.split())).body if len(call) <= LONGEST_READ else []
    except (SyntaxError, ValueError):
        return None
    match body:
        case [ast.Expr(ast.BinOp(left=left, right=right))]:
            sides = [left, right]
        case [ast.AugAssign(value=right)]:
            sides = [right]
        case [ast.Expr(ast.Call(func=ast.Attribute(attr=name), args=[*_, right]))] if name in SUMS:
            sides = [right]
        case _:
            return None
    numbers = [read_plain(ast.unparse(side)) for side in sides]
    return next(
        (each for each in numbers if isinstance(each, int | float) and not isinstance(each, bool)), None
    )


def read_plain(text: str | None) -> object:
    """A plain value from its text, the text itself where it is no literal."""
    try:
        return ast.literal_eval(text or "None")
    except (ValueError, SyntaxError):
        return text


# ------------------------------------------------------------------------------------------------ numbers


def number_of(value: TensorValue | None) -> float | None:
    """The single real number a value is."""
    found = None if value is None else scalar_of(value)
    return None if found is None or isinstance(found, Complex) else as_float(found)


def first_number(value: TensorValue | None) -> float | None:
    """The element at index 0 in every dimension: all that is shown of a tensor begins there."""
    data: Nested | None = None if value is None else value.data
    while isinstance(data, tuple):
        data = data[0] if data else None
    return None if data is None or isinstance(data, Complex) else as_float(data)


def is_single(bound: Bound) -> bool:
    return bound.shape is not None and all(size == 1 for size in bound.shape)
