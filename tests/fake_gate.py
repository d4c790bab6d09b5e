"""What holds a run of the fake sandbox: it is paused, stepped and let go on as a child is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command, Held, HeldState, NonFinite, Origin, Pace
from app.vocabulary.training import Training
from app.vocabulary.values import Span


@dataclass
class FakeGate:
    """Holds a fake run between two frames, as a child is held between two steps."""

    pace: Pace
    commands: asyncio.Queue[Command]
    state: HeldState = "running"
    rate: float | None = None
    nonfinite: NonFinite | None = None
    steps: int = 0

    def __post_init__(self) -> None:
        self.rate = self.pace.steps_per_second
        self.state = "pausing" if self.pace.paused else "running"

    def told(self) -> Held:
        return Held(self.state, self.rate, 0.0, Span(12, 4, 12, 20), self.nonfinite)

    def is_left_alone(self) -> bool:
        return self.state == "running" and self.commands.empty()

    async def pass_by(self) -> AsyncGenerator[Held, None]:
        """Between two frames: what was asked is done, and nothing goes on while it is paused."""
        while not self.commands.empty():
            yield self.obey(self.commands.get_nowait())
        if self.state == "stepping":
            self.steps -= 1
            self.state = "stepping" if self.steps else "pausing"
        if self.state == "pausing":
            self.state = "paused"
            yield self.told()
        while self.state == "paused":
            yield self.obey(await self.commands.get())

    def obey(self, command: Command) -> Held:
        match command.do:
            case "pause":
                self.state = "paused" if self.state == "paused" else "pausing"
            case "resume":
                self.state = "running"
            case "step":
                self.state, self.steps = "stepping", self.steps + 1
            case "speed":
                self.rate = command.steps_per_second
            case "nonfinite":
                self.pace = replace(self.pace, pause_on_nonfinite=command.pause)
        return self.told()

    def heed(self, frame: Frame) -> None:
        """Pause at the first loss that is no number."""
        if not (self.pace.pause_on_nonfinite and isinstance(frame, Training)):
            return
        for points in frame.points:
            for step, value in zip(points.steps, points.values, strict=True):
                if isinstance(value, str) and not self.nonfinite:
                    span = Span(8, 4, 8, 16)
                    origin = Origin("call", "torch.log", "torch.log(p)", "q", span)
                    self.nonfinite = NonFinite("loss", value, step, Span(9, 0, 9, 4), origin)
                    self.state = "pausing"
