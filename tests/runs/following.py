"""What a viewer makes of a run's events, and runs that a test holds in its hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.program import parse_program
from app.runs.face import Event, RunId, RunStore
from app.runs.memory import MemoryRuns
from app.sandbox.face import Device, SandboxHealth
from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, RunRequest, Trace
from app.vocabulary.training import Points, Progress, Series, Training
from tests.fakes import VERSIONS

PROGRAM = parse_program("x = 1", Limits())
REQUEST = RunRequest()
LOSS = Series(0, "loss", "loss", None)


def training(first: int, count: int, *, new: bool = False) -> Training:
    """Points `first` to `first + count - 1` of the loss: value 1 / (1 + step)."""
    steps = tuple(range(first, first + count))
    points = Points(0, steps, tuple(1 / (1 + step) for step in steps))
    return Training((LOSS,) if new else (), (points,), Progress(1, first + count, None, first + count))


class MakeStore(Protocol):
    def __call__(self, sandbox: HeldSandbox, slots: int = 2, **limits: Any) -> MemoryRuns: ...


@dataclass
class HeldSandbox:
    """A sandbox whose frames the test sends; each run gets a queue of its own, in order of their start."""

    failures: list[Exception] = field(default_factory=list)
    """Raised by the next runs at their start."""
    queues: list[asyncio.Queue[Frame | Exception]] = field(default_factory=list)
    asked: list[float | None] = field(default_factory=list)
    commands: list[asyncio.Queue[Command]] = field(default_factory=list)
    """What each run is told, for the test to take."""
    running: int = 0
    most_running: int = 0
    ended: int = 0

    def expect(self) -> None:
        """It never needs to get ready."""

    async def stream(
        self,
        program: object,
        request: RunRequest,
        seconds: float | None = None,
        commands: asyncio.Queue[Command] | None = None,
    ) -> AsyncGenerator[Frame, None]:
        if self.failures:
            raise self.failures.pop(0)
        queue: asyncio.Queue[Frame | Exception] = asyncio.Queue()
        self.queues.append(queue)
        self.asked.append(seconds)
        self.commands.append(commands or asyncio.Queue())
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            while True:
                frame = await queue.get()
                if isinstance(frame, Exception):
                    raise frame
                yield frame
                if isinstance(frame, Trace):
                    return
        finally:
            self.running -= 1
            self.ended += 1

    def send(self, *frames: Frame | Exception, run: int = -1) -> None:
        for frame in frames:
            self.queues[run].put_nowait(frame)

    def finish(self, run: int = -1) -> None:
        self.send(Trace(Completed(), versions=VERSIONS), run=run)

    async def run(self, program: object, request: RunRequest) -> Trace:
        raise NotImplementedError

    def health(self) -> SandboxHealth:
        raise NotImplementedError

    def devices(self) -> tuple[Device, ...]:
        return ()


async def collect(events: AsyncGenerator[Event, None]) -> list[Event]:
    return [event async for event in events]


async def follow(store: RunStore, run: RunId, after: int = 0, most: int | None = None) -> list[Event]:
    """The events after an id: all to the end, or the first `most`."""
    found: list[Event] = []
    async with aclosing(store.events(run, after)) as events:
        async for event in events:
            found.append(event)
            if len(found) == most:
                break
    return found


@dataclass
class Drawn:
    """The curve a viewer has drawn: every point by its step. `repeats` counts points that came twice."""

    points: dict[int, float] = field(default_factory=dict)
    repeats: int = 0

    def take(self, events: list[Event]) -> Drawn:
        for event in events:
            data: Any = json.loads(event.data or b"null")
            if event.kind == "snapshot":
                self.points = {}
                for curve in data["curves"]:
                    self._add(curve["points"])
            elif event.kind == "training":
                for points in data["points"]:
                    self._add(points)
        return self

    def _add(self, points: dict[str, list[Any]]) -> None:
        for step, value in zip(points["steps"], points["values"], strict=True):
            self.repeats += step in self.points
            self.points[step] = value


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


async def settle() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)
