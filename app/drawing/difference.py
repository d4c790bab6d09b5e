"""Two graphs as one: what only the first has is removed, what only the second has is added, what differs is changed.

Calls are matched in the order the program made them, as a text's lines are: so an edge of either graph never turns
back, and the union has no cycle. Leaves are matched by name. What was found stands in marks, which every view of a
graph shows already. Inside a long stretch that differs calls are matched by their place alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from app.drawing.call_order import Wiring, wire
from app.drawing.faces import in_words
from app.drawing.lettering import clean, shorten
from app.drawing.narration import tell_value
from app.drawing.numerals import show_shape
from app.vocabulary.graph import AutogradGraph, GraphEdge, GraphNode, NodeOutput
from app.vocabulary.values import Mark, NodeId, TensorValue, Text

LONGEST = 1_500
"""Calls between the first and the last difference that are compared one with another; it takes squared time."""
MOST_LETTERS = 40
ADDED = Mark("added", Text("+ added"))
REMOVED = Mark("removed", Text("− removed"))
CHANGED: Mapping[str, Text] = {
    "call": Text("≠ call: {before} → {after}"),
    "name": Text("≠ name: {before} → {after}"),
    "shape": Text("≠ shape: {before} → {after}"),
    "dtype": Text("≠ dtype: {before} → {after}"),
    "value": Text("≠ value: {before} → {after}"),
    "grad": Text("≠ grad: {before} → {after}"),
}
Key = Callable[[GraphNode], Hashable]
Pairs = dict[int, int]
"""Places in the second graph by places in the first."""


def compare(before: AutogradGraph, after: AutogradGraph) -> AutogradGraph:
    """The second graph with what it lost; DrawingFailed when one of them is none."""
    first, second = wire(before), wire(after)
    pairs = _match_calls(first, second) | _match_leaves(first, second)
    numbers = _number(first, second, pairs)
    earlier = {new: first.nodes[old] for old, new in pairs.items()}
    kept = [_mark(earlier.get(place), node) for place, node in enumerate(second.nodes)]
    gone = [
        replace(node, id=numbers[node.id], step=None, span=None, marks=(REMOVED, *node.marks))
        for place, node in enumerate(first.nodes)
        if place not in pairs
    ]
    edges = (*after.edges, *_edges_gone(before, after, numbers))
    return replace(after, nodes=(*kept, *gone), edges=edges)


def count_changes(graph: AutogradGraph) -> tuple[int, int, int]:
    """How many nodes were added, removed and changed."""
    kinds = [mark.kind for node in graph.nodes for mark in node.marks[:1]]
    return kinds.count("added"), kinds.count("removed"), kinds.count("changed")


def summarise_changes(graph: AutogradGraph) -> Text:
    added, removed, changed = count_changes(graph)
    if not added + removed + changed:
        return Text("Nothing differs.")
    return Text(
        "Added: {added}. Removed: {removed}. Changed: {changed}.",
        {"added": added, "removed": removed, "changed": changed},
    )


# ------------------------------------------------------------------------------------------------ matching


def _match_calls(first: Wiring, second: Wiring) -> Pairs:
    """By op, name and module; then, in each stretch that is left, by op alone."""
    pairs: Pairs = {}
    for olds, news in _stretches(first, second, first.calls, second.calls, _identity, pairs):
        for _ in _stretches(first, second, olds, news, _op, pairs):
            pass
    return pairs


def _stretches(
    first: Wiring, second: Wiring, olds: Sequence[int], news: Sequence[int], key: Key, pairs: Pairs
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """What stays unmatched between matches; the matches themselves go to `pairs`."""
    left, right = [key(first.nodes[at]) for at in olds], [key(second.nodes[at]) for at in news]
    old = new = 0
    for old_at, new_at, size in _common(left, right):
        yield olds[old:old_at], news[new:new_at]
        pairs.update(zip(olds[old_at : old_at + size], news[new_at : new_at + size], strict=True))
        old, new = old_at + size, new_at + size


def _common(left: Sequence[Hashable], right: Sequence[Hashable]) -> Iterator[tuple[int, int, int]]:
    """Equal runs as (start, start, length), the last one empty and at the end."""
    shorter = min(len(left), len(right))
    head = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)
    yield 0, 0, head
    inner, other = left[head : len(left) - tail], right[head : len(right) - tail]
    if max(len(inner), len(other)) <= LONGEST:
        for block in SequenceMatcher(None, inner, other, autojunk=False).get_matching_blocks()[:-1]:
            yield head + block.a, head + block.b, block.size
    else:
        same = [at for at in range(min(len(inner), len(other))) if inner[at] == other[at]]
        yield from ((head + at, head + at, 1) for at in same)
    yield len(left) - tail, len(right) - tail, tail
    yield len(left), len(right), 0


def _match_leaves(first: Wiring, second: Wiring) -> Pairs:
    waiting: dict[Hashable, list[int]] = {}
    for place, node in enumerate(second.nodes):
        if second.is_leaf(place):
            waiting.setdefault(_identity(node), []).append(place)
    found: Pairs = {}
    for place, node in enumerate(first.nodes):
        if first.is_leaf(place) and (places := waiting.get(_identity(node))):
            found[place] = places.pop(0)
    return found


def _identity(node: GraphNode) -> Hashable:
    return node.kind, node.op, node.module, tuple([output.name for output in node.outputs])


def _op(node: GraphNode) -> Hashable:
    return node.kind, node.op


# ------------------------------------------------------------------------------------------------ union


def _number(first: Wiring, second: Wiring, pairs: Pairs) -> dict[NodeId, NodeId]:
    """What each node of the first graph is called in the union."""
    fresh = max([node.id for node in second.nodes], default=-1) + 1
    return {
        node.id: second.nodes[pairs[place]].id if place in pairs else NodeId(fresh + place)
        for place, node in enumerate(first.nodes)
    }


def _edges_gone(
    before: AutogradGraph, after: AutogradGraph, numbers: dict[NodeId, NodeId]
) -> Iterator[GraphEdge]:
    """Edges of the first graph that the second has not, without gradients: nothing flows there any more."""
    there = {(edge.consumer, edge.producer, edge.output_nr) for edge in after.edges}
    for edge in before.edges:
        consumer, producer = numbers[edge.consumer], numbers[edge.producer]
        if (consumer, producer, edge.output_nr) not in there:
            yield replace(edge, consumer=consumer, producer=producer, grad=None)


def _mark(before: GraphNode | None, after: GraphNode) -> GraphNode:
    if before is None:
        return replace(after, marks=(ADDED, *after.marks))
    changes = [Mark("changed", said) for said in _changes(before, after)]
    return replace(after, marks=(*changes, *after.marks)) if changes else after


def _changes(before: GraphNode, after: GraphNode) -> Iterator[Text]:
    facts = [("call", before.call or "", after.call or "")]
    for old, new in zip(before.outputs, after.outputs, strict=False):
        facts += zip(("name", "shape", "dtype"), _facts(old), _facts(new), strict=True)
        facts += [("value", *_numbers(old.value, new.value)), ("grad", *_numbers(old.grad, new.grad))]
    for what, was, now in facts:
        if was != now:
            yield Text(CHANGED[what].template, {"before": _short(was), "after": _short(now)})


def _facts(output: NodeOutput) -> tuple[str, ...]:
    shape = "" if output.shape is None else show_shape(output.shape)
    return output.name or "", shape, output.dtype or ""


def _numbers(before: TensorValue | None, after: TensorValue | None) -> tuple[str, str]:
    """In as few words as tell the two apart: a norm, and all that is known of a tensor only where that is the same."""
    was, now = (in_words(each) if each is None else tell_value(each) for each in (before, after))
    return (was, now) if was != now else (in_words(before), in_words(after))


def _short(text: str) -> str:
    return shorten(clean(text), MOST_LETTERS) or "None"
