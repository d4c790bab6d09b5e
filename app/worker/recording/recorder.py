"""Every torch call the program makes becomes a step: its name, its exact place, what went in and came out.

A `TorchFunctionMode` sees the calls people write (not the kernels below). It is bounded; `presence` says
when it comes and goes. What it keeps of tensors is small, or a copy, or an
alias whose version counter says whether it still holds what it held.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from app.program import FILENAME
from app.vocabulary.limits import Limits
from app.vocabulary.values import TensorId
from app.worker.recording.anchors import is_top_mode, is_tracing, sequence_number, transforms_active
from app.worker.recording.calls import Argument, Call, Event, Result
from app.worker.recording.identity import IdentityTable
from app.worker.recording.modules import ModulePaths
from app.worker.recording.ops import EventKind, event_kind, is_in_place, op_name
from app.worker.recording.shelf import Shelf
from app.worker.recording.tensors import PLAIN, is_uninitialised, unheard

SEQUENCES = (tuple, list)
"""`tuple | list` would be made anew at each of many calls."""
ATOMS = frozenset({int, float, bool, complex, str, slice, type(None)})
SILENT = frozenset({"__init__", "reset_parameters", "__repr__", "__str__", "__format__"})
"""Library functions whose inner calls are noise: making a layer, printing a tensor."""


class Companion(Protocol):
    """Hears something torch's modes do not see; each call costs, so only while recording."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Recorder(TorchFunctionMode):
    """Records calls between `start` and `leave`. `quiet` is above 0 while our own or an optimiser's calls run."""

    def __init__(self, limits: Limits, identities: IdentityTable, modules: ModulePaths) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.left_early = False
        """Whether there were calls that no room was left for."""
        self.by_sequence: dict[int, Call] = {}
        self.made: dict[TensorId, Result] = {}
        self.quiet = 0
        self.recording = False
        self.room = limits.steps
        """How many calls there may be."""
        self._limits = limits
        self._identities = identities
        self._modules = modules
        self._companions: list[Companion] = [modules]
        self._ops: dict[Any, tuple[str | None, bool, EventKind | None, str]] = {}
        self._shelf = Shelf(limits.kept_bytes)
        self._heard: frozenset[str] = frozenset()
        self._listener: Callable[[Call, str, Any, Any], None] = lambda call, name, args, kwargs: None

    # ------------------------------------------------------------------------------------------ coming and going

    def join(self, companion: Companion) -> None:
        """From now on it comes and goes with the recorder."""
        self._companions.append(companion)

    def start(self) -> None:
        if not self.recording:
            self.__enter__()  # type: ignore[no-untyped-call]
            for each in self._companions:
                each.start()
            self.recording = True

    def leave(self) -> None:
        """Stop recording; out of the way, too, unless a mode of the program's own lies on top."""
        if not self.recording:
            return
        if is_top_mode(self):
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.recording = False
        for each in self._companions:
            each.stop()

    def hush(self) -> bool:
        """Let what follows pass unrecorded. Where no other mode lies on top, out of its way too: even a quiet mode
        costs each of an optimiser's hundred inner calls a detour. `speak` takes back what this returns."""
        self.quiet += 1
        aside = self.recording and is_top_mode(self)
        if aside:
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        return aside

    def speak(self, aside: bool) -> None:
        self.quiet -= 1
        if aside and self.recording:
            self.__enter__()  # type: ignore[no-untyped-call]

    def hear(
        self,
        names: Iterable[str],
        on_call: Callable[[Call, str, Any, Any], None],
        on_module: Callable[[Any, Any, Any], None],
    ) -> None:
        """Tell of each recorded call of these names, and of each call of a module outside any other's forward."""
        self._heard = frozenset(names)
        self._listener = on_call
        self._modules.on_outermost = on_module

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Meanwhile record nothing: the calls are our own."""
        aside = self.hush()
        try:
            yield
        finally:
            self.speak(aside)

    @property
    def full(self) -> bool:
        return len(self.calls) >= self.room

    # ------------------------------------------------------------------------------------------ one call

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.quiet or not self.recording or is_tracing() or (types and any(map(is_uninitialised, types))):
            return func(*args, **kwargs) if kwargs else func(*args)
        known = self._ops.get(func)
        if known is None:
            op = op_name(func)
            in_place = op is not None and is_in_place(op)
            known = self._ops[func] = op, in_place, event_kind(func), self._heard_name(op)
        op, in_place, event, heard = known
        if event is not None:
            self._notice(event, args, kwargs)
        if op is None:
            return func(*args, **kwargs) if kwargs else func(*args)
        arguments = self.arguments(args, kwargs)
        if in_place and isinstance(args[0], Tensor) and not transforms_active():
            unheard(self._shelf.save_from, args[0])
        before = sequence_number()
        began = perf_counter()
        result = func(*args, **kwargs) if kwargs else func(*args)
        seconds = perf_counter() - began
        outputs = unheard(written_to, args[0]) if in_place else tensors_in(result)
        if outputs or sequence_number() != before:
            call = self.note(op, arguments, outputs, before, in_place, seconds)
            if heard and call is not None:
                self._listener(call, heard, args, kwargs)
        return result

    def _heard_name(self, op: str | None) -> str:
        """`torch.Tensor.__rsub__` -> `rsub`, if that is a name somebody wants to hear of."""
        name = (op or "").rsplit(".", 1)[-1].strip("_")
        return name if name in self._heard else ""

    def note(
        self,
        op: str,
        arguments: list[Argument],
        outputs: list[Tensor],
        before: int,
        in_place: bool = False,
        seconds: float | None = None,
    ) -> Call | None:
        """Write a call down, with the innermost place of the program it came from."""
        frame = place_of_call(sys._getframe(1))
        if frame is None:
            return None
        if len(self.calls) >= self.room:
            self.left_early = True
            return None
        call = Call(op, arguments, before, frame, self._modules.current)
        readable = not transforms_active()
        if len(outputs) == 1:
            call.results = (self._result(outputs[0], call, 0, readable),)
        else:
            call.results = tuple([self._result(each, call, at, readable) for at, each in enumerate(outputs)])
        call.after = sequence_number()
        call.seconds = seconds
        call.turn = self._modules.turn
        if call.after > before:
            for sequence in range(before, call.after):
                self.by_sequence.setdefault(sequence, call)
        elif not torch.is_grad_enabled():
            call.grad_mode = not any(argument.requires_grad for argument in arguments)
        if in_place and outputs:
            call.version = unheard(version_of, outputs[0])
        self.calls.append(call)
        return call

    def _notice(self, kind: EventKind, args: Any, kwargs: dict[str, Any] | None) -> None:
        """Write down what is done to a tensor, as long as there is room."""
        frame = place_of_call(sys._getframe(1))
        if frame is None or not isinstance(args[0], Tensor) or len(self.events) >= self._limits.steps:
            return
        value = next(iter((*args[1:], *(kwargs or {}).values())), True)
        if kind == "grad":
            value = len(args) > 1 and args[1] is not None
        self.events.append(Event(kind, self.number_of(args[0]), value is not False, len(self.calls), frame))

    def forget(self, since: int) -> None:
        """Drop the calls recorded from index `since` on: a newer pass of the loop takes their place."""
        for call in self.calls[since:]:
            for sequence in range(call.before, call.after):
                self.by_sequence.pop(sequence, None)
        del self.calls[since:]

    def hooked_modules(self) -> frozenset[str]:
        return self._modules.hooked()

    def number_of(self, tensor: Tensor) -> TensorId:
        """Numbers grow in the order tensors are first seen."""
        return self._identities.number(tensor)

    def arguments(self, args: Any, kwargs: dict[str, Any] | None) -> list[Argument]:
        found = tensors_in(args)
        if kwargs:
            found += tensors_in(tuple(kwargs.values()))
        number_of, made = self._identities.number, self.made
        arguments = []
        for tensor in found:
            number = number_of(tensor)
            before = made.get(number)
            arguments.append(
                Argument(tensor, number, before)
                if type(tensor) in PLAIN
                else unheard(Argument, tensor, number, before)
            )
        return arguments

    def _result(self, tensor: Tensor, call: Call, position: int, readable: bool) -> Result:
        number = self._identities.number(tensor)
        if type(tensor) is Tensor:
            kept = self._shelf.keep(tensor) if readable else None
            result = Result(tensor, number, call, position, kept)
        else:
            result = unheard(Result, tensor, number, call, position, None)
        self.made[number] = result
        return result


def place_of_call(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the program at or below this one; None for what is noise."""
    while frame is not None and frame.f_code.co_filename != FILENAME:
        frame = None if frame.f_code.co_name in SILENT else frame.f_back
    return frame


def written_to(target: Any) -> list[Tensor]:
    """The tensor written into and, where it is a view, the base whose history the write changes too."""
    if not isinstance(target, Tensor):
        return []
    base = target._base
    return [target] if base is None else [target, base]


def version_of(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def tensors_in(value: Any) -> list[Tensor]:
    """The tensor itself, or those in a tuple or list, or in a tuple or list in it."""
    if type(value) in PLAIN or isinstance(value, Tensor):
        return [value]
    if not isinstance(value, SEQUENCES):
        return []
    found: list[Tensor] = []
    for item in value:
        kind = type(item)
        if kind in PLAIN:
            found.append(item)
        elif kind in ATOMS:
            continue  # asked for by class, each would take longer than all the rest
        elif isinstance(item, Tensor):
            found.append(item)
        elif isinstance(item, SEQUENCES):
            found.extend([inner for inner in item if isinstance(inner, Tensor)])
    return found
