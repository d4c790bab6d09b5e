"""What is written down of each call while a program runs: as raw as it can be kept, read when the run has ended."""

from __future__ import annotations

from types import FrameType

from torch import Tensor

from app.vocabulary.values import TensorId
from app.worker.recording.ops import EventKind
from app.worker.recording.shelf import Kept
from app.worker.recording.tensors import shape_of


class Argument:
    """A tensor that went into a call."""

    __slots__ = ("dtype", "made_by", "requires_grad", "shape", "tensor")

    def __init__(self, tensor: Tensor, number: TensorId, made_by: Result | None) -> None:
        self.tensor = number
        self.requires_grad = tensor.requires_grad
        self.made_by = made_by
        if made_by is None:
            self.shape = shape_of(tensor) if tensor.is_nested else tensor.shape
            self.dtype = tensor.dtype
        else:
            self.shape = made_by.shape
            self.dtype = made_by.dtype


class Result:
    """A tensor that came out of a call. `sequence` and `output_nr` name its autograd node's output, if it has one."""

    __slots__ = ("call", "dtype", "kept", "output_nr", "position", "sequence", "shape", "tensor")

    def __init__(
        self, tensor: Tensor, number: TensorId, call: Call, position: int, kept: Kept | None
    ) -> None:
        node = tensor.grad_fn
        """Of a view changed in place, torch makes it anew here: hence `after` is read later."""
        self.tensor = number
        self.shape = shape_of(tensor) if tensor.is_nested else tensor.shape
        self.dtype = tensor.dtype
        self.sequence = None if node is None else node._sequence_nr()
        self.output_nr = 0 if node is None else tensor.output_nr
        self.kept = kept
        self.call = call
        self.position = position


class Call:
    """One recorded call, as raw as it can be kept; read when the run has ended."""

    __slots__ = (
        *("after", "arguments", "before", "code", "instruction", "module", "op", "results"),
        *("grad_mode", "seconds", "turn", "version"),
    )

    def __init__(
        self, op: str, arguments: list[Argument], before: int, frame: FrameType, module: str | None
    ) -> None:
        self.op = op
        self.arguments = arguments
        self.before = self.after = before
        self.code = frame.f_code
        self.instruction = frame.f_lasti
        self.module = module
        self.grad_mode = True
        """False where the call was made under `torch.no_grad()`, and one of its arguments requires grad."""
        self.version: int | None = None
        """Of a call that wrote in place: the version of what it wrote to, afterwards."""
        self.results: tuple[Result, ...] = ()
        self.seconds: float | None = None
        self.turn: int | None = None
        """Of a call in a forward the program did not write: how many modules had returned to the program before."""


class Event:
    """Something the program did to a tensor that made no tensor: a hook, a flag, its grad taken away."""

    __slots__ = ("at", "code", "instruction", "kind", "tensor", "value")

    def __init__(self, kind: EventKind, tensor: TensorId, value: bool, at: int, frame: FrameType) -> None:
        self.kind = kind
        self.tensor = tensor
        self.value = value
        """What the flag was set to; whether a grad was given rather than taken away."""
        self.at = at
        """How many calls had been recorded."""
        self.code = frame.f_code
        self.instruction = frame.f_lasti
