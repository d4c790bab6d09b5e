"""A training written by hand: its frames as they come, and histograms of two layers; the second gets no gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator

from app.vocabulary.frames import Frame
from app.vocabulary.trace import Output
from app.vocabulary.training import Histogram, Points, Progress, Ribbon, Series, Training
from app.vocabulary.values import Real, Span


def training_frames(source: str, points: int = 10, batches: int = 30) -> Iterator[Frame]:
    """A run that trains: a falling loss, an accuracy once an epoch, a learning rate; NaN where the source says nan.

    Where it says lost, gradients become no numbers; where it says sums, a sum stands far above the loss.
    """
    loss = Series(0, "loss", "loss", Span(7, 4, 7, 8))
    rate = Series(1, "lr", "learning_rate", None)
    accuracy = Series(2, "accuracy", "metric", Span(12, 4, 12, 12))
    total_loss = Series(3, "running_loss", "loss", Span(9, 4, 9, 16))
    yield Output("stdout", "training\n")
    total = points * batches
    for batch in range(batches):
        steps = tuple(range(batch * points, (batch + 1) * points))
        falling = [2.5 * math.exp(-step / (total / 4)) + 0.06 * math.sin(step * 1.7) + 0.1 for step in steps]
        bad = total * 0.7 if "nan" in source else total
        spelled: tuple[Real, ...] = tuple(
            "NaN" if step > bad else value for step, value in zip(steps, falling, strict=True)
        )
        epochs = (batch // 3,) * points
        new = [Points(0, steps, spelled, epochs), Points(1, steps, (0.1,) * points)]
        if batch % 3 == 2:
            new.append(Points(2, steps[-1:], (1 - math.exp(-batch / batches),), (batch // 3,)))
        series = (loss, rate) if batch == 0 else (accuracy,) if batch == 2 else ()
        if "sums" in source:
            new.append(Points(3, steps, tuple(300.0 - step / 2 for step in steps), epochs))
            series = (*series, total_loss) if batch == 0 else series
        progress = Progress(6, (batch + 1) * points, total, (batch + 1) * points)
        yield Training(
            series, tuple(new), progress, ribbons_at(batch * points, "lost" in source and batch > 20)
        )
    yield Output("stdout", "trained\n")


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
