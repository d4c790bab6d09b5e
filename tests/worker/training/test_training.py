"""Losses, metrics and optimiser steps are found in ordinary programs, and told point for point while they run."""

from __future__ import annotations

import math

import pytest

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Trace
from app.vocabulary.training import Curve, SeriesKind, Training
from app.vocabulary.values import Span
from tests.worker.running import run, run_frames

NET = """
torch.manual_seed(0)
X = torch.randn(32, 3)
Y = X.sum(1, keepdim=True)
net = nn.Linear(3, 1)
"""
LOOP = (
    NET
    + """
opt = optim.SGD(net.parameters(), lr=0.1)
kept = []
for epoch in range(20):
    loss = F.mse_loss(net(X), Y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    kept.append(loss.item())
kept
"""
)

SELDOM = """
w = torch.tensor(1.0, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)
best_loss = 1e9
for step in range(30):
    loss = w * w
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 10 == 9:
        val_loss = loss.item() + 1
    if step == 0 or step >= 25:
        best_loss = loss.item()
"""


def curve(trace: Trace, name: str, kind: SeriesKind = "loss") -> Curve:
    (found,) = (each for each in trace.curves if (each.series.name, each.series.kind) == (name, kind))
    return found


def named(trace: Trace) -> dict[str, int]:
    """Losses and metrics with their number of points."""
    return {c.series.name: c.count for c in trace.curves if c.series.kind in ("loss", "metric")}


def test_loss_of_a_plain_loop_is_found_point_for_point() -> None:
    trace = run(LOOP)
    assert trace.result is not None
    loss = curve(trace, "loss")
    assert list(loss.points.values) == pytest.approx(eval(trace.result.text))
    assert loss.points.steps == tuple(range(20))
    assert (loss.first, loss.last) == (loss.points.values[0], loss.points.values[-1])
    assert loss.series.span is not None


def test_frames_together_are_the_curve() -> None:
    frames = run_frames(LOOP, Limits(frames_per_second=200.0))
    trace = frames[-1]
    assert isinstance(trace, Trace)
    values: dict[int, list[object]] = {}
    names: dict[int, tuple[str, str]] = {}
    for frame in frames:
        if isinstance(frame, Training):
            names.update({series.index: (series.name, series.kind) for series in frame.new_series})
            for points in frame.points:
                values.setdefault(points.series, []).extend(points.values)
    for each in trace.curves:
        assert names[each.series.index] == (each.series.name, each.series.kind)
        assert tuple(values[each.series.index]) == each.points.values


