"""Graphviz at arm's length: one resident process, one request at a time, a hard deadline.

A layout that takes too long, a crash or a nonsense answer costs that picture and that process: both are given up, and
the next request starts a fresh one. Nothing a graph does can hang the web process or its neighbours.
"""

from __future__ import annotations

import asyncio
import math
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

from app.drawing.graphviz_main import LENGTH
from app.drawing.svg_check import check_svg
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.limits import MIB

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = (("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("HOME", "/nonexistent"))
"""All the process is told; fontconfig wants to know a HOME."""
START_SECONDS = 20.0
LAST_SECONDS = 1.0
DOT_BYTES = 4 * MIB
SVG_BYTES = 32 * MIB
MEMORY_BYTES = 1024 * MIB
MOST_WAITING = 16


class Graphviz:
    """Renders DOT. `seconds` is the deadline of one picture, not counting the wait for its turn."""

    def __init__(self, seconds: float, memory_bytes: int = MEMORY_BYTES, dot_bytes: int = DOT_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._dot_bytes = dot_bytes
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None

    async def render(self, dot: str) -> str:
        """The SVG, checked to hold nothing but shapes and text; raises DrawingFailed."""
        request = dot.encode(errors="replace")
        if len(request) > self._dot_bytes:
            raise DrawingFailed("the graph is too large for Graphviz")
        if self._waiting >= MOST_WAITING:
            raise DrawingFailed("too many graphs are waiting for Graphviz")
        self._waiting += 1
        try:
            async with self._turn:
                return check_svg(await self._ask_twice(request))
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        async with self._turn:
            await self._give_up()

    @property
    def pid(self) -> int | None:
        """The process that would take the next request, if one is running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    # -------------------------------------------------------------------------------------------- one request

    async def _ask_twice(self, request: bytes) -> bytes:
        """A process that was idle may have been ended from outside; that costs no picture."""
        idle = self._process is not None
        try:
            return await self._ask(request)
        except (ConnectionError, asyncio.IncompleteReadError) as problem:
            if not idle:
                raise DrawingFailed("Graphviz died over this graph") from problem
        try:
            return await self._ask(request)
        except (ConnectionError, asyncio.IncompleteReadError) as problem:
            raise DrawingFailed("Graphviz died over this graph") from problem

    async def _ask(self, request: bytes) -> bytes:
        """One answer of the running process, or of a fresh one. Whatever goes wrong ends the process."""
        process = await self._running()
        answered = False
        try:
            async with asyncio.timeout(self._seconds):
                answer = await _exchange(process, request)
            answered = True
        except TimeoutError as problem:
            raise DrawingFailed(f"Graphviz took longer than {self._seconds:g} s") from problem
        finally:
            if not answered:
                await self._give_up()
        if answer[:1] != b"=":
            raise DrawingFailed(f"Graphviz refused the graph: {answer[1:].decode(errors='replace')}")
        return answer[1:]

    # -------------------------------------------------------------------------------------------- the process

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            await self._give_up()
            await self._start()
        assert self._process is not None
        return self._process

    async def _start(self) -> None:
        limits = (str(self._memory_bytes), str(math.ceil(self._seconds) + 1))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "utf8", "-m", "app.drawing.graphviz_main", *limits),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=dict(ENVIRONMENT),
            cwd=ROOT,
        )
        ready = False
        try:
            async with asyncio.timeout(START_SECONDS):
                await _read_answer(self._process)
            ready = True
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as problem:
            raise DrawingFailed("Graphviz does not start") from problem
        finally:
            if not ready:
                await self._give_up()

    async def _give_up(self) -> None:
        """End the process by its number, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        if (
            process.stdout.at_eof()
        ):  # it is ending by itself: killing it now could reap it under asyncio's hands
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), LAST_SECONDS)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _exchange(process: Process, request: bytes) -> bytes:
    assert process.stdin is not None
    if process.stdin.is_closing():  # it is gone, and uvloop would raise RuntimeError
        raise ConnectionResetError
    process.stdin.write(LENGTH.pack(len(request)) + request)
    await process.stdin.drain()
    return await _read_answer(process)


async def _read_answer(process: Process) -> bytes:
    """Kind and body together."""
    assert process.stdout is not None
    header = await process.stdout.readexactly(1 + LENGTH.size)
    length = LENGTH.unpack(header[1:])[0]
    if length > SVG_BYTES:
        raise ConnectionError("an answer that is too large")
    return header[:1] + await process.stdout.readexactly(length)
