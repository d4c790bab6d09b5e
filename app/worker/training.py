"""Losses, metrics and optimiser steps, found without being asked for, and sent on while the program runs.

A loss is the number `.backward()` is called on in a loop; a metric is a number assigned in a loop under a telling name.
The program only appends to queues; a thread of ours empties them a few times a second.
"""

from __future__ import annotations

import math
import numbers
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from types import CodeType
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from app.limits import Limits
from app.thinning import Thinner
from app.training import Curve, Points, Progress, Series, SeriesKind, Training
from app.values import Real, Span, as_float, spell
from app.worker.frames import names_in_frames, program_frame
from app.worker.loops import Loops
from app.worker.losses import LossWatch
from app.worker.moments import Moments
from app.worker.names import parameter_names

GROUPS = 4
"""Parameter groups whose learning rate is followed."""
PARAMETERS = 24
"""Parameters whose gradient norm and update are followed."""
PATIENCE = 300
"""Norms are taken again only after this many times as long as taking them took."""

Waiting = tuple[int, Any, int | None]
"""Step, value, epoch: not yet sent."""


class Channel:
    """One series with what waits to be sent. Filled by the program's thread, emptied by ours."""

    __slots__ = ("count", "series", "waiting")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.count = 0
        self.waiting: deque[Waiting] = deque()

    def add(self, value: Any, epoch: int | None) -> None:
        self.waiting.append((self.count, value, epoch))
        self.count += 1

    def take(self) -> Points | None:
        """What is new, as it is sent."""
        taken = [self.waiting.popleft() for _ in range(len(self.waiting))]
        if not taken:
            return None
        steps, numbers, epochs = zip(*taken, strict=True)
        values: tuple[Real, ...] = tuple(map(float, numbers))
        if not all(map(math.isfinite, values)):  # type: ignore[arg-type] # not spelled yet
            values = tuple(map(spell, values))  # type: ignore[arg-type]
        return Points(self.series.index, steps, values, () if None in epochs else epochs)


