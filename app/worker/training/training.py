"""Losses, metrics and optimiser steps, found without being asked for, and sent on while the program runs.

A loss is the number `.backward()` is called on in a loop; a metric is a number assigned in a loop under a telling name.
The program only appends to queues; a thread of ours empties them a few times a second.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from types import CodeType
from typing import Any
from weakref import ref

import numpy as np
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from app.thinning import Thinner, thin_points
from app.vocabulary.limits import Limits
from app.vocabulary.training import Curve, Points, Progress, Ribbon, Series, SeriesKind, Training
from app.vocabulary.values import Span
from app.worker.recording.beat import Beat, nothing
from app.worker.recording.channels import Channel, Plateau, Steps
from app.worker.recording.frames import names_in_frames, program_frame
from app.worker.recording.functions import silenced
from app.worker.recording.loops import Loops
from app.worker.recording.moments import Moments
from app.worker.recording.readings import kind_of, single_number
from app.worker.recording.recorder import Recorder
from app.worker.threads import start_thread
from app.worker.training.losses import LossWatch
from app.worker.training.parameters import BeforeStep, Parameters, leaves_in_frames
from app.worker.training.pulse import make_after_step, make_note
from app.worker.training.ribbons import Looker, Ribbons

MOST_LEFT = 4
"""Names that are no single numbers, and could be told of."""
PAUSE_UNSEEN = 0.5
"""Seconds between two frames where nobody watches: what is known if the program has to be killed."""
MOST_NAME = 200
"""Characters of a watched expression's series."""

ROOT = -1
"""In place of a line: the root of a backward pass."""


