"""Laws of numerals: what a learner expects to read, and never wider than its column."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.numerals import (
    RANGE_COLUMNS,
    show_count,
    show_exact,
    show_number,
    show_range,
    show_shape,
)
from app.vocabulary.values import Complex, Scalar, Statistics

READS = [
    (17.0, "17"),
    (17, "17"),
    (0.5, "0.5"),
    (1.23e-05, "1.23e-05"),
    (0.0, "0"),
    (-0.0, "0"),
    (-2.5, "-2.5"),
    (3.14159265, "3.142"),
    (0.1 + 0.2, "0.3"),
    (1234.5678, "1235"),
    (12345.678, "12346"),
    (1234567.8, "1234568"),
    (123456789.0, "1.235e+08"),
    (123456789, "1.235e+08"),
    (10**400, "inf"),
    (1e-300, "1e-300"),
    (True, "True"),
    ("NaN", "NaN"),
    ("Infinity", "inf"),
    ("-Infinity", "-inf"),
    (Complex(1.0, -2.0), "1-2j"),
    (Complex(0.5, "NaN"), "0.5+NaNj"),
]


@pytest.mark.parametrize(("number", "text"), READS)
def test_number_reads_as_a_learner_expects(number: Scalar, text: str) -> None:
    assert show_number(number) == text


@given(st.floats(-1e308, 1e308))
def test_number_keeps_four_digits_in_eleven_columns(number: float) -> None:
    text = show_number(number)
    assert len(text) <= 11
    assert float(text) == pytest.approx(number, rel=1e-3, abs=1e-320)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_nine_digits_tell_float32_values_apart(number: float) -> None:
    again = struct.unpack("f", struct.pack("f", float(show_exact(number))))[0]
    assert again == number or abs(number) >= 1e9


def statistics(minimum: float | None, maximum: float | None, nan: int = 0, infinite: int = 0) -> Statistics:
    return Statistics(minimum, maximum, None, None, None, 0, nan, infinite, 0)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (statistics(-1.5, 2.0), "-1.5…2"),
        (statistics(3.0, 3.0), "3"),
        (statistics(None, None), "—"),
        (statistics(0.0, 1.0, nan=2), "2 NaN"),
        (statistics(0.0, 1.0, nan=2, infinite=1), "2 NaN, 1 inf"),
    ],
)
def test_range_says_the_worst_first(found: Statistics, text: str) -> None:
    assert show_range(found) == text


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), st.integers(0, 10**12))
def test_range_nearly_fits_its_column(low: float, high: float, nan: int) -> None:
    assert len(show_range(statistics(min(low, high), max(low, high), nan))) <= RANGE_COLUMNS + 4


@pytest.mark.parametrize(("shape", "text"), [((), "()"), ((3,), "(3,)"), ((3, 4), "(3, 4)")])
def test_shape_reads_as_python_writes_it(shape: tuple[int, ...], text: str) -> None:
    assert show_shape(shape) == text == str(shape)


def test_counts_have_separators() -> None:
    assert show_count(12345) == "12,345"
