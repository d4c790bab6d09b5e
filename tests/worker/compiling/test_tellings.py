"""What is told of names that are assigned several times, of sums that start again, of phases and of functions."""

from __future__ import annotations

import pytest

from app.vocabulary.trace import Completed
from tests.worker.running import run
from tests.worker.training.test_training import named

PROGRAMS: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("sum of an inner loop", """
for epoch in range(3):
    total_loss = 0.0
    for x in range(5):
        total_loss += math.sqrt(x)
""", {"total_loss": 3}),
    ("sum that starts again within its loop", """
running_loss = 0.0
for i in range(20):
    running_loss += math.sqrt(i)
    if i % 5 == 4:
        running_loss = 0.0
""", {"running_loss": 4}),
    ("sum that never began", """
for i in range(20):
    if i % 5 == 0:
        running_loss = 0.0
    running_loss += math.sqrt(i)
""", {"running_loss": 3}),
    ("mean after the loop, in a function", """
def test():
    test_loss, correct = 0, 0
    for x in range(4):
        test_loss += math.sqrt(x)
    test_loss /= 4
for epoch in range(5): test()
""", {"test_loss": 5}),
    ("loss of a sequence", """
w = torch.ones(1, requires_grad=True)
for epoch in range(4):
    loss = 0
    for t in range(3):
        loss += (w * t).sum()
    loss.backward()
""", {"loss": 4}),
    ("the last of a row", """
w = torch.ones(2, requires_grad=True)
for i in range(4):
    loss = w.pow(2).sum()
    loss = loss / 2
    loss.backward()
    loss = loss.item() * 100
""", {"loss": 4}),
    ("the same number again", """
w = torch.ones(1, requires_grad=True)
def step():
    loss = (w * w.sum()).sum()
    loss.backward()
    return loss.item()
for i in range(4):
    loss = step()
""", {"loss": 4}),
    ("phases", """
for epoch in range(3):
    for phase in ("train", "val"):
        for batch in range(2):
            loss = math.sqrt(batch)
        epoch_acc = float(batch)
""", {"loss (train)": 6, "loss (val)": 6, "epoch_acc (train)": 3, "epoch_acc (val)": 3}),
    ("a function that keeps it to itself", """
def show(k): accuracy = k / 2; print(accuracy)
def half(k):
    error = k / 2
    return error
for k in range(3): show(half(k))
""", {"accuracy": 3}),
    ("one sum over all", """
total_loss = 0.0
for i in range(6):
    total_loss += math.sqrt(i)
""", {"total_loss": 6}),
    ("capitals between words", """
for i in range(3):
    errD_real, valAcc, terror, access = math.sqrt(i), float(i), float(i), float(i)
""", {"errD_real": 3, "valAcc": 3}),
)  # fmt: skip


@pytest.mark.parametrize(("source", "found"), [p[1:] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_each_number_is_told_once(source: str, found: dict[str, int]) -> None:
    trace = run(source)
    assert isinstance(trace.outcome, Completed), trace.outcome
    assert named(trace) == found


def test_values_of_whole_sums_are_told() -> None:
    (curve,) = run(PROGRAMS[1][1]).curves
    roots = [i**0.5 for i in range(20)]
    assert curve.points.values == pytest.approx([sum(roots[at : at + 5]) for at in (0, 5, 10, 15)])
