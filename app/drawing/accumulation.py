"""How a leaf's gradient came together: each use's part in the order the engine ran them, and the sum after each.

Sums are of what was recorded, where it was recorded in full; then what `.grad` held before and holds after.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from app.drawing.addition import add_values
from app.drawing.call_order import Wiring
from app.drawing.derivation import is_close
from app.drawing.faces import title_of
from app.drawing.lettering import clean, shorten
from app.drawing.numerals import as_float, scalar_of, show_norm, show_number
from app.vocabulary.graph import AutogradGraph, GraphNode, NodeOutput
from app.vocabulary.values import Complex, Nested, NodeId, TensorValue, Text

MOST_SUMMANDS = 12
LABEL_COLUMNS = 48
ROUNDING = 1e-2
"""Half precision, added up."""
Part = tuple[GraphNode, TensorValue]


@dataclass(frozen=True, slots=True)
class Summand:
    """One part of a leaf's gradient, and the sum after it was added; `node` is the box it came from."""

    label: str | Text
    node: str | None
    grad: str
    total: str | None


def sum_up(graph: AutogradGraph, wiring: Wiring, wanted: Container[int]) -> Mapping[int, tuple[Summand, ...]]:
    """For each of the wanted leaves that anything arrived at, by its place."""
    arrivals: dict[int, list[Part]] = {}
    for consumer, operands in enumerate(wiring.operands):
        for producer, edge in operands:
            if producer not in wanted or edge.grad is None:
                continue
            if wiring.nodes[producer].kind == "accumulate":
                arrivals.setdefault(producer, []).append((wiring.nodes[consumer], edge.grad))
    several = any(len(parts) > 1 for parts in arrivals.values())
    ran: dict[NodeId, int] = {node: place for place, node in enumerate(graph.ran)} if several else {}
    adds = graph.backward is not None and graph.backward.call != "grad"
    found = {}
    for place, parts in arrivals.items():
        parts.sort(key=lambda part: ran.get(part[0].id, len(ran)))
        if wiring.nodes[place].outputs:
            found[place] = _summands(parts, wiring.nodes[place].outputs[0], adds)
    return found


def _summands(parts: list[Part], leaf: NodeOutput, adds: bool) -> tuple[Summand, ...]:
    rows: list[Summand] = []
    total: TensorValue | None = None
    for node, value in parts:
        total = add_values(total, value) if rows else value
        rows.append(
            Summand(_label(node), f"n{node.id}", _brief(value), None if total is None else _brief(total))
        )
    if len(rows) > MOST_SUMMANDS:
        hidden = Text("and {count} more", {"count": len(rows) - MOST_SUMMANDS})
        rows = [*rows[:MOST_SUMMANDS], Summand(hidden, None, "…", rows[-1].total)]
    if leaf.grad is None:
        return tuple(rows)
    if total is not None and not _is_same(total, leaf.grad):
        rows.append(Summand(Text("after hooks of the program"), None, _brief(leaf.grad), None))
    if leaf.before is not None:
        rows.append(Summand(Text("already in .grad"), None, _brief(leaf.before), None))
    after = leaf.after or (leaf.grad if leaf.before is None else None)
    if adds and after is not None:
        rows.append(Summand(Text(".grad after this pass"), None, "", _brief(after)))
    return tuple(rows)


def _label(node: GraphNode) -> str:
    return shorten(clean(node.call or title_of(node)), LABEL_COLUMNS)


def _brief(value: TensorValue) -> str:
    """A number, or a tensor's norm."""
    single = scalar_of(value)
    if single is not None:
        return show_number(single, 6)
    return show_norm(value.statistics, "‖·‖={}", 6) or "…"


def _is_same(total: TensorValue, arrived: TensorValue) -> bool:
    """Whether nothing but adding happened on the way, as far as the numbers kept can tell."""
    if total.data == arrived.data:
        return True
    pairs = list(zip(_numbers(total.data), _numbers(arrived.data), strict=False))
    largest = max((abs(number) for pair in pairs for number in pair), default=0.0)
    return all(is_close(one, other) or abs(one - other) <= ROUNDING * largest for one, other in pairs)


def _numbers(data: Nested) -> Iterator[float]:
    if isinstance(data, tuple):
        for item in data:
            yield from _numbers(item)
    elif isinstance(data, Complex):
        yield from (as_float(data.real), as_float(data.imag))
    else:
        yield as_float(data)
