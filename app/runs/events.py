"""What an event says, as JSON; numbers JSON has no words for are spelled in the vocabulary already."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from app.runs.face import Queued, Running, Snapshot
from app.vocabulary.cells import CellTurn
from app.vocabulary.frames import ShownNow, Tensors, WarnedNow
from app.vocabulary.holding import Held
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Figure, Output
from app.vocabulary.training import Progress, Training, Watching

EventData = (
    Queued
    | Running
    | Held
    | CellTurn
    | Output
    | Figure
    | ShownNow
    | WarnedNow
    | Training
    | Watching
    | Predictions
    | Tensors
    | Progress
    | Snapshot
)


@cache
def writers() -> Mapping[type[EventData], TypeAdapter[Any]]:
    return {kind: TypeAdapter(kind) for kind in get_args(EventData)}


def write_event(data: EventData) -> bytes:
    return writers()[type(data)].dump_json(data, warnings=False)


def read_snapshot(data: bytes) -> Snapshot:
    snapshot: Snapshot = writers()[Snapshot].validate_json(data)
    return snapshot
