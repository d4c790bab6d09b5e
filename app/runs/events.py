"""What an event says, as JSON; numbers JSON has no words for are spelled in the vocabulary already."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from app.runs.face import Queued, Running, Snapshot
from app.trace import Figure, Output
from app.training import Progress, Training

EventData = Queued | Running | Output | Figure | Training | Progress | Snapshot


@cache
def writers() -> Mapping[type[EventData], TypeAdapter[Any]]:
    kinds: tuple[type[EventData], ...] = (Queued, Running, Output, Figure, Training, Progress, Snapshot)
    return {kind: TypeAdapter(kind) for kind in kinds}


def write_event(data: EventData) -> bytes:
    return writers()[type(data)].dump_json(data, warnings=False)


def read_snapshot(data: bytes) -> Snapshot:
    snapshot: Snapshot = writers()[Snapshot].validate_json(data)
    return snapshot
