"""Heeds every point of a loss while a watched program trains: the first that is no finite number pauses it.

A loss that explodes is a warning: from then on every pass is recorded, so that the call can be named at which numbers
stopped being finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from app.vocabulary.holding import NonFinite, Origin
from app.vocabulary.training import Points, Series
from app.vocabulary.values import Real, Spelled, spell
from app.worker.recording.channels import Channel
from app.worker.recording.presence import Presence
from app.worker.training.gate import Gate

EXPLODING = 100.0
"""So many times its first value, and a loss is on its way out."""
UNSEEN = Origin("unseen")


class Loss:
    """One series: what counts as exploding, whether it is no number just now, and up to which step that is known."""

    __slots__ = ("bad", "heeded", "most")

    def __init__(self, first: float) -> None:
        self.most = EXPLODING * (1.0 + abs(first)) if math.isfinite(first) else math.inf
        self.bad = False
        self.heeded = -1


class LossWatch:
    def __init__(self, gate: Gate, presence: Presence, find_origin: Callable[[Any], Origin]) -> None:
        self._gate = gate
        self._presence = presence
        self._find_origin = find_origin
        self._losses: dict[int, Loss] = {}

    def heed(self, channel: Channel, step: int, number: Any, value: Any) -> None:
        """A new point, in the program's thread. `number` is a tensor where reading it would wait for a GPU.

        Whoever brings them need not bring those of a size that is `calm`.
        """
        series, pauses = channel.series, self._gate.pauses_on_nonfinite
        if isinstance(number, Tensor):
            channel.read_at_once = False
            return
        loss = self._losses.get(series.index)
        if loss is None:
            loss = self._losses[series.index] = Loss(number)
        loss.heeded, channel.calm = step, -1.0  # whatever follows one that is no number is heeded
        if math.isfinite(number):
            loss.bad, channel.calm = False, loss.most
            if pauses and abs(number) > loss.most:
                self._presence.attend()
        elif pauses and not loss.bad:
            loss.bad = True
            told = spell(float(number))
            if isinstance(told, str):
                self._gate.pause_for(
                    NonFinite(series.name, told, step, series.span, self._find_origin(value))
                )
                self._gate.hold()  # here and now: the step that follows would spoil what can still be looked at

    def heed_late(self, series: Series, points: Points) -> None:
        """Points as they are sent, in our own thread: those of a GPU are read no sooner."""
        if not self._gate.pauses_on_nonfinite:
            return
        known = self._losses.get(series.index)
        if known is not None and points.steps[-1] <= known.heeded:
            return
        for step, value in zip(points.steps, points.values, strict=True):
            loss = self._losses.get(series.index)
            if loss is None:
                loss = self._losses[series.index] = Loss(0.0)
            if step <= loss.heeded:
                continue
            loss.heeded = step
            bad = is_spelled(value)
            if bad is not None and not loss.bad:
                self._gate.pause_for(NonFinite(series.name, bad, step, series.span, UNSEEN))
            loss.bad = bad is not None


def is_spelled(value: Real) -> Spelled | None:
    return value if isinstance(value, str) else None
