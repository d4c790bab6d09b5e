"""Chaos on the real application: processes of its own are killed under load, and nobody is left without an answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import httpx
import pytest

from tests.processes import PATIENCE, Process, busiest, ended, until
from tests.real_app import EVALUATE, RealApp, check_answer, started_app

REQUESTS, AT_ONCE = 200, 8
LINE = {
    "source": "y = x * w + b\nprint(y)",
    "inputs": {name: {"value": float(index), "requires_grad": True} for index, name in enumerate("xwb")},
}
BODIES = (
    LINE,
    {**LINE, "graph": {"style": "torchviz"}},
    {"source": "import time\ntime.sleep(0.05)\nraise ValueError", "graph": {"format": "none"}},
    {**LINE, "graph": {"style": "torchviz", "format": "dot"}},
)
BUSY = {"source": "while True: pass", "graph": {"format": "none"}}
"""Killed in its middle, however slow the machine is."""
Victim = Callable[[RealApp], Process | None]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def app() -> Iterator[RealApp]:
    with started_app(slots="4", spares="2", seconds="120") as app:
        yield app


@dataclass
class Tally:
    """What came of all requests."""

    app: RealApp
    client: httpx.AsyncClient
    statuses: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    missing_pictures: int = 0
    waiting: int = REQUESTS

    async def send_all(self) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(self._send_some)

    async def _send_some(self) -> None:
        while self.waiting > 0:
            self.waiting -= 1
            await self.send(BODIES[self.waiting % len(BODIES)])

    async def send(self, body: object) -> int:
        response = await self.client.post(EVALUATE, json=body)
        answer = check_answer(response)
        self.statuses.append(response.status_code)
        if response.status_code == 503:
            await anyio.sleep(0.25)  # a client that was told to come later
        elif response.status_code != 200:
            self.failures.append(response.text[:300])
        elif body is BODIES[1]:
            self.missing_pictures += answer["graph"]["svg"] is None
        return response.status_code


async def kill_next(app: RealApp, choose: Victim) -> None:
    """Kill the next process that fits; only ever one of the application's own."""
    victims: list[Process] = []

    def killed() -> bool:
        victim = choose(app)
        if victim is None:
            return False
        with suppress(ProcessLookupError):  # it has just ended by itself: take the next
            os.kill(victim.pid, signal.SIGKILL)
            victims.append(victim)
        return bool(victims)

    await until(killed)
    await ended(victims[0].pid)


def oldest_child(app: RealApp) -> Process | None:
    """While there are more than the spares: most likely it runs a program."""
    children = app.children()
    return children[0] if len(children) > 2 else None


def busy_child(app: RealApp) -> Process | None:
    return busiest(app.children())


def newest_child(app: RealApp) -> Process | None:
    return next(iter(app.children()[::-1]), None)


async def test_killed_processes_cost_nobody_an_answer(app: RealApp) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE) as client:
        tally = Tally(app, client)
        assert [await tally.send(body) for body in BODIES] == [200] * len(BODIES)
        async with anyio.create_task_group() as group:
            group.start_soon(tally.send_all)
            await reach(tally, 160)
            await kill_next(app, RealApp.graphviz)
            await kill_next(app, oldest_child)
            await reach(tally, 120)
            await kill_next(app, newest_child)
            await kill_next(app, oldest_child)
            await reach(tally, 80)
            await kill_next(app, RealApp.graphviz)
            await kill_next(app, RealApp.server)
        await until(lambda: serves(tally))
        later = [await tally.send(body) for body in BODIES * 2]
        health = await client.get("/healthz")
    assert tally.failures == []
    assert set(tally.statuses) <= {200, 503}
    assert len(tally.statuses) >= REQUESTS
    assert tally.statuses.count(200) > REQUESTS // 2
    assert tally.missing_pictures <= 4
    assert later == [200] * len(later)
    assert health.status_code == 200


async def reach(tally: Tally, waiting: int) -> None:
    await until(lambda: tally.waiting <= waiting)


async def serves(tally: Tally) -> bool:
    return await tally.send(BODIES[0]) == 200


async def test_killed_run_is_told_to_be_sent_again(app: RealApp) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE) as client:
        answers: list[httpx.Response] = []

        async def send() -> None:
            answers.append(await client.post(EVALUATE, json=BUSY))

        await until(lambda: len(app.children()) == 2)
        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await kill_next(app, busy_child)
        (answer,) = answers
        assert answer.status_code == 503
        assert check_answer(answer)["code"] == "worker_lost"
        assert answer.headers["retry-after"] == "1"
        assert (await client.post(EVALUATE, json=LINE)).status_code == 200


async def test_client_that_leaves_ends_its_program(app: RealApp) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=PATIENCE) as client:
        await until(lambda: len(app.children()) == 2)
        async with anyio.create_task_group() as group:
            group.start_soon(leave_running, client)
            await until(lambda: len(app.children()) == 3)
            group.cancel_scope.cancel()
        await until(lambda: len(app.children()) == 2)


async def test_nothing_is_left_after_sigterm(app: RealApp) -> None:
    """Even with a program running."""
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=PATIENCE) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(leave_running, client)
        await until(lambda: len(app.children()) > 2)
        family = app.family()
        app.process.send_signal(signal.SIGTERM)
        await ended(app.process.pid)
    assert [each for each in family if each.alive] == []
    assert app.process.wait(1) in (0, -signal.SIGTERM)


async def leave_running(client: httpx.AsyncClient) -> None:
    """The answer is whatever a server that is being stopped still says."""
    try:
        await client.post(EVALUATE, json={"source": "while True: pass"})
    except httpx.TransportError:
        return


async def test_nothing_is_left_after_sigkill() -> None:
    with started_app(slots="1", spares="1") as app:
        await until(lambda: len(app.children()) == 1)
        family = app.family()
        app.process.kill()
        for each in (app.process.pid, *(process.pid for process in family)):
            await ended(each)
    assert [each for each in family if each.alive] == []