class TrainingLog:
    """Everything a run has to say about its training. `span_of` and `name_of` tell the place of a call."""

    def __init__(
        self,
        loops: Loops,
        limits: Limits,
        send: Callable[[Training], None],
        span_of: Callable[[CodeType, int], Span | None],
        text_of: Callable[[Span], str],
        moments: Moments,
    ) -> None:
        self.optimiser_steps = 0
        self.training_loop: int | None = None
        """First line of the loop that runs backward passes."""
        self.watch: LossWatch | None = None
        """Who heeds the points of losses, where anybody does."""
        self._loops = loops
        self._limits = limits
        self._send = send
        self._span_of = span_of
        self._text_of = text_of
        self._channels: dict[tuple[str, SeriesKind], Channel] = {}
        self._curves: dict[int, Thinner] = {}
        self._announced = 0
        self._roots: dict[tuple[CodeType, int], Channel | None] = {}
        self._noted: dict[str, Channel] = {}
        self._noting_loop: int | None = None
        self._newest: ref[Tensor] | None = None
        """The tensor that was noted last."""
        self._moments = moments
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._watches: dict[int, Parameters] = {}
        self._before = BeforeStep(self._watches)

    # ------------------------------------------------------------------------------------------ what is found

    def note(self, name: str, value: Any, line: int, loop: int) -> None:
        """A value assigned in a loop under a telling name; anything but a single number is left alone."""
        number = value if type(value) is float else single_number(value)
        if number is None:
            return
        channel = self._noted.get(name)
        if channel is None:
            channel = self._channel(name, kind_of(name), lambda: Span(line, 0, line, len(name)))
            if channel is None:
                return
            self._noted[name] = channel
        self._noting_loop = loop
        self._newest = ref(value) if isinstance(value, Tensor) else None
        channel.add(number, self._loops.epoch(self.training_loop))
        if self.watch is not None and channel.series.kind == "loss":
            self.watch.heed(channel.series, channel.count - 1, number, value)

    def note_backward(self, roots: Any, loop: int | None) -> None:
        """The root of a backward pass that runs in a loop; a name that is followed already is not followed twice."""
        self.training_loop = loop
        if loop is None:
            return
        root = roots[0] if isinstance(roots, tuple | list) and roots else roots
        if self._newest is not None and self._newest() is root:  # its place would cost more than all the rest
            return
        number = single_number(root) if isinstance(root, Tensor) else None
        frame = program_frame(sys._getframe(1))
        if number is None or frame is None:
            return
        place = frame.f_code, frame.f_lasti
        if place not in self._roots:
            name = self._root_name(root, *place)
            followed = name in self._noted
            self._roots[place] = (
                None if followed else self._channel(name, "loss", lambda: self._span_of(*place))
            )
        channel = self._roots[place]
        if channel is not None:
            channel.add(number, self._loops.epoch(loop))
            if self.watch is not None and channel.series.kind == "loss":
                self.watch.heed(channel.series, channel.count - 1, number, root)

    def _root_name(self, root: Tensor, code: CodeType, instruction: int) -> str:
        held = (name for name, value in names_in_frames(sys._getframe(1), Tensor) if value is root)
        name = next(held, None)
        if name is not None:
            return name
        span = self._span_of(code, instruction)
        return "loss" if span is None else self._text_of(span).removesuffix(".backward()")[:80]

    def _channel(self, name: str, kind: SeriesKind, span: Callable[[], Span | None]) -> Channel | None:
        channel = self._channels.get((name, kind))
        if channel is None and len(self._channels) < self._limits.curves:
            series = Series(len(self._channels), name, kind, span())
            channel = self._channels[name, kind] = Channel(series)
            if self._thread is None:
                self._thread = threading.Thread(target=self._flush_regularly, name="training", daemon=True)
                self._thread.start()
        return channel

    def pass_begins(self, line: int) -> None:
        """Called before each pass of each of the program's loops, with the loop's first line."""
        known = self.training_loop or self._noting_loop
        if not self.optimiser_steps and line == known:
            self._moments.arrive()
        elif self._moments.hold is not None:
            self._moments.pass_by("between" if known or self.optimiser_steps else "pass")

    # ------------------------------------------------------------------------------------------ optimisers

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile follow every optimiser step in this process."""
        with register_optimizer_step_post_hook(self._after_step):
            try:
                yield
            finally:
                self._before.remove()

    def _after_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        step = self.optimiser_steps
        self.optimiser_steps = step + 1
        if self.training_loop is not None:
            watch = self._watches.get(id(optimiser))
            if watch is None:
                watch = Parameters(optimiser, len(self._watches), self._follow, self._before)
                self._watches[id(optimiser)] = watch  # it holds the optimiser: the id stays its own
            watch.after(step)
        self._moments.arrive()

    def _follow(self, name: str, kind: SeriesKind) -> Channel | None:
        return self._channel(name, kind, lambda: None)

    # ------------------------------------------------------------------------------------------ sending

    def _flush_regularly(self) -> None:
        pause = 1.0 / self._limits.frames_per_second
        while not self._ended.wait(pause):
            self.flush()

    def flush(self, always: bool = False) -> None:
        """Send what is new; `always` sends how far it is, even where there is no new point."""
        with self._lock:
            channels = tuple(self._channels.values())
            points = tuple(filter(None, map(Channel.take, channels)))
            for each in points:
                self._keep(each, channels[each.series].series)
            new = tuple(channel.series for channel in channels[self._announced :])
            self._announced = len(channels)
            progress = self.progress()
            if new or points or (always and progress is not None):
                self._send(Training(new, points, progress))

    def _keep(self, points: Points, series: Series) -> None:
        curve = self._curves.get(series.index)
        if curve is None:
            curve = self._curves[series.index] = Thinner(series, self._limits.curve_points)
        curve.add(points)
        if self.watch is not None and series.kind == "loss":
            self.watch.heed_late(series, points)

    @property
    def steps_done(self) -> int:
        """Optimiser steps; passes of the outermost loop where there is no optimiser."""
        running = self._loops.running
        return self.optimiser_steps or (running[0].done if running else self._last_done())

    def _last_done(self) -> int:
        line = self.training_loop or self._noting_loop
        return 0 if line is None else self._loops.state(line).done

    def progress(self) -> Progress | None:
        """How far the outermost loop around the training is; the training loop itself where it is a `while`."""
        loop = self.training_loop or self._noting_loop
        if loop is None:
            return None
        running = self._loops.running
        state = running[0] if running else self._loops.state(loop)
        return Progress(state.line, state.done, state.total, self.optimiser_steps)

    def finish(self) -> None:
        """Send the rest; nothing is sent afterwards."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self.flush()

    def curves(self) -> tuple[Curve, ...]:
        """The series that are curves: those with more than one point."""
        known = (curve.curve() for curve in self._curves.values())
        return tuple(curve for curve in known if curve is not None and curve.count > 1)


