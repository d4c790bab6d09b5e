"""Custom `autograd.Function`s: their `apply` becomes a step, as torch's own calls do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.autograd import Function

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
        recorder.note(f"{cls.__name__}.apply", arguments, tensors_in((result,), {}), before)
        return result

    Function.apply = classmethod(apply)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Function.apply = classmethod(original)  # type: ignore[assignment, method-assign]