PROGRAMS: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("backward only, in a function", NET + """
def step():
    out = (net(X) - Y).pow(2).mean()
    out.backward()
for _ in range(5): step()
""", {"out": 5}),
    ("unnamed root", "w = torch.ones(1, requires_grad=True)\nfor k in range(4):\n    (w * k).sum().backward()\n",
     {"(w * k).sum()": 4}),
    ("hand-written update", """
w = torch.tensor(5.0, requires_grad=True)
for i in range(6):
    loss = (w - 1) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
""", {"loss": 6}),
    ("numpy only", """
w = np.zeros(3)
for t in range(7):
    loss = float(np.square(w - 1).sum())
    w -= 0.2 * (w - 1)
""", {"loss": 7}),
    ("while loop", """
w = torch.tensor(3.0, requires_grad=True)
i = 0
while i < 5:
    loss = w ** 2
    loss.backward()
    i += 1
""", {"loss": 5}),
    ("validation and accuracy", NET + """
for epoch in range(3):
    train_loss = F.mse_loss(net(X), Y)
    train_loss.backward()
    with torch.no_grad():
        val_loss, accuracy = F.mse_loss(net(X), Y).item(), 0.5
""", {"train_loss": 3, "val_loss": 3, "accuracy": 3}),
    ("two losses", """
g, d = nn.Linear(2, 2), nn.Linear(2, 1)
for i in range(4):
    z = g(torch.randn(3, 2))
    loss_d = d(z.detach()).mean()
    loss_d.backward()
    loss_g = -d(z).mean()
    loss_g.backward()
""", {"loss_d": 4, "loss_g": 4}),
    ("closure", NET + """
opt = optim.LBFGS(net.parameters(), max_iter=2)
def closure():
    opt.zero_grad()
    out = F.mse_loss(net(X), Y)
    out.backward()
    return out
for i in range(3):
    loss = opt.step(closure)
""", {"out": 7, "loss": 3}),
    ("Chinese", """
w = torch.ones(1, requires_grad=True)
for i in range(3):
    损失 = (w * i).sum()
    损失.backward()
""", {"损失": 3}),
    ("running sum", NET + """
for epoch in range(2):
    running_loss = 0.0
    for x, y in zip(X, Y):
        loss = F.mse_loss(net(x), y)
        loss.backward()
        running_loss += loss.item()
""", {"running_loss": 2, "loss": 64}),
    ("numbers in objects of its own", """
class Value:
    def __init__(self, data): self.data, self.grad = data, 0.0
    def __mul__(self, other): return Value(self.data * other.data)
for i in range(4):
    loss = Value(2.0) * Value(i + 0.5)
    error = Value(np.array(1.5))
""", {"loss": 4, "error": 4}),
    ("no loop", NET + "loss = net(X).sum()\nloss.backward()\n", {}),
    ("names that are no numbers", "for i in range(3):\n    loss = 'high'\n    errors = [i]\n    error = i > 1\n", {}),
    ("one pass", NET + "for i in range(1):\n    loss = net(X).sum()\n    loss.backward()\n", {}),
)  # fmt: skip


