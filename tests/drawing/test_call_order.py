"""Laws of the call order: operands first, as the sequence numbers say wherever they can be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.call_order import wire
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph
from tests.drawing.graphs import graph_of, join, line_graph, loop_graph, scalar_node


def ids(graph: AutogradGraph) -> list[int]:
    wiring = wire(graph)
    return [wiring.nodes[place].id for place in wiring.calls]


def test_calls_stand_in_the_order_of_their_sequence_numbers() -> None:
    assert ids(line_graph()) == [2, 5]


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=8, max_size=8))
def test_operands_come_first_whatever_the_numbers_claim(claimed: list[int | None]) -> None:
    graph = loop_graph(4)
    functions = [node for node in graph.nodes if node.kind == "function"]
    lying = {node.id: replace(node, sequence=number) for node, number in zip(functions, claimed, strict=True)}
    wiring = wire(replace(graph, nodes=tuple(lying.get(node.id, node) for node in graph.nodes)))
    ranks = {place: rank for rank, place in enumerate(wiring.calls)}
    for place in wiring.calls:
        for producer, _ in wiring.operands[place]:
            assert ranks.get(producer, -1) < ranks[place]


def test_operands_are_sorted_by_input_number() -> None:
    nodes = [scalar_node(number, "function", "Op") for number in range(3)]
    wiring = wire(graph_of(nodes, [join(2, 1, 0), join(2, 0, 1)], 2))
    assert [producer for producer, _ in wiring.operands[2]] == [1, 0]


def test_leaf_with_operands_is_a_call_after_all() -> None:
    nodes = [
        scalar_node(0, "function", "Op"),
        scalar_node(1, "accumulate", "AccumulateGrad"),
        scalar_node(2, "function", "Op"),
    ]
    assert ids(graph_of(nodes, [join(1, 0, 0), join(2, 0, 1)], 2)) == [0, 1, 2]


def test_cycle_among_wrong_numbers_is_refused() -> None:
    nodes = [scalar_node(number, "function", "Op") for number in range(3)]
    with pytest.raises(DrawingFailed, match="cycle"):
        wire(graph_of(nodes, [join(1, 0, 0), join(2, 0, 1), join(0, 0, 2)], 2))
