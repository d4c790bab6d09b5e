"""A bounded sample of the rows a program trains on, each once, however often and in whatever batches it comes by."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MOST = 400
DRAWN = 2
"""Rows of more numbers are not drawn, only asked about; there need not be many."""
MOST_WIDE = 128
MOST_NUMBERS = 200_000


class Rows:
    """Rows by number. `outputs` are what the program itself computed for a row, at first and at last."""

    def __init__(self, width: int, batch: int) -> None:
        wide = min(MOST_WIDE, MOST_NUMBERS // max(width, 1), 2 * batch)
        self.most = MOST if width <= DRAWN else max(4, wide)
        self.changes = 0
        """How often rows came or went."""
        self._rows: dict[bytes, _Row] = {}
        self._next = 0

    def add(self, inputs: Array, targets: Array, outputs: Array, newest: bool) -> None:
        """Take rows in; where it is full the oldest go, if the `newest` are wanted, or the new ones stay out."""
        for at in chosen_of(len(inputs), self.most):
            key = inputs[at].tobytes() + targets[at].tobytes()
            row = self._rows.pop(key, None)
            if row is None:
                if len(self._rows) >= self.most:
                    if not newest:
                        return
                    del self._rows[next(iter(self._rows))]
                row = _Row(self._next, inputs[at], targets[at], outputs[at])
                self._next += 1
                self.changes += 1
            row.latest = outputs[at]
            self._rows[key] = row

    @property
    def full(self) -> bool:
        return len(self._rows) >= self.most

    def numbers(self) -> list[int]:
        return [row.number for row in self._sorted()]

    def inputs(self) -> Array:
        return np.stack([row.inputs for row in self._sorted()])

    def targets(self) -> Array:
        return np.stack([row.target for row in self._sorted()])

    def outputs(self, first: bool) -> Array:
        return np.stack([row.first if first else row.latest for row in self._sorted()])

    def _sorted(self) -> list[_Row]:
        return sorted(self._rows.values(), key=lambda row: row.number)


class _Row:
    __slots__ = ("first", "inputs", "latest", "number", "target")

    def __init__(self, number: int, inputs: Array, target: Array, output: Array) -> None:
        self.number = number
        self.inputs = inputs.copy()
        self.target = target.copy()
        self.first = self.latest = output


def chosen_of(count: int, most: int) -> Array:
    """Indices of `count` rows, or of `most` of them spread evenly."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(int)