class TrainingLog:
    """Everything a run has to say about its training. `span_of` and `text_of` tell the place of a call.

    `tick` is called in our own thread whenever what is new has been sent.
    """

    def __init__(
        self,
        loops: Loops,
        limits: Limits,
        send: Callable[[Training], None],
        span_of: Callable[[CodeType, int], Span | None],
        text_of: Callable[[Span], str],
        moments: Moments,
        recorder: Recorder,
        tick: Callable[[], None],
        beat: Beat,
    ) -> None:
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
        self._written: dict[str, Channel | None] = {}
        self._noting_loop: int | None = None
        self._steps = Steps()
        self._beat = beat
        self._calm: dict[str, Channel] = {}
        """Series that go on as they did, by name; empty while calls are recorded."""
        self.note = make_note(self._calm, loops.running, beat, self._steps, self._note)
        """Told of a value assigned in a loop under a telling name; anything but a single number is left alone.

        What loops over phases like "train" and "val" give is followed for each by itself.
        """
        self._moments = moments
        self._recorder = recorder
        self._tick = tick
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._watches: dict[int, Parameters] = {}
        self._before = BeforeStep(self._watches)
        self._ribbons = Ribbons(limits)
        self._looker = Looker(self._ribbons)
        """For a program without an optimiser."""
        self.roots: frozenset[str] = frozenset()
        """Names whose `.backward()` the program calls."""
        self.many: dict[str, str] = {}
        """What could be losses, but never was a single number: names and shapes."""
        self._by_hand = False
        self._epoch: int | None = None
        """Of the last number of a watched expression."""

    @property
    def optimiser_steps(self) -> int:
        return self._beat.steps

    @property
    def by_hand(self) -> bool:
        """Whether it trains without an optimiser."""
        return self._by_hand and not self.optimiser_steps

    # ------------------------------------------------------------------------------------------ what is found

    def _note(self, name: str, value: Any, line: int, loop: int, phase: Any) -> None:
        end, is_root = len(name), name in self.roots
        if isinstance(phase, str):
            name = f"{name} ({phase[:40]})"
        channel = self._noted.get(name)
        number = self._read(value)
        if number is None or type(number) is complex:
            self._leave(name, value)
            return
        if channel is None:
            kind = "loss" if is_root else kind_of(name)
            channel = self._channel(name, kind, lambda: Span(line, 0, line, end))
            if channel is None:
                return
            self._noted[name] = channel
            channel.read_at_once = type(value) is Tensor and value.is_cpu
        if loop != self._noting_loop and loop:
            self._noting_loop = self._inner(loop)
        self._beat.noted = ref(value) if isinstance(value, Tensor) else nothing
        if line != channel.place and channel.repeats(number, line):
            return
        channel.last = number
        channel.stand(self._loops.running, self.training_loop or self._noting_loop)
        step = self._steps.count(channel)
        channel.waiting.append((step, number, channel.epoch))
        if self.watch is not None and channel.series.kind == "loss":
            self.watch.heed(channel, step, number, value)
        if channel.read_at_once and not self._recorder.recording and phase is None:
            self._calm[name] = channel

    # ---- with the recorder

    def start(self) -> None:
        """While calls are recorded, reading a number has to be hidden from the recorder."""
        self._calm.clear()

    def stop(self) -> None: ...

    @property
    def found_any(self) -> bool:
        """Whether there is a loss or a metric."""
        return any(kind in ("loss", "metric") for _, kind in self._channels)

    def _leave(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor | np.ndarray) and name not in self.many and len(self.many) < MOST_LEFT:
            self.many[name] = str(tuple(value.shape))

    def _inner(self, loop: int) -> int:
        """Of the loops that note, one within another rather than the outermost."""
        known = self._noting_loop
        return known if known is not None and self._loops.is_outermost(loop) else loop

    def _read(self, value: Any) -> Any:
        """`single_number`, which no recorder takes for the program's own reading."""
        if not self._recorder.recording:
            return single_number(value)
        with silenced(self._recorder):
            return single_number(value)

    def note_backward(self, roots: Any, loop: int | None) -> None:
        """The root of a backward pass that runs in a loop; a name that is followed already is not followed twice."""
        if loop != self.training_loop:
            self.training_loop = loop
            self._calm.clear()  # what counts as an epoch may be another loop
        if loop is None:
            return
        root = roots[0] if isinstance(roots, tuple | list) and roots else roots
        if self._beat.noted() is root:  # its place would cost more than all the rest
            return
        number = self._read(root) if isinstance(root, Tensor) else None
        frame = program_frame(sys._getframe(1))
        if number is None or frame is None:
            if isinstance(root, Tensor) and frame is not None and not self.many:
                self._leave(self._root_name(root, frame.f_code, frame.f_lasti), root)
            return
        place = frame.f_code, frame.f_lasti
        if place not in self._roots:
            name = self._root_name(root, *place)
            followed = name in self._noted
            self._roots[place] = (
                None if followed else self._channel(name, "loss", lambda: self._span_of(*place))
            )
        channel = self._roots[place]
        if channel is not None and not channel.repeats(number, ROOT):
            step = self._steps.count(channel)
            channel.waiting.append((step, number, self._loops.epoch(loop)))
            if self.watch is not None and channel.series.kind == "loss":
                self.watch.heed(channel, step, number, root)

    def note_watched(self, name: str, number: Any, step: int) -> None:
        """The number a watched expression gave after a step."""
        channel = self._channel(name[:MOST_NAME], "watched", lambda: None)
        if channel is not None:
            known = self.training_loop or self._noting_loop
            if known is not None and self._loops.running:
                self._epoch = self._loops.epoch(known)
            channel.waiting.append((step, number, self._epoch))

    def note_written(self, name: str, number: Any) -> None:
        """A number the program itself writes down under a name. One that is followed already is not followed twice."""
        name = name[:MOST_NAME]
        if name not in self._written:
            frame = program_frame(sys._getframe(1))
            place = None if frame is None else self._span_of(frame.f_code, frame.f_lasti)
            kind = kind_of(name)
            known = (name, kind) in self._channels
            self._written[name] = None if known else self._channel(name, kind, lambda: place)
        channel = self._written[name]
        if channel is not None:
            loop = self.training_loop or self._noting_loop
            epoch = self._loops.epoch(loop) if loop else None
            channel.waiting.append((self._steps.count(channel), number, epoch))

    def _root_name(self, root: Tensor, code: CodeType, instruction: int) -> str:
        held = (name for name, value in names_in_frames(sys._getframe(1), Tensor) if value is root)
        name = next(held, None)
        if name is not None:
            return name
        span = self._span_of(code, instruction)
        return "loss" if span is None else self._text_of(span).removesuffix(".backward()")[:80]

    def _channel(self, name: str, kind: SeriesKind, span: Callable[[], Span | None]) -> Channel | None:
        channel = self._channels.get((name, kind))
        if channel is None and self._has_room(kind):
            series = Series(len(self._channels), name, kind, span())
            channel = Plateau(series, self._beat) if kind == "learning_rate" else Channel(series)
            self._channels[name, kind] = channel
            self.begin()
        return channel

    def _has_room(self, kind: SeriesKind) -> bool:
        watched = sum(each == "watched" for _, each in self._channels)
        if kind == "watched":
            return watched < 2 * self._limits.watched
        return len(self._channels) - watched < self._limits.curves

    def begin(self) -> None:
        """From now on what is new is sent regularly."""
        if self._thread is None:
            self._thread = start_thread("training", self._flush_regularly)

    def pass_begins(self, line: int) -> None:
        """Called before each pass of each of the program's loops, with the loop's first line."""
        known = self.training_loop or self._noting_loop
        if not self.optimiser_steps and line == known:
            self._by_hand, self._beat.look_due = True, 0.0
            self._moments.arrive()
        elif self._moments.asked:
            self._moments.pass_by("between" if known or self.optimiser_steps else "pass")

    def after_backward(self, passes: int) -> None:
        """Where there is no optimiser, gradients are whole right after a backward pass: updates may clear them."""
        if self.by_hand and self._looker.due(passes):
            leaves = leaves_in_frames()
            self._looker.look(list(leaves.values()), list(leaves), passes)
        self._beat.look_due = self._looker.next_time if self.by_hand else inf

    # ------------------------------------------------------------------------------------------ optimisers

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile follow every optimiser step in this process."""
        after_step = make_after_step(self._beat, self._watches, self._moments.arrive, self._meet)
        with register_optimizer_step_post_hook(after_step):
            try:
                yield
            finally:
                self._before.remove()

    def _meet(self, optimiser: Optimizer) -> Parameters | None:
        if self.training_loop is None:
            return None
        watch = Parameters(
            optimiser, len(self._watches), self._follow, self._before, Looker(self._ribbons), self._recorder
        )
        self._watches[id(optimiser)] = watch  # it holds the optimiser: the id stays its own
        return watch

    def _follow(self, name: str, kind: SeriesKind) -> Channel | None:
        return self._channel(name, kind, lambda: None)

    # ------------------------------------------------------------------------------------------ sending

    def _flush_regularly(self) -> None:
        limits = self._limits
        pause = 1.0 / limits.frames_per_second if limits.looks_per_second else PAUSE_UNSEEN
        while not self._ended.wait(pause):
            self.flush()
            self._tick()

    def flush(self, always: bool = False) -> None:
        """Send what is new; `always` sends how far it is, even where there is no new point."""
        with self._lock:
            channels = tuple(self._channels.values())
            taken = tuple(filter(None, map(Channel.take, channels)))
            for each in taken:
                self._keep(each, channels[each.series])
            points = tuple(thin_points(each, self._limits.frame_points) for each in taken)
            new = tuple(channel.series for channel in channels[self._announced :])
            self._announced = len(channels)
            ribbons, progress = self._ribbons.new(), self.progress()
            if new or points or ribbons or (always and progress is not None):
                self._send(Training(new, points, progress, ribbons))

    def _keep(self, points: Points, channel: Channel) -> None:
        series = channel.series
        curve = self._curves.get(series.index)
        if curve is None:
            curve = self._curves[series.index] = Thinner(series, self._limits.curve_points)
        curve.add(points)
        if self.watch is not None and series.kind == "loss" and not channel.read_at_once:
            self.watch.heed_late(series, points)

    @property
    def step_number(self) -> int:
        """The number of the step that just ended, as optimisers or the points of a loss count them."""
        return self.optimiser_steps - 1 if self.optimiser_steps else self._steps.newest

    @property
    def steps_done(self) -> int:
        """Optimiser steps; passes of the outermost loop where there is no optimiser."""
        running = self._loops.running
        return self.optimiser_steps or (running[0].done if running else self._last_done())

    def _last_done(self) -> int:
        line = self.training_loop or self._noting_loop
        return 0 if line is None else self._loops.state(line).outer.done

    def progress(self) -> Progress | None:
        """How far the outermost loop around the training is; the training loop itself where it is a `while`."""
        loop = self.training_loop or self._noting_loop
        if loop is None:
            return None
        running = self._loops.running
        state = running[0] if running else self._loops.state(loop).outer
        return Progress(state.line, state.done, state.total, self.optimiser_steps)

    def finish(self) -> None:
        """Look once more and send the rest; nothing is sent afterwards."""
        for watch in self._watches.values() if self.training_loop is not None else ():
            watch.look(self.optimiser_steps - 1)
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self.flush()

    def curves(self) -> tuple[Curve, ...]:
        """The series that are curves: those with more than one point."""
        known = (curve.curve() for curve in self._curves.values())
        return tuple(curve for curve in known if curve is not None and curve.count > 1)

    @property
    def spent(self) -> float:
        """Seconds it took to look at weights and gradients."""
        return self._looker.spent + sum(watch.spent for watch in self._watches.values())

    def ribbons(self) -> tuple[Ribbon, ...]:
        return self._ribbons.whole()
