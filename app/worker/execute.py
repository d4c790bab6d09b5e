"""Run one program and tell what happened: the only place where the user's code is called.

Whatever the program does, a `Trace` is sent last, holding everything recorded until it ended.
"""

from __future__ import annotations

import gc
import linecache
import platform
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from app.program import FILENAME
from app.vocabulary.classic import ClassicGraph
from app.vocabulary.frames import Frame
from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.modules import ModuleTree
from app.vocabulary.trace import (
    Completed,
    Cut,
    Outcome,
    RunRequest,
    Timings,
    Trace,
    Versions,
    Watched,
)
from app.vocabulary.values import Text
from app.wire import Task, Telling
from app.worker.aside import Aside
from app.worker.beginning import place_on, seed_everything
from app.worker.compiling.instrument import Compiled, compile_program
from app.worker.graphs.classic import TooLargeForClassic, draw_classic
from app.worker.graphs.passes import run_auto
from app.worker.limit import WallClock, reserve_memory
from app.worker.recording.namespace import (
    Found,
    find_tensors,
    find_what_there_is,
    has_history,
    last_root,
    make_input,
    make_module,
    tell_uninitialised,
)
from app.worker.stage import Stage
from app.worker.statics.module_trees import ModuleTrees
from app.worker.telling.fitting import fit
from app.worker.telling.outcome import outcome_of
from app.worker.telling.report import Report, Told
from app.worker.training.gate import Gate
from app.worker.training.watches import Watches
from app.worker.turns import Turns
from app.worker.wording import message_of

CLASSIC_PARTS = 20_000
"""Nodes and edges of torchviz's picture; dot gave up long before."""
ENOUGH_SECONDS = 9.0
"""A program that leaves so much of its time leaves enough to put its trace together: nobody need be told of that."""
VERSIONS = Versions(platform.python_version(), str(torch.__version__), np.__version__)
Listen = Callable[[Callable[[Command], None]], None]


def execute(
    task: Task,
    send: Callable[[Frame | Telling], None],
    listen: Listen = lambda obey: None,
    stage: Stage | None = None,
    before_training: Callable[[], object] = lambda: None,
) -> None:
    """Run the task's program in this process, which nothing else will use afterwards.

    `listen` is told, where the run may be held, who obeys the commands that come meanwhile. `stage` is one that was
    set up in advance, with the same `send`; it is used where it suits the task. `before_training` is called where the
    program trains in a loop.
    """
    began = time.perf_counter()
    if stage is not None and not stage.suits(task.request, task.limits):
        stage.take_down()
        stage = None
    compiled = compile_program(task.source)
    if compiled.trains and compiled.loops:
        before_training()
    run = Run(task.source, compiled, task.request, task.limits, send, stage)
    gate = run.make_gate()
    if gate is not None:
        listen(run.watches.before(gate.obey))
        gate.open()
    reserve = reserve_memory(task.limits.reserve_bytes)
    outcome = run.program()
    reserve.close()
    if time.perf_counter() - began > task.limits.seconds - ENOUGH_SECONDS:
        send(Telling())
    send(fit(run.trace(outcome, began), task.limits))


