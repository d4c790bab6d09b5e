"""What every step of a training touches of ours, in one small object.

To compute at a step costs little; what costs is to touch memory, which each step of a training has pushed out of the
processor's nearest caches, and to ask the clock. So who follows the steps keeps here, side by side, what it needs at
each one; and the clock is asked by a backward pass now and then, for all.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from torch import Tensor
from torch.optim import Optimizer

if TYPE_CHECKING:
    from app.worker.recording.channels import Plateau

LATE = 0.005
"""Seconds that `now` may be behind, as far as can be told,"""
MOST_UNTIMED = 15
"""and backward passes."""


class Beat:
    __slots__ = (
        *("asked", "due", "inside", "light", "look_due", "noted", "now", "one_pass", "optimiser", "passes"),
        *("plateau", "rate", "seconds", "step_due", "steps", "timed", "untimed_from"),
    )

    def __init__(self) -> None:
        self.asked = False
        """Whether anybody may ask anything of the next moment, as `Moments` has it."""
        self.now = 0.0
        """By the clock, when a backward pass ended lately."""
        self.due = 0.0
        """When a loop's next pass is to be told of."""
        # ---- backward passes
        self.noted: Callable[[], Tensor | None] = nothing
        """The tensor that was noted last, weakly held: what follows a backward pass from it by its name."""
        self.passes = 0
        self.inside = False
        """Whether one runs now."""
        self.light = False
        """Whether a pass from what was noted last is only counted. Any change in what runs or is recorded ends that."""
        self.timed = 0
        """The next one to be timed: all before it that are light are only counted."""
        self.untimed_from = 0
        self.one_pass = 0.0
        """What the last timed one took; those since count as much."""
        self.seconds = 0.0
        """What those before them took."""
        self.look_due = inf
        """When parameters that no optimiser moves are to be looked at, after a pass."""
        # ---- optimisers' steps
        self.steps = 0
        self.optimiser: Optimizer | None = None
        """The one that makes step after step, with one learning rate, which stays as it is:"""
        self.rate: float | None = None
        self.plateau: Plateau | None = None
        self.step_due = 0.0
        """When there is more to do about a step of it than to count it."""

    def count_pass(self, seconds: float, now: float) -> None:
        """A backward pass that was timed has just ended."""
        untimed = self.passes - self.untimed_from
        self.seconds += seconds + untimed * self.one_pass
        self.passes = self.untimed_from = count = self.passes + 1
        each, self.now, self.one_pass = (now - self.now) / (untimed + 1), now, seconds
        left_out = int(LATE / each) if each > LATE / MOST_UNTIMED else MOST_UNTIMED
        self.timed = min(count + left_out, 1 << count.bit_length())  # powers of two always are

    @property
    def all_seconds(self) -> float:
        """What all backward passes took."""
        return self.seconds + (self.passes - self.untimed_from) * self.one_pass


def nothing() -> None:
    return None
