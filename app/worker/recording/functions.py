"""Calls that are one step though they make many: a custom `Function.apply`, an `optimiser.step()`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.autograd import Function
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from app.worker.recording.anchors import sequence_number
from app.worker.recording.recorder import Recorder, tensors_in


@contextmanager
def watching_functions(recorder: Recorder) -> Iterator[None]:
    """Meanwhile record every `Function.apply` in this process."""
    original = Function.__dict__["apply"].__func__

    def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        if recorder.quiet or not recorder.recording:
            return original(cls, *args, **kwargs)
        arguments = recorder.arguments(args, kwargs)
        before = sequence_number()
        result = original(cls, *args, **kwargs)
        recorder.note(f"{cls.__name__}.apply", arguments, tensors_in(result), before)
        return result

    Function.apply = classmethod(apply)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Function.apply = classmethod(original)  # type: ignore[assignment, method-assign]


class OptimiserSteps:
    """While the recorder records, an optimiser's step is one step, whatever it computes inside; unless it calls back a
    closure."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._silenced: list[bool] = []
        self._handles: tuple[RemovableHandle, ...] = ()

    def start(self) -> None:
        self._handles = (
            register_optimizer_step_pre_hook(self._before),
            register_optimizer_step_post_hook(self._after),
        )

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = ()
        while (
            self._silenced
        ):  # the recorder leaves in the middle of a step: in a loop of the program's own optimiser
            self._recorder.speak(self._silenced.pop())

    def _before(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        with_closure = len(args) > 1 or bool(kwargs)  # the first argument is the optimiser itself
        if not with_closure:
            self._silenced.append(self._recorder.hush())

    def _after(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        if self._silenced:
            self._recorder.speak(self._silenced.pop())
            moved = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            name = f"torch.optim.{type(optimiser).__name__}.step"
            self._recorder.note(name, self._recorder.arguments((moved,), None), [], sequence_number())


@contextmanager
def silenced(recorder: Recorder) -> Iterator[None]:
    """Meanwhile calls are ours, not the program's."""
    aside = recorder.hush()
    try:
        yield
    finally:
        recorder.speak(aside)
