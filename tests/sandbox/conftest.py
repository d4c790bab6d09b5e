"""Two real sandboxes for all tests here: a patient one, and a crowded one whose processes may be killed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.program import Program, parse_program
from app.request import check_request
from app.sandbox.local import LocalSandbox, SandboxPlan
from app.vocabulary.limits import MIB, Limits
from app.vocabulary.trace import RunRequest, Trace
from tests.processes import Process, descendants, until

LONG = 120.0
"""Seconds that no program here needs, on a slow machine either; those that never end get `BRIEF`."""
BRIEF = 1.0
SECRET_NAME, SECRET = "PLAYGROUND_TESTS_SECRET", "no program may ever see this"


@dataclass(frozen=True, slots=True)
class RealSandbox:
    sandbox: LocalSandbox
    plan: SandboxPlan

    @property
    def limits(self) -> Limits:
        return self.plan.limits

    def parse(self, source: str) -> Program:
        return parse_program(source, self.limits)

    async def run(self, source: str, seconds: float | None = None, **asked: Any) -> Trace:
        """Run a program as the web does; watched live, as one that has `seconds` of its own is."""
        program, request = self.parse(source), RunRequest(**asked)
        check_request(program, request, self.limits)
        async with aclosing(self.sandbox.stream(program, request, seconds)) as frames:
            *_, trace = [frame async for frame in frames]
        assert isinstance(trace, Trace)
        return trace

    async def printed(self, source: str, **asked: Any) -> str:
        return output_of(await self.run(source, **asked))

    def server(self) -> Process | None:
        """The fork server: ours is told from the other sandbox's by the memory it may give."""
        mark = f'"memory_bytes": {self.limits.process_bytes},'
        ours = descendants(os.getpid())
        return next((each for each in ours if each.parent == os.getpid() and mark in each.command), None)

    def children(self) -> tuple[Process, ...]:
        server = self.server()
        return descendants(server.pid) if server else ()

    async def rested(self) -> None:
        """Wait until all spares are there and nothing else is."""
        await until(lambda: self.sandbox.health().spares == self.plan.spares == len(self.children()))


def output_of(trace: Trace) -> str:
    return "".join(each.text for each in trace.output)


@asynccontextmanager
async def started(plan: SandboxPlan) -> AsyncIterator[RealSandbox]:
    """Start a sandbox; when it has been left, none of its processes is there any more."""
    async with LocalSandbox(plan).running() as sandbox:
        real = RealSandbox(sandbox, plan)
        server = real.server()
        assert server is not None
        yield real
        last = real.server()
        family = (*real.children(), *((server, last) if last else (server,)))
    assert [each for each in family if each.alive] == []


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def real(anyio_backend: str) -> AsyncIterator[RealSandbox]:
    """A sandbox whose programs may take little, and whose caller knows a secret."""
    limits = Limits(
        seconds=LONG,
        memory_bytes=128 * MIB,
        kept_bytes=16 * MIB,
        output_bytes=20_000,
        reply_bytes=8 * MIB,
        frame_bytes=8 * MIB,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET_NAME, SECRET)
        async with started(
            SandboxPlan(limits, telling_seconds=5.0, slots=3, spares=3, queue_seconds=90.0, first_uid=62_000)
        ) as real:
            yield real


@pytest.fixture
def impatient(crowded: RealSandbox, monkeypatch: pytest.MonkeyPatch) -> RealSandbox:
    """The same with little patience: whoever finds them taken is sent away after a second."""
    plan = replace(crowded.plan, queue_seconds=1.0)
    monkeypatch.setattr(crowded.sandbox, "_plan", plan)
    return replace(crowded, plan=plan)


@pytest.fixture(scope="package")
async def crowded(anyio_backend: str) -> AsyncIterator[RealSandbox]:
    """Two places."""
    limits = Limits(seconds=LONG, memory_bytes=96 * MIB)
    async with started(SandboxPlan(limits, slots=2, spares=2, queue_seconds=90.0, first_uid=62_100)) as real:
        yield real
