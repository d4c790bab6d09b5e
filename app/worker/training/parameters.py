"""What a training moves: each parameter with the program's own name for it, its norms and its histograms."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from app.vocabulary.training import SeriesKind
from app.worker.recording.channels import Channel, Plateau
from app.worker.recording.frames import names_in_frames
from app.worker.recording.functions import silenced
from app.worker.recording.names import parameter_names
from app.worker.recording.recorder import Recorder
from app.worker.training.ribbons import Looker

GROUPS = 4
"""Parameter groups whose learning rate is followed."""
PARAMETERS = 24
"""Parameters that are followed, the first ones."""
PATIENCE = 500
"""Norms are taken again only after this many times as long as taking them took."""


class BeforeStep:
    """A hook before optimiser steps, there only while somebody waits for the next step to take norms."""

    def __init__(self, watches: Mapping[int, Parameters]) -> None:
        self._watches = watches
        self._handle: RemovableHandle | None = None

    def ask(self) -> None:
        if self._handle is None:
            self._handle = register_optimizer_step_pre_hook(self._come)

    def remove(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def go(self) -> None:
        """Nobody may wait any more. Called after a step: before one, torch is going through its hooks."""
        if not any(each.waits for each in self._watches.values()):
            self.remove()

    def _come(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        watch = self._watches.get(id(optimiser))
        if watch is not None and watch.waits:
            watch.copy()


class Parameters:
    """What one optimiser moves: learning rates at every step; gradient norms and update ratios now and then."""

    __slots__ = (
        *("_before", "_copying", "_follow", "_groups", "_looker", "_names", "_next", "_old", "_optimiser"),
        *("_parameters", "_prefix", "_rates", "_recorder", "due", "plateau", "waits"),
    )

    def __init__(
        self,
        optimiser: Optimizer,
        number: int,
        follow: Callable[[str, SeriesKind], Channel | None],
        before: BeforeStep,
        looker: Looker,
        recorder: Recorder,
    ) -> None:
        self.waits = False
        """For the next step, before which it copies what is moved."""
        self._optimiser = optimiser
        self._follow = follow
        self._before = before
        self._looker = looker
        self._recorder = recorder
        self._prefix = "" if number == 0 else f"optimiser {number + 1} "
        parameters = [p for group in optimiser.param_groups for p in group["params"] if isinstance(p, Tensor)]
        self._parameters = parameters[:PARAMETERS]
        self._names = parameter_names(self._parameters)
        self._rates: list[Plateau | None] = []
        """Of each followed group that has a learning rate."""
        self._groups = 0
        self._old: list[Tensor] | None = None
        self.due = 0.0
        """When there may be more to do than to note the learning rates."""
        self.plateau: Plateau | None = None
        """Where the learning rate of the only group is noted."""
        self._next = 0.0
        self._copying = 0.0

    def copy(self) -> None:
        began = perf_counter()
        self.waits = False
        with silenced(self._recorder), torch.no_grad():
            self._old = [parameter.detach().clone() for parameter in self._parameters]
        self._copying = perf_counter() - began

    def note_rates(self, groups: list[dict[str, Any]], step: int) -> None:
        if len(groups) != self._groups:
            self._meet_groups(groups)
        for group, channel in zip(groups, self._rates):  # noqa: B905 - only the first groups are followed
            rate = group.get("lr")
            if channel is not None and rate is not None:
                channel.hold(step, float(rate))
                channel.end(step + 1)

    def take_turn(self, step: int) -> None:
        """Norms or histograms, where it is time for them."""
        if self._old is not None:
            self._take_norms(self._old, step)
            self._old = None
            self._before.go()
        elif perf_counter() >= self._next and not self.waits:
            self.waits = True
            self._before.ask()
        if self._looker.due(step):
            self.look(step)
        busy = self.waits or self._old is not None
        self.due = 0.0 if busy else min(self._next, self._looker.next_time)

    @property
    def spent(self) -> float:
        """Seconds it took so far to look at them."""
        return self._looker.spent

    def look(self, step: int) -> None:
        """Weights and gradients as histograms."""
        with silenced(self._recorder):
            self._looker.look(self._parameters, self._names, step)

    def _take_norms(self, old: list[Tensor], step: int) -> None:
        began = perf_counter()
        for name, kind, value in self._norms(old):
            channel = self._follow(name, kind)
            if channel is not None:
                channel.waiting.append((step, value, None))
        ended = perf_counter()
        self._next = ended + PATIENCE * (ended - began + self._copying)

    def _meet_groups(self, groups: list[dict[str, Any]]) -> None:
        self._groups, self._rates = len(groups), []
        for index, group in enumerate(groups[:GROUPS]):
            name = "lr" if len(groups) == 1 else f"lr[{index}]"
            known = group.get("lr") is not None
            channel = self._follow(self._prefix + name, "learning_rate") if known else None
            self._rates.append(channel if isinstance(channel, Plateau) else None)
        self.plateau = self._rates[0] if len(groups) == 1 else None

    def _norms(self, old: list[Tensor]) -> Iterator[tuple[str, SeriesKind, Any]]:
        with silenced(self._recorder), torch.no_grad():
            for name, parameter, before in zip(self._names, self._parameters, old, strict=True):
                if parameter.grad is not None and parameter.grad.layout is torch.strided:
                    yield name, "grad_norm", float(torch.linalg.vector_norm(parameter.grad))
                size = float(torch.linalg.vector_norm(before))
                if size:
                    moved = float(torch.linalg.vector_norm(parameter - before))
                    yield name, "update_ratio", moved / size


def leaves_in_frames() -> dict[str, Tensor]:
    """The program's leaves that require grad by their names: those it may move by its own hand."""
    named: dict[str, Tensor] = {}
    for name, value in names_in_frames(sys._getframe(1), object):
        if isinstance(value, torch.nn.Module):
            named.update((f"{name}.{path}", parameter) for path, parameter in value.named_parameters())
        elif isinstance(value, Tensor) and value.is_leaf and value.requires_grad:
            named.setdefault(name, value)
    leaves: dict[int, tuple[str, Tensor]] = {}
    for name, value in named.items():
        leaves.setdefault(id(value), (name, value))
    return dict(list(leaves.values())[:PARAMETERS])
