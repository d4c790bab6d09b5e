"""Weights and gradients as histograms over time: counted where the tensors live, seldom enough not to be felt.

One look takes as many parameters as a few milliseconds hold and the next goes on after them. The start of a training
is looked at closely (steps 0, 1, 2, 4, 8, ...), whatever comes later in proportion to what looking costs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from time import thread_time

import torch
from torch import Tensor

from app.thinning import RibbonThinner
from app.vocabulary.limits import Limits
from app.vocabulary.training import Histogram, Part, Ribbon
from app.vocabulary.values import spell
from app.worker.recording.tensors import readable
from app.worker.training.patience import Patience

PATIENCE = 500
"""The next look comes after this many times as long as the last one took."""
SHORTEST = 0.1
"""Seconds between two looks, at least."""
LONGEST_LOOK = 0.003
CHEAP = 0.002
"""A look so short is taken at every power of two, too."""
EXACT = 2**24
"""As many elements are counted at once: float32, in which torch counts, holds no larger counts exactly."""
WIDEST = 1e38
"""Ranges beyond are counted in float64, scaled down: their width itself must not overflow."""


class Ribbons:
    """Everything followed as histograms. `new` and `whole` may be asked from another thread than `look`'s."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._thinners: dict[tuple[str, Part], RibbonThinner] = {}
        self._waiting: deque[Ribbon] = deque()
        """One histogram each, not yet sent."""

    def add(self, name: str, part: Part, tensor: Tensor, step: int) -> None:
        """One more histogram of a ribbon, or the first of a new one while there is room."""
        counted = histogram(tensor, step, self._limits.bins)
        thinner = self._thinners.get((name, part))
        if counted is None or (thinner is None and len(self._thinners) >= self._limits.ribbons):
            return
        ribbon = Ribbon(len(self._thinners), name, part, tensor.numel(), (counted,))
        if thinner is None:
            thinner = RibbonThinner(ribbon, self._limits.ribbon_columns)
            self._thinners[name, part] = thinner
        if step > thinner.last_step:
            thinner.add(ribbon.histograms)
            self._waiting.append(replace(ribbon, index=thinner.index))

    def new(self) -> tuple[Ribbon, ...]:
        """What came since this was last asked."""
        new: dict[int, Ribbon] = {}
        for _ in range(len(self._waiting)):
            each = self._waiting.popleft()
            before = new[each.index].histograms if each.index in new else ()
            new[each.index] = replace(each, histograms=(*before, *each.histograms))
        return tuple(new[index] for index in sorted(new))

    def whole(self) -> tuple[Ribbon, ...]:
        return tuple(thinner.ribbon() for thinner in self._thinners.values())


class Looker:
    """Looks at one optimiser's parameters, or at those of a program that has none."""

    def __init__(self, ribbons: Ribbons) -> None:
        self._ribbons = ribbons
        self._at = 0
        self._patience = Patience(PATIENCE, SHORTEST)

    def due(self, step: int) -> bool:
        early = self._patience.cost < CHEAP and not step & (step - 1)
        return early or self._patience.over

    @property
    def next_time(self) -> float:
        return self._patience.next_time

    @property
    def spent(self) -> float:
        """Seconds all looks so far took."""
        return self._patience.spent

    def look(self, parameters: Sequence[Tensor], names: Sequence[str], step: int) -> None:
        """Count some of the parameters, those longest unseen first."""
        began = now = thread_time()
        for _ in parameters:
            self._at %= len(parameters)
            parameter, name = parameters[self._at], names[self._at]
            self._ribbons.add(name, "weight", parameter, step)
            if parameter.grad is not None:
                self._ribbons.add(name, "grad", parameter.grad, step)
            self._at += 1
            now = thread_time()
            if now - began > LONGEST_LOOK:
                break
        self._patience.begin(now - began)


def histogram(tensor: Tensor, step: int, bins: int) -> Histogram | None:
    """Every element counted; None for a tensor without elements, or whose numbers cannot be read."""
    numbers = readable(tensor)
    if numbers is None or not numbers.numel():
        return None
    numbers = (numbers.abs() if numbers.is_complex() else numbers).flatten().cpu()
    if numbers.dtype not in (torch.float32, torch.float64):
        numbers = numbers.float()
    low, high = (float(bound) for bound in torch.aminmax(numbers))
    bad = 0
    if not abs(low) + abs(high) < float("inf"):  # a sum that overflows is looked at once more, no harm done
        finite = numbers[torch.isfinite(numbers)]
        bad = numbers.numel() - finite.numel()
        if not finite.numel():
            return Histogram(step, None, None, (), bad, None)
        numbers = finite
        low, high = (float(bound) for bound in torch.aminmax(numbers))
    mean = float(torch.linalg.vector_norm(numbers, 1, dtype=torch.float64)) / numbers.numel()
    return Histogram(step, low, high, count_bins(numbers, low, high, bins), bad, spell(mean))


def count_bins(numbers: Tensor, low: float, high: float, bins: int) -> tuple[int, ...]:
    if low == high:
        return (numbers.numel(),)
    if max(abs(low), abs(high)) > WIDEST:
        numbers, low, high = numbers.double() / 4, low / 4, high / 4
    parts = [torch.histc(part, bins, low, high).long() for part in torch.split(numbers, EXACT)]
    return tuple(torch.stack(parts).sum(0).tolist())
