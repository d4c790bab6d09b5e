"""The JSON API: what an answer holds, and that nothing a client sends is answered with a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.vocabulary.errors import ProgramRefused, SandboxBusy, WireError, WorkerLost
from app.vocabulary.values import Problem, Text
from tests.fakes import FakeGraphviz, FakeSandbox, classic
from tests.web.site import EVALUATE, JSON, LINE, SCALARS, ZH, check_failure, site


async def test_line_answers_with_values_gradients_and_picture() -> None:
    async with site() as client:
        response = await client.post(EVALUATE, json=LINE)
    answer = response.json()
    tensors = {each["name"]: each for each in answer["tensors"]}
    assert response.status_code == 200
    assert answer["outcome"] == {"kind": "completed"}
    assert tensors["y"]["value"]["data"] == 17.0
    assert tensors["w"]["grad"]["data"] == 3.0
    assert tensors["b"]["grad"]["data"] == 1.0
    assert tensors["x"]["grad"] is None
    assert tensors["x"]["why"][0]["sentence"] == "`x` does not require grad."
    assert answer["graph"]["svg"].startswith("<svg ")
    assert answer["graph"]["dot"] is None
    assert answer["graph"]["style"] == "annotated"
    assert [node["op"] for node in answer["graph"]["nodes"]][:2] == ["AddBackward0", "MulBackward0"]
    assert answer["graphs"] == [
        {"roots": ["y"], "nodes": 5, "edges": 4, "nodes_left_out": 0, "occurrence": 0}
        | {"backward": answer["backward"]}
    ]
    assert answer["backward"]["roots"] == ["y"]
    assert answer["versions"]["torch"] == "2.13.0+cpu"
    assert answer["timings"]["total"] > 0
    assert answer["limits"] == []


async def test_request_reaches_the_sandbox_as_it_was_asked() -> None:
    sandbox = FakeSandbox()
    body = {
        "source": "y = a + c",
        "inputs": {
            "a": {"value": [[1, True], ["NaN", {"real": 1.5, "imag": 2}]], "dtype": "complex64"},
            "c": {"shape": [2, 2], "init": "randn", "seed": 0, "dtype": "float32", "requires_grad": True},
        },
        "backward": "none",
        "seed": 7,
        "watch": ["a.shape"],
    }
    async with site(sandbox) as client:
        response = await client.post(EVALUATE, json=body)
    assert response.status_code == 200, response.text
    (program, request) = sandbox.asked[0]
    assert program.source == "y = a + c"
    assert request.inputs["a"].value == ((1, True), ("NaN", request.inputs["a"].value[1][1]))  # type: ignore[index]
    assert request.inputs["c"].shape == (2, 2)
    assert (request.backward, request.seed, request.watch) == ("none", 7, ("a.shape",))


@pytest.mark.parametrize(
    ("graph", "svg", "dot"),
    [
        ({"format": "svg"}, True, False),
        ({"format": "dot"}, False, True),
        ({"format": "json"}, False, False),
        ({"style": "torchviz"}, True, False),
        ({"style": "torchviz", "format": "dot"}, False, True),
    ],
)
async def test_graph_comes_as_asked(graph: dict[str, str], svg: bool, dot: bool) -> None:
    async with site() as client:
        answer = (await client.post(EVALUATE, json={**LINE, "graph": graph})).json()
    assert (answer["graph"]["svg"] is not None, answer["graph"]["dot"] is not None) == (svg, dot)
    assert len(answer["graph"]["nodes"]) == 5


async def test_graph_is_left_out_when_none_is_asked() -> None:
    async with site() as client:
        answer = (await client.post(EVALUATE, json={**LINE, "graph": {"format": "none"}})).json()
    assert answer["graph"] is None
    assert len(answer["graphs"]) == 1


async def test_picture_that_fails_is_a_note() -> None:
    assert classic().nodes
    async with site(graphviz=FakeGraphviz(failing=True)) as client:
        response = await client.post(EVALUATE, json={**LINE, "graph": {"style": "torchviz"}})
    assert response.status_code == 200
    assert response.json()["graph"]["svg"] is None
    assert "There is no picture of this graph: it could not be drawn in time." in response.json()["notes"]


async def test_raising_program_is_a_200_with_its_outcome_and_hint() -> None:
    async with site() as client:
        answer = (await client.post(EVALUATE, json={"source": "a = 1\nb = 2\nc = a @ b"})).json()
    outcome = answer["outcome"]
    assert outcome["kind"] == "raised"
    assert outcome["exception"] == "RuntimeError"
    assert outcome["span"] == {"line": 3, "column": 4, "end_line": 3, "end_column": 9}
    assert outcome["hint"] == "The inner sizes 3 and 4 must be equal."
    assert [frame["function"] for frame in outcome["frames"]] == ["<module>", "forward"]


async def test_sentences_follow_accept_language() -> None:
    async with site() as client:
        response = await client.post(EVALUATE, json={"source": "y = ("}, headers=ZH)
    error = check_failure(response, 422, "program_refused")
    assert error["message"] == "提交的程序无法运行。"
    assert error["problems"][0]["message"].startswith("第 1 行第 5 列：")


def nested(depth: int) -> bytes:
    return b'{"source": "y = x", "inputs": {"x": {"value": ' + b"[" * depth + b"1" + b"]" * depth + b"}}}"


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"{", 422, "request_refused", "The body is not valid JSON"),
        (b"", 422, "request_refused", "The body is not valid JSON"),
        (b"[]", 422, "request_refused", "`body` must be an object."),
        (b'"\xff"', 422, "request_refused", "The body is not valid JSON"),
        (b"{}", 422, "request_refused", "The field `source` is missing."),
        (b'{"source": 1}', 422, "request_refused", "`source` must be a string."),
        (b'{"source": null}', 422, "request_refused", "`source` must be a string."),
        (b'{"source": "1", "sauce": 1}', 422, "request_refused", "There is no field `sauce`."),
        (b'{"source": "1", "inputs": []}', 422, "request_refused", "`inputs` must be an object."),
        (b'{"source": "1", "inputs": {"x": 3}}', 422, "request_refused", "`inputs.x` must be an object."),
        (b'{"source": "1", "seed": "1"}', 422, "request_refused", "`seed` must be a whole number."),
        (b'{"source": "1", "seed": 1.5}', 422, "request_refused", "`seed` must be a whole number."),
        (b'{"source": "1", "watch": "x"}', 422, "request_refused", "`watch` must be a list."),
        (
            b'{"source": "1", "graph": {"style": "x"}}',
            422,
            "request_refused",
            "`graph.style` must be 'annotated'",
        ),
        (
            b'{"source": "1", "inputs": {"x": {"value": [1, "a"]}}}',
            422,
            "request_refused",
            "`inputs.x.value[1]` must be a number",
        ),
        (
            b'{"source": "1", "inputs": {"x": {"value": 1' + b"0" * 400 + b"}}}",
            422,
            "request_refused",
            "at most 64",
        ),
        (
            b'{"source": "1", "seed": 1' + b"0" * 9000 + b"}",
            422,
            "request_refused",
            "The body is not valid JSON",
        ),
        (nested(60), 422, "program_refused", "nested too deeply"),
        (nested(5_000), 422, "request_refused", "The body is not valid JSON"),
        (b'{"source": "a\\u0000b"}', 422, "program_refused", "U+0000"),
        (b'{"source": "y = q"}', 422, "program_refused", "`q` is not defined"),
        (b'{"source": "y = ("}', 422, "program_refused", "Line 1, column 5"),
        (b'{"source": "' + b"a" * 70_000 + b'"}', 413, "source_too_large", "bytes"),
        (b'{"source": "' + b"a" * 2_000_000 + b'"}', 413, "body_too_large", "1048576 bytes"),
    ],
)
async def test_unreadable_requests_are_refused_with_the_reason(
    body: bytes, status: int, code: str, message: str
) -> None:
    async with site() as client:
        error = check_failure(await client.post(EVALUATE, content=body, headers=JSON), status, code)
    said = [error["message"], *(problem["message"] for problem in error["problems"])]
    assert any(message in each for each in said), said


async def test_every_problem_is_named_at_once() -> None:
    async with site() as client:
        response = await client.post(EVALUATE, json={"sauce": 1, "seed": "x", "watch": 3})
    error = check_failure(response, 422, "request_refused")
    assert {problem["name"] for problem in error["problems"]} == {"source", "sauce", "seed", "watch"}


async def test_refusal_names_the_place_and_the_name() -> None:
    async with site() as client:
        response = await client.post(EVALUATE, json={"source": "y = x*w", "inputs": {"x": SCALARS["x"]}})
    (problem,) = check_failure(response, 422, "program_refused")["problems"]
    assert problem["code"] == "input_missing"
    assert problem["name"] == "w"
    assert problem["span"] == {"line": 1, "column": 6, "end_line": 1, "end_column": 7}


async def test_streamed_body_is_refused_before_it_is_read_to_the_end() -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        for _ in range(160):
            sent += 65_536
            yield b"a" * 65_536

    async with site() as client:
        response = await client.post(EVALUATE, content=chunks(), headers=JSON)
    check_failure(response, 413, "body_too_large")
    assert sent <= 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after"),
    [
        (SandboxBusy(2.2), 503, "sandbox_busy", 3),
        (WorkerLost("gone"), 503, "worker_lost", 1),
        (WireError("bad frame"), 500, "wire_error", None),
        (
            ProgramRefused((Problem("bad_device", Text("No {device}.", {"device": "tpu"})),)),
            422,
            "program_refused",
            None,
        ),
        (ZeroDivisionError("a bug"), 500, "internal_error", None),
    ],
)
async def test_failures_of_ours_have_the_one_shape(
    failure: Exception, status: int, code: str, retry_after: int | None
) -> None:
    async with site(FakeSandbox(failure=failure)) as client:
        error = check_failure(await client.post(EVALUATE, json=LINE), status, code)
    assert error["retry_after"] == retry_after
    assert "a bug" not in json.dumps(error)


async def test_too_many_runs_are_refused_with_retry_after() -> None:
    async with site(runs_per_minute=60, runs_burst=2) as client:
        replies = [await client.post(EVALUATE, json=LINE) for _ in range(3)]
    assert [reply.status_code for reply in replies[:2]] == [200, 200]
    assert check_failure(replies[2], 429, "too_many_runs")["retry_after"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", EVALUATE, 405, "method_not_allowed"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
    ],
)
async def test_addresses_that_do_not_exist(method: str, path: str, status: int, code: str) -> None:
    async with site() as client:
        check_failure(await client.request(method, path), status, code)


async def test_devices_and_health() -> None:
    async with site() as client:
        assert (await client.get("/api/v1/devices")).json() == {
            "devices": [{"name": "cpu", "title": "2 cores", "memory_bytes": None, "busy": 0}]
        }
        health = await client.get("/healthz")
    assert health.status_code == 200
    assert health.json()["layers"][0]["name"] == "seccomp"
    async with site(FakeSandbox(ready=False)) as client:
        assert (await client.get("/healthz")).status_code == 503
