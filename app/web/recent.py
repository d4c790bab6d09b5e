"""Graphs that stand on someone's page: opening a group, or looking at another pass, draws again and runs nothing.

Bounded; the oldest go first. A key is not to be guessed, because a graph holds what someone computed.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

from app.graph import AutogradGraph

Graphs = tuple[AutogradGraph, ...]


class RecentGraphs:
    def __init__(self, entries: int = 128, most: int = 60_000) -> None:
        """Keeps the graphs of `entries` runs, with no more than `most` nodes and edges in all of them together."""
        self._entries = entries
        self._most = most
        self._room = most
        self._kept: OrderedDict[str, Graphs] = OrderedDict()

    def keep(self, graphs: Graphs) -> str:
        """A key to find a run's graphs by; empty for those that are too large to be kept."""
        if _size(graphs) > self._most:
            return ""
        self._room -= _size(graphs)
        key = secrets.token_urlsafe(16)
        self._kept[key] = graphs
        while self._room < 0 or len(self._kept) > self._entries:
            _, oldest = self._kept.popitem(last=False)
            self._room += _size(oldest)
        return key

    def find(self, key: str) -> Graphs:
        """The graphs, which count as just looked at; none where they are kept no more."""
        graphs = self._kept.get(key, ())
        if graphs:
            self._kept.move_to_end(key)
        return graphs


def _size(graphs: Graphs) -> int:
    return sum(len(graph.nodes) + len(graph.edges) for graph in graphs)
