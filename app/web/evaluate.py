"""From a request to a trace, the same for the API and the page: rate, parse, check, run, and stop when nobody waits.

Nothing here takes long in the event loop: large sources are parsed in a thread, programs run in the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

from anyio import to_thread
from starlette.requests import Request

from app.program import Program, parse_program
from app.request import check_request
from app.trace import RunRequest, Trace
from app.web.playground import Playground
from app.web.problems import RateExceeded

T = TypeVar("T")
SMALL_SOURCE = 4_000


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def in_thread_if(large: bool, work: Callable[..., T], *arguments: Any) -> T:
    """The result of `work`, computed off the event loop where it may take long."""
    return await to_thread.run_sync(work, *arguments) if large else work(*arguments)


async def parse(playground: Playground, source: str) -> Program:
    return await in_thread_if(len(source) > SMALL_SOURCE, parse_program, source, playground.limits)


def count_run(playground: Playground, request: Request) -> None:
    """Count a run for the client's address; RateExceeded when it had too many."""
    wait = playground.rate.take(request.client.host if request.client else "")
    if wait:
        raise RateExceeded(wait)


async def check(playground: Playground, program: Program, asked: RunRequest) -> None:
    """ProgramRefused where an input makes no tensor or a name has none."""
    lists = any(isinstance(spec.value, tuple) for spec in asked.inputs.values())
    await in_thread_if(lists, check_request, program, asked, playground.limits)


async def run(playground: Playground, request: Request, program: Program, asked: RunRequest) -> Trace:
    """Run a parsed program; ProgramRefused, SandboxBusy, WorkerLost, WireError, ClientGone."""
    started = perf_counter()
    await check(playground, program, asked)
    trace = await while_connected(request, playground.sandbox.run(program, asked))
    return replace(trace, timings=replace(trace.timings, total=perf_counter() - started))


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away; the body must have been read."""
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise ClientGone
        return running.result()
    finally:
        for task in (running, gone):
            task.cancel()
        await asyncio.gather(running, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
