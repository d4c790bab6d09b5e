"""The sandbox on this machine: slots, deadlines, and the last word on how a run ended.

A child that answers in time has told its own trace. One that does not is ended here, and what it had sent until then
becomes the trace.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import platform
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from app.control import Orders
from app.notebook import mark_cells
from app.program import Program
from app.sandbox.child import Child, signal_name
from app.sandbox.face import Device, SandboxHealth, SealLayer
from app.sandbox.pool import Pool
from app.sandbox.uids import claim_uids
from app.vocabulary.cells import Cell, CellTurn
from app.vocabulary.errors import ProgramRefused, SandboxBusy, WireError, WorkerFailed, WorkerLost
from app.vocabulary.frames import Frame, ShownNow, WarnedNow
from app.vocabulary.holding import Command, Held, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Crashed, Figure, Outcome, Output, RunRequest, Shown, Stopped, Trace, Warned
from app.vocabulary.values import Problem, Text
from app.wire import Failure, Ready, Task, Telling

log = logging.getLogger("playground.sandbox")

GRACE_SECONDS = 1.0
"""How much longer than its limit a child gets to say that its program has ended."""
LOGGED_CHARS = 4_000
CPU_MARGIN_SECONDS = 13


@dataclass(frozen=True, slots=True)
class SandboxPlan:
    """How many programs run at once, how many children wait, and how they are sealed.

    `first_uid` is the first of the range of uids lent to children where this process is root.
    """

    limits: Limits = field(default_factory=Limits)
    slots: int = 4
    spares: int = 4
    queue_seconds: float = 5.0
    """How long a program waits for a free slot before it is told to come again."""
    telling_seconds: float = 10.0
    """How long putting a trace together may take once the program has ended."""
    sealed: bool = True
    gpu: bool = False
    lasting: bool = True
    """Whether many programs are to come: a server that is started for one learns nothing for the others."""
    first_uid: int = 61_000
    layers: tuple[SealLayer, ...] = ()


class LocalSandbox:
    """Implements `app.sandbox.face.Sandbox` with fork servers of this machine."""

    def __init__(self, plan: SandboxPlan) -> None:
        self._plan = plan
        self._waited_for = replace(plan.limits, looks_per_second=0.0)  # of a run that shows nothing meanwhile
        self._slots = asyncio.Semaphore(plan.slots)
        self._running: dict[str, int] = {}
        self._cpu = self._make_pool(None, plan.spares)
        self._gpus: dict[str, Pool] = {}
        self._started = False

    def _make_pool(self, gpu: int | None, spares: int) -> Pool:
        plan = self._plan
        cpu = cpu_seconds(plan.limits)
        orders = Orders(plan.sealed, gpu, plan.limits.process_bytes, cpu, self._waited_for, plan.lasting)
        uids = 2 * (plan.slots + spares)
        return Pool(orders, spares, lambda: claim_uids(plan.sealed, plan.first_uid, uids), plan.limits)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LocalSandbox]:
        """Start everything; end everything on leaving."""
        try:
            await asyncio.gather(self._cpu.start(), self._start_gpus())
            self._started = True
            yield self
        finally:
            self._started = False
            await asyncio.gather(*(pool.close() for pool in (self._cpu, *self._gpus.values())))

    async def _start_gpus(self) -> None:
        """A pool for each GPU: a child has to touch its GPU before it is sealed, and so before it knows its task."""
        if not self._plan.gpu:
            return
        first = self._gpus["cuda:0"] = self._make_pool(0, 1)
        await first.start()
        others = [self._make_pool(index, 1) for index in range(1, len(first.devices))]
        self._gpus.update({f"cuda:{index}": pool for index, pool in enumerate(others, 1)})
        await asyncio.gather(*(pool.start() for pool in others))
        if not first.devices:
            self._gpus.clear()

    # ------------------------------------------------------------------------------------------ the face

    def expect(self) -> None:
        self._cpu.expect()

    def health(self) -> SandboxHealth:
        return SandboxHealth(
            ready=self._started and self._cpu.server_pid is not None,
            sealed=self._plan.sealed,
            layers=self._plan.layers,
            spares=self._cpu.spares,
            running=sum(self._running.values()),
            versions=self._cpu.versions,
        )

    def devices(self) -> tuple[Device, ...]:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        title = platform.processor() or platform.machine()
        found = [Device("cpu", title, memory, self._running.get("cpu", 0))]
        first = self._gpus.get("cuda:0")
        for row in first.devices if first is not None else ():
            name = str(row["name"])
            found.append(
                Device(name, str(row["title"]), int(row["memory_bytes"]), self._running.get(name, 0))
            )
        return tuple(found)

    async def run(self, program: Program, request: RunRequest) -> Trace:
        async with aclosing(self.stream(program, request)) as frames:
            async for frame in frames:
                if isinstance(frame, Trace):
                    return frame
        raise WorkerLost("a stream ended without a trace")

    async def stream(
        self,
        program: Program,
        request: RunRequest,
        seconds: float | None = None,
        commands: asyncio.Queue[Command] | None = None,
    ) -> AsyncGenerator[Frame, None]:
        device = self._choose_device(request.device)
        pool = self._gpus.get(device, self._cpu)
        limits = self._waited_for if seconds is None else replace(self._plan.limits, seconds=seconds)
        child = await self._enter(pool)
        self._running[device] = self._running.get(device, 0) + 1
        try:
            pace = None if commands is None else request.pace or Pace()
            child.give(Task(program.source, replace(request, device=device, pace=pace), limits))
            async with (
                handing_on(child, commands),
                aclosing(self._listen(child, limits, pace, program.cells)) as frames,
            ):
                async for frame in frames:
                    yield frame
        except WireError as error:
            log.warning("a run was discarded: %s", error)
            raise
        finally:
            pool.give_back(child)
            self._running[device] -= 1
            self._slots.release()

    # ------------------------------------------------------------------------------------------ one run

    def _choose_device(self, asked: str) -> str:
        if asked == "cpu":
            return asked
        names = [device.name for device in self.devices()]
        if asked == "auto":
            return names[-1] if len(names) == 1 else names[1]
        wanted = "cuda:0" if asked == "cuda" else asked
        if wanted in names:
            return wanted
        sentence = Text(
            "There is no device `{device}` here. There are: {names}.",
            {"device": asked, "names": ", ".join(names)},
        )
        raise ProgramRefused((Problem("no_device", sentence),))

    async def _enter(self, pool: Pool) -> Child:
        """A slot and a child in it, within the time a program may wait."""
        held = False
        try:
            async with asyncio.timeout(self._plan.queue_seconds):
                held = await self._slots.acquire()
                return await pool.take()
        except TimeoutError:
            if held:
                self._slots.release()
            raise SandboxBusy(retry_after=self._plan.queue_seconds) from None
        except asyncio.CancelledError:
            if held:
                self._slots.release()
            raise

    async def _listen(
        self, child: Child, limits: Limits, pace: Pace | None, cells: tuple[Cell, ...]
    ) -> AsyncGenerator[Frame, None]:
        heard = _Heard(cells, deque(maxlen=limits.figures))
        began = asyncio.get_running_loop().time()
        patience = _Patience(limits, began + limits.seconds + GRACE_SECONDS)
        while True:
            try:
                async with asyncio.timeout_at(patience.deadline):
                    frame = await child.next_frame(limits)
            except TimeoutError:
                yield heard.trace(patience.stopped())
                return
            match frame:
                case None:
                    yield heard.trace(await self._explain_end(child))
                    return
                case Failure(text):
                    log.error("a child failed by our own fault: %r", text[-LOGGED_CHARS:])
                    raise WorkerFailed("the child failed")
                case Telling():
                    patience.telling = self._plan.telling_seconds
                case Ready():
                    raise WireError("a child said twice that it is ready")
                case Held() if pace is None:
                    raise WireError("a child said that it is held, which nobody may do")
                case Held():
                    patience.heed(frame)
                    yield frame
                case Trace():
                    child.told = True
                    yield frame
                    return
                case _:
                    heard.note(frame)
                    yield frame

    async def _explain_end(self, child: Child) -> Outcome:
        """A child went without a trace: a limit, its own doing, or lost through nobody's fault."""
        status = await child.exit_status()
        match signal_name(status):
            case "SIGXCPU":
                return Stopped("cpu_seconds", cpu_seconds(self._plan.limits))
            case "SIGKILL":
                raise WorkerLost("the child was killed from outside")
            case name:  # by a signal of its own making, by `os._exit`, or it closed its channel and lives on
                return Crashed(name)