class Run:
    """One run: sets the stage, plays the program, gathers what was recorded."""

    def __init__(
        self,
        source: str,
        compiled: Compiled,
        request: RunRequest,
        limits: Limits,
        send: Callable[[Frame], None],
        stage: Stage | None = None,
    ) -> None:
        self._seconds = 0.0
        """How long the program itself took."""
        self._request = request
        self._limits = limits
        self._compiled = compiled
        self._send = send
        self._stage = stage = stage or Stage(limits, send, request.pace is not None)
        self._places, self._recorder, self._modules = stage.places, stage.recorder, stage.modules
        self._outputs, self._watchers, self._statics = stage.outputs, stage.watchers, stage.statics
        self._passes = self._watchers.passes
        self._places.read(source, compiled.names)
        self._modules.keeps_examples = request.graph == "static"
        self._watchers.read(compiled, lambda: find_tensors(self._main.__dict__), lambda: self.watches.tick())
        self._passes.before_pass = self._before_pass
        self._turns = Turns(
            compiled.codes, compiled.cells, self._outputs.transcript, self._outputs.figures, send
        )
        self._clock = WallClock(limits.seconds)
        self._device = place_on(request.device)
        self._main = make_module(self._watchers.ears)
        self._found: list[Found] = []
        self._classic: ClassicGraph | None = None
        aside = Aside(self._recorder, self._passes, self._device)
        names, trains = self._main.__dict__, compiled.trains
        self.watches = Watches(
            request.watch, names, aside, self._watchers.moments, self._watchers.training, trains, limits, send
        )
        self._trees: tuple[ModuleTree, ...] = ()
        self._told: Told | None = None
        self._watched: list[Watched] = []
        self._notes: list[Text] = []
        linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)

    def make_gate(self) -> Gate | None:
        """What holds the program where the request allows it to be held."""
        pace, places = self._request.pace, self._places
        if pace is None:
            return None
        allowed, trains = self._limits.held_seconds, self._compiled.trains
        gate = Gate(
            pace,
            trains,
            self._watchers.moments,
            self._clock,
            allowed,
            self._send,
            places.span,
            self._before_hold,
        )
        self._watchers.heed_losses(gate)
        return gate

    def _before_hold(self) -> None:
        """What was printed, the newest points and whoever looks at moments: a held run shows how it stands."""
        self._outputs.transcript.flush()
        self.watches.look_now()
        self._watchers.show_now()

    # ------------------------------------------------------------------------------------------ playing

    def program(self) -> Outcome:
        """Run the program to its end, and its auto backward; how it ended."""
        outcome: Outcome = Completed()
        gc.enable()
        try:
            with self._stage.playing(self._request.stand_ins), self._clock.running():
                if self._request.seed is not None:
                    seed_everything(self._request.seed)
                outcome = self._play()
                self._outputs.figures.show()
                self._look_around()
        except (
            BaseException
        ) as error:  # user code: anything may come, e.g. from a __repr__, or a second alarm
            outcome = outcome_of(error, self._places, self._limits, self._watchers.report)
        return outcome

    def _play(self) -> Outcome:
        began = time.perf_counter()
        names = self._main.__dict__
        try:
            for name, spec in self._request.inputs.items():
                names[name] = make_input(spec, self._device, self._request.seed)
            self._watchers.presence.begin()
            self._turns.play(names, self._outputs.displays.show)
            if not self._watchers.training.optimiser_steps:
                self.watches.follow_end()
            return Completed()
        except BaseException as error:  # user code
            return outcome_of(error, self._places, self._limits, self._watchers.report)
        finally:
            self._watchers.end()
            self._seconds = time.perf_counter() - began - self._clock.held

    def _look_around(self) -> None:
        """What is read of the program's names once it has ended; the program's own code may run here too."""
        self._watchers.predictions.look_at_end(self._main.__dict__)
        self._found = [*find_tensors(self._main.__dict__), *self._outputs.displays.found]
        self._notes.extend(tell_uninitialised(self._main.__dict__))
        self._run_backward()
        for watched in self.watches.read():
            self._watched.append(watched)
        self._watchers.tell_missed(self._request.pace is not None)
        counted, place = not self._recorder.left_early, self._places.span
        trees = ModuleTrees(self._limits, self._modules.followed, place, counted)
        self._trees = trees.tell(self._main.__dict__)
        if self._request.graph == "static":
            self._told = self._tell()  # the forwards that run now may change what there is to be told
            self._statics.ask(self._main.__dict__, self._request.tracer)

    def _run_backward(self) -> None:
        named = {item.name: item.thing for item in self._found if isinstance(item.thing, Tensor)}
        asked = self._request.backward
        root = last_root(self._found, self._outputs.displays.value, self._compiled.assigned, self._recorder)
        if asked not in ("auto", "none"):
            root = named.get(asked)
            if not has_history(root):
                reason = Text(
                    "backward cannot start from `{name}`: it is no tensor that was computed from a leaf "
                    "that requires grad.",
                    {"name": asked[:200]},
                )
                self._notes.append(reason)
                return
        if root is None or (self._passes.own and asked in ("auto", "none")):
            return
        if asked == "none" or not root.requires_grad:
            self._passes.look(root)
            return
        try:
            run_auto(self._passes, root)
        except RuntimeError as error:
            self._notes.append(
                Text("backward could not run: {message}", {"message": message_of(error)[:1_000]})
            )

    def _before_pass(self, root: Tensor) -> None:
        """torchviz's picture has to be taken while saved tensors still exist."""
        if self._request.graph != "torchviz":
            return
        found = self._found or find_tensors(self._main.__dict__)
        names = {item.name: item.thing for item in found if isinstance(item.thing, Tensor)}
        try:
            self._classic = draw_classic(root, names, CLASSIC_PARTS)
        except (TooLargeForClassic, RuntimeError) as error:
            self._classic = None
            reason = message_of(error) or f"more than {CLASSIC_PARTS} nodes and edges"
            self._notes.append(Text("torchviz cannot draw this graph: {reason}", {"reason": reason}))

    # ------------------------------------------------------------------------------------------ telling

    def _tell(self) -> Told:
        """What the recorder holds, in the vocabulary."""
        report = self._watchers.report(self._limits)
        self._recorder.leave()
        tensors = report.tensors(self._found or find_what_there_is(self._main.__dict__))
        self._notes.extend(report.unsaid())
        if report.unexplained:
            words: dict[str, str | int | float] = {"count": report.unexplained}
            self._notes.append(
                Text("Reasons were not looked for in {count} tensors: it took too long.", words)
            )
        return Told(report, tensors, report.steps(), report.graphs())

    def trace(self, outcome: Outcome, began: float) -> Trace:
        """What is told of a run that began so and ended so."""
        told = self._told or self._tell()
        return Trace(
            outcome=outcome,
            device=self._device,
            tensors=told.tensors,
            result=self._outputs.displays.result,
            displays=tuple(self._outputs.displays.shown),
            cells=self._turns.told(),
            output=tuple(self._outputs.transcript.chunks),
            warnings=self._outputs.warnings.told(),
            figures=tuple(self._outputs.figures.figures),
            watched=tuple(self._watched),
            steps=told.steps,
            graphs=told.graphs,
            classic=self._classic,
            modules=self._trees,
            static_graphs=self._statics.tell(self._main.__dict__),
            curves=self._watchers.training.curves(),
            predictions=self._watchers.predictions.told(),
            ribbons=self._watchers.training.ribbons(),
            stand_ins=self._stage.lender.told(),
            notes=(
                *(*self._notes, *self._watchers.notes, *self._outputs.notes, *self._statics.notes),
                *(*self._watchers.predictions.notes, *self._stage.folder.notes()),
            ),
            cuts=tuple(self._cuts(told.report)),
            versions=VERSIONS,
            timings=self._timings(began),  # last, because it took time to tell the rest
        )

    def _timings(self, began: float) -> Timings:
        recording = time.perf_counter() - began - self._seconds
        looks = self._watchers.spent
        return Timings(run=self._seconds, backward=self._passes.seconds, record=recording, looks=looks)

    def _cuts(self, report: Report) -> Iterator[Cut]:
        limits = self._limits
        if self._recorder.left_early:
            yield Cut("steps", limits.steps, None)
        dropped = (
            ("tensors", limits.tensors, report.tensors_dropped),
            *self._outputs.dropped(),
            ("backward_passes", limits.backward_passes, self._passes.untold),
            ("graph_values", limits.graph_values, self._passes.values_dropped),
            ("graph_nodes", limits.graph_nodes, sum(taken.graph.left_out for taken in self._passes.kept())),
        )
        yield from (Cut(name, allowed, count) for name, allowed, count in dropped if count)
