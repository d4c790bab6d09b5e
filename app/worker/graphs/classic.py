"""torchviz's own picture of a graph, as plain nodes and edges. torchviz draws; we only listen to what it draws."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torchviz.dot
from torch import Tensor

from app.vocabulary.classic import ClassicEdge, ClassicGraph, ClassicNode
from app.vocabulary.values import NodeId

DEEPEST = 200_000
"""Python frames allowed while torchviz walks: it recurses once per node, and stops at 330 loop steps otherwise."""


class TooLargeForClassic(Exception):
    """torchviz's picture would have more nodes and edges than anyone can lay out."""


class _Listener:
    """Stands in for graphviz.Digraph, for which torchviz draws."""

    most = 0

    def __init__(self, node_attr: dict[str, str], graph_attr: dict[str, str]) -> None:
        self.graph_attr = graph_attr
        self.body: list[str] = []
        self.nodes: dict[str, ClassicNode] = {}
        self.edges: list[ClassicEdge] = []
        self._numbers: dict[str, NodeId] = {}

    def node(self, name: str, label: str, fillcolor: str = "lightgray") -> None:
        self.body.append(name)
        self.nodes[name] = ClassicNode(self._number(name), label, fillcolor, "box")

    def edge(self, tail: str, head: str, dir: str = "forward", style: str = "solid") -> None:
        self.body.append(tail)
        if len(self.body) > self.most:
            raise TooLargeForClassic
        ends = self._number(tail), self._number(head)
        self.edges.append(ClassicEdge(*ends, undirected=dir == "none", dotted=style == "dotted"))

    def _number(self, name: str) -> NodeId:
        return self._numbers.setdefault(name, NodeId(len(self._numbers)))


def draw_classic(root: Tensor, names: dict[str, Tensor], most: int) -> ClassicGraph:
    """What `torchviz.make_dot(root, params=names)` draws. Call before backward frees saved tensors.

    Raises TooLargeForClassic beyond `most` nodes and edges.
    """
    with _listening(most):
        drawn: Any = torchviz.dot.make_dot(root, params=names)
    return ClassicGraph(tuple(drawn.nodes.values()), tuple(drawn.edges))


@contextmanager
def _listening(most: int) -> Iterator[None]:
    original, depth = torchviz.dot.Digraph, sys.getrecursionlimit()
    torchviz.dot.Digraph = type("Listener", (_Listener,), {"most": most})
    sys.setrecursionlimit(DEEPEST)
    try:
        yield
    finally:
        torchviz.dot.Digraph = original
        sys.setrecursionlimit(depth)
