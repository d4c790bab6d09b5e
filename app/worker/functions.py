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

from app.worker.anchors import sequence_number
from app.worker.recorder import Recorder, tensors_in


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


@contextmanager
def watching_optimisers(recorder: Recorder) -> Iterator[None]:
    """Meanwhile an optimiser's step is one step, whatever it computes inside; unless it calls back a closure."""
    silenced: list[Optimizer] = []

    def before(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        with_closure = len(args) > 1 or bool(kwargs)  # the first argument is the optimiser itself
        if recorder.recording and not with_closure:
            silenced.append(optimiser)
            recorder.quiet += 1

    def after(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        if silenced:
            silenced.pop()
            recorder.quiet -= 1
            moved = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            name = f"torch.optim.{type(optimiser).__name__}.step"
            recorder.note(name, recorder.arguments((moved,), None), [], sequence_number())

    with register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after):
        yield
