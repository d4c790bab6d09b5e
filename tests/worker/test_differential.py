"""Random programs, run recorded and run plainly: every value, gradient, node and edge must be torch's own."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from app.limits import Limits
from app.trace import AutogradGraph, Completed, NodeOutput
from app.values import Nested, TensorValue
from tests.worker.running import run, tensor

WHOLE = Limits(tensor_values=100_000, node_values=100_000)

UNARY = (
    "{a}.tanh()",
    "torch.sigmoid({a})",
    "{a}.relu()",
    "-{a}",
    "{a} ** 2",
    "{a}.sin() * 0.5",
    "{a}.abs()",
    "F.softplus({a})",
    "F.gelu({a})",
    "F.log_softmax({a}, dim=-1)",
    "{a}.sum()",
    "{a}.mean(dim=0)",
    "{a}.sum(dim=-1, keepdim=True)",
    "{a}.max(dim=0).values",
    "{a}.reshape(-1)",
    "{a}.T",
    "{a}.transpose(0, -1)",
    "{a}.unsqueeze(0)",
    "{a}.expand(2, *{a}.shape)",
    "{a}[0]",
    "{a}[..., :2]",
    "{a}[..., ::2] * 3",
    "{a}.detach() * 2",
    "{a}.clone()",
    "{a}.flip(0)",
    "{a}.cumsum(0)",
    "{a}.std()",
    "F.dropout({a}, 0.0)",
    "{a}.to(torch.float64).float()",
    "Cube.apply({a})",
)
BINARY = (
    "{a} + {b}",
    "{a} - {b} * 2",
    "{a} * {b}",
    "{a} / ({b}.abs() + 1)",
    "{a} @ {b}",
    "{a} @ {b}.T",
    "torch.maximum({a}, {b})",
    "torch.where({a} > 0, {a}, {b})",
    "torch.cat([{a}, {b}])",
    "torch.stack([{a}, {b}, {a}])",
    "F.mse_loss({a}, {b})",
    "torch.outer({a}.reshape(-1)[:3], {b}.reshape(-1)[:3])",
    "torch.einsum('...i,...i->...', {a}, {b})",
    "torch.addcmul({a}, {a}, {b}, value=0.5)",
)
STATEMENTS = (
    "{c}, {d} = {a}.chunk(2, dim=-1)",
    "{c}, {d} = {a}[0], {a}[-1]",
    "{c}, *_ = {a}.unbind(0)",
    "{c} = {a} * 1\n{c}.mul_(0.5)",
    "{c} = {a} + 0\n{c} += {b}",
    "{c} = {a} * 2\n{c}[0] = 1.5",
    "{c} = {a} * 2\n{c}[..., 0] = {b}[..., 0]",
    "{c} = {a} + 1\n{d} = {c}[0]\n{d}.mul_(3)",
    "with torch.no_grad():\n    {c} = {a} * {b}",
    "for i in range(3):\n    {a} = torch.tanh({a} * 0.9 + i)",
    "{c} = torch.linalg.qr({a}).R",
    "{c}, {d} = {a}.sort(dim=-1)",
    "{c} = nn.Linear({a}.shape[-1], 2)({a})",
)
PRELUDE = """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * x ** 2 * g

torch.manual_seed({seed})
"""
SHAPES = st.sampled_from([(), (1,), (3,), (2, 3), (3, 2), (3, 3), (2, 1, 3), (4, 2, 2)])
TEMPLATES = UNARY + BINARY + STATEMENTS
CHOICES = st.tuples(st.integers(0, len(TEMPLATES) - 1), st.integers(0, 99), st.integers(0, 99))


class Builder:
    """Grows a program statement by statement, keeping only those that plain torch accepts."""

    def __init__(self, seed: int) -> None:
        self.source = PRELUDE.format(seed=seed)
        self.names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
        exec(self.source, self.names)

    def grow(self, statement: str) -> None:
        before = torch.get_rng_state()
        trial = dict(self.names)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(statement, trial)
        except (RuntimeError, IndexError, ValueError, TypeError):
            torch.set_rng_state(before)
            return
        self.names = trial
        self.source += statement + "\n"

    def tensors(self) -> list[str]:
        return [name for name, value in self.names.items() if isinstance(value, Tensor)]


@st.composite
def programs(draw: st.DrawFn) -> str:
    builder = Builder(draw(st.integers(0, 2**16)))
    for number, shape in enumerate(draw(st.lists(SHAPES, min_size=1, max_size=4))):
        grad = number == 0 or draw(st.booleans())
        builder.grow(f"t{number} = torch.randn({list(shape)}, requires_grad={grad})")
    for number, (which, first, second) in enumerate(draw(st.lists(CHOICES, min_size=1, max_size=30))):
        names, template = builder.tensors(), TEMPLATES[which]
        parts = {
            "a": names[first % len(names)],
            "b": names[second % len(names)],
            "c": f"u{number}",
            "d": f"v{number}",
        }
        statement = template.format(**parts)
        builder.grow(statement if template in STATEMENTS else f"u{number} = {statement}")
    live = [name for name in builder.tensors() if builder.names[name].requires_grad]
    return builder.source + f"loss = {' + '.join(f'{name}.sum()' for name in live)}\n"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
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


def run_plainly(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(source, names)
    return names


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
        builder.grow(text if template in STATEMENTS else f"u = {text}")
        if len(builder.source) == size:
            refused.append(template)
    assert refused == []


def test_tensors_of_a_program_are_found_by_name() -> None:
    assert tensor(run("a = torch.ones(2)"), "a").shape == (2,)
