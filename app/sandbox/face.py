"""The face of every sandbox: what the web may ask of it, whoever runs the programs behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from app.program import Program
from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command
from app.vocabulary.trace import RunRequest, Trace, Versions


@dataclass(frozen=True, slots=True)
class SealLayer:
    """One layer of the seal: whether it holds here, and why (not)."""

    name: str
    active: bool
    required: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Device:
    """A place tensors can live. Memory in bytes, null where it is not known; `busy` counts running programs."""

    name: str
    title: str
    memory_bytes: int | None
    busy: int


@dataclass(frozen=True, slots=True)
class SandboxHealth:
    ready: bool
    """Whether a program sent now would be run."""
    sealed: bool
    """False only where a setting allows running without the seal, on loopback."""
    layers: tuple[SealLayer, ...]
    spares: int
    running: int
    versions: Versions


class Sandbox(Protocol):
    """Runs programs. Raises SandboxBusy, WorkerLost, WireError, ProgramRefused (e.g. a device that is not there)."""

    def expect(self) -> None:
        """A program is probably on its way: what runs it may get ready meanwhile."""
        ...

    def stream(
        self,
        program: Program,
        request: RunRequest,
        seconds: float | None = None,
        commands: asyncio.Queue[Command] | None = None,
    ) -> AsyncGenerator[Frame, None]:
        """Yield frames as they arrive; the last one is the Trace, and there is exactly one.

        `seconds` is the run's wall time where it is not the usual limit. `commands` are handed on as they come; each
        is answered by a Held frame. Without them the program cannot be held. Closing the generator ends the program.
        """
        ...

    async def run(self, program: Program, request: RunRequest) -> Trace:
        """Stream to the end and return the last frame."""
        ...

    def health(self) -> SandboxHealth: ...

    def devices(self) -> tuple[Device, ...]: ...
