"""Which `nn.Module`'s forward is running, as an expression of the program: `net.fc1`.

Two of torch's global module hooks keep a stack; a module's path is learnt when its outermost parent is first called.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from inspect import unwrap
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from app.program import FILENAME
from app.worker.recording.frames import name_in_frames, program_frame
from app.worker.recording.tensors import shape_of

MOST_SHAPES = 4
MOST_LOOKED_AT = 64
"""Calls of one module whose results are looked at."""


Example = tuple[tuple[Any, ...], dict[str, Any]]


class Followed:
    """What is known of one module that was called."""

    __slots__ = ("calls", "code", "instruction", "own", "path", "shapes")

    def __init__(self, path: str) -> None:
        self.path = path
        self.calls = 0
        self.shapes: list[tuple[int, ...]] = []
        """Different shapes it returned, the first few."""
        self.code: CodeType | None = None
        self.instruction = 0
        self.own = False
        """Whether its forward is the program's own text."""


class ModulePaths:
    """The path of the module whose forward is running: `current`, None outside any."""

    def __init__(self) -> None:
        self.keeps_examples = False
        """Whether to keep the arguments of each module's first call from outside, to trace it with."""
        self.current: str | None = None
        self.on_outermost: Callable[[nn.Module, Any, Any], None] = lambda module, args, result: None
        """Told of each call of a module outside any other's forward."""
        self.quiet = False
        """While a tracer runs forwards with stand-ins, which are no calls of the program's."""
        self.turn: int | None = None
        """While a forward that the program did not write runs: how many modules had returned to the program before."""
        self._returned = 0
        self._examples: weakref.WeakKeyDictionary[nn.Module, Example] = weakref.WeakKeyDictionary()
        self._stack: list[tuple[str | None, int | None]] = []
        self._handles: tuple[RemovableHandle, ...] = ()
        self._known: weakref.WeakKeyDictionary[nn.Module, Followed] = weakref.WeakKeyDictionary()

    def start(self) -> None:
        """From now on follow every module call in this process; each costs microseconds, so only while recording."""
        self._handles = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
            *([register_module_forward_hook(self._keep, with_kwargs=True)] if self.keeps_examples else []),
        )

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = ()
        self._stack.clear()
        self.current = self.turn = None

    def hooked(self) -> frozenset[str]:
        """Paths of the modules on which the program registered hooks."""
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        known = self._known.items()
        return frozenset(each.path for module, each in known if any(getattr(module, kind) for kind in kinds))

    def followed(self, module: nn.Module) -> Followed | None:
        return self._known.get(module)

    def example(self, module: nn.Module) -> Example:
        """Arguments a module was called with."""
        return self._examples.get(module, ((), {}))

    def _keep(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        if module not in self._examples and self.current is None and not self.quiet:
            self._examples[module] = args, kwargs

    def _enter(self, module: nn.Module, args: Any) -> None:
        if self.quiet:
            return
        known = self._known.get(module) or self._learn(module)
        if not known.calls:
            frame = program_frame(sys._getframe(1))
            if frame is not None:
                known.code, known.instruction = frame.f_code, frame.f_lasti
            known.own = is_written_here(module)
        known.calls += 1
        self._stack.append((self.current, self.turn))
        self.current = known.path
        self.turn = None if known.own else self._returned

    def _leave(self, module: nn.Module, args: Any, result: Any) -> None:
        if self.quiet:
            return
        self.current, self.turn = self._stack.pop() if self._stack else (None, None)
        if self.turn is None:
            self._returned += 1
        known = self._known.get(module)
        if known is not None and len(known.shapes) < MOST_SHAPES and known.calls <= MOST_LOOKED_AT:
            with torch._C.DisableTorchFunction():
                known.shapes.extend(shape for shape in shapes_in(result) if shape not in known.shapes)
        if self.current is None:
            self.on_outermost(module, args, result)

    def _learn(self, module: nn.Module) -> Followed:
        if self.current is None:
            root = name_in_frames(module) or type(module).__name__
        else:
            root = f"{self.current}.{type(module).__name__}"
        for path, part in module.named_modules():
            if part not in self._known:
                self._known[part] = Followed(f"{root}.{path}" if path else root)
        return self._known[module]


def is_written_here(module: nn.Module) -> bool:
    """Whether the program's own text is the module's forward, decorated or not."""
    code = getattr(unwrap(type(module).forward), "__code__", None)
    return code is not None and code.co_filename == FILENAME


def shapes_in(result: Any) -> list[tuple[int, ...]]:
    """The shapes of the tensors a forward returned, each once."""
    items = result if isinstance(result, tuple | list) else (result,)
    return list(dict.fromkeys([shape_of(item) for item in items[:MOST_SHAPES] if type(item) is Tensor]))