@pytest.mark.parametrize(("source", "found"), [p[1:] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_losses_and_metrics_are_found_in_every_style(source: str, found: dict[str, int]) -> None:
    trace = run(source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    counts = named(trace)
    if "out" in found:  # how often LBFGS calls its closure is its own affair
        assert set(counts) == set(found)
    else:
        assert counts == found


def test_what_backward_starts_from_is_a_loss_whatever_its_name() -> None:
    source = (
        "w = torch.ones(1, requires_grad=True)\nfor i in range(3):\n    errD = (w * i).sum()\n    err = 1.5\n"
    )
    trace = run(source + "    errD.backward()")
    assert {each.series.name: each.series.kind for each in trace.curves} == {"errD": "loss", "err": "metric"}


def test_batches_know_their_epoch() -> None:
    trace = run(PROGRAMS[9][1])
    epochs = curve(trace, "loss").points.epochs
    assert epochs == (0,) * 32 + (1,) * 32


def test_optimiser_tells_rates_norms_and_updates() -> None:
    source = (
        LOOP.replace("kept.append", "sched.step(); kept.append")
        .replace("kept = []", "sched = optim.lr_scheduler.StepLR(opt, 10)")
        .replace("sched.step(); kept.append(loss.item())", "sched.step()")
        .replace("\nkept\n", "\n")
    )
    trace = run(source)
    rates = curve(trace, "lr", "learning_rate")
    assert rates.points.values == pytest.approx((0.1,) * 10 + (0.01,) * 10)
    norm = (
        curve(trace, "net.weight", "grad_norm")
        if any(c.series.name == "net.weight" and c.count > 1 for c in trace.curves)
        else None
    )
    assert norm is None or all(isinstance(value, float) and value > 0 for value in norm.points.values)


def test_divergence_is_spelled_and_its_first_step_is_known() -> None:
    source = """
w = torch.tensor(1.0, requires_grad=True)
for i in range(30):
    loss = w ** 2 * 1e30
    loss.backward()
    with torch.no_grad():
        w -= 1e5 * w.grad
        w.grad = None
"""
    loss = curve(run(source), "loss")
    assert loss.first_bad is not None
    assert loss.points.values[loss.first_bad] in ("Infinity", "NaN")
    assert all(isinstance(value, float) for value in loss.points.values[: loss.first_bad])


def test_progress_is_told_of_the_outermost_loop_also_when_all_have_ended() -> None:
    source = """net = nn.Linear(2, 1)
opt = optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    for i, x in enumerate(torch.ones(3, 5, 2)):
        loss = net(x).sum()
        loss.backward()
        opt.step()
"""
    told = [frame.progress for frame in run_frames(source) if isinstance(frame, Training)]
    assert {(each.line, each.total) for each in told if each is not None} == {(3, 4)}


def test_progress_counts_the_passes_of_the_training_loop() -> None:
    frames = run_frames(LOOP, Limits(frames_per_second=500.0))
    told = [frame.progress for frame in frames if isinstance(frame, Training)]
    last = told[-1]
    assert last is not None
    assert (last.total, last.optimiser_steps) == (20, 20)


def test_long_training_keeps_its_curve_within_bounds() -> None:
    source = """
loss = 0.0
for i in range(200_000):
    loss = 1.0 / (1 + i) + (5.0 if i == 123_456 else 0.0) + float(0)
"""
    loss = curve(run(source, Limits(curve_points=512, seconds=30)), "loss")
    assert loss.count == 200_000
    assert len(loss.points.steps) <= 4 * 512
    assert loss.first == 1.0
    assert loss.maximum == pytest.approx(5.0, abs=1e-4)
    assert max(float(value) for value in loss.points.values[1:]) == loss.maximum
    assert loss.points.steps[-1] == 199_999
    assert list(loss.points.steps) == sorted(loss.points.steps)


@pytest.mark.parametrize(
    "source",
    [
        "for x in 5:\n    print(x)",
        "for a, b in [(1, 2), (3,)]:\n    print(a)",
        "for i in range(3):\n    print(i)\n    if i == 1: break\nelse:\n    print('never')",
        "g = (print(i) or i for i in range(3))\nfor i in g:\n    print('got', i)\n    next(g)",
        "it = iter([1, 2, 3])\nfor i in it:\n    print(i, list(it))",
        "def f():\n    for i in range(3):\n        yield int(i)\n"
        "for i in f():\n    for j in f():\n        print(i, j)\n        continue",
        "n = 3\nwhile n:\n    n -= 1\n    print(n)\nelse:\n    print('done')",
        "for i in range(2):\n    try:\n        loss = 1 / i\n        print(loss)\n"
        "    except ZeroDivisionError as e:\n        print(e)",
        "d = {'a': 1}\nfor k in d:\n    d[k + 'b'] = print(k)",
    ],
)
def test_loops_behave_as_without_us(source: str) -> None:
    plain = plainly(source)
    trace = run(source)
    text = "".join(chunk.text for chunk in trace.output)
    error = getattr(trace.outcome, "exception", None), getattr(trace.outcome, "message", None)
    assert (text, error) == plain


def plainly(source: str) -> tuple[str, tuple[str | None, str | None]]:
    lines: list[str] = []

    def show(*values: object) -> None:
        lines.append(" ".join(map(str, values)) + "\n")

    try:
        exec(source, {"print": show, "math": math})
    except Exception as error:  # whatever the program raises is what it should raise with us too
        return "".join(lines), (type(error).__name__, str(error))
    return "".join(lines), (None, None)


def test_error_in_a_loop_s_head_is_found_there() -> None:
    outcome = run("x = 3\nfor i in x + 1:\n    print(i)").outcome
    assert getattr(outcome, "span", None) == Span(2, 9, 2, 14)


def test_what_is_looked_at_seldom_stands_where_it_was_looked_at() -> None:
    trace = run(SELDOM)
    found = {each.series.name: each.points for each in trace.curves}
    assert found["loss"].steps == tuple(range(30))
    assert found["val_loss"].steps == (9, 19, 29)
    assert found["best_loss"].steps == (0, 25, 26, 27, 28, 29)
    assert all(points.epochs == () for points in found.values())


def test_second_training_goes_on_where_the_first_ended() -> None:
    trace = run(SELDOM + "for step in range(5):\n    other_loss = step * 0.5\n")
    found = {each.series.name: each.points.steps for each in trace.curves}
    assert found["other_loss"] == (29, 30, 31, 32, 33)
