"""Graphs that stand on someone's page: opening a group, or looking at another pass, draws again and runs nothing.

Bounded; the oldest go first. A key is not to be guessed, because a graph holds what someone computed.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from app.drawing.study import Study
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.modules import ModuleTree
from app.vocabulary.static_graph import StaticGraph

Graphs = tuple[AutogradGraph, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What else of a run is drawn, kept with its graphs."""

    modules: tuple[ModuleTree, ...] = ()
    statics: tuple[StaticGraph, ...] = ()

    @property
    def size(self) -> int:
        trees = sum(len(tree.modules) + len(tree.parameters) for tree in self.modules)
        return trees + sum(len(graph.nodes) for graph in self.statics)

    @property
    def anything(self) -> bool:
        return bool(self.modules or self.statics)


NOTHING_BESIDE = Beside()
MOST_STUDIED = 16
"""Runs whose graphs stay studied; of the others only the graphs are kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    graphs: Graphs
    beside: Beside
    studies: dict[int, Study] = field(default_factory=dict)
    """By the occurrence of the graph."""


class RecentGraphs:
    def __init__(self, entries: int = 128, most: int = 60_000) -> None:
        """Keeps the graphs of `entries` runs, with no more than `most` nodes and edges in all of them together."""
        self._entries = entries
        self._most = most
        self._room = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, graphs: Graphs, beside: Beside = NOTHING_BESIDE) -> str:
        """A key to find a run's graphs by; empty for those that are too large to be kept."""
        if _size(graphs, beside) > self._most:
            return ""
        self._room -= _size(graphs, beside)
        key = secrets.token_urlsafe(16)
        self._kept[key] = _Kept(graphs, beside)
        while self._room < 0 or len(self._kept) > self._entries:
            _, oldest = self._kept.popitem(last=False)
            self._room += _size(oldest.graphs, oldest.beside)
        return key

    def find(self, key: str) -> Graphs:
        """The graphs, which count as just looked at; none where they are kept no more."""
        return self.look(key)[0]

    def look(self, key: str) -> tuple[Graphs, Beside]:
        """The graphs and what was kept with them."""
        found = self._kept.get(key)
        if found is None:
            return (), NOTHING_BESIDE
        self._kept.move_to_end(key)
        return found.graphs, found.beside

    def study(self, key: str, graph: AutogradGraph) -> Study:
        """What was found out about a graph that is kept; a fresh study of one that is not."""
        kept = self._kept.get(key)
        known = kept.studies.get(graph.occurrence) if kept else None
        if known is not None and known.graph is graph:
            return known
        study = Study(graph)
        if kept is not None and any(each is graph for each in kept.graphs):
            kept.studies[graph.occurrence] = study
            for old in list(self._kept.values())[:-MOST_STUDIED]:
                old.studies.clear()
        return study


def _size(graphs: Graphs, beside: Beside) -> int:
    return beside.size + sum(len(graph.nodes) + len(graph.edges) for graph in graphs)
