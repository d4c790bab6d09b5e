"""The recorder leaves a loop that is too long to be recorded whole, and is there again for what follows it."""

from __future__ import annotations

import pytest

from app.vocabulary.limits import Limits
from app.worker.recording import presence
from app.worker.recording.loops import LoopState
from app.worker.recording.presence import FIRST_PASSES, passes_left
from tests.worker.running import run

LONG = """
w = torch.ones(2, requires_grad=True)
for step in range({steps}):
    loss = (w * 2).sum()
    loss.backward()
    {body}
after = w.detach().exp()
"""


def test_what_follows_a_long_loop_is_recorded() -> None:
    trace = run(LONG.format(steps=1_000, body="w.grad = None"), Limits(steps=200))
    assert trace.steps[-1].op == "torch.Tensor.exp"
    assert trace.steps[-1].outputs[0].tensor == next(
        each.id for each in trace.tensors if each.name == "after"
    )
    assert len(trace.steps) < 200
    assert [cut.limit for cut in trace.cuts if cut.limit == "steps"] == ["steps"]


def test_loop_that_finds_room_is_recorded_whole() -> None:
    trace = run(LONG.format(steps=60, body="w.grad = None"), Limits(steps=200))
    assert sum(step.name == "loss" for step in trace.steps) == 60
    assert not any(cut.limit == "steps" for cut in trace.cuts)


def test_loop_that_was_broken_off_is_followed_too() -> None:
    trace = run(LONG.format(steps=1_000, body="if step == 50: break"), Limits(steps=200))
    assert trace.steps[-1].op == "torch.Tensor.exp"
    assert sum(step.name == "loss" for step in trace.steps) < 2 * FIRST_PASSES


def test_last_pass_of_a_loop_of_known_length_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "perf_counter", lambda: 0.0)  # no pass in between is ever due
    source = """
w = torch.ones(2, requires_grad=True)
for epoch in range(20):
    for batch in torch.arange(50.0):
        loss = (w * batch + epoch).sum()
        loss.backward()
        w.grad = None
"""
    trace = run(source, Limits(steps=200))
    assert trace.graphs[-1].occurrence == 999


def test_mode_of_the_program_around_a_long_loop_stays_its_own() -> None:
    source = """
w = torch.ones(2, requires_grad=True)
with torch.device("meta"):
    for step in range(1_000):
        loss = (w * 2).sum()
        loss.backward()
        w.grad = None
    inside = torch.ones(1)
after = torch.ones(1)
"""
    trace = run(source, Limits(steps=200))
    devices = {each.name: each.device for each in trace.tensors}
    assert (devices["inside"], devices["after"]) == ("meta", "cpu")


@pytest.mark.parametrize(
    ("running", "left"),
    [((), 1), (((2, 10),), 8), (((1, 3), (2, 10)), 18), (((1, None), (2, 10)), 8), (((2, None),), 1)],
)
def test_passes_left_are_those_of_all_loops_around(
    running: tuple[tuple[int, int | None], ...], left: int
) -> None:
    states = []
    for done, total in running:
        state = LoopState(1)
        state.done, state.total = done, total
        states.append(state)
    assert passes_left(states) == left
