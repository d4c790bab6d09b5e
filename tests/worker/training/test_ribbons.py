"""Histograms of weights and gradients: every element counted, named like the program's own, in every kind of loop."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Trace
from app.vocabulary.training import Part, Ribbon, Training
from app.worker.predicting import predictions
from app.worker.training import moving, patience, ribbons
from app.worker.training.patience import FIRST_GUESS, Patience
from app.worker.training.ribbons import histogram
from tests.worker.running import run, run_frames
from tests.worker.training.test_training import LOOP, NET

BINS = Limits().bins


@pytest.fixture(autouse=True)
def never_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, a look takes all parameters, and steps 0, 1, 2, 4, ... are looked at."""
    monkeypatch.setattr(ribbons, "CHEAP", math.inf)
    monkeypatch.setattr(ribbons, "LONGEST_LOOK", math.inf)


def ribbon(trace: Trace, name: str, part: Part) -> Ribbon:
    (found,) = (each for each in trace.ribbons if (each.name, each.part) == (name, part))
    return found


def counted(tensor: torch.Tensor, bins: int = BINS) -> Any:
    found = histogram(tensor, 0, bins)
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_element_lies_in_its_bin(dtype: torch.dtype) -> None:
    tensor = torch.randn(70, 30, generator=torch.Generator().manual_seed(1)).to(dtype)
    found = counted(tensor, 16)
    numbers = tensor.double()
    assert (found.low, found.high) == (numbers.min().item(), numbers.max().item())
    edges = torch.linspace(found.low, found.high, 17, dtype=torch.float64)
    inner = torch.bucketize(numbers.flatten(), edges[1:-1], right=True)
    off = (torch.bincount(inner, minlength=16) - torch.tensor(found.counts)).abs()
    assert off.sum() <= 4  # an element on a bin's very edge may be rounded to either side
    assert sum(found.counts) == tensor.numel()
    assert found.mean_size == pytest.approx(numbers.abs().mean().item())


@pytest.mark.parametrize(
    ("values", "low", "high", "counts", "lost"),
    [
        ([0.0, 0.0, 0.0], 0.0, 0.0, (3,), 0),
        ([1.0, 2.0, 3.0, 9.0], 1.0, 9.0, (2, 1, 0, 1), 0),
        ([math.nan, 1.0, 2.0, math.inf], 1.0, 2.0, (1, 0, 0, 1), 2),
        ([math.nan, -math.inf], None, None, (), 2),
        ([-3e38, 3e38, 0.0], -3e38, 3e38, (1, 0, 1, 1), 0),
    ],
)
def test_histogram_of_few(
    values: list[float], low: float | None, high: float | None, counts: tuple[int, ...], lost: int
) -> None:
    found = counted(torch.tensor(values), 4)
    assert (found.low, found.high) == pytest.approx((low, high)) if low is not None else found.low is None
    assert (found.counts, found.not_finite) == (counts, lost)


def test_what_has_no_numbers_has_no_histogram() -> None:
    assert histogram(torch.ones(0), 0, 4) is None
    assert histogram(torch.ones(2, device="meta"), 0, 4) is None


def test_more_elements_than_float32_can_count_are_counted() -> None:
    found = counted(torch.full((2**24 + 3,), 0.5).index_fill_(0, torch.tensor([0]), 1.5), 2)
    assert found.counts == (2**24 + 2, 1)


def test_ribbons_tell_first_and_last_weights_exactly() -> None:
    trace = run(LOOP)
    weights = ribbon(trace, "net.weight", "weight")
    steps = [each.step for each in weights.histograms]
    assert steps[0] == 0
    assert steps[-1] == 19
    assert {1, 2, 4, 8, 16} <= set(steps)
    (record,) = (each for each in trace.tensors if each.name == "net.weight")
    assert record.value is not None
    assert record.value.statistics is not None
    last = weights.histograms[-1]
    assert (last.low, last.high) == (record.value.statistics.minimum, record.value.statistics.maximum)
    assert weights.elements == sum(last.counts) == 3
    assert [each.name for each in trace.ribbons] == ["net.weight", "net.weight", "net.bias", "net.bias"]


def test_gradients_are_those_of_the_step() -> None:
    """A loss that is linear in w: its gradient is known at each step."""
    source = """
w = torch.zeros(2, requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for step in range(5):
    opt.zero_grad()
    (w * torch.tensor([1.0, step + 2.0])).sum().backward()
    opt.step()
"""
    grads = ribbon(run(source), "w", "grad")
    assert [(each.step, each.low, each.high) for each in grads.histograms] == [
        (step, 1.0, step + 2.0) for step in (0, 1, 2, 4)
    ]