@asynccontextmanager
async def handing_on(child: Child, commands: asyncio.Queue[Command] | None) -> AsyncIterator[None]:
    """Meanwhile hand a run's commands on to its child."""
    if commands is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(child.obey(commands))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def cpu_seconds(limits: Limits) -> int:
    """CPU time a child gets: a program in one thread meets its wall clock first."""
    return math.ceil(max(limits.seconds, limits.run_seconds)) + CPU_MARGIN_SECONDS


@dataclass(slots=True)
class _Patience:
    """How long a child is waited for: its limit, what it says it was held (as far as that is allowed, and however
    often it says so), and a moment to put its trace together."""

    limits: Limits
    ends: float
    held: float = 0.0
    waits: bool = False
    telling: float = 0.0

    def heed(self, frame: Held) -> None:
        self.waits = frame.state != "running" or frame.steps_per_second is not None
        self.held = min(max(frame.seconds, 0.0), self.limits.held_seconds)

    @property
    def deadline(self) -> float:
        return self.ends + (self.limits.held_seconds if self.waits else self.held) + self.telling

    def stopped(self) -> Stopped:
        if self.waits:
            return Stopped("held_seconds", self.limits.held_seconds)
        return Stopped("seconds", self.limits.seconds)


@dataclass(slots=True)
class _Heard:
    """What a child had sent before it fell silent."""

    cells: tuple[Cell, ...]
    figures: deque[Figure]
    begun: int | None = None
    output: list[Output] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)

    def note(self, frame: Frame) -> None:
        if isinstance(frame, Output):
            self.output.append(frame)
        elif isinstance(frame, Figure):
            self.figures.append(frame)
        elif isinstance(frame, ShownNow):
            self.shown.append(frame.shown)
        elif isinstance(frame, WarnedNow):
            self.warnings.append(frame.warned)
        elif isinstance(frame, CellTurn):
            self.begun = frame.cell

    def trace(self, outcome: Outcome) -> Trace:
        return Trace(
            outcome=outcome,
            output=tuple(self.output),
            displays=tuple(self.shown),
            warnings=tuple(self.warnings),
            figures=tuple(self.figures),
            cells=mark_cells(self.cells, self.begun, True),
        )
