"""Sites for a browser: the real application as its command starts it, and one over a fake sandbox in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect

from app.program import Program
from app.settings import Settings
from app.web.app import create_app
from tests.fakes import FakeGraphviz, FakeSandbox
from tests.real_app import started_app

STARTING_SECONDS = 300
PATIENCE = 60  # seconds what is expected may take: a loaded machine is slow, and only a failure waits so long
expect.set_options(timeout=PATIENCE * 1000)
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def base_url() -> None:
    """No common address: every site has its own. (pytest-base-url's fixture of this name warns on today's pytest.)"""


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
    """Address of the whole application, started by its own command; a slow machine meets no limit of time."""
    with started_app(seconds="120", live_seconds="600", drawing_seconds="60") as app:
        wait_until_ready(app.url)
        yield app.url


FOREVER = 3600.0
LISTEN = """() => {
  window.round = (window.round ?? 0) + 1;
  if (window.round > 1) return;
  const kinds = ["program", "end-live"]; // a slow training's answer comes when its live run is over
  const ofEdit = (act) => ({ detail: { ctx } }) => { if (kinds.includes(ctx.sourceElement?.id)) act(ctx); };
  document.addEventListener("htmx:before:request", ofEdit((ctx) => { ctx.round = window.round; }));
  document.addEventListener("htmx:after:swap", ofEdit((ctx) => { window.answered = [ctx.round, ctx.program]; }));
}"""
TAKEN_IN = """() => window.answered?.[0] === window.round
  && window.answered[1] === document.getElementById("source").value"""


@contextmanager
def answered(page: Page) -> Iterator[None]:
    """An edit is made inside; afterwards its answer stands on the page, and the page's scripts have taken it in."""
    page.evaluate(LISTEN)
    yield
    page.wait_for_function(TAKEN_IN, timeout=PATIENCE * 1000)


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for what is no state of an element: a picture, or what the server did."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {PATIENCE} s"
        page.wait_for_timeout(20)


def slow(program: Program) -> float:
    return FOREVER if "slow" in program.source else 0.0


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
    """A site over a fake sandbox; a program that says "slow" ends only by being cancelled."""
    listener = socket.create_server(("127.0.0.1", 0))
    site = FakeSite(f"http://127.0.0.1:{listener.getsockname()[1]}")
    app = create_app(site.sandbox, FakeGraphviz(), Settings(runs_per_minute=0, grace_seconds=FOREVER))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    site.server = server

    async def serve() -> None:
        site.loop = asyncio.get_running_loop()
        await server.serve([listener])

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    wait_until_ready(site.url)
    yield site
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Whatever is done waits as long as what is expected."""
    context.set_default_timeout(PATIENCE * 1000)
    return context


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
