"""Laws of two graphs as one: nothing differs from itself, every node of both is there once, and the union is drawn."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.drawing.call_order import wire
from app.drawing.difference import compare, count_changes, summarise_changes
from app.drawing.graph import GraphView, draw_graph
from app.vocabulary.graph import AutogradGraph
from app.words import in_english
from tests.drawing.graphs import graph_of, join, line_graph, loop_graph, scalar_node


def chain(*names: str) -> AutogradGraph:
    """Each call takes the one before, and the leaf w."""
    nodes = [scalar_node(0, "accumulate", "AccumulateGrad", "w")]
    nodes += [
        scalar_node(n, "function", f"{name}Backward0", name.lower(), name) for n, name in enumerate(names, 1)
    ]
    edges = [join(n, 0, n - 1) for n in range(1, len(names) + 1)]
    return graph_of(nodes, [*edges, *(join(n, 1, 0) for n in range(2, len(names) + 1))], len(names))


@pytest.mark.parametrize("graph", [line_graph(), loop_graph(40)], ids=["line", "loop"])
def test_graph_differs_from_itself_in_nothing(graph: AutogradGraph) -> None:
    assert compare(graph, graph) == graph
    assert summarise_changes(graph).template == "Nothing differs."


def test_added_removed_and_changed_are_told_apart() -> None:
    union = compare(chain("Mul", "Add", "Sin"), chain("Mul", "Exp", "Sin"))
    told = {node.op: [mark.kind for mark in node.marks] for node in union.nodes}
    assert told == {
        "AccumulateGrad": [],
        "MulBackward0": [],
        "ExpBackward0": ["added"],
        "AddBackward0": ["removed"],
        "SinBackward0": [],
    }


def test_other_number_and_other_name_are_changes() -> None:
    union = compare(line_graph(), line_graph(w=4.0, y=22.0))
    assert count_changes(union) == (0, 0, 3)
    leaf = next(node for node in union.nodes if node.outputs[0].name == "w")
    (mark,) = leaf.marks
    assert in_english(mark.sentence) == "≠ value: 3 → 4"
    renamed = line_graph()
    nodes = tuple(
        replace(node, outputs=(replace(node.outputs[0], name="z"),)) if node.op == "AddBackward0" else node
        for node in renamed.nodes
    )
    assert count_changes(compare(line_graph(), replace(renamed, nodes=nodes))) == (0, 0, 1)


@pytest.mark.parametrize("seed", range(12))
def test_union_holds_both_and_has_no_cycle(seed: int) -> None:
    chance = random.Random(seed)
    before, after = (chain(*chance.choices(["Mul", "Add", "Sin"], k=chance.randrange(1, 30))) for _ in "ab")
    union = compare(before, after)
    added, removed, _ = count_changes(union)
    wire(union)
    assert len(union.nodes) == len(before.nodes) + added == len(after.nodes) + removed
    drawing = draw_graph(union, GraphView(300))
    assert {"added", "removed"} & {box.change for box in drawing.boxes} == ({"added"} if added else set()) | (
        {"removed"} if removed else set()
    )
    closed = draw_graph(union, GraphView(1))
    assert closed.boxes[0].change == ("changed" if added + removed else closed.boxes[0].change)


def test_long_graphs_that_differ_throughout_are_compared_in_time() -> None:
    before, after = chain(*["Mul", "Add"] * 2_000), chain(*["Add", "Mul", "Sin"] * 1_500)
    added, removed, _ = count_changes(compare(before, after))
    assert len(before.nodes) + added == len(after.nodes) + removed
