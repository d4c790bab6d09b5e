"""Bad input to the real application: each has one clear answer in time, and the next client notices nothing."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from app.vocabulary.limits import Limits
from tests.processes import PATIENCE
from tests.real_app import EVALUATE, RealApp, check_answer, started_app

LIMIT_SECONDS = 6.0
"""Nothing here needs as long, on a slow machine either, but for what never ends."""
IN_TIME = LIMIT_SECONDS + 30.0
OUTPUT_BYTES = 1_200_000
GOOD = {"source": "y = x * 2", "inputs": {"x": {"value": 3.0, "requires_grad": True}}}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def app() -> Iterator[RealApp]:
    with started_app(seconds=str(LIMIT_SECONDS), memory="128M", output_size=str(OUTPUT_BYTES)) as app:
        yield app


@pytest.fixture
async def client(app: RealApp) -> AsyncIterator[httpx.AsyncClient]:
    """After each test the application is well, and a good program is run."""
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE) as client:
        yield client
        assert (await client.get("/healthz")).status_code == 200
        good = check_answer(await client.post(EVALUATE, json=GOOD))
        assert [each["grad"] and each["grad"]["data"] for each in good["tensors"] if each["name"] == "x"] == [
            2.0
        ]


async def send(client: httpx.AsyncClient, body: object) -> tuple[int, dict[str, Any]]:
    """Status and what is inside of the answer to a body: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    began = time.monotonic()
    response = await client.post(EVALUATE, content=content, headers=JSON)
    assert time.monotonic() - began < IN_TIME
    return response.status_code, check_answer(response)


# --------------------------------------------------------------------------------------------- what is no request


def with_value(text: str) -> bytes:
    return b'{"source": "x", "inputs": {"x": {"value": ' + text.encode() + b"}}}"


def with_source(**fields: object) -> dict[str, object]:
    return {"source": "y = 1", **fields}


