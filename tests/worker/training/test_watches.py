"""Watched expressions are followed while a program runs, without changing it, and read once more at its end."""

from __future__ import annotations

import pytest

from app.vocabulary.graph import AutogradGraph
from app.vocabulary.holding import Command, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Stopped, Trace
from app.vocabulary.training import Curve, Watching
from tests.worker.running import run, run_frames
from tests.worker.training.test_gate import Play
from tests.worker.training.test_training import curve, named

NET = """
torch.manual_seed(0)
X = torch.randn(32, 3)
net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
opt = optim.SGD(net.parameters(), lr=0.1)
"""
LOOP = (
    NET
    + """
def accuracy():
    for _ in range(2):
        acc = net(X).mean().item()
    print("asked")
    return acc

kept = []
for epoch in range(12):
    loss = net(X).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    kept.append(loss.item())
kept.append(net[1].running_mean.sum().item())
kept
"""
)
IN_A_FUNCTION = (
    NET
    + """
def train(epochs):
    scale = torch.tensor(2.0)
    for epoch in range(epochs):
        inner = float(epoch)
        step()

def step():
    loss = net(X).pow(2).mean()
    loss.backward()
    opt.step()

train(8)
"""
)
BY_HAND = """
w = torch.tensor(1.0, requires_grad=True)
for i in range(6):
    loss = w ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.25 * w.grad
        w.grad = None
"""  # fmt: skip


def watched(trace: Trace, expression: str) -> Curve:
    return curve(trace, expression, "watched")


def followed(trace: Trace) -> list[str]:
    return [each.series.name for each in trace.curves if each.series.kind == "watched"]


def shown(graph: AutogradGraph) -> object:
    return [(node.op, node.step, node.outputs) for node in graph.nodes]


def test_number_is_followed_step_by_step() -> None:
    trace = run(LOOP, watch=("net[0].weight.abs().max()", "epoch * 2", "loss.item()", "epoch > 5"))
    assert watched(trace, "epoch * 2").points.values == tuple(2.0 * step for step in range(12))
    assert watched(trace, "epoch > 5").points.values == (0.0,) * 6 + (1.0,) * 6
    assert watched(trace, "loss.item()").points.values == pytest.approx(curve(trace, "loss").points.values)
    assert trace.watched[0].value is not None
    assert [each.followed.followed for each in trace.watched if each.followed] == ["number"] * 4


def test_tensor_of_many_numbers_is_followed_as_its_norm() -> None:
    trace = run(BY_HAND, watch=("torch.stack([w, w]) * 3 / 2 ** 0.5", "np.full(4, i)"))
    norm = watched(trace, "‖torch.stack([w, w]) * 3 / 2 ** 0.5‖")
    assert norm.points.values == pytest.approx([3 * 0.5 ** (step + 1) for step in norm.points.steps])
    assert watched(trace, "‖np.full(4, i)‖").last == 10.0
    assert {each.followed.followed for each in trace.watched if each.followed} == {"norm"}


def test_by_hand_training_is_followed_after_each_pass() -> None:
    points = watched(run(BY_HAND, watch=("w",)), "w").points
    assert points.values == tuple(0.5 ** (step + 1) for step in range(6))


def test_loop_that_trains_nothing_is_followed_too() -> None:
    trace = run("x = 1.0\nfor i in range(5):\n    x = math.sqrt(x + 1)", watch=("x",))
    assert watched(trace, "x").count == 5


def test_names_of_running_functions_are_seen() -> None:
    expressions = ("inner * scale", "epochs", "sum(inner for _ in X)")
    trace = run(IN_A_FUNCTION, watch=expressions)
    assert watched(trace, "inner * scale").points.values == tuple(2.0 * step for step in range(8))
    assert watched(trace, "sum(inner for _ in X)").last == 32.0 * 7
    # The functions have returned: what was read last stands for the value at the end.
    assert (trace.watched[1].text, trace.watched[1].error) == ("8.0", None)


def test_watching_changes_nothing() -> None:
    plain = run(LOOP)
    gradient = "torch.autograd.grad(net(X).sum(), net[0].weight)[0].norm()"
    expressions = ("accuracy()", "torch.rand(1)", "[net(X) for _ in range(3)]", "(epoch := 5)", gradient)
    trace = run(LOOP, watch=expressions)
    assert trace.result == plain.result
    assert [step.op for step in trace.steps] == [step.op for step in plain.steps]
    assert named(trace) == named(plain)
    assert [shown(graph) for graph in trace.graphs[:2]] == [shown(graph) for graph in plain.graphs[:2]]
    assert watched(trace, "accuracy()").count > 1
    assert watched(trace, gradient).count > 1
    assert not [each for each in trace.watched if each.error]


def test_what_gives_no_number_is_shown_at_the_end_alone() -> None:
    expressions = ("X.shape", "None", "'text'")
    trace = run(LOOP, watch=expressions)
    assert followed(trace) == []
    assert [each.followed.said for each in trace.watched if each.followed] == ["Size", "NoneType", "str"]
    assert [each.text for each in trace.watched] == ["torch.Size([32, 3])", "None", "'text'"]


def test_exception_is_told_beside_it_and_ends_nothing() -> None:
    frames = run_frames(LOOP, watch=("1 / (2 - epoch)", "missing", "exit()"))
    trace = frames[-1]
    assert isinstance(trace, Trace)
    assert isinstance(trace.outcome, Completed)
    divided, missing, left = trace.watched
    assert divided.fault is not None
    assert (divided.fault.step, divided.fault.said) == (2, "ZeroDivisionError: division by zero")
    assert watched(trace, "1 / (2 - epoch)").count == 11
    assert missing.error == "NameError: name 'missing' is not defined"
    assert (missing.fault, left.fault) == (None, None)
    assert left.error is not None
    assert left.error.startswith("SystemExit")


def test_slow_expression_takes_a_share_of_the_time() -> None:
    source = "seen = []\nfor i in range(2_000):\n    loss = math.sqrt(i)"
    trace = run(source, watch=("seen.append(sum(range(1_000_000)))", "len(seen)"))
    assert trace.watched[1].text is not None
    assert 2 <= int(trace.watched[1].text) < 1_000


def test_endless_expression_ends_with_the_time_allowed() -> None:
    trace = run(LOOP, Limits(seconds=1.0), watch=("[1 for _ in iter(int, 1)]",))
    assert isinstance(trace.outcome, Stopped)
    assert trace.outcome.limit == "seconds"


def test_expressions_come_and_go_while_it_runs() -> None:
    def watch(expression: str) -> Command:
        return Command("watch", expression=expression)

    orders = [
        (watch("epoch * 3"), watch("missing"), Command("step")),
        (Command("unwatch", expression="missing"), Command("step")),
        (watch("len(kept)"), watch("len(kept)"), Command("resume")),
    ]
    play = Play(LOOP, Pace(paused=True), wait=0.0)
    play.orders = orders
    trace = play.run().trace
    assert [each.expression for each in trace.watched] == ["epoch * 3", "len(kept)"]
    assert watched(trace, "epoch * 3").points.steps == tuple(range(12))
    assert watched(trace, "len(kept)").points.steps == tuple(range(2, 12))
    told = [frame for frame in play.frames if isinstance(frame, Watching) and frame.expression == "missing"]
    assert [(each.followed, each.step) for each in told] == [("error", 0)]