BY_HAND = """
w = torch.ones(4, requires_grad=True)
net = nn.Linear(4, 1)
for step in range(9):
    loss = (net(w) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        for p in (w, *net.parameters()):
            p -= 0.01 * p.grad
            p.grad = None
"""


def test_updates_by_hand_are_followed_too() -> None:
    """Their gradients are looked at before the program clears them."""
    trace = run(BY_HAND)
    assert {each.name for each in trace.ribbons} == {"w", "net.weight", "net.bias"}
    assert [each.step for each in ribbon(trace, "w", "grad").histograms] == [1, 2, 4, 8]
    assert [each.elements for each in trace.ribbons if each.part == "grad"] == [4, 4, 1]


@pytest.mark.parametrize(
    "source",
    [
        "w = torch.ones(2, requires_grad=True)\n(w * 2).sum().backward()",
        NET + "opt = optim.SGD(net.parameters(), lr=0.1)\nnet(X).sum().backward()\nopt.step()",
        "w = np.ones(3)\nfor i in range(5):\n    loss = (w ** 2).sum()\n    w = w * 0.9",
    ],
)
def test_program_without_a_training_of_tensors_has_none(source: str) -> None:
    assert run(source).ribbons == ()


def test_frames_together_are_the_ribbons() -> None:
    frames = run_frames(LOOP, Limits(frames_per_second=200.0))
    trace = frames[-1]
    assert isinstance(trace, Trace)
    sent = [each for frame in frames if isinstance(frame, Training) for each in frame.ribbons]
    for whole in trace.ribbons:
        parts = [each for each in sent if each.index == whole.index]
        assert {(each.name, each.part, each.elements) for each in parts} == {
            (whole.name, whole.part, whole.elements)
        }
        assert tuple(one for each in parts for one in each.histograms) == whole.histograms


def test_looking_is_no_call_of_the_program() -> None:
    calls = {step.op for step in run(LOOP).steps}
    assert not {"torch.histc", "torch.aminmax", "torch.linalg.linalg_vector_norm"} & calls


def test_ribbons_and_their_histograms_are_limited() -> None:
    source = "ws = [torch.ones(1, requires_grad=True) for _ in range(40)]\n" + (
        "opt = optim.SGD(ws, lr=0.1)\nfor i in range(600):\n    opt.zero_grad()\n"
        "    sum((w * i).sum() for w in ws).backward()\n    opt.step()\n"
    )
    trace = run(source, Limits(ribbons=5, ribbon_columns=6))
    assert len(trace.ribbons) == 5
    assert all(2 <= len(each.histograms) <= 6 for each in trace.ribbons)


def test_looks_wait_in_proportion_to_what_they_cost() -> None:
    patience = Patience(100, 0.0)
    seen = [patience.over]
    patience.begin(0.004)
    assert patience.cost == 4 * FIRST_GUESS  # a first look may have paid for the next ones
    patience.begin(0.004)
    assert patience.cost == 0.004
    seen.append(patience.over)
    patience.begin(1e-9)
    seen.append(patience.over)
    assert seen == [True, False, True]


def test_looks_take_less_than_a_hundredth_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that look together, each with its own share and credit, at looks of any length; by a clock of ours."""
    clock = 100.0
    monkeypatch.setattr(patience, "perf_counter", lambda: clock)
    shares = (
        (moving.PATIENCE, moving.CREDIT),
        (predictions.PATIENCE, predictions.CREDIT),
        (ribbons.PATIENCE, 0.0),
    )
    for cost in (1e-5, 1e-3, 0.02):
        lookers = [Patience(times, ribbons.SHORTEST, credit) for times, credit in shares]
        began = clock
        while clock - began < 600:
            clock += 0.01
            for each in lookers:
                if each.over:
                    clock += cost
                    each.begin(cost)
        spent = sum(each.spent for each in lookers)
        assert 0 < spent < 0.01 * (clock - began)


def test_first_looks_are_paid_in_advance() -> None:
    patience = Patience(1e6, 0.0, credit=0.005)
    seen = []
    for _ in range(4):
        patience.begin(FIRST_GUESS * 4)
        seen.append(patience.over)
    assert seen == [True, True, False, False]
