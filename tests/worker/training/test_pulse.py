"""What is heard of a training is the same whether its passes are recorded or run at their own speed."""

from __future__ import annotations

import pytest

from app.vocabulary.holding import Command, Held, Pace
from app.vocabulary.limits import Limits
from tests.worker.running import run
from tests.worker.training.test_gate import Play

PROGRAMS = {
    "epochs of batches": """
for epoch in range(12):
    for x in torch.arange(10.0):
        loss = ((w - x) ** 2 + epoch).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
    val_loss = loss.item() / 2
""",
    "a second loop": """
for step in range(60):
    loss = (w * w).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
for epoch in range(6):
    for step in range(10):
        loss = (w - epoch).pow(2).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
""",
    "a step in a function": """
def train(x):
    loss = (w - x).pow(2).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
for x in range(40):
    train(x)
for epoch in range(5):
    for x in range(10):
        train(x)
""",
    "a number moved to another place": """
for step in range(80):
    loss = (w * w).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    loss = loss.item()
    if step % 10 == 9:
        accuracy = torch.tensor(step / 80)
""",
    "many numbers now and then": """
for step in range(80):
    losses = (w * w) if step % 7 == 5 else (w * w).sum()
    opt.zero_grad()
    losses.sum().backward()
    opt.step()
""",
    "no number now and then": """
for step in range(80):
    loss = (w * w).sum() / (0.0 if step % 30 == 29 else 1.0)
    opt.zero_grad()
    (w * w).sum().backward()
    opt.step()
""",
    "two optimisers, one with two groups": """
v = torch.ones(2, requires_grad=True)
other = optim.Adam([{"params": [w], "lr": 1e-3}, {"params": [v], "lr": 1e-2}])
for step in range(60):
    loss_w = (w * w).sum()
    opt.zero_grad()
    loss_w.backward()
    opt.step()
    loss_v = (w * v).sum()
    other.zero_grad()
    loss_v.backward()
    other.step()
    opt.param_groups[0]["lr"] *= 0.99
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_series_are_the_same_at_full_speed(name: str) -> None:
    source = "w = torch.ones(2, requires_grad=True)\nopt = optim.SGD([w], lr=0.01)\n" + PROGRAMS[name]
    whole, quick = run(source, Limits(steps=5_000)), run(source, Limits(steps=60))
    assert len(whole.steps) > 2 * len(quick.steps)
    told = [
        [
            (each.series, each.points, each.count, each.first_bad)
            for each in trace.curves
            if each.series.kind in ("loss", "metric", "learning_rate")
        ]
        for trace in (whole, quick)
    ]
    assert told[0] == told[1]
    assert told[0]


def test_loss_that_is_no_number_again_pauses_again_at_full_speed() -> None:
    source = """
w = torch.ones(2, requires_grad=True)
for step in range(200):
    loss = (w * w).sum() / (0.0 if step in (90, 91, 150) else 1.0)
    (w * w).sum().backward()
"""
    play = Play(source, Pace(pause_on_nonfinite=True), [Command("resume")] * 2, recorded=60).run()
    paused = [frame for frame in play.frames if isinstance(frame, Held) and frame.state == "paused"]
    assert [each.nonfinite.step for each in paused if each.nonfinite is not None] == [
        90,
        90,
    ]  # the first is told
    assert next(each for each in play.trace.curves if each.series.name == "loss").count == 200
