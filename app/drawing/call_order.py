"""Call order: the graph's nodes as the program called them, operands first, with every edge known by both its ends.

A sealed child may send anything that has the right types, so this is also where a graph that is none is refused:
two nodes with one number, an edge to nowhere, a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import attrgetter

from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph, GraphEdge, GraphNode
from app.vocabulary.values import NodeId, Text

Operand = tuple[int, GraphEdge]
"""One edge seen from its consumer: which node feeds it, by place in `Wiring.nodes`, and the edge."""


@dataclass(frozen=True, slots=True)
class Wiring:
    nodes: tuple[GraphNode, ...]
    places: dict[NodeId, int]
    operands: list[list[Operand]]
    """Each node's operands by `input_nr`."""
    uses: list[int]
    """How many edges leave each node."""
    cuts: dict[int, list[tuple[int, Text]]]
    """By constant, the nodes the program cut it from, and how."""
    calls: list[int]
    """Nodes that get one box, in call order; all others are leaves, drawn at each use."""
    leaves: list[bool]

    def is_leaf(self, place: int) -> bool:
        return self.leaves[place]


def wire(graph: AutogradGraph) -> Wiring:
    places = dict(zip([node.id for node in graph.nodes], range(len(graph.nodes)), strict=True))
    if len(places) != len(graph.nodes):
        raise DrawingFailed("two nodes have one number")
    operands: list[list[Operand]] = [[] for _ in graph.nodes]
    uses = [0] * len(graph.nodes)
    try:
        for edge in sorted(graph.edges, key=attrgetter("input_nr")):
            producer = places[edge.producer]
            operands[places[edge.consumer]].append((producer, edge))
            uses[producer] += 1
    except KeyError:
        raise DrawingFailed("an edge leads to a node that is not there") from None
    leaves = [
        node.kind != "function" and not found and used > 0
        for node, found, used in zip(graph.nodes, operands, uses, strict=True)
    ]
    wiring = Wiring(graph.nodes, places, operands, uses, _cuts(graph, places), [], leaves)
    wiring.calls.extend(_order(wiring))
    return wiring


def _cuts(graph: AutogradGraph, places: dict[NodeId, int]) -> dict[int, list[tuple[int, Text]]]:
    found: dict[int, list[tuple[int, Text]]] = {}
    for cut in graph.cuts:
        if cut.constant not in places or cut.producer not in places:
            raise DrawingFailed("a cut leads to a node that is not there")
        found.setdefault(places[cut.constant], []).append((places[cut.producer], cut.sentence))
    return found


def _order(wiring: Wiring) -> list[int]:
    """By sequence number, which is the order of the calls; where that is not so, any order that fits comes close."""
    calls = [place for place, leaf in enumerate(wiring.leaves) if not leaf]
    keys = [-1 if node.sequence is None else node.sequence for node in wiring.nodes]
    calls.sort(key=keys.__getitem__)
    return calls if _fits(wiring, calls) else _sorted_again(wiring, calls, keys)


def _fits(wiring: Wiring, calls: Sequence[int]) -> bool:
    """Whether every operand stands before its consumer."""
    operands, passed = wiring.operands, list(wiring.leaves)
    for place in calls:
        for producer, _ in operands[place]:
            if not passed[producer]:
                return False
        passed[place] = True
    return True


def _sorted_again(wiring: Wiring, calls: Sequence[int], keys: Sequence[int]) -> list[int]:
    """Operands first, the lower sequence number first among those that could come next."""
    waiting = dict.fromkeys(calls, 0)
    consumers: dict[int, list[int]] = {place: [] for place in calls}
    for place in calls:
        for producer, _ in wiring.operands[place]:
            if producer in waiting:
                waiting[place] += 1
                consumers[producer].append(place)
    ready = [(keys[place], place) for place in calls if not waiting[place]]
    heapify(ready)
    order: list[int] = []
    while ready:
        _, place = heappop(ready)
        order.append(place)
        for consumer in consumers[place]:
            waiting[consumer] -= 1
            if not waiting[consumer]:
                heappush(ready, (keys[consumer], consumer))
    if len(order) != len(calls):
        raise DrawingFailed("the graph has a cycle")
    return order
