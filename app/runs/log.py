"""The events of one run within a budget of bytes, to be read from any id on, by any number of viewers.

A viewer is a number: the id it has seen. When the points take more than half of the budget, a snapshot takes the place
of all training events up to then and the id of the last of them; whoever has seen that id never sees the snapshot. Of
what the tensors hold only the newest event is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from operator import attrgetter, is_not

from app.runs.face import Event, EventKind

EVENT_OVERHEAD = 200
"""Bytes an event takes beside its data."""
TRAINING = frozenset({"training", "progress", "snapshot"})
OUTPUT = frozenset({"output", "figure", "shown", "warned"})
NEWEST = frozenset({"queued", "held", "cell", "tensors"})
"""Of these only the newest matters: its place in the line, which cell runs, how it is held, what its tensors hold."""


def size_of(event: Event) -> int:
    return len(event.data) + EVENT_OVERHEAD


class EventLog:
    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._events: list[Event] = []
        self._newest: dict[str, Event] = {}
        self._points = 0
        """Bytes of training events."""
        self._rest = 0
        self.last_id = 0
        self.left_out = 0
        """Pieces of output and figures that are no longer kept."""

    @property
    def size(self) -> int:
        return self._points + self._rest

    @property
    def full(self) -> bool:
        """Whether a snapshot should come before the next training event."""
        return self._points > self._budget // 2

    @property
    def snapshot_bytes(self) -> int:
        """How large a snapshot may be."""
        return self._budget // 4 - EVENT_OVERHEAD

    @property
    def tensors_bytes(self) -> int:
        """How large what the tensors hold may be."""
        return self._budget // 8 - EVENT_OVERHEAD

    def append(self, kind: EventKind, data: bytes = b"", slot: str = "") -> None:
        """Of the events with the same `slot` only the newest is kept."""
        self.last_id += 1
        event = Event(self.last_id, kind, data)
        if slot or kind in NEWEST:
            self._replace(slot or kind, event)
        if kind in TRAINING:
            self._points += size_of(event)
        else:
            self._rest += size_of(event)
        self._events.append(event)
        if self._rest > self._budget // 4:
            self._drop_output()

    def _replace(self, slot: str, event: Event) -> None:
        """Forget the last event of this slot: another is about to take its place."""
        old = self._newest.get(slot)
        self._newest[slot] = event
        if old is not None:
            self._rest -= size_of(old)
            del self._events[bisect_left(self._events, old.id, key=attrgetter("id"))]

    def next_after(self, seen: int) -> Event | None:
        """The first event later than `seen`."""
        index = bisect_right(self._events, seen, key=attrgetter("id"))
        return self._events[index] if index < len(self._events) else None

    def compact(self, snapshot: bytes) -> None:
        """Put a snapshot in the place of every training event there is."""
        last = next((each for each in reversed(self._events) if each.kind in TRAINING), None)
        if last is None:
            return
        self._events = [
            Event(each.id, "snapshot", snapshot) if each is last else each
            for each in self._events
            if each is last or each.kind not in TRAINING
        ]
        self._points = EVENT_OVERHEAD + len(snapshot)

    def _drop_output(self) -> None:
        """Leave out the oldest of what was put out until half of their share is free."""
        excess = self._rest - self._budget // 8
        for each in [each for each in self._events if each.kind in OUTPUT]:
            if excess <= 0:
                break
            excess -= size_of(each)
            self.left_out += 1
            self._keep(partial(is_not, each))

    def _keep(self, wanted: Callable[[Event], bool]) -> None:
        kept = [each for each in self._events if wanted(each)]
        self._rest -= sum(size_of(each) for each in self._events if not wanted(each))
        self._events = kept
