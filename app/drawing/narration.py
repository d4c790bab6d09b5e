"""Narration: one stage of the forward or backward pass in a sentence, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from app.drawing.arrivals import Term
from app.drawing.faces import title_of
from app.drawing.lettering import clean, shorten, shorten_path
from app.drawing.numerals import show_count, show_number, show_range
from app.vocabulary.graph import GraphNode, NodeOutput
from app.vocabulary.values import Nested, TensorValue, Text, tell

NOT_KEPT = "—"
MOST_NAMED = 6
MOST_NUMBERS = 4
TITLE_COLUMNS = 40


def tell_value(value: TensorValue | None) -> str:
    """A number, the few numbers of a small tensor, or a tensor's norm; what is not finite is counted."""
    if value is None:
        return NOT_KEPT
    if _is_short(value):
        return _tell_numbers(value.data)
    found = value.statistics
    if found is None:
        return "…"
    broken = found.nan or found.positive_infinity or found.negative_infinity
    if broken or found.norm is None:
        return show_range(found)
    return f"‖{show_number(found.norm)}‖"


def _is_short(value: TensorValue) -> bool:
    """Whether it is told number by number: all of it, in one row."""
    if not isinstance(value.data, tuple):
        return True
    inner = any(isinstance(item, tuple) for item in value.data)
    return value.index is None and not inner and len(value.data) <= MOST_NUMBERS


def _tell_numbers(data: Nested) -> str:
    if isinstance(data, tuple):
        return f"[{', '.join([_tell_numbers(item) for item in data])}]"
    return show_number(data, 6)


def tell_title(node: GraphNode, output_nr: int | None = None) -> str:
    """A node's title, or of one of several outputs its own name."""
    if output_nr is None or len(node.outputs) == 1:
        return shorten_path(clean(title_of(node)), TITLE_COLUMNS)
    output = _output(node, output_nr)
    name = output.name if output else None
    return shorten(clean(name or f"{node.op}[{output_nr}]"), TITLE_COLUMNS)


def _output(node: GraphNode, output_nr: int) -> NodeOutput | None:
    return next((output for output in node.outputs if output.output_nr == output_nr), None)


def tell_sum(term: Term) -> str:
    """`3 + 4 = 7` where something was there already, else what came. Norms do not add: `+ ‖3‖ → ‖5‖`."""
    if term.before is None:
        return tell_value(term.added)
    if all(value is not None and _is_short(value) for value in (term.before, term.added)):
        return f"{tell_value(term.before)} + {tell_value(term.added)} = {tell_value(term.total)}"
    return f"+ {tell_value(term.added)} → {tell_value(term.total)}"


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:MOST_NAMED]) + (", …" if len(items) > MOST_NAMED else "")


def say_forward(node: GraphNode, operands: Sequence[tuple[GraphNode, int]]) -> Text:
    """`operands` are nodes and which of their outputs the call took."""
    taken = []
    for each, output_nr in operands:
        title, output = tell_title(each, output_nr), _output(each, output_nr)
        value = tell_value(output.value if output else None)
        taken.append(title if value in (NOT_KEPT, title) else f"{title} = {value}")
    values: dict[str, str | int | float] = {
        "title": tell_title(node),
        "op": clean(node.op),
        "inputs": _list(taken),
        "value": ", ".join([tell_value(output.value) for output in node.outputs[:MOST_NAMED]]),
    }
    if taken:
        return Text("Forward: {title} takes {inputs} and gives {value} ({op}).", values)
    return Text("Forward: {title} gives {value} ({op}).", values)


def say_start(roots: Sequence[GraphNode]) -> Text:
    given = [
        f"{tell_title(node)}: {_list([tell_value(output.grad) for output in node.outputs])}" for node in roots
    ]
    return Text("Backward starts with the gradient of {roots}.", {"roots": _list(given)})


def say_backward(node: GraphNode, sent: Sequence[tuple[GraphNode, int, Term]]) -> Text:
    values: dict[str, str | int | float] = {
        "title": tell_title(node),
        "op": clean(node.op),
        "grad": _list([tell_value(output.grad) for output in node.outputs]),
        "sent": _list([f"{tell_title(to, output_nr)}: {tell_sum(term)}" for to, output_nr, term in sent]),
    }
    if sent:
        return Text("Backward: {title} receives {grad} and sends {sent} ({op}).", values)
    return Text("Backward: {title} receives {grad} ({op}).", values)


def say_leaf(node: GraphNode, terms: Sequence[TensorValue | None], uses: int) -> Text:
    """A leaf's turn: what came from each use, what that makes, and what `.grad` is then."""
    output = node.outputs[0]
    values: dict[str, str | int | float] = {
        "title": tell_title(node),
        "grad": tell_value(output.grad),
        "count": show_count(uses),
        "before": tell_value(output.before),
        "after": tell_value(output.after),
    }
    added = 1 < len(terms) <= MOST_NAMED and all(term is not None and _is_short(term) for term in terms)
    if added:
        values["grad"] = f"{' + '.join(map(tell_value, terms))} = {values['grad']}"
    if output.before is not None:
        return Text(
            "AccumulateGrad: {grad} comes to {title}; {title}.grad was {before} and becomes {after}.", values
        )
    if uses > 1 and not added:
        return Text("AccumulateGrad: {count} gradients meet; {title}.grad becomes {grad}.", values)
    return Text("AccumulateGrad: {title}.grad becomes {grad}.", values)


def say_group_forward(title: str | Text, count: int) -> Text:
    return tell("Forward: {title}, {count} calls.", {"title": title, "count": show_count(count)})


def say_group_backward(title: str | Text, count: int) -> Text:
    return tell("Backward: {title}, {count} of its calls.", {"title": title, "count": show_count(count)})


def say_many_forward(count: int) -> Text:
    return Text("Forward: {count} boxes in a row.", {"count": show_count(count)})


def say_many_backward(count: int) -> Text:
    return Text("Backward: {count} boxes in a row.", {"count": show_count(count)})
