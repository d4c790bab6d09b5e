"""The vocabulary of torchviz's own picture: its nodes and edges, of which the trusted side writes DOT."""

from __future__ import annotations

from dataclasses import dataclass

from app.vocabulary.values import Many, NodeId


@dataclass(frozen=True, slots=True)
class ClassicNode:
    """A node as torchviz names and colours it."""

    id: NodeId
    label: str
    colour: str
    shape: str


@dataclass(frozen=True, slots=True)
class ClassicEdge:
    tail: NodeId
    head: NodeId
    undirected: bool = False
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class ClassicGraph:
    """torchviz's own picture, as nodes and edges; the trusted side writes the DOT."""

    nodes: Many[ClassicNode]
    edges: Many[ClassicEdge]
