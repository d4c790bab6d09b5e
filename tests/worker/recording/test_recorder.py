"""Every call of the program is a step with its exact place, the program's name for it, and what went in and out."""

from __future__ import annotations

import pytest
import torch

from app.source import SourceText
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Raised, Step, Trace
from app.worker.recording import presence
from tests.worker.running import leaf, run


def texts(trace: Trace, source: str) -> list[str]:
    """The program's own text of each step."""
    return [SourceText.of(source).text(step.span) for step in trace.steps if step.span is not None]


def step(trace: Trace, op: str) -> Step:
    return next(step for step in trace.steps if step.op == op)


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("y = x * w + b", ["x * w", "x * w + b"]),
        ("y = (x @ w).relu().sum()", ["x @ w", "(x @ w).relu()", "(x @ w).relu().sum()"]),
        ("损失 = x * w  # 😀\n甲 = '😀', 损失 + b", ["x * w", "损失 + b"]),
        ("if True:\n\ty = '😀' and x*w", ["x*w"]),
        ("def f(a):\n    return a * 2\nf(x)", ["a * 2"]),
        ("y = [a * 2 for a in (x, w)]", ["a * 2", "a * 2"]),
        ("f = lambda a: a - 1\nf(x)", ["a - 1"]),
        ("y = torch.stack([\n  x,\n  w,\n])", ["torch.stack([\n  x,\n  w,\n])"]),
        ("x += 1", ["x += 1"]),
        ("x[0] = 2", ["x[0] = 2"]),
        ("y = x.T", ["x.T"]),
        ("print(f'{x * 2}')", ["x * 2"]),
    ],
)
def test_step_knows_its_exact_characters(source: str, calls: list[str]) -> None:
    inputs = dict.fromkeys(("x", "w", "b"), leaf(((1.0, 2.0), (3.0, 4.0))))
    prelude = "x, w, b = x * 1, w * 1, b * 1\n"
    found = texts(run(prelude + source, inputs=inputs), prelude + source)
    assert found[3:] in (calls, [*calls[:-1], calls[-1].removesuffix(" = 2")])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("y = x * 2", "y"),
        ("a = b = x * 2", "b"),
        ("y: torch.Tensor = x * 2", "y"),
        ("(y := x * 2)", "y"),
        ("a, y = 1, x * 2", "y"),
        ("class C: pass\nc = C()\nc.h = x * 2", "c.h"),
        ("x * 2", None),
    ],
)
def test_step_has_the_name_its_result_was_given(source: str, name: str | None) -> None:
    assert step(run(source, inputs={"x": leaf(3.0)}), "torch.Tensor.mul").name == name


def test_module_of_a_step_is_its_path_in_the_program() -> None:
    source = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x
net = Net()
net(torch.ones(1, 2))
"""
    found = [(step.op, step.module) for step in run(source).steps if step.module]
    linear, tanh = "torch.nn.functional.linear", "torch.tanh"
    assert found == [
        (linear, "net.layers.0"),
        (tanh, "net"),
        (linear, "net.layers.1"),
        (tanh, "net"),
    ]


def test_node_inside_a_librarys_module_is_told_from_the_call_around_it() -> None:
    source = (
        "net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))\n"
        "y = net(torch.ones(1, 2))\ny.sum().backward()"
    )
    nodes = [node for node in run(source).graphs[-1].nodes if node.call == "net(torch.ones(1, 2))"]
    assert {(node.op, node.module) for node in nodes if node.inner} == {
        *(("TBackward0", "net.0"), ("AddmmBackward0", "net.0"), ("TanhBackward0", "net.1")),
        ("TBackward0", "net.2"),
    }
    assert [(node.op, node.outputs[0].name) for node in nodes if not node.inner] == [("AddmmBackward0", "y")]


def test_making_a_layer_is_not_a_row_of_steps() -> None:
    assert run("nn.Linear(3, 4); nn.LSTM(2, 2)").steps == ()


def test_optimiser_step_is_one_step() -> None:
    source = "w = nn.Parameter(torch.ones(2))\nopt = optim.Adam([w])\nw.sum().backward()\nopt.step()"
    ops = [step.op for step in run(source).steps]
    assert ops == ["torch.ones", "torch.Tensor.sum", "torch.optim.Adam.step"]


def test_closure_of_an_optimiser_is_recorded() -> None:
    source = """
w = nn.Parameter(torch.ones(2))
opt = optim.LBFGS([w])
def closure():
    opt.zero_grad()
    loss = (w ** 2).sum()
    loss.backward()
    return loss
