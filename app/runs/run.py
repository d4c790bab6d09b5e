"""One live run as the store keeps it: how it stands, what is told of it, and what is left, packed, when it is over."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field

from app.program import Program
from app.runs.curves import CurveBook, thin_ribbons, thin_to
from app.runs.events import read_snapshot, write_event
from app.runs.face import RunId, RunState, RunStatus, Snapshot, StopReason
from app.runs.log import EventLog
from app.vocabulary.errors import PlaygroundError, WorkerLost
from app.vocabulary.frames import Tensors
from app.vocabulary.holding import Command, Held
from app.vocabulary.trace import RunRequest, Trace
from app.vocabulary.training import Curve, Ribbon
from app.wire import HEADER, decode_frame, encode_frame

MOST_COMMANDS = 64
"""Orders that may wait for the program to take them."""
POINT_BYTES = 64
"""What a point takes at most as JSON, roughly."""
SMALLEST_SHARE = 1 / 16
"""Of a snapshot's histograms: with fewer there is no ribbon to see."""


@dataclass(slots=True, eq=False)
class Run:
    id: RunId
    program: Program
    request: RunRequest
    wanted: str
    owner: str
    log: EventLog
    book: CurveBook
    state: RunState = "queued"
    place: int | None = None
    begun: float = 0.0
    ended: float = 0.0
    viewers: int = 0
    seen: float = 0.0
    """When somebody last asked about it or left."""
    timed: bool = False
    held: Held | None = None
    held_at: float = 0.0
    """When that was told."""
    paused: float = 0.0
    """Seconds it was paused, up to then."""
    watched: set[str] = field(default_factory=set)
    """Expressions of which was told how they stand."""
    commands: asyncio.Queue[Command] = field(default_factory=lambda: asyncio.Queue(MOST_COMMANDS))
    reason: StopReason | None = None
    failure: PlaygroundError | None = None
    trace: bytes = b""
    curves: bytes = b""
    """What is left when it is over, packed."""
    tensors: Tensors | None = None
    """What they held when they were last looked at."""
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        return self.state not in ("queued", "running")

    @property
    def size(self) -> int:
        return self.log.size + len(self.trace) + len(self.curves)

    def hold(self, held: Held) -> None:
        """Note what the program says of itself."""
        self.paused = paused_seconds(self)
        self.held, self.held_at = held, now()

    def may_watch(self, expression: str, most: int) -> bool:
        """Whether there is room to tell of an expression: a child may not invent ever new ones."""
        if len(self.watched) < most:
            self.watched.add(expression)
        return expression in self.watched

    def wake(self) -> None:
        """Tell whoever waits for the next event that there is one."""
        self.changed.set()
        self.changed = asyncio.Event()


def now() -> float:
    """Seconds by the event loop's clock, which its timers go by too."""
    return asyncio.get_running_loop().time()


def status_of(run: Run) -> RunStatus:
    end = run.ended if run.over else now()
    left = unpack_curves(run.curves) if run.over else Snapshot(run.book.curves(), None, 0, run.book.ribbons())
    return RunStatus(
        id=run.id,
        state=run.state,
        program=run.program,
        request=run.request,
        wanted=run.wanted,
        place=run.place,
        last_event=run.log.last_id,
        seconds=max(0.0, end - run.begun - paused_seconds(run)) if run.begun else 0.0,
        held=run.held,
        curves=left.curves,
        ribbons=left.ribbons,
        progress=run.book.progress,
        reason=run.reason,
        failure=run.failure,
    )


def paused_seconds(run: Run) -> float:
    """How long it was paused; while it is, up to now."""
    if run.held is None or run.held.state != "paused":
        return run.paused
    return run.paused + (run.ended or now()) - run.held_at


def write_snapshot(run: Run, allowed: int) -> bytes:
    """The curves and ribbons as they stand in at most `allowed` bytes, thinned as far as that takes."""
    curves, ribbons = run.book.curves(), run.book.ribbons()
    points, share = max(allowed // POINT_BYTES, 1), 1.0
    while True:
        thinned, fewer = thin_to(curves, points), thin_ribbons(ribbons, share)
        data = write_event(Snapshot(thinned, run.book.progress, run.log.left_out, fewer))
        if len(data) <= allowed:
            return data
        if points == 0:
            return write_event(Snapshot((), run.book.progress, run.log.left_out))
        points //= 2
        share = share / 2 if share > SMALLEST_SHARE else 0.0


def pack_curves(curves: tuple[Curve, ...], ribbons: tuple[Ribbon, ...]) -> bytes:
    return zlib.compress(write_event(Snapshot(curves, None, 0, ribbons)), 1)


def unpack_curves(packed: bytes) -> Snapshot:
    return read_snapshot(zlib.decompress(packed))


def pack_trace(trace: Trace) -> bytes:
    return zlib.compress(encode_frame(trace)[HEADER.size :], 1)


def unpack_trace(packed: bytes) -> Trace:
    frame = decode_frame(zlib.decompress(packed))
    if not isinstance(frame, Trace):
        raise WorkerLost("what was kept is no trace")
    return frame