class BeforeStep:
    """A hook before optimiser steps, there only while somebody waits for the next step to take norms."""

    def __init__(self, watches: Mapping[int, Parameters]) -> None:
        self._watches = watches
        self._handle: RemovableHandle | None = None

    def ask(self) -> None:
        if self._handle is None:
            self._handle = register_optimizer_step_pre_hook(self._come)

    def remove(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def go(self) -> None:
        """Nobody may wait any more. Called after a step: before one, torch is going through its hooks."""
        if not any(each.waits for each in self._watches.values()):
            self.remove()

    def _come(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        watch = self._watches.get(id(optimiser))
        if watch is not None and watch.waits:
            watch.copy()


class Parameters:
    """What one optimiser moves: learning rates at every step; gradient norms and update ratios now and then."""

    def __init__(
        self,
        optimiser: Optimizer,
        number: int,
        follow: Callable[[str, SeriesKind], Channel | None],
        before: BeforeStep,
    ) -> None:
        self.waits = False
        """For the next step, before which it copies what is moved."""
        self._optimiser = optimiser
        self._follow = follow
        self._before = before
        self._prefix = "" if number == 0 else f"optimiser {number + 1} "
        parameters = [p for group in optimiser.param_groups for p in group["params"] if isinstance(p, Tensor)]
        self._parameters = parameters[:PARAMETERS]
        self._names = parameter_names(self._parameters)
        self._rates: list[Channel | None] = []
        """Of each followed group that has a learning rate."""
        self._groups = 0
        self._old: list[Tensor] | None = None
        self._next = 0.0
        self._copying = 0.0

    def copy(self) -> None:
        began = perf_counter()
        self.waits = False
        with torch.no_grad():
            self._old = [parameter.detach().clone() for parameter in self._parameters]
        self._copying = perf_counter() - began

    def after(self, step: int) -> None:
        """Called after each step that is part of a training."""
        groups = self._optimiser.param_groups
        if len(groups) != self._groups:
            self._meet_groups(groups)
        for group, channel in zip(groups, self._rates):  # noqa: B905 - only the first groups are followed
            rate = group.get("lr")
            if channel is not None and rate is not None:
                channel.waiting.append((step, rate if type(rate) is float else float(rate), None))
        if self._old is not None:
            self._take_norms(self._old, step)
            self._old = None
            self._before.go()
        elif perf_counter() >= self._next and not self.waits:
            self.waits = True
            self._before.ask()

    def _take_norms(self, old: list[Tensor], step: int) -> None:
        began = perf_counter()
        for name, kind, value in self._norms(old):
            channel = self._follow(name, kind)
            if channel is not None:
                channel.waiting.append((step, value, None))
        ended = perf_counter()
        self._next = ended + PATIENCE * (ended - began + self._copying)

    def _meet_groups(self, groups: list[dict[str, Any]]) -> None:
        self._groups, self._rates = len(groups), []
        for index, group in enumerate(groups[:GROUPS]):
            name = "lr" if len(groups) == 1 else f"lr[{index}]"
            known = group.get("lr") is not None
            self._rates.append(self._follow(self._prefix + name, "learning_rate") if known else None)

    def _norms(self, old: list[Tensor]) -> Iterator[tuple[str, SeriesKind, Any]]:
        with torch.no_grad():
            for name, parameter, before in zip(self._names, self._parameters, old, strict=True):
                if parameter.grad is not None and parameter.grad.layout is torch.strided:
                    yield name, "grad_norm", float(torch.linalg.vector_norm(parameter.grad))
                size = float(torch.linalg.vector_norm(before))
                if size:
                    moved = float(torch.linalg.vector_norm(parameter - before))
                    yield name, "update_ratio", moved / size


def kind_of(name: str) -> SeriesKind:
    lowered = name.lower()
    return "loss" if any(word in lowered for word in ("loss", "损失", "cost", "代价")) else "metric"


def single_number(value: Any) -> Any:
    """The number in a value that is one: Python's, NumPy's, or a tensor of one element; else None."""
    if isinstance(value, Tensor):
        return reading(value) if value.numel() == 1 else None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    return as_float(value)  # type: ignore[arg-type] # what is a number by its class can be made a float


def reading(tensor: Tensor) -> Any:
    """The number of a tensor of one element; on a GPU a copy, read later so that nothing waits for it."""
    if not tensor.is_cpu:
        return None if tensor.is_complex() else tensor.detach().clone()
    number: Any = tensor.item()
    return None if type(number) is complex else number