opt.step(closure)
"""
    trace = run(source)
    assert step(trace, "torch.Tensor.pow").span is not None
    assert trace.graphs[0].backward is not None
    assert trace.graphs[0].backward.roots == ("loss",)


def test_steps_are_bounded_and_the_trace_says_so() -> None:
    trace = run("x = torch.ones(2)\nfor i in range(100):\n    x = x + 1", Limits(steps=10))
    assert len(trace.steps) == 10
    assert [(cut.limit, cut.allowed, cut.dropped) for cut in trace.cuts] == [("steps", 10, None)]
    assert trace.tensors[0].value is not None
    assert trace.tensors[0].value.data == (101.0, 101.0)


def test_latest_pass_of_a_long_training_loop_is_recorded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "IMPATIENCE", 1)  # on a slow machine, too, it comes back in time
    source = """
net = nn.Linear(3, 1)
opt = optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3_000):
    loss = net(torch.ones(4, 3)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
    trace = run(source, Limits(steps=200))
    latest = trace.graphs[-1]
    assert latest.occurrence > 100
    assert latest.backward is not None
    assert latest.backward.roots == ("loss",)
    assert all(node.span is not None for node in latest.nodes if node.kind == "function")
    assert len(trace.steps) <= 400


def test_values_of_intermediate_results_are_kept_although_overwritten() -> None:
    source = "x = torch.ones(2, requires_grad=True)\ny = x * 2\ny.add_(1)\ny[0] = 7\ny.sum().backward()"
    graph = run(source).graphs[0]
    values = {
        node.op: node.outputs[0].value.data for node in graph.nodes if node.outputs[0].value is not None
    }
    assert values["MulBackward0"] == (2.0, 2.0)
    assert values["AddBackward0"] == (3.0, 3.0)
    assert values["CopySlices"] == (7.0, 3.0)


def test_recorder_never_makes_a_program_fail() -> None:
    sources = (
        "torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)",
        "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])",
        "torch.empty(3, device='meta') * 2",
        "torch.sparse_coo_tensor([[0], [1]], [1.0], (2, 2)) * 2",
        "torch.func.vmap(torch.func.grad(lambda v: (v ** 2).sum()))(torch.randn(4, 3))",
        "torch.func.hessian(lambda v: (v ** 3).sum())(torch.ones(2))",
        "with torch.inference_mode():\n    x = torch.ones(2) * 3",
        "class T(torch.Tensor): pass\ny = torch.ones(2).as_subclass(T) * 2",
        "torch.zeros(0, 3).sum()",
        "torch.tensor([1 + 2j, float('nan')])",
        "torch.ones(2, dtype=torch.float8_e4m3fn)",
        "torch.ones(3, dtype=torch.bfloat16) * 2",
        "torch.fft.fft(torch.ones(4)).conj() * 1",
        "torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),))",
        "torch.fx.symbolic_trace(nn.Linear(2, 2))",
        "torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))",
    )
    failed = {
        source: trace.outcome for source in sources if isinstance((trace := run(source)).outcome, Raised)
    }
    assert failed == {}


def test_nothing_of_the_recording_stays_behind() -> None:
    before = torch.autograd.backward, torch.autograd.grad, torch.autograd.Function.__dict__["apply"].__func__
    run("torch.ones(2, requires_grad=True).sum().backward()")
    after = torch.autograd.backward, torch.autograd.grad, torch.autograd.Function.__dict__["apply"].__func__
    assert before == after
    assert not nn_hooks()


def nn_hooks() -> object:
    module = torch.nn.modules.module
    return module._global_forward_hooks or module._global_forward_pre_hooks


def test_operator_that_takes_functions_is_a_step() -> None:
    trace = run(
        "from torch.nn.attention.flex_attention import flex_attention\n"
        "x = torch.ones(1, 1, 16, 16)\ny = flex_attention(x, x, x)"
    )
    assert isinstance(trace.outcome, Completed), trace.outcome
    assert "torch.ops.higher_order.flex_attention" in [step.op for step in trace.steps]


def test_what_a_module_returns_has_its_name_at_every_pass_of_a_loop() -> None:
    """Loops call modules, and torch itself; what a module made on the way has no name of the program."""
    trace = run(
        "net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())\n"
        "x = torch.ones(1, 2)\n"
        "for _ in range(3):\n    x = net(x)\n"
        "for _ in range(2):\n    x = F.relu(torch.tanh(x))\n"
    )
    assert [step.name for step in trace.steps[1:]] == [*(None, "x") * 5]
