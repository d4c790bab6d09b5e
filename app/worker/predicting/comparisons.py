"""What a loss compares: a prediction with a target, and what the prediction was made of.

Heard while calls are recorded: the call of a loss function, or the difference of what has a history and what has
none. From there the recorded calls lead back to a module and its input, or to the nearest data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from app.vocabulary.predictions import PredictionKind
from app.vocabulary.values import TensorId
from app.worker.predicting.rows import DRAWN
from app.worker.recording.calls import Argument, Call
from app.worker.recording.frames import name_in_frames
from app.worker.recording.identity import IdentityTable
from app.worker.recording.recorder import Recorder

Link = Callable[[Tensor], Tensor]
LOSSES: Mapping[str, tuple[PredictionKind, str]] = MappingProxyType(
    {
        "cross_entropy": ("classes", "softmax"),
        "nll_loss": ("classes", "exp"),
        "binary_cross_entropy": ("binary", ""),
        "binary_cross_entropy_with_logits": ("binary", "sigmoid"),
        "mse_loss": ("regression", ""),
        "l1_loss": ("regression", ""),
        "smooth_l1_loss": ("regression", ""),
        "huber_loss": ("regression", ""),
    }
)
"""What a loss function's first argument predicts, and what makes probabilities of it."""
DIFFERENCES = frozenset({"sub", "subtract", "rsub"})
LINKS: Mapping[str, Link] = MappingProxyType(
    {
        "softmax": lambda out: torch.softmax(out, -1),
        "log_softmax": lambda out: torch.log_softmax(out, -1),
        "logsigmoid": torch.nn.functional.logsigmoid,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "exp": torch.exp,
    }
)
RESHAPES = frozenset(
    {"squeeze", "unsqueeze", "view", "reshape", "flatten", "ravel", "float", "double", "contiguous", "t", "T"}
)
MOST_NUMBERS = 4_000_000
"""Larger tensors are not held on to."""
MOST_VISITS = 2_000


class Comparison:
    """A prediction and a target that met. `given` is the target as the program holds it."""

    __slots__ = ("given", "kind", "link", "prediction", "target")

    def __init__(self, kind: PredictionKind, link: str, prediction: Tensor, target: Tensor) -> None:
        self.kind = kind
        self.link = link
        self.prediction = prediction.detach()
        self.given = target
        self.target = target.detach()


