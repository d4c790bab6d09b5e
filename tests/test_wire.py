"""Frames: what is encoded comes back equal, and nothing else is accepted."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.program import parse_program
from app.vocabulary import trace, values
from app.vocabulary.errors import WireError
from app.vocabulary.frames import Tensors
from app.vocabulary.limits import MIB, Limits
from app.vocabulary.trace import (
    Completed,
    Crashed,
    Figure,
    InputSpec,
    Output,
    Raised,
    RunRequest,
    Shown,
    StackFrame,
    Stopped,
    Timings,
    Trace,
    Warned,
    Watched,
)
from app.vocabulary.training import Histogram, Ribbon, Training
from app.vocabulary.values import Complex, Span, TensorValue, Text
from app.wire import (
    HEADER,
    ChildFrame,
    Failure,
    Ready,
    Task,
    decode_frame,
    decode_task,
    encode_frame,
    encode_task,
    frame_length,
)
from tests.fakes import line_trace, matrix_trace, printing_trace, raised_trace

pytestmark = pytest.mark.filterwarnings("ignore:Ignoring unsupported GiveUp")

# ---------------------------------------------------------------------------------------------- there and back again

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
REALS = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
SPELLED = st.sampled_from(["NaN", "Infinity", "-Infinity"])
SCALARS = st.booleans() | REALS | SPELLED | st.builds(Complex, REALS | SPELLED, REALS | SPELLED)


@st.composite
def arrays(draw: st.DrawFn) -> object:
    """A scalar, or nested tuples whose rows have the same length everywhere, as a tensor's have."""
    shape = draw(st.lists(st.integers(0, 3), max_size=3))

    def fill(axis: int) -> object:
        return draw(SCALARS) if axis == len(shape) else tuple(fill(axis + 1) for _ in range(shape[axis]))

    return fill(0)


VALUES = arrays()
FINITE = st.floats(allow_nan=False, allow_infinity=False).map(abs)
SENTENCES = st.builds(Text, TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers() | FINITE, max_size=4))
STOPPED = st.builds(Stopped, allowed=FINITE)
TENSOR_VALUES = st.builds(TensorValue, VALUES, st.none() | TEXTS, st.none())
TRACES = st.builds(
    Trace,
    outcome=st.from_type(Completed)
    | st.builds(Raised, hint=st.none() | SENTENCES)
    | STOPPED
    | st.from_type(Crashed),
    watched=st.lists(st.builds(Watched, value=st.none() | TENSOR_VALUES), max_size=2).map(tuple),
    output=st.lists(st.from_type(Output), max_size=3).map(tuple),
    figures=st.lists(st.from_type(Figure), max_size=1).map(tuple),
    displays=st.lists(st.from_type(Shown), max_size=1).map(tuple),
    warnings=st.lists(st.from_type(Warned), max_size=1).map(tuple),
    notes=st.lists(SENTENCES, max_size=2).map(tuple),
    tensors=st.just(()),
    graphs=st.just(()),
    timings=st.builds(Timings, *[FINITE] * 6),
)
REQUESTS = st.builds(
    RunRequest, st.dictionaries(TEXTS, st.builds(InputSpec, value=st.none() | VALUES), max_size=3)
)
SLOWLY = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)


def through(frame: ChildFrame) -> ChildFrame:
    data = encode_frame(frame)
    assert frame_length(data[: HEADER.size], 16 * MIB) == len(data) - HEADER.size
    return decode_frame(data[HEADER.size :])


def same(left: object, right: object) -> bool:
    """Equal, and 1, 1.0 and True told apart."""
    return repr(left) == repr(right)


@SLOWLY
@given(TRACES)
def test_any_trace_comes_back_equal(sent: Trace) -> None:
    assert same(through(sent), sent)


@given(st.from_type(Output) | st.from_type(Figure) | st.from_type(Failure) | st.from_type(Ready))
def test_any_other_frame_comes_back_equal(sent: ChildFrame) -> None:
    assert same(through(sent), sent)


