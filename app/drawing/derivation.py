"""A node's rule with its own names, numbers and shapes: the steps from the gradient that arrived to those that left.

Numbers are shown only where the formula, evaluated, gives what torch gave. Of a tensor they are those of its first
element, and only for rules that go element by element.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.drawing.bindings import Bindings, Bound, Fed, argument, first_number, is_single, number_of
from app.drawing.formula import contents, evaluate, fill, functions_in, local_factor
from app.drawing.mathml import (
    ATOM,
    POWER,
    SUM,
    Look,
    Set,
    Tree,
    in_parentheses,
    leaf,
    row,
    set_plain,
    sign,
    spell_out,
    transposed,
    typeset,
)
from app.drawing.numerals import show_number, show_shape
from app.drawing.rules import Rule
from app.vocabulary.graph import GraphNode, NodeOutput
from app.vocabulary.values import TensorValue, Text

BY_ELEMENT = frozenset(
    {
        *("exp", "log", "log2", "log10", "sqrt", "abs", "sgn", "sign", "sin", "cos", "tan", "asin", "acos"),
        *("atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sigmoid", "softplus"),
        *("floor", "trunc", "Phi", "phi", "where", "between", "inside", "maximum", "minimum", "lgamma"),
    }
)
"""Functions whose result has the shape of what they are given."""
CLOSE = 1e-2
"""Half precision has three digits."""
Numbers = Callable[[TensorValue | None], float | None]


@dataclass(frozen=True, slots=True)
class Formula:
    """Lines of mathematics about one thing: what it is about, and words that belong below."""

    about: str | Text
    lines: tuple[Tree, ...]
    words: tuple[Text, ...] = ()


def derive(node: GraphNode, rule: Rule, bindings: Bindings, fed: Sequence[Fed]) -> tuple[Formula, ...]:
    """The forward formula, the rule's own parts, and one gradient for each operand that has one."""
    made = node.outputs[0]
    scene = _Scene(rule, bindings, made)
    found = [*_forward(scene), *_arriving(scene), *_parts(scene)]
    for each in fed:
        if each.producer.kind != "constant":
            found += _gradient(scene, each, fed)
    return tuple(found)


class _Scene:
    """How a rule's names look as symbols, as numbers and as shapes."""

    def __init__(self, rule: Rule, bindings: Bindings, made: NodeOutput) -> None:
        self.rule = rule
        self.made = made
        self.bound = bindings.tensors
        missing = [(name, part) for name, part in rule.defaults if name not in bindings.tensors]
        self.plain: dict[str, object] = {**dict(missing), **bindings.plain}
        self.single = all(is_single(bound) for bound in self.bound.values() if bound.shape is not None)
        self.complex = any(bound.complex for bound in self.bound.values())
        self.pick: Numbers = number_of if self.single else first_number
        times = "·" if self.single else "⊙"
        self.symbols = Look({name: self._symbol(name, each) for name, each in self.bound.items()}, times)
        self.shapes = Look({name: _shape(each) for name, each in self.bound.items()}, times)
        self.values = self._values()
        self.numbers = Look({name: set_number(value) for name, value in self.values.items()}, "×")

    def _symbol(self, name: str, bound: Bound) -> Set:
        if bound.symbol is None:
            number = number_of(bound.value) if is_single(bound) else None
            return set_plain(number) if number is not None else Set(leaf("mi", argument(name)))
        conjugated = self.complex and self.rule.for_complex == "conjugate" and name != "g"
        found = set_name(bound.symbol, bound.whole, conjugated)
        return transposed(found) if bound.transposed else found

    def _values(self) -> dict[str, float]:
        found = {name: self.pick(bound.value) for name, bound in self.bound.items()}
        values = {name: value for name, value in found.items() if value is not None}
        for name, part in self.rule.lets:
            value = self.value_of(self.sized(self.filled(part)), values)
            if value is not None:
                values[name] = value
        return values

    def filled(self, expression: ast.expr) -> ast.expr:
        """The expression with the plain values the node saved."""
        return fill(expression, self.plain)

    def sized(self, filled: ast.expr) -> ast.expr:
        """The same with counts of elements as numbers, where the shape they are of is known."""
        return _with_sizes(filled, self.bound)

    def value_of(self, sized: ast.expr, values: Mapping[str, float] | None = None) -> float | None:
        """The number it gives, where it goes element by element or all there is are single numbers."""
        if not self.single and not goes_by_element(sized):
            return None
        return evaluate(sized, self.values if values is None else values)


def goes_by_element(expression: ast.expr) -> bool:
    return functions_in(expression) <= BY_ELEMENT


