"""Are module trees and static graphs built as our own child builds them? A forged one must not break what draws it."""

from __future__ import annotations

from collections.abc import Iterator

from app.vocabulary.limits import Limits
from app.vocabulary.modules import ModuleTree
from app.vocabulary.static_graph import StaticGraph
from app.vocabulary.trace import Trace

MOST_LOST = 128
MOST_INPUTS = 64
"""Of one node of a static graph."""


def structure_sizes(trace: Trace, limits: Limits) -> Iterator[tuple[str, int, int]]:
    """What is counted, how much there is, and how much our own child would send at most."""
    yield "modules", sum(len(tree.modules) for tree in trace.modules), limits.modules
    yield "parameters", sum(len(tree.parameters) for tree in trace.modules), limits.modules
    yield "misplaced modules", sum(map(misplaced_modules, trace.modules)), 0
    yield "static graphs", len(trace.static_graphs), limits.static_graphs
    yield "static nodes", sum(len(graph.nodes) for graph in trace.static_graphs), limits.static_nodes
    yield "misplaced static nodes", sum(map(misplaced_nodes, trace.static_graphs)), 0
    for graph in trace.static_graphs:
        yield "things lost", len(graph.lost), MOST_LOST
        yield "characters of code", len(graph.code or ""), limits.text_chars
        yield "inputs of a node", max((len(node.inputs) for node in graph.nodes), default=0), MOST_INPUTS


def misplaced_modules(tree: ModuleTree) -> int:
    """A tree has a root, and every other module comes after its parent."""
    wrong = sum(
        record.id != number
        or (record.parent is None) != (number == 0)
        or (record.parent or 0) not in range(max(number, 1))
        for number, record in enumerate(tree.modules)
    )
    return wrong if tree.modules else 1


def misplaced_nodes(graph: StaticGraph) -> int:
    """Every node comes after those it takes from."""
    return sum(
        node.id != number or any(taken not in range(number) for taken in node.inputs)
        for number, node in enumerate(graph.nodes)
    )
