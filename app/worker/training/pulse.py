"""What is called at every step of a training: where a loss is noted, and after the optimiser's step.

To compute here costs little; what costs is to touch memory, which each step of a training has pushed out of the
processor's nearest cache. So these are closures over a few small objects, and all that is out of the ordinary is left
to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import ref

from torch import Tensor
from torch.optim import Optimizer

from app.worker.recording.channels import Channel, Noted, Steps
from app.worker.recording.loops import LoopState
from app.worker.recording.moments import Moments

if TYPE_CHECKING:
    from app.worker.training.parameters import Parameters

Note = Callable[..., None]


def make_note(
    calm: Mapping[str, Channel], running: Sequence[LoopState], noted: Noted, steps: Steps, closely: Note
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
        noted.tensor = ref(value)
        channel.last = number
        epochs = channel.epochs
        channel.waiting.append((steps.count(channel), number, None if epochs is None else epochs.done))

    return note


class Beat:
    """How many steps optimisers have made."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps = 0


def make_after_step(
    beat: Beat,
    watches: Mapping[int, Parameters],
    moments: Moments,
    meet: Callable[[Optimizer], Parameters | None],
) -> Callable[[Optimizer, Any, Any], None]:
    """`meet` is asked for who follows an optimiser that is not among `watches`, by its id."""

    def after_step(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        step = beat.steps
        beat.steps = step + 1
        watch = watches.get(id(optimiser)) or meet(optimiser)
        if watch is not None:
            groups = optimiser.param_groups
            rate = groups[0].get("lr")
            if len(groups) == 1 and type(rate) is float and watch.rate is not None:
                watch.rate.append((step, rate, None))
            else:
                watch.note_rates(groups, step)
            if perf_counter() >= watch.due or not step & (step - 1):  # as `Looker.due` has it
                watch.take_turn(step)
        if moments.asked:
            moments.arrive()

    return after_step
