"""Losses, metrics and optimiser steps, found without being asked for, and sent on while the program runs.

A loss is the number `.backward()` is called on in a loop; a metric is a number assigned in a loop under a telling name.
The program only appends to queues; a thread of ours empties them a few times a second.
"""

from __future__ import annotations

import numbers
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from types import CodeType
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from app.limits import Limits
from app.thinning import Thinner
from app.training import Curve, Points, Progress, Series, SeriesKind, Training
from app.values import Real, Span, spell
from app.worker.frames import names_in_frames, program_frame
from app.worker.loops import Loops
from app.worker.losses import LossWatch
from app.worker.moments import Moments
from app.worker.names import parameter_names

GROUPS = 4
"""Parameter groups whose learning rate is followed."""
PARAMETERS = 24
"""Parameters whose gradient norm and update are followed."""
PATIENCE = 100
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

    def add(self, value: Any, epoch: int | None, step: int | None = None) -> None:
        self.waiting.append((self.count if step is None else step, value, epoch))
        self.count += 1


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
        self._noted: set[str] = set()
        self._noting_loop: int | None = None
        self._moments = moments
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._watches: dict[int, Parameters] = {}

    # ------------------------------------------------------------------------------------------ what is found

    def note(self, name: str, value: Any, line: int, loop: int) -> None:
        """A value assigned in a loop under a telling name; anything but a single number is left alone."""
        number = single_number(value)
        if number is None:
            return
        channel = self._channel(name, kind_of(name), lambda: self._line_span(line, name))
        if channel is not None:
            self._noted.add(name)
            self._noting_loop = loop
            channel.add(number, self._loops.epoch(self.training_loop or 0))
            self._heed(channel, number, value)

    def note_backward(self, roots: Any, loop: int | None) -> None:
        """The root of a backward pass that runs in a loop; a name that is followed already is not followed twice."""
        self.training_loop = loop
        if loop is None:
            return
        root = roots[0] if isinstance(roots, tuple | list) and roots else roots
        if not isinstance(root, Tensor) or root.numel() != 1 or root.is_complex():
            return
        frame = program_frame(sys._getframe(1))
        if frame is None:
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
            number = reading(root)
            channel.add(number, self._loops.epoch(self.training_loop or 0))
            self._heed(channel, number, root)

    def _heed(self, channel: Channel, number: Any, value: Any) -> None:
        if self.watch is not None and channel.series.kind == "loss":
            self.watch.heed(channel.series, channel.count - 1, number, value)

    def _root_name(self, root: Tensor, code: CodeType, instruction: int) -> str:
        held = (name for name, value in names_in_frames(sys._getframe(1), Tensor) if value is root)
        name = next(held, None)
        if name is not None:
            return name
        span = self._span_of(code, instruction)
        return "loss" if span is None else self._text_of(span).removesuffix(".backward()")[:80]

    def _line_span(self, line: int, name: str) -> Span:
        return Span(line, 0, line, len(name))

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
        before = register_optimizer_step_pre_hook(self._before_step)
        after = register_optimizer_step_post_hook(self._after_step)
        with before, after:
            yield

    def _before_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        watch = self._watches.get(id(optimiser))
        if watch is None:
            watch = self._watches[id(optimiser)] = Parameters(optimiser, len(self._watches))
        watch.before()

    def _after_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        self.optimiser_steps += 1
        if self.training_loop is not None:
            watch = self._watches[id(optimiser)]
            for name, kind, value in watch.after():
                channel = self._channel(name, kind, lambda: None)
                if channel is not None:
                    channel.add(value, None, self.optimiser_steps - 1)
        self._moments.arrive()

    # ------------------------------------------------------------------------------------------ sending

    def _flush_regularly(self) -> None:
        pause = 1.0 / self._limits.frames_per_second
        while not self._ended.wait(pause):
            self.flush()

    def flush(self, always: bool = False) -> None:
        """Send what is new; `always` sends how far it is, even where there is no new point."""
        with self._lock:
            channels = tuple(self._channels.values())
            points = tuple(filter(None, (self._take(channel) for channel in channels)))
            new = tuple(channel.series for channel in channels[self._announced :])
            self._announced = len(channels)
            progress = self.progress()
            if points or (always and progress is not None):
                self._send(Training(new, points, progress))

    def _take(self, channel: Channel) -> Points | None:
        taken = [channel.waiting.popleft() for _ in range(len(channel.waiting))]
        if not taken:
            return None
        steps, values, epochs = zip(*taken, strict=True)
        known = tuple(epoch for epoch in epochs if epoch is not None)
        points = Points(
            channel.series.index,
            steps,
            tuple(as_real(value) for value in values),
            known if len(known) == len(steps) else (),
        )
        curve = self._curves.get(channel.series.index)
        if curve is None:
            curve = Thinner(channel.series, self._limits.curve_points)
            self._curves[channel.series.index] = curve
        curve.add(points)
        if self.watch is not None and channel.series.kind == "loss":
            self.watch.heed_late(channel.series, points)
        return points

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


class Parameters:
    """What one optimiser moves: learning rates at every step; gradient norms and update ratios now and then."""

    def __init__(self, optimiser: Optimizer, number: int) -> None:
        self._optimiser = optimiser
        self._prefix = "" if number == 0 else f"optimiser {number + 1} "
        parameters = [p for group in optimiser.param_groups for p in group["params"] if isinstance(p, Tensor)]
        self._parameters = parameters[:PARAMETERS]
        self._names = parameter_names(self._parameters)
        self._old: list[Tensor] | None = None
        self._next = 0.0
        self._began = 0.0

    def before(self) -> None:
        self._began = perf_counter()
        self._old = None
        if self._began >= self._next:
            with torch.no_grad():
                self._old = [parameter.detach().clone() for parameter in self._parameters]
        self._began = perf_counter() - self._began

    def after(self) -> Iterator[tuple[str, SeriesKind, Any]]:
        for index, group in enumerate(self._optimiser.param_groups[:GROUPS]):
            rate = group.get("lr")
            if rate is not None:
                name = "lr" if len(self._optimiser.param_groups) == 1 else f"lr[{index}]"
                yield self._prefix + name, "learning_rate", float(rate)
        if self._old is not None:
            began = perf_counter()
            yield from self._norms(self._old)
            self._old = None
            ended = perf_counter()
            self._next = ended + PATIENCE * (ended - began + self._began)

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
    if isinstance(value, bool):
        return None
    if isinstance(value, Tensor):
        return reading(value) if value.numel() == 1 and not value.is_complex() else None
    return float(value) if isinstance(value, numbers.Real) else None


def reading(tensor: Tensor) -> Any:
    """The number of a tensor of one element; on a GPU a copy, read later so that nothing waits for it."""
    return tensor.item() if tensor.is_cpu else tensor.detach().clone()


def as_real(value: Any) -> Real:
    return spell(float(value))