REFUSED: dict[str, tuple[object, int, str]] = {
    "nothing": (b"", 422, "request_refused"),
    "no JSON": (b"source=1", 422, "request_refused"),
    "half of JSON": (b'{"source": "x', 422, "request_refused"),
    "not UTF-8": (b'{"source": "\xff\xfe"}', 422, "request_refused"),
    "UTF-16": ('{"source": "x"}'.encode("utf-16"), 422, "request_refused"),
    "half a surrogate": (b'{"source": "\\ud800"}', 422, "request_refused"),
    "raw NUL": (b'{"source": "\0"}', 422, "request_refused"),
    "a list": ([], 422, "request_refused"),
    "null": (None, 422, "request_refused"),
    "no source": ({}, 422, "request_refused"),
    "number for source": ({"source": 1}, 422, "request_refused"),
    "null for source": ({"source": None}, 422, "request_refused"),
    "unknown field": (with_source(files=[]), 422, "request_refused"),
    "unknown field inside": (with_source(inputs={"x": {"value": 1, "more": 2}}), 422, "request_refused"),
    "list for inputs": (with_source(inputs=[]), 422, "request_refused"),
    "text for a value": (with_source(inputs={"x": {"value": "1"}}), 422, "request_refused"),
    "text in a shape": (with_source(inputs={"x": {"shape": ["2"]}}), 422, "request_refused"),
    "fraction in a shape": (with_source(inputs={"x": {"shape": [1.5]}}), 422, "request_refused"),
    "text for a bool": (with_source(inputs={"x": {"value": 1, "requires_grad": "yes"}}), 422, "request_refused"),
    "unknown dtype": (with_source(inputs={"x": {"value": 1, "dtype": "object"}}), 422, "request_refused"),
    "unknown init": (with_source(inputs={"x": {"shape": [1], "init": "secret"}}), 422, "request_refused"),
    "text for a seed": (with_source(seed="1"), 422, "request_refused"),
    "text for watch": (with_source(watch="y"), 422, "request_refused"),
    "unknown style": (with_source(graph={"style": "3d"}), 422, "request_refused"),
    "nested 100,000 deep": (with_value("[" * 100_000 + "]" * 100_000), 422, "request_refused"),
    "objects nested deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 422, "request_refused"),
    "100,000 digits": (with_value("9" * 100_000), 422, "request_refused"),
    "65 bits": (with_value(str(2**64)), 422, "request_refused"),
    "thousand wrong inputs": (with_source(inputs=dict.fromkeys(map(str, range(1000)), 1)), 422, "request_refused"),
    "ten megabytes": (b'{"source": "' + b"x" * 10_000_000 + b'"}', 413, "body_too_large"),
    "ten megabytes of nothing": (b" " * 10_000_000, 413, "body_too_large"),
    "NUL in the program": (with_source(source="x = 1\0"), 422, "program_refused"),
    "no Python": (with_source(source="让 x 等于 1"), 422, "program_refused"),
    "missing input": (with_source(source="y = 权重 * x"), 422, "program_refused"),
    "nested program": (with_source(source="-" * 60_000 + "1"), 422, "program_refused"),
    "parentheses": (with_source(source="(" * 60_000), 422, "program_refused"),
    "long program": (with_source(source="x = 1\n" * 11_000), 413, "source_too_large"),
    "long program in Chinese": (with_source(source="# " + "张" * 22_000), 413, "source_too_large"),
    "ragged": (with_source(inputs={"x": {"value": [[1, 2], [3]]}}), 422, "program_refused"),
    "huge shape": (with_source(inputs={"x": {"shape": [10**18, 10**18]}}), 422, "program_refused"),
    "negative shape": (with_source(inputs={"x": {"shape": [-1]}}), 422, "program_refused"),
    "input that is no name": (with_source(inputs={"🙂": {"value": 1}, "a b": {"value": 1}}), 422, "program_refused"),
    "no such device": (with_source(device="cuda:9"), 422, "program_refused"),
    "no device at all": (with_source(device="<script>"), 422, "program_refused"),
    "seed too large": (with_source(seed=2**64), 422, "program_refused"),
    "unknown tensor": (with_source(backward="<b>"), 422, "program_refused"),
    "no expression": (with_source(watch=["import os"]), 422, "program_refused"),
    "too many watched": (with_source(watch=["1"] * 1000), 422, "program_refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_run_is_refused(client: httpx.AsyncClient, case: str) -> None:
    body, status, code = REFUSED[case]
    got, error = await send(client, body)
    assert (got, error["code"]) == (status, code)
    assert len(error["problems"]) <= 40
    assert len(json.dumps(error)) < 20_000


async def test_body_without_a_length_is_refused_as_it_grows(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    response = await client.post(EVALUATE, content=chunks(), headers=JSON)
    assert (response.status_code, check_answer(response)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", EVALUATE, 405, "method_not_allowed"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("POST", "/api/v1/../../etc/passwd", 404, "not_found"),
        ("GET", "/static/1/../../app/main.py", 404, "not_found"),
    ],
)
async def test_wrong_addresses_have_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert (response.status_code, check_answer(response)["code"]) == (status, code)


async def test_files_outside_static_are_not_served(client: httpx.AsyncClient) -> None:
    for path in ("%2e%2e/app/main.py", "%2e%2e%2fapp%2fmain.py", "//etc/passwd", "..%5c..%5capp", "%00"):
        assert (await client.get(f"/static/1/{path}")).status_code == 404, path


# ---------------------------------------------------------------------------------------------- programs that harm

EITHER = "completed stopped"
HARMFUL: dict[str, tuple[str, str]] = {
    "endless loop": ("while True: pass", "stopped"),
    "endless loop that catches": ("while 1:\n    try:\n        while 1: 1\n    except BaseException: 1", "stopped"),
    "sleep": ("import time\ntime.sleep(1000)", "stopped"),
    "one huge tensor": ("x = torch.zeros(10**12)", "stopped"),
    "memory bomb": ("xs = []\nwhile True: xs.append(torch.ones(1 << 18))", "stopped"),
    "output flood": ("while True: print('x' * 1000)", "stopped"),
    "figure flood": ("for i in range(100): plt.figure(); plt.plot([1, 2])", EITHER),
    "closed channel": ("import os\nos.close(3)", "crashed"),
    "closed channel and lives on": ("import os\nos.close(3)\nwhile True: pass", "crashed"),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "crashed"),
    "exit": ("import os\nos._exit(1)", "crashed"),
    "recursion": ("def f(): f()\nf()", "raised"),
    "fork bomb": ("import os\nwhile True: os.fork()", "raised"),
    "thread bomb": ("from threading import Event, Thread\nwhile 1: Thread(target=Event().wait).start()", "raised"),
    "killing its server": ("import os\nos.kill(os.getppid(), 9)", "raised"),
    "a graph of 5,000 nodes": ("y = torch.ones(1, requires_grad=True)\nfor i in range(5000): y = y * 2", EITHER),
    "a message of ten million letters": ("raise ValueError('x' * 10**7)", "raised"),
    "a name of sixty thousand letters": (f"{'y' * 60_000} = torch.ones(1, requires_grad=True) * 2", "completed"),
}  # fmt: skip


@pytest.mark.parametrize("case", HARMFUL)
async def test_harmful_program_is_an_outcome(client: httpx.AsyncClient, case: str) -> None:
    source, kinds = HARMFUL[case]
    status, answer = await send(client, {"source": source})
    assert status == 200
    assert answer["outcome"]["kind"] in kinds.split()


FORGED: dict[str, tuple[str, int, str]] = {
    "junk": ("b'junk' * 100", 500, "wire_error"),
    "a huge length": ("b'\\xff' * 4", 500, "wire_error"),
    "an unknown frame": ("framed({'frame': 'root'})", 500, "wire_error"),
    "deep nesting": ("(1 << 20).to_bytes(4) + b'[' * (1 << 20)", 500, "wire_error"),
    "a failure": ("framed({'frame': 'failure', 'text': 'a\\nforged log line'})", 500, "worker_failed"),
    "a trace": ("framed({'frame': 'trace', 'outcome': {'kind': 'completed'}})", 200, "completed"),
    "markup": (
        "framed({'frame': 'trace', 'outcome': {'kind': 'crashed', 'signal': '</script><script>alert(1)</script>'}})",
        200,
        "crashed",
    ),
}
FRAMED = """\
import json, os
def framed(fields):
    body = json.dumps(fields).encode()
    return len(body).to_bytes(4) + body
data = {data}
while data: data = data[os.write(3, data):]
"""


@pytest.mark.parametrize("case", FORGED)
async def test_forged_frame_is_an_outcome_or_one_refusal(client: httpx.AsyncClient, case: str) -> None:
    data, status, code = FORGED[case]
    got, answer = await send(client, {"source": FRAMED.replace("{data}", data)})
    assert got == status
    assert code == (answer["outcome"]["kind"] if got == 200 else answer["code"])


# ------------------------------------------------------------------------------------------- programs that are odd

HARMLESS: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({"source": ""}, ""),
    "only comments": ({"source": "# 注释\n  # 🙂"}, ""),
    "only blank lines": ({"source": " \r\n\t\r\n\x0c"}, ""),
    "CRLF": ({"source": "if True:\r\n\tprint(1)\r\nprint(2)"}, "1\n2\n"),
    "old Mac newlines": ({"source": "print(1)\rprint(2)"}, "1\n2\n"),
    "byte order mark": ({"source": "\ufeffprint(1)"}, "1\n"),
    "Chinese names": ({"source": "张量 = torch.ones(2)\nprint(张量.sum().item())"}, "2.0\n"),
    "emoji": ({"source": "print('🙂' * 2, len('🙂'), '👩‍👩‍👧')"}, "🙂🙂 1 👩‍👩‍👧\n"),
    "half a surrogate printed": ({"source": "print('\\ud800')"}, "?\n"),
    "NUL printed": ({"source": "print('\\0\\x1b[31m')"}, "\0\x1b[31m\n"),
    "line separators": ({"source": "print('a\u2028b\u0085c')"}, "a\u2028b\u0085c\n"),
    "64 kB": ({"source": "print(1)\n#" + "x" * (64 * 1024 - 10)}, "1\n"),
    "thousand inputs": (
        {"source": "print(x0 + x999)", "inputs": {f"x{i}": {"value": i} for i in range(1000)}},
        "tensor(999)\n",
    ),
    "hundred thousand numbers": (
        {"source": "print(x.shape)", "inputs": {"x": {"value": [[0.5] * 1000] * 100}}},
        "torch.Size([100, 1000])\n",
    ),
    "spelled numbers": (
        {"source": "print(x)", "inputs": {"x": {"value": ["NaN", "-Infinity", {"real": 1, "imag": "NaN"}]}}},
        "tensor([nan+0.j, -inf+0.j, 1.+nanj])\n",
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
async def test_odd_program_is_run(client: httpx.AsyncClient, case: str) -> None:
    body, printed = HARMLESS[case]
    status, answer = await send(client, body)
    assert (status, answer["outcome"]["kind"]) == (200, "completed")
    assert "".join(each["text"] for each in answer["output"]) == printed


SCRIPTS = "print('<script>alert(1)</script>' * (2**20 // 25))\nprint('</pre><img src=x onerror=alert(1)>')"


async def test_megabyte_of_markup_is_text(client: httpx.AsyncClient) -> None:
    status, answer = await send(client, {"source": SCRIPTS})
    assert (status, answer["outcome"]["kind"]) == (200, "completed")
    assert sum(len(each["text"]) for each in answer["output"]) > 2**20
    began = time.monotonic()
    form = {"content-type": "application/x-www-form-urlencoded", "hx-request": "true"}
    page = await client.post("/", content=str(httpx.QueryParams({"source": SCRIPTS})), headers=form)
    assert time.monotonic() - began < IN_TIME
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert(1)" not in page.text
    assert "<img src=x" not in page.text


@pytest.mark.parametrize(
    "source", ["%ED%A0%80", "%FF%FE", "%00", "x%0D%0A%09", "%E5%BC%A0%E9%87%8F+%3D+1", ""]
)
async def test_any_form_is_answered_with_a_page(client: httpx.AsyncClient, source: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "hx-request": "true"}
    response = await client.post("/", content=f"source={source}&input=x&in.x.value={source}", headers=form)
    assert response.status_code in (200, 400, 413, 422)
    assert response.headers["content-type"].startswith("text/html")


def test_limits_leave_room_for_the_cases() -> None:
    assert Limits().source_bytes == 64 * 1024
    assert OUTPUT_BYTES > 2**20
