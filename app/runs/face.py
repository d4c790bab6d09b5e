"""The face of every store of runs: start one, look at it, follow its events, hold it, stop it.

Knows no HTTP. An event's data is JSON as it goes to a viewer; ids count up within a run, with gaps where events were
merged. The last event of a run is `done`, and there is exactly one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, NewType, Protocol

from app.program import Program
from app.vocabulary.errors import PlaygroundError
from app.vocabulary.frames import Tensors
from app.vocabulary.holding import Command, Held
from app.vocabulary.trace import RunRequest, Trace
from app.vocabulary.training import Curve, Progress, Ribbon

RunId = NewType("RunId", str)
RunState = Literal["queued", "running", "finished", "stopped", "failed"]
EventKind = Literal[
    "queued",
    "running",
    "held",
    "cell",
    "output",
    "figure",
    "shown",
    "warned",
    "training",
    "watching",
    "predictions",
    "tensors",
    "progress",
    "snapshot",
    "done",
]
StopReason = Literal["asked", "left alone", "closing"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `done` carries no data: what a run left is asked from the store."""

    id: int
    kind: EventKind
    data: bytes


@dataclass(frozen=True, slots=True)
class Queued:
    """`place` in the line, from 1."""

    place: int


@dataclass(frozen=True, slots=True)
class Running:
    """The program has begun and may take so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All curves and ribbons as they stood at an event, thinned, in place of the events up to it.

    `left_out` counts pieces of output and figures that are no longer kept; a finished run's trace has them all.
    """

    curves: tuple[Curve, ...]
    progress: Progress | None
    left_out: int
    ribbons: tuple[Ribbon, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run stands. `failure` is ours, never the program's: that is in the trace."""

    id: RunId
    state: RunState
    program: Program
    request: RunRequest
    wanted: str
    """What the one who started it wants to be told at the end, kept as it was given."""
    place: int | None
    last_event: int
    seconds: float
    """Since it began, or as long as it took; without the time it was paused."""
    held: Held | None
    """As the program last told; null where nobody held it."""
    curves: tuple[Curve, ...]
    ribbons: tuple[Ribbon, ...]
    progress: Progress | None
    reason: StopReason | None
    failure: PlaygroundError | None

    @property
    def over(self) -> bool:
        return self.state not in ("queued", "running")


class RunStore(Protocol):
    """Raises RunNotFound for a run that never was or is no longer kept."""

    async def start(self, program: Program, request: RunRequest, wanted: str = "", owner: str = "") -> RunId:
        """Put a program in the line, where owners take turns. SandboxBusy when the line is full."""
        ...

    async def look(self, run: RunId) -> RunStatus:
        """How it stands. Whoever asks shows that the run is not alone."""
        ...

    async def peek(self, run: RunId) -> RunStatus:
        """How it stands, for somebody who is no viewer."""
        ...

    async def command(self, run: RunId, command: Command) -> RunStatus:
        """Hand an order to the program; `held` events tell what came of it. A run that is over stays as it is.

        SandboxBusy when the program has not yet taken so many earlier ones.
        """
        ...

    async def trace(self, run: RunId) -> Trace | None:
        """What a finished run left; None for one that is not finished, was stopped or failed."""
        ...

    async def tensors(self, run: RunId) -> Tensors | None:
        """What its tensors held when they were last looked at; None before that, and when the run is over."""
        ...

    def events(self, run: RunId, after: int = 0) -> AsyncGenerator[Event, None]:
        """The events after an id, those to come included, until `done`; closing the generator is leaving.

        Where events after `after` were merged away, a `snapshot` stands in their place.
        """
        ...

    async def stop(self, run: RunId) -> RunStatus:
        """End the program; a run that is over stays as it is."""
        ...

    async def close(self) -> None:
        """End every run; for the end of the process."""
        ...
