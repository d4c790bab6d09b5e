"""Static graphs and module trees as the JSON of Google's Model Explorer, whose format app/drawing/exports.py tells of.

Nothing is grouped or left out: nesting is that tool's own work. A module's namespace is its path, so its layers hold
its calls; of a module tree each module is a node in its own namespace, and an edge leads to each of its parts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.drawing.grouping import split_path
from app.drawing.lettering import clean
from app.drawing.numerals import show_bytes, show_count, show_shape
from app.vocabulary.modules import ModuleRecord, ModuleTree
from app.vocabulary.static_graph import StaticGraph, StaticNode

Json = dict[str, Any]


def write_static_explorer(graphs: Sequence[StaticGraph]) -> str:
    """One graph for each that was traced."""
    traced = [(number, graph) for number, graph in enumerate(graphs, 1) if graph.nodes]
    told = [_graph(f"{number} {clean(graph.name)}", _static_nodes(graph)) for number, graph in traced]
    return _write("Static graphs", told)


def write_module_explorer(trees: Sequence[ModuleTree]) -> str:
    told = [
        _graph(f"{number} {clean(tree.name)}", [_module_node(each) for each in tree.modules])
        for number, tree in enumerate(trees, 1)
    ]
    return _write("Module trees", told)


def _write(label: str, graphs: list[Json]) -> str:
    return json.dumps({"label": label, "graphs": graphs}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _graph(name: str, nodes: list[Json]) -> Json:
    return {"id": name, "nodes": nodes}


def _node(name: str, label: str, path: str, facts: Sequence[tuple[str, str]], inputs: Sequence[int]) -> Json:
    return {
        "id": name,
        "label": label,
        "namespace": "/".join([clean(part) for part in split_path(path)]),
        "attrs": [{"key": key, "value": value} for key, value in facts if value],
        "incomingEdges": [
            {"sourceNodeId": str(producer), "sourceNodeOutputId": "0", "targetNodeInputId": str(port)}
            for port, producer in enumerate(inputs)
        ],
        "outputsMetadata": [],
    }


def _static_nodes(graph: StaticGraph) -> list[Json]:
    return [_static_node(node) for node in graph.nodes]


def _static_node(node: StaticNode) -> Json:
    shape = "" if node.shape is None else show_shape(node.shape).replace("-1", "?")
    line = "" if node.span is None else str(node.span.line)
    facts = [("op", node.op), ("target", clean(node.target)), ("call", clean(node.call)), ("line", line)]
    told = _node(str(node.id), clean(node.name), node.module or "", facts, node.inputs)
    output = [("tensor_shape", shape), ("dtype", clean(node.dtype or ""))]
    attrs = [{"key": key, "value": value} for key, value in output if value]
    return {**told, "outputsMetadata": [{"id": "0", "attrs": attrs}] if attrs else []}


def _module_node(module: ModuleRecord) -> Json:
    facts = [
        ("class", clean(module.kind)),
        ("extra_repr", clean(module.says)),
        ("parameters", show_count(module.parameters)),
        ("trainable", show_count(module.trainable)),
        ("buffers", show_count(module.buffers)),
        ("size", show_bytes(module.bytes)),
        ("dtype", ", ".join([clean(each) for each in module.dtypes])),
        ("device", ", ".join([clean(each) for each in module.devices])),
        ("calls", show_count(module.calls)),
        ("same as", "" if module.same_as is None else str(module.same_as)),
    ]
    parents = () if module.parent is None else (module.parent,)
    return _node(str(module.id), f"{clean(module.name)}: {clean(module.kind)}", module.path, facts, parents)
