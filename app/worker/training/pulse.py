"""What is called at every step of a training: where a loss is noted, and after the optimiser's step.

To compute here costs little; what costs is to touch memory, which each step of a training has pushed out of the
processor's nearest cache. So these are closures over a few small objects, and all that is out of the ordinary is left
to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from torch import Tensor
from torch.optim import Optimizer

from app.worker.recording.beat import Beat
from app.worker.recording.channels import Channel, Steps
from app.worker.recording.loops import LoopState

if TYPE_CHECKING:
    from app.worker.training.parameters import Parameters

Note = Callable[..., None]


def make_note(
    calm: Mapping[str, Channel], running: Sequence[LoopState], beat: Beat, steps: Steps, closely: Note
) -> Note:
    """`calm` are the series, by name, that went on as before when they were looked at `closely`."""

    def note(name: str, value: Any, line: int, loop: int, phase: Any = None) -> None:
        channel = calm.get(name)
        if (
            channel is None
            or type(value) is not Tensor
            or line != channel.place
            or (running[0] if running else None) is not channel.outermost
        ):
            closely(name, value, line, loop, phase)
            return
        try:
            number = value.item()
        except RuntimeError:  # it has more than one
            number = None
        if type(number) is not float or not -channel.calm < number < channel.calm:
            closely(name, value, line, loop, phase)
            return
        beat.noted = ref(value)
        channel.last = number
        epochs = channel.epochs
        if steps.alone is channel and (epochs is None or epochs.done == channel.noted_epoch):
            channel.ahead += 1
            channel.waiting.append(number)
            return
        channel.noted_epoch = epoch = channel.epoch
        channel.waiting.append((steps.count(channel), number, epoch))
        steps.alone = channel

    return note


def make_after_step(
    beat: Beat,
    watches: Mapping[int, Parameters],
    arrive: Callable[[], None],
    meet: Callable[[Optimizer], Parameters | None],
) -> Callable[[Optimizer, Any, Any], None]:
    """`meet` is asked for who follows an optimiser that is not among `watches`, by its id."""
    last: Optimizer | None = None

    def after_step(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        step, groups = beat.steps, optimiser.param_groups
        if (
            optimiser is not beat.optimiser
            or beat.now >= beat.step_due
            or not step & (step - 1)  # as `Looker.due` has it
            or len(groups) != 1
            or groups[0].get("lr") is not beat.rate
        ):
            look_closely(optimiser, step)
        beat.steps = step + 1
        if beat.asked:
            arrive()

    def look_closely(optimiser: Optimizer, step: int) -> None:
        nonlocal last
        watch = watches.get(id(optimiser)) or meet(optimiser)
        if watch is None:
            let_go(step)
        else:
            note_rates(watch, optimiser, step)
            if beat.now >= watch.due or not step & (step - 1):
                watch.take_turn(step)
            beat.step_due = watch.due
        last = optimiser

    def note_rates(watch: Parameters, optimiser: Optimizer, step: int) -> None:
        """One after the other, unless the same optimiser steps again and has one rate: that holds until it changes."""
        groups = optimiser.param_groups
        rate = groups[0].get("lr")
        if optimiser is last and len(groups) == 1 and type(rate) is float and watch.plateau is not None:
            if optimiser is not beat.optimiser or rate is not beat.rate:
                watch.plateau.hold(step, rate)
            beat.optimiser, beat.rate, beat.plateau = optimiser, rate, watch.plateau
            return
        let_go(step)
        watch.note_rates(groups, step)

    def let_go(step: int) -> None:
        if beat.plateau is not None:
            beat.plateau.end(step)
        beat.optimiser = beat.plateau = None

    return after_step
