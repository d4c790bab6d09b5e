"""Sites for a browser: the real application as its command starts it, and one over a fake sandbox in a thread."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from app.program import Program
from app.settings import Settings
from app.web.app import create_app
from tests.fakes import FakeGraphviz, FakeSandbox

ROOT = Path(__file__).parents[2]
STARTING_SECONDS = 300
PATIENCE = 20  # seconds what is expected may take: a loaded machine is slow, and only a failure waits so long
expect.set_options(timeout=PATIENCE * 1000)
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def base_url() -> None:
    """No common address: every site has its own. (pytest-base-url's fixture of this name warns on today's pytest.)"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} was not ready within {STARTING_SECONDS} s")


@pytest.fixture(scope="session")
def real_site() -> Iterator[str]:
    """Address of the whole application, started by its own command."""
    port = free_port()
    command = [sys.executable, "-m", "app.main", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environ = {**os.environ, "PLAYGROUND_RUNS_PER_MINUTE": "0"}
    with subprocess.Popen(command, cwd=ROOT, env=environ) as server:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def slow(program: Program) -> float:
    return 1.5 if "slow" in program.source else 0.0


@dataclass
class FakeSite:
    url: str
    sandbox: FakeSandbox = field(default_factory=lambda: FakeSandbox(delay=slow))
    server: uvicorn.Server | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def drop_connections(self) -> None:
        """Cut every connection, as a network does: without a word."""
        assert self.server is not None
        assert self.loop is not None
        for connection in tuple(self.server.server_state.connections):
            self.loop.call_soon_threadsafe(connection.transport.abort)


@pytest.fixture
def fake_site() -> Iterator[FakeSite]:
    """A site over a fake sandbox; a program that says "slow" takes a second and a half."""
    site = FakeSite(f"http://127.0.0.1:{free_port()}")
    app = create_app(site.sandbox, FakeGraphviz(), Settings(runs_per_minute=0))
    config = uvicorn.Config(app, port=int(site.url.rpartition(":")[2]), log_level="warning")
    server = uvicorn.Server(config)
    site.server = server

    async def serve() -> None:
        site.loop = asyncio.get_running_loop()
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    wait_until_ready(site.url)
    yield site
    server.should_exit = True
    thread.join(20)


@dataclass
class Complaints:
    """What the browser complained about."""

    page: Page
    console: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        violations: list[str] = self.page.evaluate("window.violations")
        return self.console + violations


@pytest.fixture
def complaints(page: Page) -> Complaints:
    page.add_init_script(WATCH)
    found = Complaints(page)
    page.on(
        "console", lambda message: found.console.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: found.console.append(str(error)))
    return found