@SLOWLY
@given(TEXTS, REQUESTS)
def test_any_task_comes_back_equal(source: str, request: RunRequest) -> None:
    task = Task(source, request, replace(Limits(), seconds=0.25))
    assert same(decode_task(encode_task(task)[HEADER.size :]), task)


@pytest.mark.parametrize("canned", [line_trace, matrix_trace, printing_trace, raised_trace])
def test_whole_traces_come_back_equal(canned: object) -> None:
    assert callable(canned)
    sent: Trace = canned(parse_program("y = x*w + b", Limits()), RunRequest({"x": InputSpec(1.0)}))
    assert through(sent) == sent


def test_what_moves_comes_back_equal() -> None:
    trace = line_trace(parse_program("y = x*w + b", Limits()), RunRequest({"x": InputSpec(1.0)}))
    tensors = Tensors(3, trace.tensors, trace.graphs[0], stale=True)
    assert same(through(tensors), tensors)
    found = Histogram(4, -1.0, 0.5, (1, 0, 2), 1, "Infinity"), Histogram(5, None, None, (), 4, None)
    training = Training((), (), None, (Ribbon(1, "w", "grad", 4, found),))
    assert same(through(training), training)


def test_every_part_of_the_vocabulary_is_tried() -> None:
    """A class that no sample holds would be a class that nothing proves to pass."""
    samples = "".join(
        repr(canned(parse_program("y = x*w + b", Limits()), RunRequest()))
        for canned in (line_trace, matrix_trace, printing_trace, raised_trace)
    )
    drawn = (
        "Complex",
        "InputSpec",
        "RunRequest",
        "Problem",
        "Stopped",
        "Crashed",
        "Figure",
        "Watched",
        "Cut",
        "Table",
        "Warned",
    )
    homes = (trace.__name__, values.__name__)
    things = {**vars(values), **vars(trace)}.values()
    classes = [each.__name__ for each in things if isinstance(each, type) and each.__module__ in homes]
    classes.remove("GiveUp")  # how tuples are read, not what is told
    classes.remove("Telling")  # told in front of the wall, and never crosses it
    assert [name for name in classes if f"{name}(" not in samples and name not in drawn] == []


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")],
)
def test_what_json_has_no_number_for_is_spelled(value: float, spelled: str) -> None:
    sent = Trace(Completed(), watched=(Watched("x", None, TensorValue((value, 1.0), None, None), None),))
    data = encode_frame(sent)
    assert json.loads(data[HEADER.size :], parse_constant=pytest.fail)
    received = decode_frame(data[HEADER.size :])
    assert isinstance(received, Trace)
    assert received.watched[0].value == TensorValue((spelled, 1.0), None, None)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ nothing else passes


def frame_with(**changes: object) -> bytes:
    plain = json.loads(encode_frame(Trace(Completed()))[HEADER.size :])
    return json.dumps(plain | changes).encode("utf-8", "surrogatepass")


def watched(data: str) -> bytes:
    """A trace whose watched value is this JSON."""
    value = '{"expression": "", "text": null, "error": null, "value": {"data": %s, "index": null, "statistics": null}}'
    return (
        b'{"frame": "trace", "outcome": {"kind": "completed"}, "watched": [' + (value % data).encode() + b"]}"
    )


