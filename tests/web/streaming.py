"""A site on a socket, because a stream of events is only one where the answer comes while the program runs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from app.settings import Settings
from app.web.app import create_app
from tests.fakes import FakeGraphviz, FakeSandbox
from tests.processes import PATIENCE

RUNS = "/api/v1/runs"
TRAIN = {"source": "for epoch in range(3):\n    loss = 1 / (epoch + 1)", "graph": {"format": "none"}}


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event."""

    id: int
    kind: str
    data: Any


@asynccontextmanager
async def live_site(
    sandbox: FakeSandbox, patience: int = 2, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A real server; told to stop, it has so many seconds until what still runs is cut off."""
    app = create_app(sandbox, FakeGraphviz(), Settings(**{"runs_per_minute": 0, **settings}))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=patience))
    serving = asyncio.ensure_future(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=PATIENCE
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def read_events(client: httpx.AsyncClient, address: str, **headers: str) -> AsyncGenerator[Told, None]:
    """The events of a run as they come."""
    async with client.stream("GET", address, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert "content-encoding" not in response.headers
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield Told(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                fields = {}


async def all_events(client: httpx.AsyncClient, address: str, **headers: str) -> list[Told]:
    return [told async for told in read_events(client, address, **headers)]


async def start(client: httpx.AsyncClient, body: Any = None) -> dict[str, Any]:
    response = await client.post(RUNS, json=body or TRAIN)
    assert response.status_code == 202, response.text
    answer: dict[str, Any] = response.json()
    assert response.headers["location"] == f"{RUNS}/{answer['id']}"
    return answer
