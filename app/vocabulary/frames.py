"""What a run says, frame by frame: pieces of its trace as they come, how its training goes, and at last the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.vocabulary.cells import CellTurn
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.holding import Held
from app.vocabulary.predictions import Predictions
from app.vocabulary.trace import Figure, Output, Shown, TensorRecord, Trace, Warned
from app.vocabulary.training import Training, Watching
from app.vocabulary.values import Many


@dataclass(frozen=True, slots=True)
class Tensors:
    """What the tensors hold while the program trains: a frame sent now and then that replaces the ones before it.

    The graph is a kept backward pass, and its structure that of the first one sent; `occurrence` says which pass its
    numbers are of. It is `stale` when a newer pass had another structure, whose numbers would not fit.
    """

    passes: int
    """Backward passes of the run so far."""
    tensors: Many[TensorRecord]
    graph: AutogradGraph | None
    stale: bool = False
    waiting_nodes: int = 0
    """Nodes of a graph too large to move: it is shown at the end."""
    frame: Literal["tensors"] = "tensors"


@dataclass(frozen=True, slots=True)
class ShownNow:
    """A value that stands among the output, as it comes: a cell's last expression, or what `display()` was given."""

    shown: Shown
    frame: Literal["shown"] = "shown"


@dataclass(frozen=True, slots=True)
class WarnedNow:
    """A warning when it first comes; how often it did is told in the trace."""

    warned: Warned
    frame: Literal["warned"] = "warned"


Frame = (
    Output
    | Figure
    | ShownNow
    | WarnedNow
    | CellTurn
    | Training
    | Watching
    | Predictions
    | Tensors
    | Held
    | Trace
)