class Heard(Comparison):
    """One in a recorded call; `source` says where the prediction came from."""

    __slots__ = ("call", "source")

    def __init__(
        self,
        call: Call,
        source: Argument,
        kind: PredictionKind,
        link: str,
        prediction: Tensor,
        target: Tensor,
    ) -> None:
        super().__init__(kind, link, prediction, target)
        self.call = call
        self.source = source


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of a module that was in no other's forward, with one tensor."""

    module: nn.Module
    inputs: Tensor
    numel: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What a prediction was made of: the module called with `inputs`, or the nearest data. `links` came after.

    `name` is the program's name of the inputs, where nothing else tells it.
    """

    module: nn.Module | None
    inputs: Tensor | None
    links: tuple[str, ...] = ()
    name: str = ""


class Comparisons:
    """Listens to the recorder; holds on to tensors from a forward to the backward pass that follows it."""

    def __init__(self, recorder: Recorder, identities: IdentityTable) -> None:
        self._recorder = recorder
        self._identities = identities
        self._heard: deque[Heard] = deque(maxlen=16)
        self._asked: dict[TensorId, Asked] = {}

    def hear_module(self, module: nn.Module, args: Any, result: Any) -> None:
        if (
            self._recorder.quiet
            or len(args) != 1
            or not isinstance(result, Tensor)
            or not result.requires_grad
        ):
            return
        inputs = args[0]
        if isinstance(inputs, Tensor) and not inputs.requires_grad and inputs.numel() <= MOST_NUMBERS:
            if len(self._asked) >= 16:
                self._asked.clear()
            self._asked[self._identities.number(result)] = Asked(module, inputs, result.numel())

    def hear_call(self, call: Call, name: str, args: Any, kwargs: Mapping[str, Any] | None) -> None:
        """A recorded call of one of `LOSSES` or `DIFFERENCES`."""
        tensors = [each for each in (*args, *(kwargs or {}).values()) if isinstance(each, Tensor)]
        if len(tensors) < 2 or len(call.arguments) < 2 or max(map(Tensor.numel, tensors[:2])) > MOST_NUMBERS:
            return
        kind, link = LOSSES.get(name, ("regression", ""))
        prediction, target = tensors[:2]
        source = call.arguments[0]
        if name in DIFFERENCES and not prediction.requires_grad:
            prediction, target, source = target, prediction, call.arguments[1]
        if prediction.requires_grad and source.made_by is not None and not target.requires_grad:
            self._heard.append(Heard(call, source, kind, link, prediction, target))

    def under(self, root: Tensor) -> list[Heard]:
        """The comparisons a backward pass starts from; those within what is compared are none of them."""
        heard = {id(each.call): each for each in self._heard}
        made = self._recorder.made.get(self._identities.number(root))
        found: list[Heard] = []
        waiting = deque([made.call] if made else [])
        seen: set[int] = set()
        while heard and waiting and len(seen) < MOST_VISITS:
            call = waiting.popleft()
            if id(call) in seen:
                continue
            seen.add(id(call))
            if id(call) in heard:
                found.append(heard[id(call)])
            else:
                waiting.extend(each.made_by.call for each in call.arguments if each.made_by is not None)
        return found

    def forget(self) -> None:
        self._heard.clear()
        self._asked.clear()

    def origin(self, comparison: Heard) -> Origin:
        """The module that made the prediction by itself; else the nearest data it was computed from, if any."""
        links: list[str] = []
        source: Argument | None = comparison.source
        while source is not None:
            asked = self._asked.get(source.tensor)
            if asked is not None:
                if asked.numel == comparison.prediction.numel() and is_shown(comparison, asked.inputs):
                    return Origin(asked.module, asked.inputs, tuple(reversed(links)))
                break
            source = self._before(source, links)
        return Origin(None, self._nearest_data(comparison))

    def _before(self, source: Argument, links: list[str]) -> Argument | None:
        """What a tensor was made of, if by a reshape or one of `LINKS` alone."""
        if source.made_by is None:
            return None
        call = source.made_by.call
        name = last_name(call.op)
        if len(call.arguments) != 1 or name not in RESHAPES | LINKS.keys():
            return None
        if name in LINKS:
            links.append(name)
        return call.arguments[0]

    def _nearest_data(self, comparison: Heard) -> Tensor | None:
        """The nearest the program has a name for: `x`, not the `x ** 3` on the way to it; else the nearest."""
        rows = rows_of(comparison.kind, comparison.prediction)
        waiting = deque([comparison.source])
        column: Tensor | None = None
        nearest: Tensor | None = None
        seen: set[TensorId] = set()
        while waiting and len(seen) < MOST_VISITS:
            source = waiting.popleft()
            if source.tensor in seen:
                continue
            seen.add(source.tensor)
            if not source.requires_grad and is_data(source, rows, comparison.kind):
                thing = self._identities.thing(source.tensor)
                if isinstance(thing, Tensor) and thing is not comparison.given:
                    column = single_column(thing)
                    if column is None and name_in_frames(thing) is not None:
                        return thing
                    nearest = thing if nearest is None and column is None else nearest
            if source.made_by is not None:
                waiting.extend(source.made_by.call.arguments)
        return column if column is not None else nearest


def single_column(data: Tensor) -> Tensor | None:
    """Of two columns the only one that varies: the other is there for the intercept."""
    if data.dim() != 2 or data.shape[1] != 2 or len(data) < 2:
        return None
    varying = [column for column in data.detach().T if bool((column != column[0]).any())]
    return varying[0] if len(varying) == 1 else None


def is_shown(comparison: Comparison, inputs: Tensor) -> bool:
    """Whether there is anything to show of what is predicted from these inputs: numbers need a plane to stand on."""
    return comparison.kind != "regression" or inputs.numel() <= DRAWN * comparison.prediction.numel()


def is_data(source: Argument, rows: int, kind: PredictionKind) -> bool:
    """Whether a tensor holds one or two numbers for each row; of a classifier, any number of them."""
    shape = tuple(source.shape)
    if not source.dtype.is_floating_point:
        return False
    if kind != "regression" and rows > 1 and shape[:1] == (rows,):
        return True
    return is_rows(shape, rows)


def is_rows(shape: tuple[int, ...], rows: int) -> bool:
    """Whether a shape is that of one or two numbers for each row."""
    return shape in ((rows,), (rows, 1), (1, rows), (rows, 2)) or (rows == 1 and shape in ((), (2,)))


def rows_of(kind: PredictionKind, prediction: Tensor) -> int:
    """How many rows a prediction is about."""
    if kind == "classes":
        return prediction.shape[0] if prediction.dim() == 2 else 1
    return prediction.numel()


def last_name(op: str) -> str:
    """`torch.Tensor.__rsub__` -> `rsub`."""
    return op.rsplit(".", 1)[-1].strip("_")