NO_FRAMES = {
    "nothing": b"",
    "no JSON": b"junk",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "two objects": b"{}{}",
    "no tag": b"{}",
    "unknown tag": b'{"frame": "pickle"}',
    "not UTF-8": b'{"frame": "failure", "text": "\xff"}',
    "NUL": b'{"frame": "failure", "text": "\0"}',
    "half a surrogate": b'{"frame": "failure", "text": "\\ud800"}',
    "a raw half of a surrogate": b'{"frame": "failure", "text": "\xed\xa0\x80"}',
    "number for text": b'{"frame": "failure", "text": 1}',
    "null for text": b'{"frame": "failure", "text": null}',
    "missing field": b'{"frame": "failure"}',
    "unknown stream": b'{"frame": "output", "stream": "stdin", "text": ""}',
    "no outcome": b'{"frame": "trace"}',
    "unknown outcome": frame_with(outcome={"kind": "won"}),
    "unknown limit": frame_with(outcome={"kind": "stopped", "limit": "fun", "allowed": 1.0, "span": None}),
    "number as text": frame_with(timings={"run": "1"}),
    "bool as number": frame_with(timings={"run": True}),
    "fraction for a whole number": frame_with(cuts=[{"limit": "steps", "allowed": 1.5, "dropped": 1}]),
    "list for an object": frame_with(versions=[]),
    "NaN": b'{"frame": "trace", "outcome": {"kind": "completed"}, "timings": {"run": NaN}}',
    "Infinity": b'{"frame": "trace", "outcome": {"kind": "completed"}, "timings": {"run": 1e999}}',
    "NaN in a value": watched("[1.0, NaN]"),
    "-Infinity in a value": watched("-Infinity"),
    "misspelled": watched('"nan"'),
    "text in a value": watched('"<script>"'),
    "null in a value": watched("[null]"),
    "rows of different lengths": watched("[[1, 2], [3]]"),
    "a row beside a number": watched("[[1], 2]"),
    "a million wrong numbers": watched("[" + '"x",' * 1_000_000 + "1]"),
    "a million wrong tensors": b'{"frame": "trace", "outcome": {}, "tensors": ['
    + b"{}," * 1_000_000
    + b"{}]}",
    "too many gaps": frame_with(notes=[{"template": "", "values": {str(n): 0 for n in range(100)}}]),
    "a list in a gap": frame_with(notes=[{"template": "", "values": {"a": []}}]),
    "nested 100,000 deep": watched("[" * 100_000 + "]" * 100_000),
    "100,000 digits": watched("9" * 100_000),
    "tag sent twice": b'{"frame": "ready", "frame": "trace"}',
}


@pytest.mark.parametrize("case", NO_FRAMES)
def test_what_is_no_frame_is_refused(case: str) -> None:
    with pytest.raises(WireError) as refused:
        decode_frame(NO_FRAMES[case])
    assert 0 < len(str(refused.value)) < 500


@given(st.binary(max_size=200) | st.text().map(str.encode))
@example(b"\xef\xbb\xbf{}")
def test_arbitrary_bytes_raise_nothing_but_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_frame(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*Trace.__slots__, "stream", "text", "svg", "frame"])


@SLOWLY
@given(st.dictionaries(FIELDS, JSON, max_size=3), st.sampled_from(["trace", "output", "ready", "figure"]))
def test_arbitrary_objects_are_frames_or_wire_errors(fields: dict[str, object], tag: str) -> None:
    data = json.dumps({"outcome": {"kind": "completed"}} | fields | {"frame": tag}).encode()
    try:
        frame = decode_frame(data)
    except WireError:
        return
    assert same(through(frame), frame)


@SLOWLY
@given(TRACES, st.data())
def test_damaged_traces_are_frames_or_wire_errors(sent: Trace, data: st.DataObject) -> None:
    body = bytearray(encode_frame(sent)[HEADER.size :])
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        frame = decode_frame(bytes(body))
        assert same(through(frame), frame)


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_length_within_the_limit_is_read(length: int) -> None:
    assert frame_length(HEADER.pack(length), 1000) == length


@pytest.mark.parametrize("length", [1001, 2**31, 2**32 - 1])
def test_length_beyond_the_limit_is_refused(length: int) -> None:
    with pytest.raises(WireError, match=f"{length} bytes, 1000 allowed"):
        frame_length(HEADER.pack(length), 1000)


def test_places_are_kept_exactly() -> None:
    span = Span(1, 0, 2, 7)
    sent = Trace(Raised("E", "中\u2028🙂\0", span, (StackFrame("<module>", span), StackFrame("f", None))))
    assert through(sent) == sent
