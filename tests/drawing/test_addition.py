"""Laws of adding recorded gradients: torch's own sums, and honesty about what was not kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.drawing.addition import add_values
from app.drawing.numerals import as_float
from app.vocabulary.values import Complex, Nested, TensorValue
from tests.drawing.graphs import value_of

SHAPES = st.sampled_from([(), (1,), (3,), (2, 3), (2, 1, 2), (0,)])
NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    shape = draw(SHAPES)
    count = int(torch.Size(shape).numel())
    numbers = [draw(st.lists(NUMBERS, min_size=count, max_size=count)) for _ in range(2)]
    one, other = (torch.tensor(each, dtype=torch.float64).reshape(shape) for each in numbers)
    return one, other


def flat(data: Nested) -> list[float]:
    if isinstance(data, tuple):
        return [number for item in data for number in flat(item)]
    assert not isinstance(data, Complex)
    return [as_float(data)]


@settings(deadline=None)
@given(pairs())
def test_sum_is_torchs(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    one, other = pair
    found = add_values(value_of(one), value_of(other))
    assert found is not None
    expected = one + other
    torch.testing.assert_close(
        torch.tensor(flat(found.data), dtype=torch.float64).reshape(expected.shape), expected, equal_nan=True
    )


def test_statistics_of_a_sum_are_its_own() -> None:
    found = add_values(
        value_of(torch.tensor([1.0, -2.0, 0.0])), value_of(torch.tensor([2.0, -2.0, float("nan")]))
    )
    assert found is not None
    assert found.statistics is not None
    assert (found.statistics.minimum, found.statistics.maximum, found.statistics.nan) == (-4.0, 3.0, 1)
    assert found.statistics.norm == 5.0


def test_complex_numbers_add_by_their_parts() -> None:
    found = add_values(TensorValue((Complex(1.0, 2.0),)), TensorValue((Complex(0.5, -3.0),)))
    assert found == TensorValue((Complex(1.5, -1.0),), None, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, TensorValue(1.0)),
        (TensorValue(1.0), None),
        (TensorValue((1.0,)), TensorValue((1.0, 2.0))),
        (TensorValue(1.0), TensorValue((1.0,))),
        (TensorValue(((1.0,), (2.0,))), TensorValue(((1.0,), 2.0))),
        (TensorValue((1.0,), "[:1]"), TensorValue((1.0,), "[::2]")),
    ],
)
def test_what_does_not_fit_together_has_no_sum(one: Any, other: Any) -> None:
    assert add_values(one, other) is None
