"""The vocabulary of a program that is held while it runs: what it may be told, and how it then stands.

A step is an optimiser's; where there is none, a pass of the loop that trains; in a program that does not train, a pass
of any of its loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.values import Span, Spelled


@dataclass(frozen=True, slots=True)
class Pace:
    """How a run that may be held goes from its start."""

    paused: bool = False
    steps_per_second: float | None = None
    """Null is as fast as it can."""
    pause_on_nonfinite: bool = False
    """Whether a loss that becomes NaN or infinite pauses the run."""


CommandKind = Literal["pause", "resume", "step", "speed", "nonfinite", "watch", "unwatch"]


@dataclass(frozen=True, slots=True)
class Command:
    """One order to a program that runs. "step" makes one step and pauses after it."""

    do: CommandKind
    steps_per_second: float | None = None
    """For "speed"; null is as fast as it can."""
    pause: bool = True
    """For "nonfinite": whether a loss that is no number pauses from now on."""
    expression: str = ""
    """For "watch" and "unwatch"; from the next step on."""


OriginKind = Literal["call", "gradient", "tensor", "unseen"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where numbers stopped being finite.

    `call`: a call of the program gave NaN or Inf though nothing that went into it was. `gradient`: the same, on the
    way back through a call. `tensor`: a tensor held them before the step began. `unseen`: the calls of this step were
    not recorded.
    """

    kind: OriginKind
    op: str | None = None
    """torch's public name of the call, `torch.log`; the autograd node's, `SqrtBackward0`, for a gradient."""
    call: str | None = None
    """The program's own text of the call: `torch.log(p)`."""
    name: str | None = None
    """The name the program gave the result; for a tensor, its own."""
    span: Span | None = None
    certain: bool = True
    """Whether everything that went into the call could still be read."""


@dataclass(frozen=True, slots=True)
class NonFinite:
    """The first point of a loss that is no finite number."""

    series: str
    value: Spelled
    step: int
    """The point's number in its series, from 0."""
    span: Span | None
    origin: Origin


HeldState = Literal["running", "pausing", "stepping", "paused"]


@dataclass(frozen=True, slots=True)
class Held:
    """A frame sent when a program pauses, goes on, or is told another speed.

    "pausing" and "stepping" last until the program comes to a moment at which it can be held.
    """

    state: HeldState
    steps_per_second: float | None = None
    seconds: float = 0.0
    """How long the program has waited so far, paused or slowed down: not counted as its own time."""
    span: Span | None = None
    """The line it is held at."""
    nonfinite: NonFinite | None = None
    """Why it paused by itself; null where it was asked to."""
    frame: Literal["held"] = "held"
