"""Processes are killed from outside: whoever waits is answered, the next is served, and nothing is left over."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal

import pytest

from app.sandbox.child import Child
from app.sandbox.fork_server import ForkServer
from app.sandbox.local import LocalSandbox, SandboxPlan
from app.vocabulary.errors import SandboxBusy, WorkerLost
from app.vocabulary.limits import MIB, Limits
from app.vocabulary.trace import Completed
from tests.processes import ended, until
from tests.sandbox.conftest import RealSandbox
from tests.sandbox.test_slots import pid_of


async def serves(real: RealSandbox) -> bool:
    """Whether a program is run now; the only failures allowed meanwhile are the two that say: try again."""
    try:
        return (await real.run("x = 1")).outcome == Completed()
    except (SandboxBusy, WorkerLost):
        return False


async def test_running_child_killed_is_told_and_costs_nobody_else(crowded: RealSandbox) -> None:
    pid, victim = await pid_of(crowded)
    _, other = await pid_of(crowded, "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(0.3)")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerLost):
        await victim
    assert (await other).outcome == Completed()
    assert (await crowded.run("x = 1")).outcome == Completed()
    await crowded.rested()


async def test_idle_spare_killed_is_replaced(crowded: RealSandbox) -> None:
    await crowded.rested()
    victims = [each.pid for each in crowded.children()]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    for pid in victims:
        await ended(pid)
    await until(lambda: not {each.pid for each in crowded.children()} & set(victims))
    await crowded.rested()
    assert (await crowded.run("x = 1")).outcome == Completed()


async def test_spare_killed_while_it_is_taken_is_a_result_or_told(crowded: RealSandbox) -> None:
    for _ in range(5):
        await crowded.rested()
        runs = [asyncio.create_task(crowded.run("x = 1")) for _ in range(2)]
        os.kill(crowded.children()[0].pid, signal.SIGKILL)
        for outcome in await asyncio.gather(*runs, return_exceptions=True):
            assert isinstance(outcome, WorkerLost | SandboxBusy) or not isinstance(outcome, BaseException)
    await crowded.rested()


async def test_fork_server_killed_is_started_again(impatient: RealSandbox) -> None:
    crowded = impatient
    first_pid, first = await pid_of(crowded)
    second_pid, second = await pid_of(crowded)
    waiting = asyncio.create_task(crowded.run("x = 1"))
    server = crowded.server()
    assert server is not None
    family = crowded.children()
    os.kill(server.pid, signal.SIGKILL)
    for run in (first, second):
        with pytest.raises(WorkerLost):
            await run
    for pid in (first_pid, second_pid, *(each.pid for each in family)):
        await ended(pid)
    with pytest.raises((SandboxBusy, WorkerLost)):
        await waiting
    await until(lambda: serves(crowded))
    await crowded.rested()
    again = crowded.server()
    assert again is not None
    assert again.pid != server.pid
    assert [each for each in (server, *family) if each.alive] == []
    assert crowded.sandbox.health().ready


async def test_fork_server_killed_while_it_starts_is_started_again(
    crowded: RealSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="playground.sandbox")
    await crowded.rested()
    victims = []
    for _ in range(2):
        await until(lambda: (server := crowded.server()) is not None and server not in victims)
        server = crowded.server()
        assert server is not None
        victims.append(server)
        os.kill(server.pid, signal.SIGKILL)
    await until(lambda: serves(crowded))
    await crowded.rested()


async def test_child_that_cannot_be_made_is_tried_again(
    crowded: RealSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OSError(errno.EMFILE, "too many open files"), WorkerLost("not now"), TimeoutError()])
    honest = ForkServer.spawn

    async def spawn(server: ForkServer, uid: int | None) -> Child:
        for failure in failures:
            raise failure
        return await honest(server, uid)

    await crowded.rested()
    monkeypatch.setattr(ForkServer, "spawn", spawn)
    assert (await crowded.run("x = 1")).outcome == Completed()
    await crowded.rested()
    assert list(failures) == []


SMALL = SandboxPlan(Limits(memory_bytes=80 * MIB), slots=1, spares=1, first_uid=62_200)


async def test_nothing_is_left_when_the_caller_leaves_while_the_server_starts() -> None:
    task = asyncio.create_task(enter(SMALL))
    real = RealSandbox(LocalSandbox(SMALL), SMALL)
    await until(lambda: real.server() is not None)
    server = real.server()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert server is not None
    assert not server.alive


async def test_nothing_is_left_when_the_server_was_just_killed() -> None:
    async with LocalSandbox(SMALL).running() as sandbox:
        real = RealSandbox(sandbox, SMALL)
        server = real.server()
        assert server is not None
        family = real.children()
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: (again := real.server()) is not None and again.pid != server.pid)
        again = real.server()
    assert again is not None
    assert [each for each in (server, again) if each.alive] == []
    for orphan in family:
        await ended(orphan.pid)  # the kernel ends it with its server, in its own time


async def enter(plan: SandboxPlan) -> None:
    async with LocalSandbox(plan).running():
        raise AssertionError("it was to be left before it was ready")
