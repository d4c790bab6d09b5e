"""Every torch call the program makes becomes a step: its name, its exact place, what went in and came out.

A `TorchFunctionMode` sees the calls people write (not the kernels below). It is bounded: when enough is recorded it
leaves, and comes back for single passes of the training loop. What it keeps of tensors is small, or a copy, or an
alias whose version counter says whether it still holds what it held.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping
from time import perf_counter
from types import CodeType, MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from app.limits import KIB, MIB, Limits
from app.program import FILENAME
from app.trace import TensorId
from app.worker.anchors import is_top_mode, is_tracing, sequence_number, transforms_active
from app.worker.identity import IdentityTable
from app.worker.modules import ModulePaths
from app.worker.tensors import FEW, shape_of

COPY_BYTES = 64 * KIB
"""Up to here a copy is kept; beyond, an alias and its version counter."""
ALIAS_BYTES = 16 * MIB
PATIENCE = 20
"""A pass of the training loop is recorded again only after this many times as long as recording the last one took."""
SECONDS_PER_CALL = 6e-6
SILENT = frozenset({"__init__", "reset_parameters", "__repr__", "__str__", "__format__"})
"""Library functions whose inner calls are noise: making a layer, printing a tensor."""
SHOWN_ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
UNSHOWN = frozenset(
    {
        "backward",
        "grad",
        "__set__",
        "requires_grad_",
        "retain_grad",
        "register_hook",
        "__repr__",
        "__format__",
    }
)
PUBLIC_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "torch._C._nn": "torch.nn.functional",
        "torch._C._linalg": "torch.linalg",
        "torch._C._fft": "torch.fft",
        "torch._C._special": "torch.special",
        "torch._C._sparse": "torch.sparse",
        "torch._tensor": "torch.Tensor",
        "torch.functional": "torch",
        "torch._C": "torch",
    }
)


class Kept:
    """What one output held when it was made: a list, or a tensor that still holds it while its version stands."""

    __slots__ = ("bytes", "data", "version")

    def __init__(self, data: Any, version: int | None, size: int) -> None:
        self.data = data
        self.version = version
        self.bytes = size

    def read(self) -> Any:
        """The list or tensor, or None where it is gone or was overwritten since."""
        if isinstance(self.data, Tensor) and self.version is not None and self.data._version != self.version:
            return None
        return self.data


class Argument:
    """A tensor that went into a call."""

    __slots__ = ("dtype", "made_by", "requires_grad", "shape", "tensor")

    def __init__(self, tensor: Tensor, number: TensorId, made_by: Result | None) -> None:
        self.tensor = number
        self.shape = shape_of(tensor) if tensor.is_nested else tensor.shape
        self.dtype = tensor.dtype
        self.requires_grad = tensor.requires_grad
        self.made_by = made_by


class Result:
    """A tensor that came out of a call. `sequence` and `output_nr` name its autograd node's output, if it has one."""

    __slots__ = ("call", "dtype", "kept", "output_nr", "position", "sequence", "shape", "tensor")

    def __init__(
        self, tensor: Tensor, number: TensorId, sequence: int | None, call: Call, position: int
    ) -> None:
        self.tensor = number
        self.shape = shape_of(tensor) if tensor.is_nested else tensor.shape
        self.dtype = tensor.dtype
        self.sequence = sequence
        self.output_nr = tensor.output_nr if sequence is not None else 0
        self.kept: Kept | None = None
        self.call = call
        self.position = position


class Call:
    """One recorded call, as raw as it can be kept; read when the run has ended."""

    __slots__ = ("after", "arguments", "before", "code", "instruction", "module", "op", "results")

    def __init__(self, op: str, before: int) -> None:
        self.op = op
        self.before = self.after = before
        self.code: CodeType | None = None
        self.instruction = 0
        self.module: str | None = None
        self.arguments: tuple[Argument, ...] = ()
        self.results: tuple[Result, ...] = ()


