"""An aside: what is evaluated meanwhile is not the program's doing, and leaves nothing behind.

No call and no backward pass of it is recorded, its loops and losses are unheard, what it prints is dropped, random
states are put back, and a module that is called keeps its running statistics.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from app.worker.compiling.instrument import AGAIN, NOTE, OVER
from app.worker.graphs.passes import Passes
from app.worker.recording.recorder import Recorder
from app.worker.shadow import undisturbed


class Aside:
    def __init__(self, recorder: Recorder, passes: Passes, device: str) -> None:
        self._recorder = recorder
        self._passes = passes
        self._device = torch.device(device)

    @contextmanager
    def taken(self, calls: bool) -> Iterator[None]:
        """`calls` says whether code of others may run: without it there is less to look after."""
        grads = torch.is_grad_enabled()
        with ExitStack() as stack:
            stack.enter_context(self._recorder.silence())
            if calls:
                stack.enter_context(self._passes.unheard())
                stack.enter_context(undisturbed(self._device))
                stack.enter_context(torch.set_grad_enabled(grads))
                stack.enter_context(deaf())
                stack.enter_context(keeping_buffers())
            yield


@contextmanager
def deaf() -> Iterator[None]:
    """Meanwhile the program's loops are counted by nobody, and the numbers it notes are not its own."""
    names = vars(builtins)
    ears = {name: names[name] for name in (OVER, AGAIN, NOTE)}
    names.update({OVER: just_over, AGAIN: nothing, NOTE: nothing})
    try:
        yield
    finally:
        names.update(ears)


def just_over(iterable: Iterable[Any], line: int) -> Iterable[Any]:
    return iterable


def nothing(*told: Any) -> None:
    pass


@contextmanager
def keeping_buffers() -> Iterator[None]:
    """Meanwhile a module that is called works on copies of its buffers."""
    kept: dict[nn.Module, dict[str, Tensor | None]] = {}

    def lend(module: nn.Module, inputs: Any) -> None:
        if module._buffers and module not in kept:
            kept[module] = dict(module._buffers)
            module._buffers.update((name, copied(each)) for name, each in kept[module].items())

    hook = register_module_forward_pre_hook(lend)
    try:
        yield
    finally:
        hook.remove()
        for module, buffers in kept.items():
            module._buffers.update(buffers)


def copied(buffer: Tensor | None) -> Tensor | None:
    return None if buffer is None else buffer.detach().clone()
