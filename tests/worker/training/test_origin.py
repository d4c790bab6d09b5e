"""A loss that is no number pauses the run, and says at which call of the program numbers stopped being finite."""

from __future__ import annotations

import pytest

from app.vocabulary.holding import Command, Origin, Pace
from app.vocabulary.trace import Completed
from tests.worker.training.test_gate import Play

RESUME = Command("resume")
EXPLODING = """
x = torch.linspace(-1, 1, 32).unsqueeze(1)
net = nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))
opt = optim.SGD(net.parameters(), lr={lr})
for step in range(400):
    out = net(x)
    loss = F.mse_loss(out, 1e4 * x)
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
SLOWLY = """
x = torch.linspace(-1, 1, 32)
w = torch.ones(1, requires_grad=True)
opt = optim.SGD([w], lr=3.0)
for step in range(2000):
    error = w * x - 5 * x
    square = error ** 2
    loss = square.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if not torch.isfinite(loss):
        break
""".strip()
LOGARITHM = """
w = torch.tensor([3.0], requires_grad=True)
opt = optim.SGD([w], lr=0.00001)
for i in range({steps}):
    p = w * (1.0 if i < {steps} - 1 else 0.0)
    q = torch.log(p)
    loss = (q * 2 + w).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
GRADIENT = """
w = torch.tensor([3.0], requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for i in range(9):
    d = w - w if i == 3 else w ** 2
    loss = torch.sqrt(d).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
DATA = """
net = nn.Linear(2, 1)
opt = optim.SGD(net.parameters(), lr=0.1)
x = torch.ones(4, 2)
x[3, 1] = 0.0
for i in range(5):
    scaled = x / (x if i == 2 else 1.0)
    loss = net(scaled).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
MASKED = """
scores = torch.zeros(2, 2, requires_grad=True)
opt = optim.SGD([scores], lr=0.1)
for i in range(4):
    rows = 2 if i == 2 else 1
    mask = torch.arange(2).unsqueeze(1).expand(2, 2) < rows - 1
    hidden = scores.masked_fill(mask | (i == 2), float("-inf"))
    weights = torch.softmax(hidden, dim=1)
    loss = weights.sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
NUMPY = """
w = np.ones(3)
for i in range(9):
    loss = float(np.log(w.sum() - i)) if i < 3 else float("nan")
    w = w * 1.0
""".strip()
SPOILT = """
w = torch.ones(2, requires_grad=True)
for i in range(6):
    loss = (w ** 2).sum()
    loss.backward()
    with torch.no_grad():
        w[0] = float("inf") if i == 3 else w[0]
        w.grad = None
""".strip()


def first_bad(source: str, recorded: int = 2_000) -> tuple[int, Origin]:
    """The first bad point and where it began; the run pauses once, and goes on to its end."""
    play = Play(source, Pace(pause_on_nonfinite=True), [RESUME], recorded=recorded).run()
    pauses = [held for held in play.held if held.state == "paused"]
    assert len(pauses) == 1
    found = pauses[0].nonfinite
    assert found is not None
    assert found.series == "loss"
    curve = next(curve for curve in play.trace.curves if curve.series.name == "loss")
    assert curve.first_bad == found.step
    assert play.trace.outcome == Completed()
    return found.step, found.origin


def test_overflow_is_found_in_the_call_it_happened_in() -> None:
    step, origin = first_bad(EXPLODING.format(lr=5.0))
    assert step < 40
    assert (origin.kind, origin.certain) == ("call", True)
    assert origin.op in ("torch.nn.functional.mse_loss", "torch.nn.functional.linear")


def test_loss_that_explodes_slowly_is_recorded_when_it_ends() -> None:
    step, origin = first_bad(SLOWLY, recorded=200)
    assert step > 200
    assert (origin.kind, origin.certain, origin.call) == ("call", True, "square.mean()")


@pytest.mark.parametrize("recorded", [2_000, 100], ids=["recorded", "recorder away"])
def test_logarithm_of_zero_is_found(recorded: int) -> None:
    step, origin = first_bad(LOGARITHM.format(steps=90), recorded)
    assert step == 89
    assert (origin.kind, origin.call, origin.name) == ("call", "torch.log(p)", "q")
    assert origin.certain or recorded == 100


def test_gradient_of_the_step_before_is_found() -> None:
    step, origin = first_bad(GRADIENT)
    assert step == 4
    assert (origin.kind, origin.op, origin.call) == ("gradient", "SqrtBackward0", "torch.sqrt(d)")


def test_division_by_zero_in_the_data_is_found() -> None:
    step, origin = first_bad(DATA)
    assert (step, origin.call, origin.name) == (2, "x / (x if i == 2 else 1.0)", "scaled")


def test_infinity_that_was_put_there_is_not_blamed() -> None:
    step, origin = first_bad(MASKED)
    assert (step, origin.call) == (2, "torch.softmax(hidden, dim=1)")


def test_what_nobody_saw_is_not_made_up() -> None:
    assert first_bad(NUMPY) == (3, Origin("unseen"))


def test_tensor_spoilt_before_the_step_is_named() -> None:
    step, origin = first_bad(SPOILT)
    assert (step, origin) == (4, Origin("tensor", name="w"))


def test_infinity_as_a_starting_value_is_no_reason_to_pause() -> None:
    source = "for fold in range(3):\n    best_loss = float('inf')\n    loss = min(best_loss, float(fold))"
    assert Play(source, Pace(pause_on_nonfinite=True)).run().held == []


def test_nothing_pauses_that_was_not_asked_to() -> None:
    play = Play(NUMPY, Pace()).run()
    assert play.held == []
    play = Play(NUMPY, Pace(paused=True), [Command("nonfinite", pause=True), RESUME, RESUME]).run()
    assert [held.state for held in play.held if held.nonfinite] == ["paused", "running"]
