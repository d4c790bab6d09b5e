"""Every tracing by torch.fx or torch.export, heard while it goes on: which nodes came from where, what was executed.

A tracer runs a function once with stand-ins for its tensors. Meanwhile each instruction of the program that is
executed is counted, which costs nothing while nothing is traced; from the counts follows what the graph has lost.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from types import CodeType, FrameType
from typing import Any

import torch
import torch.export
from torch import fx
from torch.export import ExportedProgram

from app.program import FILENAME
from app.vocabulary.static_graph import Tracer
from app.worker.recording.frames import name_in_frames, program_frame
from app.worker.recording.modules import ModulePaths
from app.worker.recording.recorder import Recorder

MOST_TRACINGS = 8
MOST_PLACES = 20_000
Instruction = tuple[CodeType, int]


@dataclass(slots=True, eq=False)
class Tracing:
    """One tracing: of what, by whom, what was executed meanwhile, and what came of it."""

    tracer: Tracer
    root: Any
    name: str | None
    start: Instruction | None
    """The program's own call of the tracer."""
    asked: bool = False
    graph: fx.Graph | None = None
    exported: ExportedProgram | None = None
    error: BaseException | None = None
    executed: Counter[Instruction] = field(default_factory=Counter)
    """How often each instruction of the program was."""


class Tracings:
    """The tracings of one run, in order, the first few; and where in the program each node was made."""

    def __init__(self, recorder: Recorder, modules: ModulePaths) -> None:
        self._recorder = recorder
        self._modules = modules
        self.told: list[Tracing] = []
        self.asking = False
        """Whether what is traced now is asked for by the reader and not by the program."""
        self._places: dict[fx.Node, Instruction] = {}
        self._current: Tracing | None = None

    def place(self, node: fx.Node) -> Instruction | None:
        return self._places.get(node)

    def of(self, graph: fx.Graph) -> Tracing | None:
        return next((each for each in self.told if each.graph is graph), None)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile hear of every tracing in this process."""
        trace, export, create = fx.Tracer.trace, torch.export.export, fx.Graph.create_node

        @wraps(trace)
        def heard_trace(tracer: fx.Tracer, root: Any, *args: Any, **kwargs: Any) -> fx.Graph:
            with self._following("torch.fx", root) as tracing:
                graph = trace(tracer, root, *args, **kwargs)
                if tracing is not None:
                    tracing.graph = graph
            return graph

        @wraps(export)
        def heard_export(mod: Any, *args: Any, **kwargs: Any) -> ExportedProgram:
            with self._following("torch.export", mod) as tracing:
                exported = export(mod, *args, **kwargs)
                if tracing is not None:
                    tracing.graph, tracing.exported = exported.graph, exported
            return exported

        @wraps(create)
        def heard_create(graph: fx.Graph, *args: Any, **kwargs: Any) -> fx.Node:
            node = create(graph, *args, **kwargs)
            self._note(node)
            return node

        fx.Tracer.trace = heard_trace  # type: ignore[assignment, method-assign]
        torch.export.export = heard_export
        fx.Graph.create_node = heard_create  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            fx.Tracer.trace = trace  # type: ignore[method-assign]
            torch.export.export = export
            fx.Graph.create_node = create  # type: ignore[method-assign]

    def _note(self, node: fx.Node) -> None:
        tracing = self._current
        if tracing is None or len(self._places) >= MOST_PLACES:
            return
        place = innermost(sys._getframe(2))
        if place is not None and place != tracing.start:  # what the tracer adds itself came from nowhere
            self._places[node] = place

    @contextmanager
    def _following(self, tracer: Tracer, root: Any) -> Iterator[Tracing | None]:
        """None inside another tracing, which torch.export makes many of, and beyond the first few."""
        if self._current is not None or len(self.told) >= MOST_TRACINGS:
            yield None
            return
        start = innermost(sys._getframe(2))
        tracing = self._current = Tracing(tracer, root, name_in_frames(root), start, self.asking)
        self.told.append(tracing)
        before, self._modules.quiet = sys.gettrace(), True
        sys._getframe().f_trace_opcodes = (
            True  # Python 3.12 tells nobody of opcodes unless some frame asked before
        )
        sys.settrace(follower(tracing.executed))
        try:
            with self._recorder.silence():
                yield tracing
        except BaseException as error:
            tracing.error = error
            raise
        finally:
            sys.settrace(before)
            self._modules.quiet = False
            self._current = None


def innermost(frame: FrameType | None) -> Instruction | None:
    """Where in the program it is just now."""
    found = program_frame(frame)
    return None if found is None else (found.f_code, found.f_lasti)


def follower(executed: Counter[Instruction]) -> Callable[[FrameType, str, Any], Any]:
    """Counts the instructions of the program, for `sys.settrace`."""

    def inside(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            executed[frame.f_code, frame.f_lasti] += 1
        return inside

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != FILENAME:
            return None
        frame.f_trace = inside  # since 3.13 only a frame that has one hears of its opcodes
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return inside

    return enter