def _with_sizes(node: ast.expr, bound: Mapping[str, Bound]) -> ast.expr:
    """Counts of elements as numbers, where the shape they are of is known."""
    match node:
        case ast.Call(func=ast.Name(id="numel" | "size"), args=[ast.Name(id=name), *rest]):
            shape = bound[name].shape if name in bound else None
            count = None if shape is None else _count(shape, rest)
            return node if count is None else ast.Constant(count)
        case ast.Call(func=function, args=arguments):
            return ast.Call(function, [_with_sizes(each, bound) for each in arguments], [])
        case ast.BinOp(left=left, op=operator, right=right):
            return ast.BinOp(_with_sizes(left, bound), operator, _with_sizes(right, bound))
        case ast.UnaryOp(op=operator, operand=operand):
            return ast.UnaryOp(operator, _with_sizes(operand, bound))
        case ast.Compare(left=left, ops=operators, comparators=[right]):
            return ast.Compare(_with_sizes(left, bound), operators, [_with_sizes(right, bound)])
    return node


def _count(shape: Sequence[int], rest: Sequence[ast.expr]) -> int | None:
    dims: object = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
    if rest and not isinstance(rest[0], ast.Constant):
        return None
    if dims is None or dims == ():
        return math.prod(shape)
    chosen = dims if isinstance(dims, tuple) else (dims,)
    if not all(isinstance(dim, int) and -len(shape) <= dim < len(shape) for dim in chosen):
        return None
    return math.prod([shape[dim] for dim in chosen])


# ------------------------------------------------------------------------------------------------ symbols


def set_name(text: str, whole: bool = True, conjugated: bool = False) -> Set:
    tree = leaf("mi" if whole else "mtext", text)
    if conjugated:
        return Set(("mover", tree if whole else in_parentheses(tree), sign("¯")))
    return Set(tree, ATOM if whole else SUM)


def set_number(number: float) -> Set:
    text = show_number(number, 6).replace("-", "−").replace("inf", "∞")
    return Set(leaf("mn", text), SUM if text.startswith("−") else ATOM)


def _shape(bound: Bound) -> Set:
    """A tensor's shape in the place of its name; a single number as it is."""
    number = number_of(bound.value) if bound.shape == () else None
    if number is not None:
        return set_number(number)
    return Set(leaf("mtext", "?" if bound.shape is None else show_shape(bound.shape)))


def partial(over: str | Tree, under: Tree) -> Tree:
    """∂ over / ∂ under."""
    top = leaf("mi", over) if isinstance(over, str) else over
    return ("mfrac", row(sign("∂"), top), row(sign("∂"), under))


def equal(*parts: Tree) -> Tree:
    """Parts joined by signs of equality; the same thing is not said twice in a row."""
    joined: list[Tree] = []
    for part in parts:
        if joined and spell_out(part) == spell_out(joined[-1]):
            continue
        joined += [*([sign("=")] if joined else []), part]
    return row(*joined)


def _name_of_result(scene: _Scene) -> Tree:
    bound = scene.bound["result"]
    if bound.symbol is None:
        return leaf("mi", "result")
    found = set_name(bound.symbol, bound.whole)
    return found.tree if bound.whole else in_parentheses(found.tree)


# ------------------------------------------------------------------------------------------------ formulas


def _forward(scene: _Scene) -> list[Formula]:
    if scene.rule.forward is None:
        return []
    filled = scene.filled(scene.rule.forward)
    named = [_name_of_result(scene)] if scene.bound["result"].whole else []
    numbers = _evaluated(scene, scene.sized(filled), scene.made.value)
    return [Formula(Text("forward"), (equal(*named, typeset(filled, scene.symbols), *numbers),))]


def _evaluated(scene: _Scene, sized: ast.expr, recorded: TensorValue | None) -> tuple[Tree, ...]:
    """`1 × 3` and `3`, where the rule gives the number that was recorded and all are single numbers."""
    if not scene.single or not _agrees(scene, sized, number_of(recorded)):
        return ()
    return typeset(sized, scene.numbers), set_number(number_of(recorded) or 0.0).tree


def _agrees(scene: _Scene, sized: ast.expr, recorded: float | None) -> bool:
    value = None if recorded is None else scene.value_of(sized)
    return value is not None and recorded is not None and is_close(value, recorded)


def is_close(value: float, recorded: float) -> bool:
    if math.isnan(value) or math.isnan(recorded):
        return math.isnan(value) and math.isnan(recorded)
    return math.isclose(value, recorded, rel_tol=CLOSE, abs_tol=1e-6)


def _arriving(scene: _Scene) -> list[Formula]:
    """The gradient that arrived."""
    arrived = scene.bound["g"]
    if scene.made.grad is None:
        return []
    number = number_of(arrived.value) if scene.single else None
    size = set_number(number).tree if number is not None else _shape(arrived).tree
    joint = sign("=") if number is not None else sign(":")
    line = row(equal(leaf("mi", "g"), partial("L", _name_of_result(scene))), joint, size)
    return [Formula(Text("arrived"), (line,))]


def _parts(scene: _Scene) -> list[Formula]:
    lines = [
        equal(leaf("mi", name), typeset(scene.filled(part), scene.symbols)) for name, part in scene.rule.lets
    ]
    words = () if scene.rule.note is None else (scene.rule.note,)
    return [Formula(Text("with"), tuple(lines), words)] if lines or words else []


