"""From a request to a trace, the same for the API and the page: rate, parse, check, run, and stop when nobody waits.

Nothing here takes long in the event loop: large sources are parsed in a thread, programs run in the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from time import perf_counter
from typing import Any, TypeVar

from anyio import to_thread
from starlette.requests import Request

from app.advice.advise import advise
from app.notebook import magic_lines
from app.program import Program, parse_program
from app.repairs.repair import repair
from app.request import check_request
from app.runs.face import RunId
from app.vocabulary.editing import Repaired
from app.vocabulary.errors import ProgramRefused, RunNotFound
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest, Trace
from app.vocabulary.values import Text
from app.web.herald import EXPECTED
from app.web.playground import Playground
from app.web.problems import NotJson, RateExceeded
from app.web.rate import client_of
from app.web.requests import EvaluateBody, Strict, read_as

T = TypeVar("T")
B = TypeVar("B", bound=Strict)
SMALL_SOURCE = 4_000
SMALL_BODY = 20_000
MOST_LINES = 10
"""Line numbers named in one sentence."""
SMALL_REQUEST = 100
"""Names and inputs that are checked in no time."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def in_thread_if(large: bool, work: Callable[..., T], *arguments: Any) -> T:
    """The result of `work`, computed off the event loop where it may take long."""
    return await to_thread.run_sync(work, *arguments) if large else work(*arguments)


async def parse(playground: Playground, source: str) -> Program:
    return await in_thread_if(len(source) > SMALL_SOURCE, parse_program, source, playground.limits)


async def parse_pasted(
    playground: Playground, source: str, mend: Callable[[str], Repaired] = repair
) -> Program:
    """Repair a text, then parse it; what a refusal says is about the repaired text, which it carries."""
    limits = playground.limits
    if len(source) > limits.source_bytes:
        return await parse(playground, source)  # refused for its size
    if len(source) > SMALL_SOURCE:
        return await to_thread.run_sync(read_pasted, source, limits, mend)
    return read_again(source, limits) if mend is repair else read_pasted(source, limits, mend)


def read_pasted(source: str, limits: Limits, mend: Callable[[str], Repaired] = repair) -> Program:
    repaired = mend(source)
    try:
        program = parse_program(repaired.source, limits)
    except ProgramRefused as refused:
        raise ProgramRefused(refused.problems, repaired, advise(repaired.source)) from None
    return replace(program, repaired=repaired, advice=advise(program.source))


read_again = lru_cache(maxsize=128)(read_pasted)
"""Of small texts: most are sent again, with other inputs or by another reader of the same page."""


@contextmanager
def refusals_of(program: Program) -> Iterator[None]:
    """What is refused after the text was read still tells what the text is."""
    try:
        yield
    except ProgramRefused as refused:
        raise ProgramRefused(refused.problems, program.repaired, program.advice) from None


async def parse_body(playground: Playground, body: EvaluateBody) -> Program:
    """The program a body holds, whichever way it is written; repaired unless the body refuses that."""
    text = await in_thread_if(body.notebook is not None, body.text, playground.limits)
    return await (parse_pasted if body.repair else parse)(playground, text)


async def read_body(request: Request, kind: type[B]) -> B:
    """The request in a JSON body; NotJson where it does not say that it is one."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise NotJson
    raw = await request.body()
    return await in_thread_if(len(raw) > SMALL_BODY, read_as, kind, raw)


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def count_run(playground: Playground, request: Request) -> None:
    """Count a run for the client's address and let the sandbox expect it; RateExceeded when it had too many."""
    wait = playground.rate.take(address_of(request))
    if wait:
        raise RateExceeded(wait)
    if EXPECTED not in request.scope:
        playground.sandbox.expect()


async def check(playground: Playground, program: Program, asked: RunRequest) -> None:
    """ProgramRefused where an input makes no tensor or a name has none."""
    size = len(program.free_names) + len(asked.inputs) + sum(map(len, asked.watch))
    lists = any(isinstance(spec.value, tuple) for spec in asked.inputs.values())
    with refusals_of(program):
        await in_thread_if(lists or size > SMALL_REQUEST, check_request, program, asked, playground.limits)


async def run(playground: Playground, request: Request, program: Program, asked: RunRequest) -> Trace:
    """Run a parsed program; ProgramRefused, SandboxBusy, WorkerLost, WireError, TooManyAtOnce, ClientGone."""
    started = perf_counter()
    await check(playground, program, asked)
    trace = await while_connected(request, run_in_place(playground, address_of(request), program, asked))
    return replace(
        explain_magics(trace, program), timings=replace(trace.timings, total=perf_counter() - started)
    )


def explain_magics(trace: Trace, program: Program) -> Trace:
    """The trace with a note on the lines that a notebook's program keeps as comments."""
    lines = magic_lines(program.source) if program.cells else ()
    if not lines:
        return trace
    shown = ", ".join(map(str, lines[:MOST_LINES])) + (" …" if len(lines) > MOST_LINES else "")
    note = Text(
        "Lines {lines}: magic and shell lines of a notebook are no Python and do nothing here. Figures are shown "
        "without `%matplotlib`, and what is installed is what the server has.",
        {"lines": shown},
    )
    return replace(trace, notes=(*trace.notes, note))


async def run_in_place(playground: Playground, address: str, program: Program, asked: RunRequest) -> Trace:
    """Run a program once its client has a place left."""
    live = await count_live(playground, address)
    async with playground.places.taken(address, live):
        return await playground.sandbox.run(program, asked)


async def start_run(
    playground: Playground, request: Request, program: Program, asked: RunRequest, wanted: str = ""
) -> RunId:
    """Start a live run and keep in mind whose it is. SandboxBusy when the line is full."""
    address = address_of(request)
    run = await playground.runs.start(program, asked, wanted, owner=client_of(address))
    playground.places.note_live(address, [*playground.places.live_of(address), run])
    return run


async def count_live(playground: Playground, address: str) -> int:
    """How many of the client's live runs are running just now; those that are over are forgotten."""
    known, left = playground.places.live_of(address), []
    running = 0
    for run in known:
        try:
            status = await playground.runs.peek(run)
        except RunNotFound:
            continue
        if not status.over:
            left.append(run)
            running += status.state == "running"
    if len(left) < len(known):
        playground.places.note_live(address, left)
    return running


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away; the body must have been read."""
    waiting = asyncio.current_task()
    gone = asyncio.ensure_future(_disconnected(request))
    over = False

    def give_up(_: asyncio.Future[None]) -> None:
        if waiting is not None and not over:
            waiting.cancel()

    gone.add_done_callback(give_up)
    try:
        return await work
    except asyncio.CancelledError:
        if waiting is None or not gone.done() or waiting.uncancel():
            raise  # somebody else gave it up, too
        raise ClientGone from None
    finally:
        over = True
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
