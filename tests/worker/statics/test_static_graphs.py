"""Static graphs: exactly what torch.fx and torch.export traced, at its places, and in words what that has lost."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo  # what the sealed child has before its first program
import torch.export._trace
from torch import fx, nn

from app.vocabulary.limits import Limits
from app.vocabulary.static_graph import StaticGraph
from app.vocabulary.trace import Completed, Raised, Trace
from app.words import in_english
from tests.worker.running import run

SOURCE = """
from torch import fx

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[1.], [2.]]))
        self.fc, self.double, self.calls, self.seen = nn.Linear(1, 3), True, 0, []
    def forward(self, x):
        for i in range(3): x = torch.relu(x) + i
        if self.double:
            x = x * 2
        else:
            x = x - 1
        self.calls += 1
        self.seen.append(x.shape)
        print("forward", self.calls)
        with torch.no_grad():
            y = x + 1
        z = x if self.calls > 100 else -x
        parts = [z * k for k in range(2)]
        assert self.calls < 100
        return self.fc(parts[0] @ self.w).sum() + y.sum()
"""
OWN = f"{SOURCE}\nnet = Net()\ng = fx.symbolic_trace(net)\nout = net(torch.ones(1, 2))\nout.backward()\n"
ASKED = f"{SOURCE}\nnet = Net()\nout = net(torch.ones(1, 2))\nout.backward()\nbefore = net.calls\n"
GATE = """
class Gate(nn.Module):
    def forward(self, x):
        if x.sum() > 100:
            return x * 2
        else:
            return x - 1
gate = Gate()
out = gate(torch.ones(2, requires_grad=True)).sum()
"""


@pytest.fixture(scope="module")
def own() -> Trace:
    return run(OWN)


@pytest.fixture(scope="module")
def asked() -> Trace:
    return run(ASKED, graph="static")


def marked(graph: StaticGraph, source: str) -> list[str]:
    """The text of the program at each call."""
    lines = source.split("\n")
    spans = [node.span for node in graph.nodes if node.op.startswith("call_") and node.span]
    return [lines[span.line - 1][span.column : span.end_column] for span in spans]


def said(graph: StaticGraph) -> list[str]:
    return [in_english(each.sentence) for each in graph.lost]


def test_graph_the_program_traced_is_told_node_for_node(own: Trace) -> None:
    names: dict[str, object] = {"torch": torch, "nn": nn}
    exec(OWN, names)
    expected = names["g"]
    assert isinstance(expected, fx.GraphModule)
    (graph,) = own.static_graphs
    assert (graph.name, graph.tracer, graph.asked, graph.error) == ("g", "torch.fx", False, None)
    nodes = list(expected.graph.nodes)
    assert [(each.op, each.name) for each in graph.nodes] == [(node.op, node.name) for node in nodes]
    numbers = {node: number for number, node in enumerate(nodes)}
    inputs = [tuple(numbers[each] for each in node.all_input_nodes) for node in nodes]
    assert [each.inputs for each in graph.nodes] == inputs
    assert graph.code is not None
    assert graph.code.split() == expected.graph.python_code("self").src.split()


def test_nodes_stand_at_the_characters_that_made_them(own: Trace) -> None:
    texts = marked(own.static_graphs[0], OWN)
    assert texts[:7] == ["torch.relu(x)", "torch.relu(x) + i"] * 3 + ["x * 2"]
    assert texts[-3:] == [
        "self.fc(parts[0] @ self.w).sum()",
        "y.sum()",
        "self.fc(parts[0] @ self.w).sum() + y.sum()",
    ]
    spans = {node.span for graph in own.graphs for node in graph.nodes}
    matmul = next(node for node in own.static_graphs[0].nodes if node.call == "mul_1 @ w")
    assert matmul.span in spans  # the same place as the autograd graph's
    assert (matmul.shape, matmul.dtype) == ((1, 1), "float32")


UNROLLED = "whatever the number is in another run."
DECIDED = "is in the graph, whatever the condition is in another run."


def test_what_is_lost_is_said_in_words(own: Trace) -> None:
    assert said(own.static_graphs[0]) == [
        f"Line 10: the loop over `range(3)` was unrolled: its body stands in the graph 3 times, {UNROLLED}",
        f"Line 11: `if self.double` was decided while it was traced: only the `if` branch {DECIDED}",
        "Line 15: `self.calls += 1` was done while it was traced, once. The graph does not do it.",
        "Line 16: `self.seen.append(x.shape)` was done while it was traced, once. The graph does not do it.",
        'Line 17: `print("forward", self.calls)` printed while it was traced, and printed stand-ins. '
        "The graph prints nothing.",
        "Line 18: `torch.no_grad()` is not in the graph: what stands in it is computed with gradients there.",
        f"Line 20: `if self.calls > 100` was decided while it was traced: only the `else` branch {DECIDED}",
        f"Line 21: `[z * k for k in range(2)]` was unrolled: what it computes stands in the graph 2 times, {UNROLLED}",
        "Line 22: `assert self.calls < 100` was checked once, while it was traced. The graph does not check it.",
    ]


def test_asking_changes_nothing_else_of_the_run(asked: Trace) -> None:
    plain = run(ASKED)
    assert isinstance(asked.outcome, Completed)
    (graph,) = asked.static_graphs
    assert (graph.name, graph.asked, len(graph.nodes) > 10) == ("net", True, True)
    assert plain.static_graphs == ()
    assert "".join(each.text for each in asked.output) == "forward 1\n"
    same = [(each.name, each.kind, each.shape) for each in plain.tensors]
    assert [(each.name, each.kind, each.shape) for each in asked.tensors] == same
    assert [each.op for each in asked.steps] == [each.op for each in plain.steps]
    assert asked.modules[0].modules[0].calls == 1


def test_branch_on_data_is_the_tracers_error_at_its_line_with_the_way_this_run_went() -> None:
    for tracer in ("torch.fx", "torch.export"):
        (graph,) = run(GATE, graph="static", tracer=tracer).static_graphs
        assert graph.nodes == ()
        assert graph.error is not None
        assert graph.error.span is not None
        assert graph.error.span.line == 4
        assert graph.error.remedy is not None
        assert "torch.where" in graph.error.remedy.template
        assert said(graph) == ["Line 4: in this run `if x.sum() > 100` took this way: else."]


def test_program_that_fails_to_trace_shows_both_its_error_and_why() -> None:
    trace = run(f"{GATE}\nfrom torch import fx\nfx.symbolic_trace(gate)")
    assert isinstance(trace.outcome, Raised)
    (graph,) = trace.static_graphs
    assert graph.error is not None
    assert graph.error.exception == trace.outcome.exception


def test_exported_program_is_drawn_as_it_is_with_its_parameters_and_places() -> None:
    source = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.drop = nn.Linear(2, 3), nn.Dropout(0.5)
    def forward(self, x):
        h = torch.relu(self.drop(self.fc(x)))
        return h[h > 0].sum()
net = Net()
exported = torch.export.export(net, (torch.ones(4, 2),))
out = net(torch.ones(4, 2))
"""
    trace = run(source)
    (graph,) = trace.static_graphs
    assert (graph.name, graph.tracer) == ("exported", "torch.export")
    assert [node.target for node in graph.nodes[:3]] == ["fc.weight", "fc.bias", "x"]
    linear = next(node for node in graph.nodes if node.target == "aten.linear.default")
    assert (linear.module, linear.shape) == ("exported.fc", (4, 3))
    assert "self.fc(x)" in marked(graph, source)
    kinds = {each.kind for each in graph.lost}
    assert kinds == {"sizes", "training", "shape"}
    assert not any(step.span is not None and step.span.line == 10 and step.module for step in trace.steps)


