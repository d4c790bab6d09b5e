"""Runs a program as a sealed child would, but in this process and without the seal, so that torch can be asked too."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from app.program import normalise_source
from app.sandbox.measure import decode_and_check
from app.vocabulary.frames import Frame
from app.vocabulary.graph import AutogradGraph, GraphNode
from app.vocabulary.limits import Limits
from app.vocabulary.trace import InputSpec, RunRequest, TensorRecord, Trace
from app.wire import Task, Telling, encode_frame
from app.worker.execute import execute

PATIENT = Limits(seconds=60.0)
"""A busy machine takes its time; what ends a program early is asked for by the tests of it."""


def run(source: str, limits: Limits | None = None, **asked: Any) -> Trace:
    """The trace of a program, after a journey over the wire."""
    frames = run_frames(source, limits, **asked)
    last = frames[-1]
    assert isinstance(last, Trace)
    return last


def run_frames(source: str, limits: Limits | None = None, **asked: Any) -> list[Frame]:
    frames: list[Frame] = []

    def send(frame: Frame | Telling) -> None:
        received = decode_and_check(encode_frame(frame)[4:], limits or PATIENT)
        if not isinstance(received, Telling):
            assert isinstance(received, Frame)
            frames.append(received)

    with undisturbed():
        execute(Task(normalise_source(source), RunRequest(**asked), limits or PATIENT), send)
    return frames


@contextmanager
def undisturbed() -> Iterator[None]:
    """Afterwards this process is as it was before a program ran in it."""
    kept = sys.modules["__main__"], torch.get_rng_state(), random.getstate(), sys.argv
    try:
        with warnings.catch_warnings():
            warnings.resetwarnings()
            yield
    finally:
        sys.modules["__main__"] = kept[0]
        torch.set_rng_state(kept[1])
        random.setstate(kept[2])
        sys.argv = kept[3]


def leaf(value: Any) -> InputSpec:
    return InputSpec(value, requires_grad=True)


def tensor(trace: Trace, name: str) -> TensorRecord:
    return next(record for record in trace.tensors if record.name == name)


def node(graph: AutogradGraph, op: str) -> GraphNode:
    (found,) = (node for node in graph.nodes if node.op == op)
    return found
