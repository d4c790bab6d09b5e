"""A spare is told that a program is on its way before the request is read, once for each, and by nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, LINE, site


@pytest.mark.parametrize("path", [EVALUATE, "/api/v1/runs"])
async def test_program_is_expected_before_its_body_is_read_and_once(path: str) -> None:
    sandbox, seen = FakeSandbox(), []

    async def body() -> AsyncIterator[bytes]:
        seen.append(sandbox.expected)
        yield json.dumps(LINE).encode()

    async with site(sandbox) as client:
        answer = await client.post(path, content=body(), headers={"Content-Type": "application/json"})
    assert answer.is_success
    assert (seen, sandbox.expected) == ([1], 1)


async def test_who_sends_no_program_is_not_waited_for() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        await client.get("/healthz")
        await client.get(EVALUATE)
        await client.post(EVALUATE, json=LINE, headers={"Origin": "https://evil.example"})
    assert sandbox.expected == 0
