"""Tensors as plain values: exact where few, a named window where many, statistics over all, NaN and Inf spelled."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.vocabulary.values import Complex, Real, Statistics, spell
from app.worker.recording.tensors import corner, count, measure, plain_nested, slice_text, strided, summarise

SHAPES = st.lists(st.integers(0, 50), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("tensor", "data"),
    [
        (torch.tensor(17.0), 17.0),
        (torch.tensor(3), 3),
        (torch.tensor(True), True),
        (torch.tensor([[1.5, 2.0], [3.0, 4.0]]), ((1.5, 2.0), (3.0, 4.0))),
        (torch.tensor([]), ()),
        (torch.zeros(2, 0), ((), ())),
        (torch.tensor([math.nan, math.inf, -math.inf]), ("NaN", "Infinity", "-Infinity")),
        (torch.tensor(1 + 2j), Complex(1.0, 2.0)),
        (torch.tensor([1, 0, 2]).to_sparse(), (1, 0, 2)),
        (torch.tensor([0.5], dtype=torch.float16), (0.5,)),
        (torch.tensor([1 + 2j]).conj(), (Complex(1.0, -2.0),)),
        (torch.tensor([1.0]).to(torch.float8_e4m3fn), (1.0,)),
        (torch.ones(2, requires_grad=True) * 2, (2.0, 2.0)),
    ],
)
def test_few_elements_are_given_exactly(tensor: torch.Tensor, data: object) -> None:
    value = summarise(tensor, 64)
    assert value is not None
    assert (value.data, value.index) == (data, None)


def test_tensor_without_numbers_has_no_value() -> None:
    assert summarise(torch.empty(3, device="meta"), 64) is None


@given(SHAPES, st.integers(1, 2_000))
def test_windows_keep_to_their_size_and_their_slice_text_is_true(shape: tuple[int, ...], most: int) -> None:
    tensor = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
    for cut in (corner, strided):
        slices = cut(shape, most)
        window = eval(f"tensor{slice_text(slices)}", {"tensor": tensor})
        assert torch.equal(window, tensor[slices])
        assert window.numel() <= most
        assert window.numel() > 0 or tensor.numel() == 0


def test_large_tensor_gives_a_window_and_statistics_of_all() -> None:
    tensor = torch.arange(10_000.0).reshape(100, 100)
    value = summarise(tensor, 1_024)
    assert value is not None
    assert value.index == "[:32, :32]"
    assert value.data == plain_nested(tensor[:32, :32].tolist())
    assert value.statistics is not None
    assert value.statistics.maximum == 9_999.0


RANDOM = torch.randn(140_001, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "tensor",
    [
        *(
            RANDOM,
            RANDOM.relu(),
            RANDOM.double(),
            RANDOM[::2],
            RANDOM.expand(3, -1),
            RANDOM.reshape(3, -1).t(),
        ),
        *(RANDOM + 1e6, RANDOM * 1e-25, RANDOM * 1e25, torch.full((20_000,), 0.1), torch.zeros(20_000)),
        *((RANDOM * 9).int(), RANDOM > 0),
    ],
    ids=lambda tensor: f"{tensor.dtype}{tuple(tensor.shape)}",
)
def test_large_tensor_is_summed_up_as_torch_does(tensor: torch.Tensor) -> None:
    """Numbers far from zero, tiny and huge ones: where squares would cancel out, vanish or be no float."""
    found, numbers = measure(tensor), tensor if tensor.is_floating_point() else tensor.double()
    assert found == Statistics(
        minimum=float(numbers.min()),
        maximum=float(numbers.max()),
        mean=float(numbers.mean()),
        std=found.std,
        norm=spell(float(torch.linalg.vector_norm(numbers))),
        zeros=int((numbers == 0).sum()),
    )
    assert found.std == pytest.approx(float(numbers.std()), rel=2.5e-7, abs=0)


def test_large_tensor_with_what_is_not_finite_is_summed_up_without() -> None:
    numbers = RANDOM.clone()
    numbers[[5, 70_000, 140_000]] = torch.tensor([math.nan, math.inf, -math.inf])
    found, rest = measure(numbers), measure(RANDOM[RANDOM.isfinite() & numbers.isfinite()])
    assert (found.nan, found.positive_infinity, found.negative_infinity) == (1, 1, 1)
    assert replace(found, nan=0, positive_infinity=0, negative_infinity=0) == rest


NUMBERS = st.lists(
    st.floats(-1e6, 1e6, width=32) | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=200
)


@given(NUMBERS)
def test_python_and_torch_count_alike(numbers: list[float]) -> None:
    by_hand, by_torch = count(numbers), measure(torch.tensor(numbers, dtype=torch.float64))
    for name in Statistics.__slots__:
        assert_alike(getattr(by_hand, name), getattr(by_torch, name))


@pytest.mark.parametrize("numbers", [[1.7e308, 1.7e308], [1e200, -1e200], [1.7e308, -1.7e308, math.nan]])
def test_numbers_whose_sum_or_square_no_float_holds_are_counted(numbers: list[float]) -> None:
    by_hand, by_torch = count(numbers), measure(torch.tensor(numbers, dtype=torch.float64))
    assert (by_hand.minimum, by_hand.maximum) == (by_torch.minimum, by_torch.maximum)
    assert by_hand.nan == by_torch.nan == sum(map(math.isnan, numbers))
    assert isinstance(by_hand.mean, float)


def assert_alike(first: Real | None, second: Real | None) -> None:
    if isinstance(first, int | float) and isinstance(second, int | float):
        assert first == pytest.approx(second, rel=1e-6, abs=1e-6)
    else:
        assert first == second


@pytest.mark.parametrize("shape", [(100_000, 0), (50, 50, 0, 3)])
def test_rows_of_an_empty_tensor_are_bounded_too(shape: tuple[int, ...]) -> None:
    value = summarise(torch.zeros(shape), 64)
    assert value is not None
    assert isinstance(value.data, tuple)
    assert len(value.data) <= 64
    assert value.index is not None


def test_scalar_needs_no_statistics() -> None:
    value = summarise(torch.tensor(3.0), 64)
    assert value is not None
    assert value.statistics is None
