"""Holding a sealed child: what it may wait, what it may claim, and that nobody holds one who was not allowed to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.sandbox.local import SandboxPlan, _Patience
from app.vocabulary.errors import WireError
from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command, Held, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, RunRequest, Stopped, Trace
from app.wire import encode_frame
from tests.sandbox.conftest import RealSandbox, started

TRAIN = """
w = torch.ones(1, requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for step in range({steps}):
    loss = (w ** 2).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
PAUSED = Pace(paused=True)
HELD = 3.0


@pytest.fixture(scope="module")
async def brief(anyio_backend: str) -> AsyncIterator[RealSandbox]:
    """A sandbox that holds a program for HELD seconds at most."""
    plan = SandboxPlan(Limits(held_seconds=HELD), slots=2, spares=2, telling_seconds=10.0, first_uid=62_200)
    async with started(plan) as real:
        yield real


async def play(
    real: RealSandbox, source: str, pace: Pace, *answers: Command, seconds: float = 30.0, after: float = 0.3
) -> tuple[list[Frame], float]:
    """The frames of a run whose pauses are answered one by one, and how long it took."""
    commands: asyncio.Queue[Command] = asyncio.Queue()
    left, frames, began = list(answers), [], time.perf_counter()
    async for frame in real.sandbox.stream(real.parse(source), RunRequest(pace=pace), seconds, commands):
        frames.append(frame)
        if isinstance(frame, Held) and frame.state == "paused" and left:
            await asyncio.sleep(after)
            commands.put_nowait(left.pop(0))
    return frames, time.perf_counter() - began


def ending(frames: list[Frame]) -> Trace:
    assert isinstance(frames[-1], Trace)
    return frames[-1]


async def test_sealed_child_is_paused_stepped_and_let_go(real: RealSandbox) -> None:
    """It may take three seconds, and waits longer."""
    answers = Command("step"), Command("step"), Command("resume")
    frames, seconds = await play(real, TRAIN.format(steps=20), PAUSED, *answers, seconds=3.0, after=1.1)
    assert [frame.state for frame in frames if isinstance(frame, Held)].count("paused") == 3
    assert ending(frames).outcome == Completed()
    assert ending(frames).curves[0].count == 20
    assert seconds > 3.3


async def test_child_held_too_long_tells_what_it_was_held_with(brief: RealSandbox) -> None:
    frames, seconds = await play(brief, TRAIN.format(steps=20), PAUSED, Command("step"))
    outcome = ending(frames).outcome
    assert isinstance(outcome, Stopped)
    assert (outcome.limit, outcome.allowed) == ("held_seconds", HELD)
    assert [each.name for each in ending(frames).tensors] == ["w", "loss"]
    assert HELD - 0.1 < seconds < HELD + 60


async def test_child_cannot_claim_more_than_it_may_be_held(brief: RealSandbox) -> None:
    lie = encode_frame(Held("paused", seconds=-1e9)) + encode_frame(Held("running", 1.0, 1e9))
    deaf = "import signal, time\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
    source = f"{deaf}import os\nwhile True:\n    os.write(3, {lie!r})\n    time.sleep(0.1)"
    frames, seconds = await play(brief, source, Pace(), seconds=0.5)
    assert ending(frames).outcome == Stopped("held_seconds", HELD)
    assert seconds > HELD + 0.4


async def test_child_that_nobody_may_hold_may_not_say_it_is_held(brief: RealSandbox) -> None:
    source = f"import os\nos.write(3, {encode_frame(Held('paused'))!r})"
    with pytest.raises(WireError):
        await brief.run(source)
    commands: asyncio.Queue[Command] = asyncio.Queue()
    large = (
        encode_frame(replace(Held("paused"), nonfinite=None))[4:-1] + b',"span":' + b" " * 9_000 + b"null}"
    )
    source = f"import os\nos.write(3, {len(large).to_bytes(4)!r} + {large!r})"
    with pytest.raises(WireError, match="bytes in a held frame"):
        async for _ in brief.sandbox.stream(brief.parse(source), RunRequest(), 1.0, commands):
            pass


async def test_program_that_takes_the_commands_away_is_only_not_held(brief: RealSandbox) -> None:
    source = "import os\nfor i in range(3):\n    os.read(3, 1000)\nprint('done')"
    commands: asyncio.Queue[Command] = asyncio.Queue()
    for _ in range(12):
        commands.put_nowait(Command("speed", 1e6))
    stream = brief.sandbox.stream(brief.parse(source), RunRequest(), 1.0, commands)
    frames = [frame async for frame in stream]
    assert ending(frames).outcome.kind in ("completed", "stopped")
    assert (await brief.run("1 + 1")).outcome == Completed()


async def test_closing_a_held_run_ends_it(brief: RealSandbox) -> None:
    commands: asyncio.Queue[Command] = asyncio.Queue()
    request = RunRequest(pace=PAUSED)
    stream = brief.sandbox.stream(brief.parse(TRAIN.format(steps=9)), request, 1.0, commands)
    async for frame in stream:
        if isinstance(frame, Held) and frame.state == "paused":
            break
    await stream.aclose()
    await brief.rested()


def test_patience_counts_what_is_held_within_its_bound() -> None:
    patience = _Patience(Limits(held_seconds=60.0), ends=10.0)
    assert patience.deadline == 10.0
    patience.heed(Held("paused"))
    assert (patience.deadline, patience.stopped().limit) == (70.0, "held_seconds")
    patience.heed(Held("running", seconds=7.0))
    assert (patience.deadline, patience.stopped().limit) == (17.0, "seconds")
    patience.heed(Held("running", steps_per_second=3.0, seconds=7.0))
    assert patience.deadline == 70.0
    patience.heed(Held("running", seconds=1e9))
    assert patience.deadline == 70.0
