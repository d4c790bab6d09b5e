"""Runs in this process's memory: a line, a few programs at a time, and everything bounded.

Viewers hold nothing but the id of the last event they saw. A run that nobody has watched or asked about for a while
is ended; one that is over is kept, compressed, for some time.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from app.program import Program
from app.runs.curves import CurveBook
from app.runs.events import write_event
from app.runs.face import Event, Queued, RunId, Running, RunStatus, StopReason
from app.runs.line import FairLine
from app.runs.log import EventLog
from app.runs.run import Run, now, pack_curves, pack_trace, status_of, unpack_trace, write_snapshot
from app.sandbox.face import Sandbox
from app.vocabulary.cells import CellTurn
from app.vocabulary.errors import PlaygroundError, RunNotFound, SandboxBusy, WorkerLost
from app.vocabulary.frames import Frame, ShownNow, Tensors, WarnedNow
from app.vocabulary.holding import Command, Held, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Figure, Output, RunRequest, Trace
from app.vocabulary.training import Training, Watching

log = logging.getLogger("playground.runs")

BUSY_PAUSE = 1.0
"""Longest wait before a run asks again for a slot that others hold."""
STOP_SECONDS = 2.0


class MemoryRuns:
    """Implements `app.runs.face.RunStore` for one process; `slots` programs run at a time."""

    def __init__(self, sandbox: Sandbox, limits: Limits, slots: int) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._slots = slots
        self._runs: dict[RunId, Run] = {}
        self._line: FairLine[Run] = FairLine(limits.runs_waiting)
        self._working: set[Run] = set()

    # ------------------------------------------------------------------------------------------ the face

    async def start(self, program: Program, request: RunRequest, wanted: str = "", owner: str = "") -> RunId:
        self._forget()
        if not self._line.has_place_for(owner):
            raise SandboxBusy(retry_after=5.0)
        identity = RunId(secrets.token_urlsafe(16))
        book = CurveBook(self._limits)
        paced = replace(request, pace=request.pace or Pace())
        run = Run(identity, program, paced, wanted, owner, EventLog(self._limits.run_event_bytes), book)
        self._runs[identity] = run
        self._line.add(owner, run)
        self._advance()
        self._watch(run)
        return identity

    async def look(self, run: RunId) -> RunStatus:
        found = self._find(run)
        self._watch(found)
        return status_of(found)

    async def peek(self, run: RunId) -> RunStatus:
        return status_of(self._find(run))

    async def command(self, run: RunId, command: Command) -> RunStatus:
        found = self._find(run)
        self._watch(found)
        if not found.over:
            try:
                found.commands.put_nowait(command)
            except asyncio.QueueFull:
                raise SandboxBusy(retry_after=1.0) from None
        return status_of(found)

    async def trace(self, run: RunId) -> Trace | None:
        found = self._find(run)
        if not found.trace:
            return None
        return await asyncio.to_thread(unpack_trace, found.trace)

    async def tensors(self, run: RunId) -> Tensors | None:
        return self._find(run).tensors

    async def events(self, run: RunId, after: int = 0) -> AsyncGenerator[Event, None]:
        found = self._find(run)
        found.viewers += 1
        seen = after
        try:
            while True:
                changed = found.changed
                event = found.log.next_after(seen)
                if event is None:
                    if found.over:
                        return
                    await changed.wait()
                    continue
                seen = event.id
                yield event
        finally:
            found.viewers -= 1
            self._watch(found)

    async def stop(self, run: RunId) -> RunStatus:
        found = self._find(run)
        await self._end(found, "asked")
        return status_of(found)

    async def close(self) -> None:
        await asyncio.gather(*(self._end(run, "closing") for run in tuple(self._runs.values())))

    @property
    def kept_bytes(self) -> int:
        """What the events and traces of all runs take."""
        return sum(run.size for run in self._runs.values())

    # ------------------------------------------------------------------------------------------ the line

    def _find(self, run: RunId) -> Run:
        self._forget()
        found = self._runs.get(run)
        if found is None:
            raise RunNotFound
        return found

    def _advance(self) -> None:
        """Start what has a slot, and tell those who wait where they stand."""
        while self._line and len(self._working) < self._slots:
            run = self._line.take()
            self._working.add(run)
            self._begin(run)
            run.task = asyncio.get_running_loop().create_task(self._work(run))
            run.task.add_done_callback(partial(self._see_end, run))
        for place, run in enumerate(self._line, 1):
            self._tell_place(run, place)

    def _tell_place(self, run: Run, place: int) -> None:
        if run.place != place:
            run.place = place
            run.log.append("queued", write_event(Queued(place)))
            run.wake()

    # ------------------------------------------------------------------------------------------- one run

    async def _work(self, run: Run) -> None:
        """Run the program to its end, however it ends; exactly one `done` comes of it."""
        try:
            run.trace = await self._listen(run)
            run.state = "finished"
        except PlaygroundError as failure:
            log.warning("a live run failed: %r", failure)
            run.failure = failure
            run.state = "failed"
        except asyncio.CancelledError:
            run.reason = run.reason or "closing"
            run.state = "stopped"
        finally:
            if not run.over:  # a fault of ours, which the task's exception tells
                run.failure = WorkerLost("the run ended by a fault of the server")
                run.state = "failed"
            self._working.discard(run)
            self._finish(run)
            self._advance()

    def _see_end(self, run: Run, task: asyncio.Task[None]) -> None:
        """A task that was cancelled before it began has not said how its run ended."""
        report_fault(task)
        if not run.over:
            run.state = "stopped"
            self._working.discard(run)
            self._finish(run)
            self._advance()

    async def _listen(self, run: Run) -> bytes:
        """Note every frame; the trace, packed."""
        while True:
            heard = False
            try:
                seconds = self._limits.run_seconds
                stream = self._sandbox.stream(run.program, run.request, seconds, run.commands)
                async with aclosing(stream) as frames:
                    async for frame in frames:
                        heard = True
                        if isinstance(frame, Trace):
                            if frame.curves or frame.ribbons:
                                run.curves = pack_curves(frame.curves, frame.ribbons)
                            return await asyncio.to_thread(pack_trace, frame)
                        self._note(run, frame)
            except SandboxBusy as busy:
                if heard:
                    raise
                run.state = "queued"
                self._tell_place(run, 1)
                await asyncio.sleep(min(busy.retry_after, BUSY_PAUSE))
                self._begin(run)
                continue
            raise WorkerLost("a stream ended without a trace")

    def _begin(self, run: Run) -> None:
        run.state, run.place, run.begun = "running", None, now()
        run.log.append("running", write_event(Running(self._limits.run_seconds)))
        run.wake()

    def _note(self, run: Run, frame: Frame) -> None:
        match frame:
            case Output():
                run.log.append("output", write_event(frame))
            case CellTurn():
                run.log.append("cell", write_event(frame))
            case Figure():
                run.log.append("figure", write_event(frame))
            case ShownNow() | WarnedNow():
                run.log.append(frame.frame, write_event(frame))
            case Held():
                run.hold(frame)
                run.log.append("held", write_event(frame))
            case Watching(expression=expression):
                if run.may_watch(expression, 2 * self._limits.watched):
                    run.log.append("watching", write_event(frame), slot=f"watching {expression}")
            case Predictions(index=index, first=first):
                run.log.append("predictions", write_event(frame), slot=f"predictions {index} {first}")
            case Training():
                if run.log.full:
                    run.log.compact(write_snapshot(run, run.log.snapshot_bytes))
                new = run.book.take(frame)
                if new.new_series or new.points or new.ribbons:
                    run.log.append("training", write_event(new))
                elif new.progress is not None:
                    run.log.append("progress", write_event(new.progress))
            case Tensors():
                data = write_event(frame)
                if len(data) <= run.log.tensors_bytes:
                    run.tensors = frame
                    run.log.append("tensors", data)
        run.wake()

    def _finish(self, run: Run) -> None:
        run.place = None
        run.ended = now()
        run.begun = run.begun or run.ended
        run.curves = run.curves or pack_curves(run.book.curves(), run.book.ribbons())
        run.tensors = None
        run.book.forget()
        run.log.append("done")
        run.wake()
        self._forget()

    async def _end(self, run: Run, reason: StopReason) -> None:
        self._let_go(run, reason)
        if run.task is not None:
            await asyncio.wait({run.task}, timeout=STOP_SECONDS)

    def _let_go(self, run: Run, reason: StopReason) -> None:
        if run.over:
            return
        run.reason = run.reason or reason
        if run.task is not None:
            run.task.cancel()
            return
        self._line.remove(run.owner, run)
        run.state = "stopped"
        self._finish(run)
        self._advance()

    # ------------------------------------------------------------------------------- who is still there

    def _watch(self, run: Run) -> None:
        """A sign of life. Without another one, or a viewer, the run is ended after the grace time."""
        run.seen = now()
        if not (run.over or run.viewers or run.timed):
            run.timed = True
            asyncio.get_running_loop().call_later(self._limits.run_grace_seconds, self._check_alone, run)

    def _check_alone(self, run: Run) -> None:
        run.timed = False
        if run.over or run.viewers:
            return
        left = run.seen + self._limits.run_grace_seconds - now()
        if left > 0:
            run.timed = True
            asyncio.get_running_loop().call_later(left, self._check_alone, run)
        else:
            self._let_go(run, "left alone")

    def _forget(self) -> None:
        """Drop the oldest runs that are over until what is kept is within its bounds."""
        limits, moment = self._limits, now()
        over = sorted((run for run in self._runs.values() if run.over), key=lambda run: run.ended)
        kept, total = len(over), sum(run.size for run in over)
        for run in over:
            late = moment - run.ended > limits.runs_kept_seconds
            if not late and kept <= limits.runs_kept and total <= limits.runs_kept_bytes:
                break
            del self._runs[run.id]
            kept, total = kept - 1, total - run.size


def report_fault(task: asyncio.Task[None]) -> None:
    """A task ends by itself; an exception that reaches its end is a fault of ours."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("a live run ended by a fault of ours", exc_info=fault)
