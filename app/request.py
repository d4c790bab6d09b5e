"""Checks a `RunRequest` against the program it comes with: every input must make a tensor, every name must exist."""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from collections.abc import Iterator
from types import MappingProxyType

from app.program import Program, list_problems, missing_inputs
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from app.vocabulary.values import Complex, Nested, Problem, Scalar, Text

Values = dict[str, str | int | float]

DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
FLOATING = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
BYTES = MappingProxyType(
    {
        **dict.fromkeys(("uint8", "int8", "bool"), 1),
        **dict.fromkeys(("float16", "bfloat16", "int16"), 2),
        **dict.fromkeys(("float64", "int64", "complex64"), 8),
        "complex128": 16,
    }
)
INTEGERS = MappingProxyType(
    {
        "uint8": range(2**8),
        **{f"int{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
    }
)
"""The numbers each integer dtype holds."""
DEEPEST = 16
LONGEST_WATCHED = 1_000
"""Characters of an expression that is watched."""
SEEDS = range(-(2**63), 2**64)
BAD_SEED = Text("The seed must be a 64-bit whole number.")


def check_request(program: Program, request: RunRequest, limits: Limits) -> None:
    """Raise ProgramRefused for each free name without an input, and for everything the request cannot mean."""
    problems = list(missing_inputs(program, request.inputs))
    for name, spec in request.inputs.items():
        problems.extend(_check_input(name, spec, limits))
    problems.extend(_check_device(request.device))
    problems.extend(_check_backward(program, request))
    problems.extend(_check_watch(request.watch, limits))
    if request.seed is not None and request.seed not in SEEDS:
        problems.append(Problem("bad_seed", BAD_SEED))
    if problems:
        raise ProgramRefused(list_problems(problems))


def _check_input(name: str, spec: InputSpec, limits: Limits) -> Iterator[Problem]:
    values: Values = {"name": name, "dtype": spec.dtype or ""}
    if not name.isidentifier() or keyword.iskeyword(name):
        yield _refusal(
            name, Text("`{name}` cannot be the name of an input: it is not a Python name.", values)
        )
        return
    if (spec.value is None) == (spec.shape is None):
        yield _refusal(name, Text("Input `{name}` needs either a value or a shape, and not both.", values))
        return
    if spec.requires_grad and spec.dtype is not None and spec.dtype not in FLOATING:
        sentence = Text(
            "Input `{name}` is {dtype}; only floating point and complex tensors can require grad.", values
        )
        yield _refusal(name, sentence)
    if spec.seed is not None and spec.seed not in SEEDS:
        yield _refusal(name, Text("The seed of input `{name}` must be a 64-bit whole number.", values))
    if spec.value is not None:
        yield from _check_value(name, spec.value)
        yield from _check_fit(name, spec.value, spec.dtype)
    elif spec.shape is not None:
        yield from _check_shape(name, spec, spec.shape, limits)


def _refusal(name: str, sentence: Text) -> Problem:
    return Problem("bad_input", sentence, None, name)


def _check_value(name: str, value: Nested) -> Iterator[Problem]:
    try:
        nested_shape(value)
    except RaggedError as error:
        sentence = Text(
            "Input `{name}` is no tensor: the rows at {place} have different lengths. Give every row the same length.",
            {"name": name, "place": str(error)},
        )
        yield _refusal(name, sentence)
    except OverflowError:
        sentence = Text(
            "Input `{name}` is nested too deeply or holds a whole number beyond 64 bits.", {"name": name}
        )
        yield _refusal(name, sentence)


def _check_fit(name: str, value: Nested, dtype: str | None) -> Iterator[Problem]:
    """The first number that the asked dtype cannot hold."""
    misfit = next((number for number in _scalars(value) if not _fits(number, dtype)), None) if dtype else None
    if misfit is not None:
        number = f"{misfit.real}+{misfit.imag}j" if isinstance(misfit, Complex) else str(misfit)
        values: Values = {"name": name, "number": number, "dtype": dtype or ""}
        yield _refusal(name, Text("Input `{name}` holds {number}, which {dtype} cannot hold.", values))


def _scalars(value: Nested) -> Iterator[Scalar]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _scalars(item)
    else:
        yield value


def _fits(number: Scalar, dtype: str | None) -> bool:
    if isinstance(number, Complex):
        return dtype in ("complex64", "complex128")
    whole = INTEGERS.get(dtype or "")
    if whole is None or isinstance(number, bool):
        return True
    return not isinstance(number, str) and int(number) in whole


class RaggedError(ValueError):
    """Says where nested lists are no rectangle, as an index: `[1][0]`."""


def nested_shape(value: Nested, place: str = "", depth: int = 0) -> tuple[int, ...]:
    """Shape of nested lists; RaggedError where they are no rectangle, OverflowError where torch cannot hold them."""
    if not isinstance(value, tuple | list):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise OverflowError(place)
        return ()
    if depth == DEEPEST:
        raise OverflowError(place)
    shapes = [nested_shape(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    for index, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RaggedError(f"{place}[0], {place}[{index}]")
    return (len(shapes), *(shapes[0] if shapes else ()))


def _check_shape(name: str, spec: InputSpec, shape: tuple[int, ...], limits: Limits) -> Iterator[Problem]:
    dtype = spec.dtype or "float32"
    values: Values = {
        "name": name,
        "shape": str(list(shape[: DEEPEST + 1])),
        "init": spec.init,
        "dtype": dtype,
    }
    if len(shape) > DEEPEST or any(size < 0 for size in shape):
        sentence = Text(
            "Input `{name}` cannot have the shape {shape}: sizes are 0 or more, 16 of them at most.", values
        )
        yield _refusal(name, sentence)
    elif math.prod(max(size, 1) for size in shape) * BYTES.get(dtype, 4) > limits.memory_bytes // 4:
        sentence = Text(
            "Input `{name}` of shape {shape} is larger than a quarter of the memory limit.", values
        )
        yield _refusal(name, sentence)
    elif spec.init == "eye" and len(shape) not in (1, 2):
        yield _refusal(
            name, Text("Input `{name}`: eye makes a matrix, so its shape has one or two sizes.", values)
        )
    if spec.init in ("randn", "rand") and dtype not in FLOATING:
        yield _refusal(
            name, Text("Input `{name}`: {init} makes floating point numbers, not {dtype}.", values)
        )


def _check_device(device: str) -> Iterator[Problem]:
    if not DEVICE.fullmatch(device):
        sentence = Text(
            "There is no device `{device}`. Use cpu, cuda, cuda:0 or auto.", {"device": device[:40]}
        )
        yield Problem("bad_device", sentence)


def _check_backward(program: Program, request: RunRequest) -> Iterator[Problem]:
    name = request.backward
    if name in ("auto", "none") or name in program.bound_names or name in request.inputs:
        return
    sentence = Text(
        "backward starts from `{name}`, which the program never assigns. Use auto, none or one of its names.",
        {"name": name[:80]},
    )
    yield Problem("backward_unknown", sentence, None, name[:80])


def _check_watch(watch: tuple[str, ...], limits: Limits) -> Iterator[Problem]:
    if len(watch) > limits.watched:
        values: Values = {"count": len(watch), "allowed": limits.watched}
        yield Problem(
            "too_many_watched", Text("{count} expressions are watched; {allowed} are allowed.", values)
        )
    for expression in watch[: limits.watched]:
        if not is_expression(expression):
            yield _no_expression(expression)


def check_expression(expression: str) -> None:
    """ProgramRefused for what cannot be watched."""
    if not is_expression(expression):
        raise ProgramRefused((_no_expression(expression),))


def is_expression(text: str) -> bool:
    """Whether a text is one of Python's expressions, and not too long to be watched."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(text) <= LONGEST_WATCHED


def _no_expression(expression: str) -> Problem:
    sentence = Text(
        "`{expression}` is not an expression that can be watched.", {"expression": expression[:80]}
    )
    return Problem("bad_watch", sentence, None, expression[:LONGEST_WATCHED])


def is_complex(value: Nested) -> bool:
    """Whether nested lists hold a complex number."""
    if isinstance(value, tuple | list):
        return any(is_complex(item) for item in value)
    return isinstance(value, Complex)
