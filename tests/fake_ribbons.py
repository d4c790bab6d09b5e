"""Histograms of a training written by hand: two layers, to the second of which no gradient comes."""

from __future__ import annotations

from app.training import Histogram, Ribbon


def ribbons_at(step: int, bad: bool = False) -> tuple[Ribbon, ...]:
    """The weights and gradients of two layers at a step; no gradient reaches the second."""
    spread = 1 + step / 100
    weights = Histogram(step, -spread, spread, (1, 3, 8, 3, 1), 0, spread / 2)
    grads = Histogram(step, -0.1 / spread, 0.2 / spread, (2, 10, 4), 0, 0.05 / spread)
    lost = Histogram(step, None, None, (), 16, None)
    return (
        Ribbon(0, "net.0.weight", "weight", 16, (weights,)),
        Ribbon(1, "net.0.weight", "grad", 16, (lost if bad else grads,)),
        Ribbon(2, "net.2.weight", "weight", 16, (weights,)),
    )
