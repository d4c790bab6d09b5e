"""What a request may ask, against the program it comes with: each refusal with its sentence filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.program import parse_program
from app.request import RaggedError, check_request, is_complex, nested_shape
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from app.vocabulary.values import Complex, Nested, Problem

LIMITS = Limits()


def problems(source: str, request: RunRequest) -> tuple[Problem, ...]:
    try:
        check_request(parse_program(source, LIMITS), request, LIMITS)
    except ProgramRefused as refused:
        return refused.problems
    return ()


def deep(depth: int) -> Nested:
    value: Nested = 1.0
    for _ in range(depth):
        value = (value,)
    return value


ACCEPTED = {
    "number": InputSpec(1.0),
    "whole number": InputSpec(-(2**63)),
    "spelled": InputSpec("NaN", requires_grad=True),
    "complex": InputSpec((Complex(1, "Infinity"), 2.0), dtype="complex64"),
    "matrix": InputSpec(((1, 2), (3, 4)), requires_grad=True),
    "empty": InputSpec(()),
    "empty rows": InputSpec(((), ())),
    "sixteen deep": InputSpec(deep(16)),
    "scalar shape": InputSpec(shape=()),
    "no elements": InputSpec(shape=(0, 3)),
    "sixteen sizes": InputSpec(shape=(1,) * 16),
    "bytes where floats are too large": InputSpec(shape=(1 << 26,), dtype="uint8"),
    "eye": InputSpec(shape=(3, 4), init="eye"),
    "vector eye": InputSpec(shape=(3,), init="eye"),
    "complex randn": InputSpec(shape=(2,), init="randn", dtype="complex64", seed=-(2**63)),
    "largest seed": InputSpec(shape=(2,), init="rand", seed=2**64 - 1),
    "arange of integers": InputSpec(shape=(2, 2), init="arange", dtype="int8"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_input_that_makes_a_tensor_is_accepted(case: str) -> None:
    assert problems("x", RunRequest({"x": ACCEPTED[case]})) == ()


REFUSED = {
    "neither value nor shape": InputSpec(),
    "both value and shape": InputSpec(1.0, (1,)),
    "ragged": InputSpec(((1, 2), (3,))),
    "ragged inside": InputSpec((((1,), (2,)), ((3,), (4, 5)))),
    "number beside row": InputSpec((1, (2,))),
    "too deep": InputSpec(deep(17)),
    "beyond 64 bits": InputSpec((2**63,)),
    "300 as uint8": InputSpec((1, 300), dtype="uint8"),
    "below int8": InputSpec(-129, dtype="int8"),
    "NaN as a whole number": InputSpec(("NaN",), dtype="int64"),
    "complex as real": InputSpec(Complex(1.0, 2.0), dtype="float32"),
    "integer with grad": InputSpec(1, dtype="int64", requires_grad=True),
    "bool with grad": InputSpec(shape=(1,), dtype="bool", requires_grad=True),
    "seed too large": InputSpec(shape=(1,), init="rand", seed=2**64),
    "seed too small": InputSpec(shape=(1,), init="rand", seed=-(2**63) - 1),
    "negative size": InputSpec(shape=(2, -1)),
    "seventeen sizes": InputSpec(shape=(1,) * 17),
    "too large": InputSpec(shape=(1 << 26,)),
    "none, of sizes torch cannot count": InputSpec(shape=(0, 2**63 - 1, 4)),
    "far too large": InputSpec(shape=(10**30, 10**30)),
    "eye of three": InputSpec(shape=(1, 2, 3), init="eye"),
    "eye of none": InputSpec(shape=(), init="eye"),
    "randn of integers": InputSpec(shape=(2,), init="randn", dtype="int64"),
    "rand of bool": InputSpec(shape=(2,), init="rand", dtype="bool"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_input_that_makes_no_tensor_is_refused(case: str) -> None:
    (problem,) = problems("x", RunRequest({"x": REFUSED[case]}))
    assert (problem.code, problem.name) == ("bad_input", "x")
    assert "`x`" in filled(problem)


@pytest.mark.parametrize("name", ["", "1x", "a b", "a.b", "class", "None", "é!", "a\n", "🙂", "\ud800"])
def test_input_must_have_a_python_name(name: str) -> None:
    (problem,) = problems("1", RunRequest({name: InputSpec(1.0)}))
    assert (problem.code, problem.name) == ("bad_input", name)
    assert filled(problem)


OTHERS = {
    "bad_device": RunRequest(device="tpu"),
    "bad_seed": RunRequest(seed=2**64),
    "backward_unknown": RunRequest(backward="loss"),
    "bad_watch": RunRequest(watch=("y +",)),
    "too_many_watched": RunRequest(watch=("1",) * (LIMITS.watched + 1)),
    "input_missing": RunRequest(),
}


@pytest.mark.parametrize("code", OTHERS)
def test_request_that_means_nothing_is_refused(code: str) -> None:
    source = "x" if code == "input_missing" else "y = 1"
    (problem,) = problems(source, OTHERS[code])
    assert problem.code == code
    assert filled(problem)


@pytest.mark.parametrize("device", ["", "CPU", "cuda:", "cuda:1234", "cuda:-1", "cpu\n", "mps", "x" * 10_000])
def test_device_must_be_spelled_like_torchs(device: str) -> None:
    (problem,) = problems("1", RunRequest(device=device))
    assert problem.code == "bad_device"
    assert len(filled(problem)) < 200


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:127", "auto"])
def test_device_may_be_any_of_torchs(device: str) -> None:
    assert problems("1", RunRequest(device=device)) == ()


@pytest.mark.parametrize(
    "expression", ["", "x = 1", "import os", "x;y", "(", "\0", "\ud800", "-" * 60_000 + "1", "'\\"]
)
def test_watch_must_be_an_expression(expression: str) -> None:
    (problem,) = problems("1", RunRequest(watch=(expression,)))
    assert problem.code == "bad_watch"
    assert len(filled(problem)) < 200


@pytest.mark.parametrize(
    "expression", ["x", " x.shape", "(y := 1)", "[i for i in range(3)]", "'中'", "lambda: 0", r"'\d'"]
)
def test_watch_may_be_any_expression(expression: str) -> None:
    assert problems("1", RunRequest(watch=(expression,))) == ()


@pytest.mark.parametrize("backward", ["auto", "none", "y", "x"])
def test_backward_may_start_from_any_name_of_the_program(backward: str) -> None:
    assert problems("y = x", RunRequest({"x": InputSpec(1.0)}, backward=backward)) == ()


def test_every_problem_is_told_at_once() -> None:
    inputs = {"a": InputSpec(), "b": InputSpec(((1,), ()))}
    request = RunRequest(inputs, device="tpu", backward="loss", seed=2**64, watch=("(",))
    codes = [problem.code for problem in problems("x + y", request)]
    assert codes == [
        *["input_missing"] * 2,
        *["bad_input"] * 2,
        "bad_device",
        "backward_unknown",
        "bad_watch",
        "bad_seed",
    ]


def test_inputs_the_program_does_not_read_are_no_problem() -> None:
    assert problems("x = 1", RunRequest({"x": InputSpec(1.0), "unused": InputSpec(2.0)})) == ()


SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@given(SHAPES)
def test_shape_of_nested_lists_is_their_shape(shape: tuple[int, ...]) -> None:
    value: Nested = 1.5
    for size in reversed(shape):
        value = (value,) * size
    known = shape[: shape.index(0) + 1] if 0 in shape else shape  # nothing is inside an empty list
    assert nested_shape(value) == known


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.just("NaN") | st.just(Complex(0, 1))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=20)


@given(VALUES)
def test_any_value_is_a_tensor_or_refused(value: Nested) -> None:
    try:
        shape = nested_shape(value)
    except (RaggedError, OverflowError):
        return
    assert len(shape) <= 16
    assert is_complex(value) == ("Complex" in repr(value))


def test_many_missing_inputs_are_counted() -> None:
    found = problems("\n".join(f"x{number}" for number in range(700)), RunRequest())
    assert [problem.code for problem in found] == ["input_missing"] * 19 + ["more_problems"]
    assert found[-1].sentence.values == {"count": 681}


def test_only_as_many_watched_expressions_are_read_as_are_allowed() -> None:
    found = problems("1", RunRequest(watch=("(",) * 10_000))
    assert len(found) == 20


def filled(problem: Problem) -> str:
    """The sentence; KeyError for a gap that nothing fills."""
    return problem.sentence.template.format(**problem.sentence.values)
