"""How much of all graphs together a trace may hold: values, numbers in them, nodes. Small graphs never notice."""

from __future__ import annotations

from app.vocabulary.limits import Limits


class GraphBudget:
    """Spent by one graph after the other; what a graph asks for in vain is counted."""

    def __init__(self, limits: Limits) -> None:
        self._values = limits.graph_values
        self._numbers = limits.graph_numbers
        self._nodes = limits.graph_nodes
        self._edges = limits.graph_edges
        self._saved = limits.graph_saved
        self._dropped = 0
        self._node_values = limits.node_values
        self._most = limits.node_values
        self._before = self._left

    @property
    def values_dropped(self) -> int:
        """What was asked for in vain by the graphs that are kept."""
        return self._dropped

    @property
    def _left(self) -> tuple[int, int, int, int, int, int]:
        return self._values, self._numbers, self._nodes, self._edges, self._saved, self._dropped

    def has_room_for(self, nodes: int, edges: int) -> bool:
        """Whether another graph of that size may be kept."""
        return nodes <= self._nodes and edges <= self._edges

    def begin(self, nodes: int, edges: int) -> None:
        """Start on a graph: the more values it will have, the fewer numbers each of them shows."""
        self._before = self._left
        self._nodes -= nodes
        self._edges -= edges
        asked = max(1, 2 * nodes + edges)
        self._most = max(1, min(self._node_values, self._numbers // (2 * asked)))

    def take_saved(self, count: int) -> bool:
        """Whether so many more saved things may be told."""
        self._saved -= count
        return self._saved >= 0

    def take_back(self) -> None:
        """Have again what the newest graph took: another one takes its place."""
        self._values, self._numbers, self._nodes, self._edges, self._saved, self._dropped = self._before

    def most(self) -> int | None:
        """How many numbers the next value may show; None when there shall be no more values."""
        if self._values <= 0:
            self._dropped += 1
            return None
        self._values -= 1
        self._numbers -= self._most
        return self._most
