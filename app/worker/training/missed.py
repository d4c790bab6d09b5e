"""Why a training shows no loss, in words, and what would give a curve."""

from __future__ import annotations

from collections.abc import Iterator

from app.vocabulary.values import Text
from app.worker.recording.loops import Loops
from app.worker.training.training import TrainingLog


def tell_missed(training: TrainingLog, loops: Loops, trains: bool, live: bool) -> Iterator[Text]:
    """`trains` says whether the program's text looks like a training, `live` whether somebody watches it
    and waits for curves."""
    if training.found_any or not trains:
        return
    begun = training.training_loop is not None or training.optimiser_steps > 1
    empty = loops.empty()
    name, shape = next(iter(training.many.items()), ("", ""))
    if name and (begun or live):
        yield Text(
            "No curve of `{name}`: it never was a single number, its shape is {shape}. "
            "Watch `{name}.mean()` to follow it.",
            {"name": name[:80], "shape": shape},
        )
    elif begun or (live and loops.most_passes > 1):
        yield Text(
            "No loss was found: no loop runs `.backward()` on a single number, or gives one to a name like loss or "
            "acc. Watch an expression to follow it as a curve."
        )
    elif empty is not None and not training.optimiser_steps:
        yield Text("The loop in line {line} made no pass: nothing was trained.", {"line": empty})