def test_shapes_of_a_traced_graph_that_ran_itself_are_those_of_its_calls() -> None:
    source = """
from torch import fx
def forward(x, w):
    h = torch.relu(x @ w)
    return (h * h).sum()
g = fx.symbolic_trace(forward)
loss = g(torch.ones(1, 3), torch.ones(3, 2))
"""
    (graph,) = run(source).static_graphs
    shapes = [(node.name, node.shape) for node in graph.nodes if node.op.startswith("call_")]
    assert shapes == [("matmul", (1, 2)), ("relu", (1, 2)), ("mul", (1, 2)), ("sum_1", ())]


def test_unnamed_tracing_and_function_are_told_too() -> None:
    source = "from torch import fx\ndef double(x): return x * 2\nfx.symbolic_trace(double).graph.eliminate_dead_code()"
    (graph,) = run(source).static_graphs
    assert (graph.name, [node.call for node in graph.nodes]) == ("double", ["x", "x * 2", "return mul"])


def test_static_graph_ends_at_the_limit_and_says_so() -> None:
    long = "def long(x):\n  for _ in range(50): x = x + 1\n  return x"
    source = f"from torch import fx\n{long}\ng = fx.symbolic_trace(long)"
    (graph,) = run(source, Limits(static_nodes=10)).static_graphs
    assert (len(graph.nodes), graph.nodes_left_out) == (10, 42)


def test_asking_where_there_is_nothing_to_trace_says_so() -> None:
    trace = run("y = torch.ones(2)", graph="static")
    assert trace.static_graphs == ()
    assert any("no static graph" in note.template for note in trace.notes)
