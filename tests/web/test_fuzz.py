"""Whatever is sent is read or refused with a reason; nothing else is ever raised."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from app.vocabulary.errors import ProgramRefused
from app.vocabulary.trace import RunRequest
from app.vocabulary.values import TensorValue
from app.web.forms import DTYPES, KINDS, Field, read_form, read_spec
from app.web.problems import RequestRefused
from app.web.requests import EvaluateBody, read_evaluate_body
from app.web.values import view_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.sampled_from([*EvaluateBody.model_fields, "sauce"])
INPUT = st.dictionaries(st.sampled_from(["value", "shape", "init", "seed", "dtype", "requires_grad"]), JSON)
NUMBERS = st.integers() | st.floats() | st.sampled_from(["NaN", "Infinity", "-Infinity"]) | st.booleans()


@st.composite
def arrays(draw: st.DrawFn) -> object:
    """A number, or nested tuples with rows of the same length everywhere: the wire lets nothing else through."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))

    def fill(axis: int) -> object:
        return draw(NUMBERS) if axis == len(shape) else tuple(fill(axis + 1) for _ in range(shape[axis]))

    return fill(0)


NESTED = arrays()


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(RequestRefused):
        read_evaluate_body(body)


@given(st.dictionaries(NAMES, JSON), st.dictionaries(st.text(max_size=4), INPUT, max_size=2))
def test_any_request_becomes_a_run_or_is_refused(body: dict[str, object], inputs: dict[str, object]) -> None:
    with contextlib.suppress(RequestRefused):
        read = read_evaluate_body(json.dumps({"source": "", **body, "inputs": inputs}).encode())
        assert isinstance(read.run_request(), RunRequest)


@given(st.binary(max_size=200) | st.text(alphabet="inputxvalue.=&%+[]1", max_size=120).map(str.encode))
def test_any_form_becomes_a_run_or_is_refused(body: bytes) -> None:
    with contextlib.suppress(RequestRefused, ProgramRefused):
        read_form(body).run_request()


@given(
    st.builds(
        Field, st.text(max_size=4), st.sampled_from(KINDS), st.text(), st.text(), st.sampled_from(DTYPES)
    )
)
def test_any_field_is_a_tensor_or_refused(field: Field) -> None:
    with contextlib.suppress(ProgramRefused):
        read_spec(field)


@given(NESTED)
def test_any_value_can_be_looked_at(data: object) -> None:
    view_value(TensorValue(data, None, None))  # type: ignore[arg-type]  # made to be one
