"""Random programs, run recorded and run plainly: every value, gradient, node and edge must be torch's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from app.vocabulary.graph import AutogradGraph, NodeOutput
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed
from app.vocabulary.values import Nested, TensorValue
from tests.worker.programs import TEMPLATES, Builder, is_statement, programs, run_plainly
from tests.worker.running import run, tensor

WHOLE = Limits(tensor_values=100_000, node_values=100_000, graph_numbers=10**9)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_recorded_program_agrees_with_plain_torch(source: str) -> None:
    plain = run_plainly(source)
    trace = run(source + "loss.backward()\n", WHOLE)
    assert isinstance(trace.outcome, Completed), trace.outcome
    loss = plain["loss"]
    named = {name: value for name, value in plain.items() if isinstance(value, Tensor)}
    (graph,) = trace.graphs
    assert_structure_is_torch_s(graph, loss)
    upstream = torch.autograd.grad(loss, list(named_on_graph(named)), retain_graph=True, allow_unused=True)
    assert_gradients_on_nodes(graph, dict(zip(named_on_graph(named).values(), upstream, strict=True)))
    loss.backward()
    for name, value in named.items():
        record = tensor_or_alias(trace.tensors, name)
        assert_same(record.value, value.detach())
        assert_same(record.grad, value.grad if value.is_leaf else None)


def named_on_graph(named: dict[str, Tensor]) -> dict[Tensor, str]:
    return {value: name for name, value in named.items() if value.requires_grad}


def tensor_or_alias(records: Any, name: str) -> Any:
    return next(record for record in records if record.name == name or name in record.aliases)


def assert_structure_is_torch_s(graph: AutogradGraph, loss: Tensor) -> None:
    """Nodes and edges, by kind: a walk of our own over next_functions, recursive on purpose, finds the same."""
    nodes: dict[Any, str] = {}
    edges: Counter[tuple[str, int, str, int]] = Counter()

    def walk(node: Any) -> None:
        nodes[node] = node.name().rsplit("::", 1)[-1]
        for input_nr, (producer, output_nr) in enumerate(node.next_functions):
            if producer is None:
                continue
            if producer not in nodes:
                walk(producer)
            edges[nodes[node], input_nr, nodes[producer], output_nr] += 1

    walk(loss.grad_fn)
    drawn = {node.id: node for node in graph.nodes if node.kind != "constant"}
    assert Counter(node.op for node in drawn.values()) == Counter(nodes.values())
    found = Counter(
        (drawn[e.consumer].op, e.input_nr, drawn[e.producer].op, e.output_nr)
        for e in graph.edges
        if e.producer in drawn
    )
    assert found == edges


def assert_gradients_on_nodes(graph: AutogradGraph, expected: dict[str, Tensor | None]) -> None:
    latest: dict[str, NodeOutput] = {}
    for node in sorted(graph.nodes, key=lambda node: node.sequence or 0):
        latest.update((output.name, output) for output in node.outputs if output.name is not None)
    for name, grad in expected.items():
        if grad is not None and name in latest:
            assert_same(latest[name].grad, grad)


def assert_same(value: TensorValue | None, expected: Tensor | None) -> None:
    if expected is None:
        assert value is None
        return
    assert value is not None
    assert value.index is None
    actual = torch.tensor(numbers(value.data), dtype=expected.dtype).reshape(expected.shape)
    torch.testing.assert_close(actual, expected, equal_nan=True, rtol=1e-5, atol=1e-6)


def numbers(data: Nested) -> Any:
    if isinstance(data, tuple):
        return [numbers(item) for item in data]
    return float(data) if isinstance(data, str) else data


def test_program_generator_covers_every_template() -> None:
    """The net is only as good as its meshes: each statement must be acceptable to torch for some shapes."""
    refused = []
    for template in TEMPLATES:
        builder = Builder(0)
        for number, shape in enumerate(((3, 3), (3, 3))):
            builder.grow(f"t{number} = torch.randn({shape}, requires_grad=True)")
        size = len(builder.source)
        text = template.format(a="t0", b="t1", c="u", d="v")
        builder.grow(text if is_statement(template) else f"u = {text}")
        if len(builder.source) == size:
            refused.append(template)
    assert refused == []


def test_tensors_of_a_program_are_found_by_name() -> None:
    assert tensor(run("a = torch.ones(2)"), "a").shape == (2,)