class Recorder(TorchFunctionMode):
    """Records calls between `start` and `leave`. `quiet` is above 0 while our own or an optimiser's calls run."""

    def __init__(self, limits: Limits, identities: IdentityTable, modules: ModulePaths) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.left_early = False
        """Whether there were calls that no room was left for."""
        self.by_sequence: dict[int, Call] = {}
        self.made: dict[TensorId, Result] = {}
        self.quiet = 0
        self.recording = False
        self.sampling = False
        self.training_loop: int | None = None
        """First line of the loop that runs backward passes."""
        self.pass_seconds = 0.0
        """What taking one backward pass costs."""
        self._next_sample = 0.0
        self._limits = limits
        self._identities = identities
        self._modules = modules
        self._ops: dict[Any, tuple[str | None, bool]] = {}
        self._kept: deque[Result] = deque()
        self._kept_bytes = 0

    # ------------------------------------------------------------------------------------------ coming and going

    def start(self) -> None:
        if not self.recording:
            self.__enter__()  # type: ignore[no-untyped-call]
            self.recording = True

    def leave(self) -> None:
        """Stop recording; out of the way, too, unless a mode of the program's own lies on top."""
        if self.recording and is_top_mode(self):
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.recording = False

    def tick(self, line: int) -> None:
        """Called before each pass of each of the program's loops, with the loop's first line.

        When the room is used up the recorder leaves, and everything runs at its own speed. Now and then it comes back
        for one pass of the training loop, so that the latest state can be shown too.
        """
        if self.recording:
            self.left_early = self.left_early or self.full
            if self.full or (self.sampling and line == self.training_loop):
                self._end_sample()
                self.leave()
        elif line == self.training_loop and perf_counter() > self._next_sample:
            self.forget(since=self._limits.steps)
            self.sampling = True
            self.start()

    def _end_sample(self) -> None:
        calls = len(self.calls) - (self._limits.steps if self.sampling else 0)
        self.sampling = False
        self._next_sample = perf_counter() + PATIENCE * (calls * SECONDS_PER_CALL + self.pass_seconds)

    @property
    def full(self) -> bool:
        return len(self.calls) >= self._limits.steps * (2 if self.sampling else 1)

    # ------------------------------------------------------------------------------------------ one call

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if kwargs is None:
            kwargs = {}
        if self.quiet or not self.recording or is_tracing():
            return func(*args, **kwargs)
        known = self._ops.get(func)
        if known is None:
            op = op_name(func)
            known = self._ops[func] = op, op is not None and is_in_place(op)
        op, in_place = known
        if op is None:
            return func(*args, **kwargs)
        arguments = self.arguments(args, kwargs)
        before = sequence_number()
        result = func(*args, **kwargs)
        outputs = tensors_in((result,), {})
        if in_place:
            outputs = written_to(args[0])
        self.note(op, arguments, outputs, before)
        return result

    def note(self, op: str, arguments: list[Argument], outputs: list[Tensor], before: int) -> Call | None:
        """Write a call down, with the innermost place of the program it came from."""
        if not outputs and sequence_number() == before:
            return None
        frame = sys._getframe(1)
        while frame.f_code.co_filename != FILENAME:
            if frame.f_code.co_name in SILENT or frame.f_back is None:
                return None
            frame = frame.f_back
        if self.full:
            self.left_early = True
            return None
        call = Call(op, before)
        call.code, call.instruction = frame.f_code, frame.f_lasti
        call.module = self._modules.current
        call.arguments = tuple(arguments)
        call.results = tuple(self._result(tensor, call, position) for position, tensor in enumerate(outputs))
        call.after = sequence_number()
        for sequence in range(before, call.after):
            self.by_sequence.setdefault(sequence, call)
        self.calls.append(call)
        return call

    def forget(self, since: int) -> None:
        """Drop the calls recorded from index `since` on: a newer pass of the loop takes their place."""
        for call in self.calls[since:]:
            for sequence in range(call.before, call.after):
                self.by_sequence.pop(sequence, None)
        del self.calls[since:]

    def number_of(self, tensor: Tensor) -> TensorId:
        """Numbers grow in the order tensors are first seen."""
        return self._identities.number(tensor)

    def arguments(self, args: Any, kwargs: dict[str, Any]) -> list[Argument]:
        return [self._argument(tensor) for tensor in tensors_in(args, kwargs)]

    def _argument(self, tensor: Tensor) -> Argument:
        number = self._identities.number(tensor)
        return Argument(tensor, number, self.made.get(number))

    def _result(self, tensor: Tensor, call: Call, position: int) -> Result:
        number = self._identities.number(tensor)
        node = (
            tensor.grad_fn
        )  # of a view changed in place, torch makes it anew here: hence `after` is read later
        result = Result(tensor, number, None if node is None else node._sequence_nr(), call, position)
        self.made[number] = result
        result.kept = self._keep(tensor, result)
        return result

    def _keep(self, tensor: Tensor, result: Result) -> Kept | None:
        plain = type(tensor) is Tensor and tensor.layout is torch.strided and not tensor.is_quantized
        if not plain or tensor.is_nested or transforms_active():
            return None
        size = tensor.numel()
        if size <= FEW and tensor.is_cpu:
            return Kept(tensor.tolist(), None, 0)
        size *= tensor.itemsize
        if size > ALIAS_BYTES or tensor.is_meta:
            return None
        alias = tensor.detach()
        kept = Kept(alias.clone(), None, size) if size <= COPY_BYTES else Kept(alias, alias._version, size)
        self._kept.append(result)
        self._kept_bytes += size
        while self._kept_bytes > self._limits.kept_bytes:
            oldest = self._kept.popleft()
            if oldest.kept is not None:
                self._kept_bytes -= oldest.kept.bytes
                oldest.kept = None
        return kept


def op_name(func: Callable[..., Any]) -> str | None:
    """torch's public name of a function; None for those that are no step: plain attributes, backward itself.

    From the function's own names: torch's table of all of them costs a fresh child 50 page faults.
    """
    name = func.__qualname__
    if name == "getset_descriptor.__get__":
        attribute = getattr(func, "__self__", None)
        name = getattr(attribute, "__name__", "")
        return f"torch.Tensor.{name}" if name in SHOWN_ATTRIBUTES else None
    if name.rsplit(".", 1)[-1] in UNSHOWN:
        return None
    owner, _, last = name.rpartition(".")
    if owner in ("TensorBase", "Tensor", "_TensorBase"):
        return f"torch.Tensor.{last}"
    module = getattr(func, "__module__", None) or "torch"
    return f"{PUBLIC_MODULES.get(module, module)}.{last}"


def is_in_place(op: str) -> bool:
    """Whether a call writes into its first argument: `add_`, `__iadd__`, `__setitem__`."""
    last = op.rsplit(".", 1)[-1]
    if last.startswith("__"):
        return last == "__setitem__" or (
            last.startswith("__i") and last not in ("__invert__", "__index__", "__int__")
        )
    return last.endswith("_") and op.startswith("torch.Tensor.")


def written_to(target: Any) -> list[Tensor]:
    """The tensor written into and, where it is a view, the base whose history the write changes too."""
    if not isinstance(target, Tensor):
        return []
    base = target._base
    return [target] if base is None else [target, base]


def tensors_in(args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors among arguments, and in lists and tuples among them."""
    found: list[Tensor] = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, tuple | list):
            found.extend(item for item in value if isinstance(item, Tensor))
    return found
