"""Values as pictures and fields as tensors: tables of cases."""

from __future__ import annotations

import time

import pytest

from app.vocabulary.errors import ProgramRefused
from app.vocabulary.values import Complex, Nested, TensorValue
from app.web.forms import Field, read_shape, read_spec, read_value
from app.web.rate import RateLimiter, client_of
from app.web.values import EmptyView, MatrixView, ScalarView, histogram, show_number, tone_of, view_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17.0, "17"),
        (-0.5, "−0.5"),
        (3.14159, "3.142"),
        (1e-9, "1e−09"),
        (123456789.0, "1.235e+08"),
        (3, "3"),
        (-3, "−3"),
        (12345.678, "12346"),
        (10**19, "1" + "0" * 19),
        (10**30, "1e+30"),
        (True, "True"),
        ("NaN", "NaN"),
        ("-Infinity", "−∞"),
        (Complex(1.5, -2.0), "1.5−2j"),
        (Complex("NaN", 2), "NaN+2j"),
        (float("nan"), "NaN"),
    ],
)
def test_scalars_are_short_and_honest(value: Nested, text: str) -> None:
    assert not isinstance(value, tuple)
    assert show_number(value) == text


@pytest.mark.parametrize(
    ("value", "bound", "tone"),
    [
        (0.0, 1.0, "z"),
        (0.0, 0.0, "z"),
        (1.0, 1.0, "p8"),
        (-1.0, 1.0, "n8"),
        (0.001, 1.0, "p1"),
        (True, 1.0, "p8"),
        ("NaN", 1.0, "nan"),
        ("Infinity", 1.0, "pinf"),
        ("-Infinity", 0.0, "ninf"),
        (10**400, 1.0, "pinf"),
    ],
)
def test_tones(value: float, bound: float, tone: str) -> None:
    assert tone_of(value, bound) == tone


def view(data: Nested) -> object:
    return view_value(TensorValue(data, None, None))


def test_values_are_shown_by_their_size() -> None:
    assert isinstance(view(3.0), ScalarView)
    assert isinstance(view(()), EmptyView)
    assert isinstance(view(((), ())), EmptyView)
    small, wide, cube = view(((1.0, 2.0),) * 3), view((1.0,) * 17), view((((1.0,),) * 2,) * 8)
    assert isinstance(small, MatrixView)
    assert isinstance(wide, MatrixView)
    assert isinstance(cube, MatrixView)
    assert (small.table, wide.table) == (True, False)
    assert wide.facets[0].paths == (("p8", "".join(f"M{x} 0h1v1h-1z" for x in range(17))),)
    assert [facet.label for facet in cube.facets] == ["0", "1", "2", "3", "4", "5"]
    assert cube.facets_left_out == 2


def test_ragged_data_from_a_hostile_child_does_no_harm() -> None:
    ragged: Nested = (1.0, (2.0, (3.0,)), ())
    assert isinstance(view(ragged), MatrixView)
    assert isinstance(view(((1.0, 2.0), 3.0)), MatrixView)


def test_histogram_counts_finite_elements() -> None:
    assert histogram((1.0, 2.0)) == ()
    assert histogram((1.0,) * 20) == ()
    heights = histogram((*(float(each) for each in range(16)), 0.0, "NaN"))
    assert heights == (1.0, *(0.5,) * 15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        (" 3.0 ", 3.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("nan", "NaN"),
        ("-inf", "-Infinity"),
        ("1+2j", Complex(1.0, 2.0)),
        ("2i", Complex(0.0, 2.0)),
        ("[1, [2]]", (1, (2,))),
        ("1, 2, 3", (1, 2, 3)),
        ("[[1, 2], [3, 4]]", ((1, 2), (3, 4))),
    ],
)
def test_field_values(text: str, value: Nested) -> None:
    assert read_value(Field("x", value=text)) == value


@pytest.mark.parametrize("text", ["", "x", "[1", "'a'", "[" * 9000, "__import__('os')", "1" + "0" * 9000])
def test_field_values_that_are_none(text: str) -> None:
    with pytest.raises(ProgramRefused):
        read_value(Field("x", value=text))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2, 3", (2, 3)),
        ("2", (2,)),
        ("", ()),
        ("()", ()),
        ("(4,)", (4,)),
        ("[2, 3]", (2, 3)),
        ("2x3", (2, 3)),
        ("2 3", (2, 3)),
    ],
)
def test_shapes(text: str, shape: tuple[int, ...]) -> None:
    assert read_shape(Field("x", shape=text)) == shape


@pytest.mark.parametrize(
    "text", ["two", "1,,2", ",1", "1!", "-1", "1.5", "²", "٣", "1" * 19, "1" + " " * 20_000 + "!", "1 " * 200]
)
def test_shapes_that_are_none_are_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ProgramRefused):
        read_shape(Field("x", shape=text))
    assert time.process_time() - began < 0.2


def test_made_input_has_no_value() -> None:
    spec = read_spec(Field("x", kind="randn", shape="2", seed="7", dtype="float64"))
    assert (spec.value, spec.shape, spec.init, spec.seed, spec.dtype) == (None, (2,), "randn", 7, "float64")


def test_bucket_empties_and_fills() -> None:
    now = [0.0]
    limiter = RateLimiter(60, 2, lambda: now[0])
    assert [limiter.take("1.2.3.4") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert limiter.take("1.2.3.5") == 0.0
    now[0] = 0.5
    assert limiter.take("1.2.3.4") == pytest.approx(0.5)
    now[0] = 1.0
    assert limiter.take("1.2.3.4") == 0.0
    assert [RateLimiter(0, 1).take("a") for _ in range(3)] == [0.0] * 3


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_client_of_an_address(address: str, client: str) -> None:
    assert client_of(address) == client