def _gradient(scene: _Scene, fed: Fed, others: Sequence[Fed]) -> list[Formula]:
    """What left for one operand."""
    found = scene.rule.grad_of(fed.edge.input_nr)
    if found is None:
        return []
    name, expression = found
    expression = fill(expression, _of_list(scene, fed, others)) if scene.rule.each is not None else expression
    filled = scene.filled(expression)
    sized = scene.sized(filled)
    about, whole = fed.symbol or (argument(name), True)
    operand = transposed(set_name(about, whole)) if fed.turned else set_name(about, whole)
    target = operand.tree if operand.hold >= POWER else in_parentheses(operand.tree)
    general = partial("L", target), typeset(filled, scene.symbols)
    if scene.single:
        numbers = _evaluated(scene, sized, fed.edge.grad)
        return [Formula(about, (*_local(scene, filled, target, fed), equal(*general, *numbers)))]
    shapes, words = _shapes(scene, sized, fed.output.shape)
    return [Formula(about, (equal(*general), *shapes, *_first_element(scene, sized, fed)), words)]


def _of_list(scene: _Scene, fed: Fed, others: Sequence[Fed]) -> dict[str, object]:
    """Where in a list of tensors an operand stands, as far as it can be told."""
    known: dict[str, object] = {"index": fed.edge.input_nr}
    if not 0 <= fed.edge.input_nr < len(others):
        return known
    dim = scene.plain.get("dim")
    shapes = {each.edge.input_nr: each.output.shape for each in others}
    before = [shapes.get(number) for number in range(fed.edge.input_nr + 1)]
    if isinstance(dim, int) and all(
        shape is not None and -len(shape) <= dim < len(shape) for shape in before
    ):
        sizes = [shape[dim] for shape in before if shape is not None]
        known |= {"start": sum(sizes[:-1]), "length": sizes[-1]}
    return known


def _local(scene: _Scene, filled: ast.expr, target: Tree, fed: Fed) -> tuple[Tree, ...]:
    """`∂(x·w)/∂w = x = 3`: the derivative of this one operation."""
    factor = local_factor(filled)
    forward = scene.rule.forward
    if factor is None or (isinstance(factor, ast.Constant) and forward is None):
        return ()
    if not _agrees(scene, scene.sized(filled), number_of(fed.edge.grad)):
        return ()
    number = scene.value_of(scene.sized(factor))
    shown = () if number is None else (set_number(number).tree,)
    top = (
        _name_of_result(scene)
        if forward is None
        else in_parentheses(typeset(scene.filled(forward), scene.symbols))
    )
    return (equal(partial(top, target), typeset(factor, scene.symbols), *shown),)


def _shapes(
    scene: _Scene, sized: ast.expr, shape: tuple[int, ...] | None
) -> tuple[tuple[Tree, ...], tuple[Text, ...]]:
    """`(4, 2)ᵀ (4, 3) → (2, 3)`, and a word on what was broadcast."""
    names, functions = contents(sized)
    if shape is None or not names <= set(scene.bound):
        return (), ()
    parts = [typeset(sized, scene.shapes), leaf("mtext", show_shape(shape))]
    made = _common_shape(scene, names) if functions <= BY_ELEMENT else None
    words: tuple[Text, ...] = ()
    if made is not None and made != shape and math.prod(made) > math.prod(shape):
        parts.insert(1, leaf("mtext", show_shape(made)))
        words = (Text("Summed over the dimensions along which it was broadcast."),)
    if len(parts) == 2 and parts[0] == parts[1]:
        return (), ()
    return (_arrows(parts),), words


def _arrows(parts: Sequence[Tree]) -> Tree:
    joined: list[Tree] = []
    for part in parts:
        if not joined or part != joined[-1]:
            joined += [*([sign("→")] if joined else []), part]
    return row(*joined)


def _common_shape(scene: _Scene, names: Iterable[str]) -> tuple[int, ...] | None:
    """What shapes broadcast to."""
    shapes = [scene.bound[name].shape if name in scene.bound else None for name in names]
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    deepest = max(map(len, known), default=0)
    padded = [(1,) * (deepest - len(shape)) + tuple(shape) for shape in known]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))


def _first_element(scene: _Scene, sized: ast.expr, fed: Fed) -> tuple[Tree, ...]:
    """The numbers of the first element, where the rule goes element by element and nothing was summed."""
    shape = fed.output.shape
    if not shape or isinstance(sized, ast.Name):
        return ()
    names, functions = contents(sized)
    if not functions <= BY_ELEMENT or _common_shape(scene, names) != tuple(shape):
        return ()
    recorded = first_number(fed.edge.grad)
    if recorded is None or not _agrees(scene, sized, recorded):
        return ()
    index = leaf("mtext", f"[{', '.join('0' for _ in shape)}]")
    return (row(index, sign(":"), equal(typeset(sized, scene.numbers), set_number(recorded).tree)),)
