"""One model whose predictions are shown: what is known of it, and how it is looked at.

A module is asked through its twin, for the same rows each time and for what lies between them; a prediction without
a module of its own is shown as the program computed it. Nothing is invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.vocabulary.predictions import FittedLine, PredictionKind, Predictions, Surface
from app.worker.predicting.comparisons import LINKS, Comparison, Origin, rows_of
from app.worker.predicting.looks import (
    Seen,
    grid_inputs,
    line_inputs,
    predicted,
    tell_line,
    tell_probabilities,
    tell_rows,
    tell_surface,
)
from app.worker.predicting.rows import DRAWN, Array, Rows
from app.worker.shadow import CannotAsk, ask, make_twin, undisturbed

MOST_CLASSES = 1_000
MOST_KEPT_PARAMETERS = 4_000_000
"""Larger modules are not kept as they were before training; the first look stays as it was taken."""
CLOSE_TO_ONE = 1e-3


@dataclass(frozen=True, slots=True)
class Batch:
    """What met in one comparison, as arrays of rows."""

    inputs: Array
    targets: Array
    outputs: Array


def read_batch(comparison: Comparison, inputs: Tensor | None) -> Batch | None:
    """The rows of a comparison; None for shapes that are none, or that nothing could be drawn of."""
    prediction, target = comparison.prediction, comparison.target
    count = rows_of(comparison.kind, prediction)
    if not count or not fits(comparison) or (inputs is not None and inputs.numel() % count):
        return None
    rows = np.arange(count)[:, None] if inputs is None else as_array(inputs, count).astype(np.float32)
    if comparison.kind == "regression" and rows.shape[1] > DRAWN:
        return None
    return Batch(
        rows, read_targets(target, count), read_outputs(comparison.kind, comparison.link, prediction, count)
    )


def fits(comparison: Comparison) -> bool:
    """Whether there is one target for each row, and one prediction or a few shares."""
    shape, target = comparison.prediction.shape, comparison.target
    if comparison.prediction.is_complex():
        return False
    if comparison.kind != "classes":
        return comparison.prediction.numel() == target.numel() and (len(shape) < 2 or shape[1:].numel() == 1)
    if not 1 <= len(shape) <= 2 or not 2 <= shape[-1] <= MOST_CLASSES:
        return False
    return target.shape == shape if target.is_floating_point() else target.shape == shape[:-1]


def as_array(tensor: Tensor, count: int) -> Array:
    with torch.no_grad():
        return np.asarray(tensor.detach().reshape(count, -1).double().cpu().numpy())


def read_targets(target: Tensor, count: int) -> Array:
    rows = as_array(target, count)
    return rows[:, 0] if rows.shape[1] == 1 else rows.argmax(1).astype(np.float64)


def read_outputs(kind: PredictionKind, link: str, outputs: Tensor, count: int) -> Array:
    """Outputs as numbers or as probabilities; what sums to one already is taken as it is."""
    rows = outputs.detach().reshape(count, -1).double()
    if link == "softmax" and bool((rows >= 0).all() and ((rows.sum(1) - 1).abs() < CLOSE_TO_ONE).all()):
        link = ""
    return as_array(LINKS[link](rows) if link else rows, count)


class Finding:
    """A model, the rows seen of its data, and its first and latest look."""

    def __init__(
        self,
        index: int,
        name: str,
        axes: tuple[str, ...],
        given: str,
        owner: Any,
        comparison: Comparison,
        origin: Origin,
        batch: Batch,
    ) -> None:
        self.owner = owner
        """What it is known by when it is met again."""
        self.index = index
        self.name = name
        self.kind: PredictionKind = comparison.kind
        self.module = origin.module
        self.seen = 0
        """When it was met last."""
        self.first: Predictions | None = None
        self.latest: Predictions | None = None
        self._axes = axes
        self._given = given
        """The program's name for the inputs."""
        self._target = comparison.given
        self._batch = batch
        self._link = comparison.link
        self._links = origin.links
        self._like = origin.inputs
        self._shape = None if origin.inputs is None else origin.inputs.shape
        self._count = len(batch.inputs)
        self._drawn = origin.inputs is not None and batch.inputs.shape[1] <= DRAWN
        self._tail = tail_of(origin.inputs, len(batch.inputs))
        if self._tail is None:
            self.module = None
        self._rows = Rows(batch.inputs.shape[1], len(batch.inputs))
        self._before: nn.Module | None = None
        self._looked_at = (-1, -1)
        self._taken = 0
        if self.module is not None:
            count = sum(parameter.numel() for parameter in self.module.parameters())
            if count <= MOST_KEPT_PARAMETERS:
                self._before = make_twin(self.module, keep_parameters=True)

    @property
    def own(self) -> bool:
        return self.module is None

    @property
    def enough(self) -> bool:
        """Whether more rows would change nothing."""
        return not self.own and self._rows.full

    @property
    def remembers(self) -> bool:
        """Whether it can be asked at any time what was predicted at first."""
        return self._before is not None

    def take(self, batch: Batch) -> bool:
        """Take rows in; whether there are new ones among them."""
        known = self._rows.changes
        self._rows.add(batch.inputs, batch.targets, batch.outputs, newest=self.own)
        self._taken += 1
        return self._rows.changes > known

    def take_named(self, names: Mapping[str, Any]) -> None:
        """The program's own predictions as its names hold them now: calls are recorded too seldom for the newest."""
        prediction, data, target = (names.get(name) for name in (self.name, self._given, self._axes[-1]))
        if not (isinstance(prediction, Tensor) and isinstance(target, Tensor)):
            return
        met = Comparison(self.kind, self._link, prediction, target)
        if isinstance(data, Tensor):
            fits = data.shape == self._shape and not data.requires_grad
            batch = read_batch(met, data) if fits else None
        else:  # no name holds the inputs: where the target is the same tensor still, they are the same rows
            batch = read_batch(met, None) if target is self._target else None
            batch = batch and replace(batch, inputs=self._batch.inputs)
        if batch is not None and len(batch.inputs) == self._count == len(batch.outputs):
            self.take(batch)

    def disown(self) -> None:
        """The module cannot be asked: from now on the program's own predictions are shown."""
        self.module = self._before = None
        self.first = None
        self._looked_at = (-1, -1)

    # ------------------------------------------------------------------------------------------------- looking

    def look(self, step: int) -> list[Predictions]:
        """The looks that changed; CannotAsk where the module fails."""
        told = []
        if self.first is None or (
            self._rows.changes != self._looked_at[0] and (self.own or self._before is not None)
        ):
            self.first = self._look(True, 0, self._before or self.module)
            told.append(self.first)
        if not self.own or self._looked_at != (self._rows.changes, self._taken):
            self.latest = self._look(False, step, None if self.module is None else make_twin(self.module))
            told.append(self.latest)
        self._looked_at = (self._rows.changes, self._taken)
        return told

    def _look(self, first: bool, step: int, twin: nn.Module | None) -> Predictions:
        inputs = self._rows.inputs()
        shown = inputs if self._drawn else inputs[:, :0]
        like = None if twin is None else self._like
        with nullcontext() if like is None else undisturbed(like.device):
            outputs = self._rows.outputs(first) if twin is None else self._ask(twin, inputs)
            seen = Seen(self.kind, self._rows.numbers(), shown, self._rows.targets(), outputs)
            line, surface = self._between(seen, twin) if self._drawn else (None, None)
        return Predictions(
            self.index, self.name, self.kind, first, step, self.own, self._axes, tell_rows(seen), line, surface,
            tell_probabilities(seen, with_samples=self._like is not None),
        )  # fmt: skip

    def _between(self, seen: Seen, twin: nn.Module | None) -> tuple[FittedLine | None, Surface | None]:
        """A line or a surface of what a module gives between the rows; without one, its own predictions in order."""
        if seen.inputs.shape[1] == 1:
            if seen.kind == "classes":
                return None, None
            if twin is None:
                order = seen.inputs[:, 0].argsort()
                return tell_line(seen.inputs[order, 0], predicted(seen)[order]), None
            xs = line_inputs(seen.inputs)
            return tell_line(xs[:, 0], self._ask(twin, xs)[:, 0]), None
        if twin is None:
            return None, None
        grid = grid_inputs(seen.inputs)
        return None, tell_surface(seen, grid, self._ask(twin, grid))

    def _ask(self, twin: nn.Module, rows: Array) -> Array:
        like, tail = self._like, self._tail
        assert like is not None
        assert tail is not None
        given = torch.from_numpy(rows).to(like.device, like.dtype).reshape(len(rows), *tail)
        outputs = ask(twin, given)
        if not outputs.numel() or outputs.numel() % len(rows):
            raise CannotAsk("another number of rows")
        for name in self._links:
            outputs = LINKS[name](outputs)
        found = read_outputs(self.kind, self._link, outputs, len(rows))
        if self.kind != "classes" and found.shape[1] != 1:
            raise CannotAsk("another number of columns")
        return found


def tail_of(inputs: Tensor | None, count: int) -> tuple[int, ...] | None:
    """The shape of one row; None where the first dimension does not count rows."""
    if inputs is None:
        return None
    if inputs.dim() > 1 or count > 1:
        return tuple(inputs.shape[1:]) if inputs.dim() and inputs.shape[0] == count else None
    return tuple(inputs.shape)  # one row that was never put into a batch
