"""A moment comes after each step of a training, and calls nobody unless it was asked for."""

from __future__ import annotations

import pytest

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, RunRequest
from app.worker.compiling.instrument import compile_program
from app.worker.execute import Run

OPTIMISER = """
w = torch.ones(1, requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for epoch in range(3):
    for batch in range(4):
        opt.zero_grad()
        (w ** 2).sum().backward()
        opt.step()
"""
BY_HAND = """
w = torch.ones(1, requires_grad=True)
for step in range(5):
    (w ** 2).sum().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
"""
NUMPY = """
w = np.ones(3)
for step in range(6):
    loss = (w ** 2).sum()
    w = w - 0.1 * w
"""


@pytest.mark.parametrize(
    ("source", "moments"),
    # Where there is no optimiser the training loop is known from its first step on.
    [(OPTIMISER, 12), (BY_HAND, 4), (NUMPY, 5), ("for i in range(9): print(i)", 0)],
)
def test_a_moment_comes_at_each_step(source: str, moments: int) -> None:
    assert count_moments(source, always=True) == moments


def test_nobody_is_called_who_did_not_ask() -> None:
    assert count_moments(OPTIMISER, always=False) == 0


def count_moments(source: str, always: bool) -> int:
    run = Run(source, compile_program(source), RunRequest(), Limits(), lambda frame: None)
    count = 0

    def arrive() -> None:
        nonlocal count
        count += 1
        run._watchers.moments.want()

    run._watchers.moments.listen(arrive)
    if always:
        run._watchers.moments.want()
    assert run.program() == Completed()
    return count
