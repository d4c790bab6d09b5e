"""A stage that is set up before there is a program: what runs on it is told as if it had been set up for it."""

from __future__ import annotations

import builtins
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch

from app.vocabulary.frames import Frame
from app.vocabulary.holding import Pace
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest, Timings, Trace
from app.wire import Task, Telling
from app.worker.execute import execute
from app.worker.stage import Stage
from tests.worker.running import PATIENT, undisturbed

PROGRAM = """
import warnings
from IPython.display import display
layer = nn.Linear(2, 1)
opt = optim.SGD(layer.parameters(), lr=0.1)
for step in range(3):
    loss = (layer(torch.ones(4, 2)) - x).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(step)
with open("kept.txt", "w") as file:
    file.write("kept")
warnings.warn("look")
plt.plot([1, 2]); plt.show()
display("shown")
loss
"""
REQUEST = RunRequest(inputs={"x": InputSpec(1.0)}, seed=1)


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    with undisturbed():
        yield


def trace_of(request: RunRequest, limits: Limits, stage: Stage | None = None) -> Trace:
    frames: list[Frame | Telling] = []
    execute(Task(PROGRAM, request, limits), frames.append, stage=stage)
    last = frames[-1]
    assert isinstance(last, Trace)
    return told(last)


def told(trace: Trace) -> Trace:
    """Without what two runs of one program in one process differ in: how long things took, what autograd counts."""
    graphs = tuple(
        replace(
            graph,
            nodes=tuple(
                replace(node, seconds=None, call_seconds=None, sequence=None) for node in graph.nodes
            ),
        )
        for graph in trace.graphs
    )
    steps = tuple(replace(step, seconds=None) for step in trace.steps)
    pictures = tuple(replace(figure, svg="") for figure in trace.figures)
    return replace(trace, timings=Timings(), graphs=graphs, steps=steps, figures=pictures)


def surroundings() -> tuple[Any, ...]:
    """What a stage changes of this process."""
    streams = sys.stdout, sys.stderr, sys.stdin
    functions = builtins.open, os.listdir, warnings.showwarning, plt.show, torch.autograd.backward
    return *streams, *functions, tuple(sys.meta_path), torch.fx.Tracer.trace


@pytest.mark.parametrize("taken", [False, True])
def test_a_program_on_a_stage_set_up_in_advance_leaves_the_same_trace(taken: bool) -> None:
    before = surroundings()
    stage = Stage(PATIENT, lambda frame: None)
    stage.set_up()
    if taken:
        stage.take()
    assert trace_of(REQUEST, PATIENT, stage) == trace_of(REQUEST, PATIENT)
    assert surroundings() == before


def test_what_stands_in_stays_where_the_process_ends_and_nothing_hears_any_more() -> None:
    before, hearing = surroundings(), (sys.stdout, warnings.showwarning, torch.autograd.backward)
    stage = Stage(PATIENT, lambda frame: None, stays=True)
    assert trace_of(REQUEST, PATIENT, stage) == trace_of(REQUEST, PATIENT)
    assert (sys.stdout, warnings.showwarning, torch.autograd.backward) == hearing
    assert builtins.open is not before[3]
    stage.take_down()
    assert surroundings() == before


@pytest.mark.parametrize(("limits", "pace"), [(replace(PATIENT, steps=7), None), (PATIENT, Pace())])
def test_a_stage_that_does_not_suit_a_run_is_taken_down(limits: Limits, pace: Pace | None) -> None:
    before, request = surroundings(), replace(REQUEST, pace=pace)
    stage = Stage(PATIENT, lambda frame: None)
    stage.take()
    assert not stage.suits(request, limits)
    assert trace_of(request, limits, stage) == trace_of(request, limits)
    assert surroundings() == before


def test_a_stage_that_is_set_up_leaves_the_streams_and_the_files_of_others_alone() -> None:
    before = sys.stdout, sys.stderr, Path(__file__).read_text(encoding="utf-8")
    stage = Stage(PATIENT, lambda frame: None)
    stage.set_up()
    assert (sys.stdout, sys.stderr, Path(__file__).read_text(encoding="utf-8")) == before
    stage.take_down()
