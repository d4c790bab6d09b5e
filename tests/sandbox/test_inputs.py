"""Inputs become the tensors their description says, on a device that exists, with the numbers of their seed."""

from __future__ import annotations

import math

import pytest

from app.vocabulary.errors import ProgramRefused
from app.vocabulary.trace import Completed, InputSpec, Raised, Stopped, TensorRecord
from app.vocabulary.values import Complex, Nested, TensorValue
from tests.sandbox.conftest import RealSandbox


async def tensor(real: RealSandbox, spec: InputSpec) -> TensorRecord:
    trace = await real.run("x", inputs={"x": spec})
    assert trace.outcome == Completed()
    return next(each for each in trace.tensors if each.name == "x")


def data_of(record: TensorRecord) -> Nested:
    assert record.value is not None
    return record.value.data


MADE: dict[str, tuple[InputSpec, str, Nested]] = {
    "float": (InputSpec(1.5), "float32", 1.5),
    "int": (InputSpec(-3), "int64", -3),
    "largest int": (InputSpec(2**63 - 1), "int64", 2**63 - 1),
    "bool": (InputSpec(True), "bool", True),
    "mixed": (InputSpec((1, 2.5, True)), "float32", (1.0, 2.5, 1.0)),
    "matrix": (InputSpec(((1, 2), (3, 4))), "int64", ((1, 2), (3, 4))),
    "no elements": (InputSpec(()), "float32", ()),
    "spelled": (InputSpec(("NaN", "Infinity", "-Infinity")), "float32", ("NaN", "Infinity", "-Infinity")),
    "complex": (InputSpec((Complex(1, -2.5),)), "complex64", (Complex(1.0, -2.5),)),
    "complex nan": (InputSpec(Complex("NaN", "Infinity")), "complex64", Complex("NaN", "Infinity")),
    "ints that require grad": (InputSpec((1, 2), requires_grad=True), "float32", (1.0, 2.0)),
    "dtype": (InputSpec((1, 2), dtype="float64"), "float64", (1.0, 2.0)),
    "half": (InputSpec(0.1, dtype="float16"), "float16", 0.0999755859375),
    "zeros": (InputSpec(shape=(2, 1)), "float32", ((0.0,), (0.0,))),
    "scalar shape": (InputSpec(shape=(), init="ones"), "float32", 1.0),
    "ones": (InputSpec(shape=(2,), init="ones", dtype="int8"), "int8", (1, 1)),
    "arange": (InputSpec(shape=(2, 2), init="arange"), "float32", ((0.0, 1.0), (2.0, 3.0))),
    "eye": (
        InputSpec(shape=(2, 3), init="eye", dtype="bool"),
        "bool",
        ((True, False, False), (False, True, False)),
    ),
    "vector eye": (InputSpec(shape=(2,), init="eye"), "float32", ((1.0, 0.0), (0.0, 1.0))),
}


@pytest.mark.parametrize("case", MADE)
async def test_input_becomes_its_tensor(real: RealSandbox, case: str) -> None:
    spec, dtype, data = MADE[case]
    record = await tensor(real, spec)
    assert (record.dtype, repr(data_of(record)), record.device) == (dtype, repr(data), "cpu")
    assert (record.requires_grad, record.is_leaf) == (spec.requires_grad, True)


@pytest.mark.parametrize("init", ["randn", "rand"])
async def test_input_of_random_numbers_repeats_with_its_seed_only(real: RealSandbox, init: str) -> None:
    def spec(seed: int | None) -> InputSpec:
        return InputSpec(shape=(4,), init=init, seed=seed, requires_grad=True)  # type: ignore[arg-type]

    records = [await tensor(real, spec(seed)) for seed in (7, 7, 8, None, None)]
    values = [str(data_of(record)) for record in records]
    assert values[0] == values[1]
    assert len(set(values)) == 4
    assert all(record.requires_grad for record in records)


async def test_inputs_take_part_in_autograd(real: RealSandbox) -> None:
    inputs = {
        "x": InputSpec(3.0),
        "w": InputSpec(4.0, requires_grad=True),
        "b": InputSpec(5, requires_grad=True),
    }
    trace = await real.run("y = x * w + b", inputs=inputs)
    grads = {each.name: each.grad and each.grad.data for each in trace.tensors}
    assert grads == {"x": None, "w": 3.0, "b": 1.0, "y": None}
    assert [graph.backward is not None for graph in trace.graphs] == [True]


async def test_input_may_replace_what_every_program_has(real: RealSandbox) -> None:
    assert await real.printed("print(F * 2)", inputs={"F": InputSpec(2.0)}) == "tensor(4.)\n"


async def test_thousand_inputs_are_no_problem(real: RealSandbox) -> None:
    inputs = {f"x{i}": InputSpec(float(i)) for i in range(1000)}
    assert await real.printed("print(x0 + x999)", inputs=inputs) == "tensor(999.)\n"


IMPOSSIBLE = {
    "300 in uint8": InputSpec(300, dtype="uint8"),
    "complex in float32": InputSpec(Complex(1, 2), dtype="float32"),
    "NaN in int64": InputSpec("NaN", dtype="int64"),
    "arange of bool": InputSpec(shape=(4,), init="arange", dtype="bool"),
    "arange of complex": InputSpec(shape=(4,), init="arange", dtype="complex64"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_input_torch_cannot_make_is_explained(real: RealSandbox, case: str) -> None:
    """Refused beforehand, or told as the exception it is; never our failure."""
    try:
        outcome = (await real.run("x", inputs={"x": IMPOSSIBLE[case]})).outcome
    except ProgramRefused as refused:
        assert [problem.name for problem in refused.problems] == ["x"]  # noqa: PT017
    else:
        assert isinstance(outcome, Raised)


async def test_inputs_larger_than_memory_are_stopped(real: RealSandbox) -> None:
    inputs = {f"x{i}": InputSpec(shape=(6 << 20,), init="ones") for i in range(16)}
    outcome = (await real.run("x0", inputs=inputs)).outcome
    assert outcome == Stopped("memory", real.limits.memory_bytes)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
async def test_device_that_is_not_there_is_refused_naming_those_that_are(
    real: RealSandbox, device: str
) -> None:
    with pytest.raises(ProgramRefused) as refused:
        await real.run("x = torch.ones(1)", device=device)
    (problem,) = refused.value.problems
    assert (problem.code, problem.sentence.values) == ("no_device", {"device": device, "names": "cpu"})


async def test_auto_is_a_device_that_is_there(real: RealSandbox) -> None:
    assert (await real.run("x = torch.ones(1)", device="auto")).device == "cpu"
    assert [device.name for device in real.sandbox.devices()] == ["cpu"]


async def test_values_that_json_cannot_write_come_back_spelled(real: RealSandbox) -> None:
    trace = await real.run("x = torch.tensor([[float('nan'), float('inf')], [-float('inf'), 1e-45]])")
    assert isinstance(trace.tensors[0].value, TensorValue)
    nan, infinite, negative, tiny = (cell for row in rows(trace.tensors[0].value.data) for cell in rows(row))
    assert (nan, infinite, negative) == ("NaN", "Infinity", "-Infinity")
    assert isinstance(tiny, float)
    assert math.isclose(tiny, 1.401298464324817e-45)


def rows(data: Nested) -> tuple[Nested, ...]:
    assert isinstance(data, tuple)
    return data
