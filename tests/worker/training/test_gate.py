"""A watched program is held between its steps, goes at the speed it is told, and what it waits is not its own time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command, Held, Pace
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Output, RunRequest, Stopped, Trace
from app.vocabulary.training import Training
from app.wire import Task, Telling
from app.worker.execute import execute
from tests.worker.running import undisturbed

TRAIN = """
w = torch.ones(1, requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for epoch in range({epochs}):
    loss = (w ** 2).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
""".strip()
BETWEEN = """
w = torch.ones(1, requires_grad=True)
opt = optim.SGD([w], lr=0.1)
for epoch in range(20):
    for check in range(50):
        print(end="")
    (w ** 2).sum().backward()
    opt.step()
""".strip()
WHILE = """
w = np.ones(3)
while (w ** 2).sum() > 0.5:
    loss = (w ** 2).sum()
    w = w - 0.1 * w
""".strip()
LOOP = "for i in range(4): print(i)"


@dataclass
class Play:
    """One run whose holds a script answers: at each pause, after a moment, the next command."""

    source: str
    pace: Pace
    commands: list[Command] = field(default_factory=list)
    seconds: float = 10.0
    held_seconds: float = 5.0
    recorded: int = 2_000
    """Calls until the recorder leaves."""
    wait: float = 0.02
    first: Callable[[Callable[[Command], None]], None] = lambda obey: None
    """What happens beside the program from its beginning on."""
    orders: list[tuple[Command, ...]] = field(default_factory=list)
    """Instead of `commands`, where several come at a pause."""
    frames: list[Frame] = field(default_factory=list)

    def run(self) -> Play:
        limits = Limits(seconds=self.seconds, held_seconds=self.held_seconds, steps=self.recorded)
        task = Task(self.source, RunRequest(pace=self.pace), limits)
        with undisturbed():
            execute(task, self._send, self._listen)
        return self

    def _listen(self, obey: Callable[[Command], None]) -> None:
        self._obey = obey
        threading.Thread(target=self.first, args=(obey,), daemon=True).start()

    def _send(self, frame: Frame | Telling) -> None:
        if isinstance(frame, Telling):
            return
        self.frames.append(frame)
        if isinstance(frame, Held) and frame.state == "paused" and (self.commands or self.orders):
            orders = self.orders.pop(0) if self.orders else (self.commands.pop(0),)
            threading.Timer(self.wait, self._obey_all, (orders,)).start()

    def _obey_all(self, orders: tuple[Command, ...]) -> None:
        for each in orders:
            self._obey(each)

    @property
    def held(self) -> list[Held]:
        return [frame for frame in self.frames if isinstance(frame, Held)]

    @property
    def trace(self) -> Trace:
        last = self.frames[-1]
        assert isinstance(last, Trace)
        return last

    def steps_at_pauses(self) -> list[int]:
        """Optimiser steps that were told before each pause."""
        steps, found = 0, []
        for frame in self.frames:
            if isinstance(frame, Training) and frame.progress is not None:
                steps = frame.progress.optimiser_steps
            elif isinstance(frame, Held) and frame.state == "paused":
                found.append(steps)
        return found

    def printed_at_pauses(self) -> list[str]:
        text, found = "", []
        for frame in self.frames:
            if isinstance(frame, Output):
                text += frame.text
            elif isinstance(frame, Held) and frame.state == "paused":
                found.append(text)
        return found


STEP, RESUME, PAUSE = Command("step"), Command("resume"), Command("pause")


def test_each_step_command_makes_one_optimiser_step() -> None:
    play = Play(TRAIN.format(epochs=30), Pace(paused=True), [STEP, STEP, STEP, RESUME]).run()
    assert [held.state for held in play.held] == [
        *("pausing", "paused", "stepping", "paused", "stepping", "paused", "stepping", "paused", "running")
    ]
    assert play.steps_at_pauses() == [0, 1, 2, 3]
    assert [held.span.line for held in play.held if held.span is not None] == [3, 7, 7, 7]
    assert (play.trace.outcome, play.trace.curves[0].count) == (Completed(), 30)


def test_steps_asked_for_at_once_are_all_made() -> None:
    def ask(obey: Callable[[Command], None]) -> None:
        for _ in range(5):
            obey(STEP)

    play = Play(TRAIN.format(epochs=9), Pace(paused=True), [RESUME], first=ask).run()
    assert play.steps_at_pauses()[-1] == 5
    assert play.trace.curves[0].count == 9


def test_pause_holds_a_running_program_with_its_newest_points() -> None:
    def ask(obey: Callable[[Command], None]) -> None:
        while not any(isinstance(frame, Training) for frame in play.frames):
            time.sleep(0.01)
        obey(PAUSE)

    play = Play(TRAIN.format(epochs=1_000_000), Pace(), seconds=3.0, wait=0.5, commands=[RESUME], first=ask)
    play.run()
    at = next(index for index, frame in enumerate(play.frames) if isinstance(frame, Held) and frame.span)
    points = [points for frame in play.frames[:at] if isinstance(frame, Training) for points in frame.points]
    steps = [each.steps[-1] for each in points if each.series == 0]
    progress = next(frame for frame in reversed(play.frames[:at]) if isinstance(frame, Training)).progress
    assert progress is not None
    assert steps[-1] + 1 == progress.optimiser_steps
    assert play.trace.outcome.kind == "stopped"


def test_time_held_is_not_the_programs_own() -> None:
    play = Play(TRAIN.format(epochs=3), Pace(paused=True), [RESUME], seconds=2.0, wait=2.5).run()
    assert play.trace.outcome == Completed()
    assert play.held[-1].seconds > 2.4
    assert play.trace.timings.run < 2.0


def test_time_runs_out_after_a_pause_as_without_one() -> None:
    started = time.perf_counter()
    play = Play("while True: abs(1)", Pace(paused=True), [RESUME], seconds=0.5, wait=0.5).run()
    assert isinstance(play.trace.outcome, Stopped)
    assert (play.trace.outcome.limit, play.trace.outcome.allowed) == ("seconds", 0.5)
    assert time.perf_counter() - started > 0.95


def test_nobody_holds_a_program_for_ever() -> None:
    play = Play(TRAIN.format(epochs=3), Pace(paused=True), held_seconds=0.3).run()
    assert play.trace.outcome == Stopped("held_seconds", 0.3, play.held[-1].span)


def test_slow_motion_takes_its_time_between_steps() -> None:
    started = time.perf_counter()
    play = Play(TRAIN.format(epochs=6), Pace(steps_per_second=2.0), seconds=2.0).run()
    assert time.perf_counter() - started > 2.4
    assert play.trace.outcome == Completed()
    assert play.held == [Held("running", 2.0)]


def test_slow_motion_ends_when_it_is_told_to() -> None:
    def ask(obey: Callable[[Command], None]) -> None:
        time.sleep(0.2)
        obey(Command("speed"))

    started = time.perf_counter()
    play = Play(TRAIN.format(epochs=100), Pace(steps_per_second=0.2), first=ask, held_seconds=600.0).run()
    assert time.perf_counter() - started < 60  # of five hundred
    assert [held.steps_per_second for held in play.held] == [0.2, None]


def test_loops_that_do_not_train_are_not_slowed_down_nor_steps() -> None:
    started = time.perf_counter()
    assert Play(BETWEEN, Pace(steps_per_second=20.0), held_seconds=600.0).run().trace.outcome == Completed()
    assert time.perf_counter() - started < 25  # one is the training's; a thousand passes would take fifty
    play = Play(BETWEEN, Pace(), [STEP, STEP, RESUME], first=lambda obey: obey(PAUSE)).run()
    lines = [held.span.line for held in play.held if held.span is not None]
    assert lines[-2:] == [7, 7]


def test_loops_without_training_are_held_at_each_pass() -> None:
    play = Play(LOOP, Pace(paused=True), [STEP, STEP, RESUME]).run()
    assert play.printed_at_pauses() == ["", "0\n", "0\n1\n"]
    play = Play(WHILE, Pace(paused=True), [STEP, STEP, RESUME]).run()
    assert [held.state for held in play.held].count("paused") == 3
    assert play.trace.outcome == Completed()


def test_program_without_a_moment_goes_on_to_its_end() -> None:
    play = Play("y = torch.ones(2) + 1", Pace(paused=True)).run()
    assert [held.state for held in play.held] == ["pausing"]
    assert play.trace.outcome == Completed()


@pytest.mark.parametrize(("seconds", "told"), [(5.0, 1), (60.0, 0)])
def test_nothing_waits_where_nobody_may_hold(seconds: float, told: int) -> None:
    """And that the program has ended is told where little of its time is left for the trace."""
    frames: list[Frame | Telling] = []
    with undisturbed():
        task = Task(LOOP, RunRequest(), Limits(seconds=seconds))
        execute(task, frames.append, lambda obey: frames.append(Telling()))
    assert not any(isinstance(frame, Held) for frame in frames)
    assert sum(isinstance(frame, Telling) for frame in frames) == told
