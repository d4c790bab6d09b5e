"""Graphs that stand grouped on someone's page: opening a group draws the same graph again, and runs nothing.

Bounded; the oldest go first. A key is not to be guessed, because a graph holds what someone computed.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

from app.trace import AutogradGraph


class RecentGraphs:
    def __init__(self, entries: int = 32, most: int = 60_000) -> None:
        """Keeps `entries` graphs, with no more than `most` nodes and edges in all of them together."""
        self._entries = entries
        self._most = most
        self._room = most
        self._kept: OrderedDict[str, AutogradGraph] = OrderedDict()

    def keep(self, graph: AutogradGraph) -> str:
        """A key to find it by; empty for one that is too large to be kept."""
        if _size(graph) > self._most:
            return ""
        self._room -= _size(graph)
        key = secrets.token_urlsafe(16)
        self._kept[key] = graph
        while self._room < 0 or len(self._kept) > self._entries:
            _, oldest = self._kept.popitem(last=False)
            self._room += _size(oldest)
        return key

    def find(self, key: str) -> AutogradGraph | None:
        """The graph, which counts as just looked at; None where it is kept no more."""
        graph = self._kept.get(key)
        if graph is not None:
            self._kept.move_to_end(key)
        return graph


def _size(graph: AutogradGraph) -> int:
    return len(graph.nodes) + len(graph.edges)
