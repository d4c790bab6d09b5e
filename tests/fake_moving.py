"""What moves in a training written by hand: a line whose numbers say which look they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.program import Program, parse_program
from app.vocabulary.frames import Frame, Tensors
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest
from tests.fake_training import training_frames
from tests.fakes import LINE, line_trace


def moving_frames(source: str, batches: int = 30) -> Iterator[Frame]:
    """A training whose line moves: `w` is the number of the look, and so are the graph's numbers."""
    yield from training_frames(source, batches=1)
    program = parse_program(LINE, Limits())
    for look in range(1, batches + 1):
        yield tensors_at(look, program)


def tensors_at(look: int, program: Program, stale: bool = False) -> Tensors:
    trace = line_trace(program, RunRequest({"w": InputSpec(float(look)), "x": InputSpec(2.0)}))
    return Tensors(look * 10, trace.tensors, replace(trace.graphs[0], occurrence=look * 10 - 1), stale)
