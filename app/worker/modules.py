"""Which `nn.Module`'s forward is running, as an expression of the program: `net.fc1`.

Two of torch's global module hooks keep a stack; a module's path is learnt when its outermost parent is first called.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from app.worker.frames import name_in_frames


class ModulePaths:
    """The path of the module whose forward is running: `current`, None outside any."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.on_outermost: Callable[[nn.Module, Any, Any], None] = lambda module, args, result: None
        """Told of each call of a module outside any other's forward."""
        self._stack: list[str | None] = []
        self._handles: tuple[RemovableHandle, ...] = ()
        self._paths: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()

    def start(self) -> None:
        """From now on follow every module call in this process; each costs microseconds, so only while recording."""
        self._handles = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        )

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = ()
        self._stack.clear()
        self.current = None

    def hooked(self) -> frozenset[str]:
        """Paths of the modules on which the program registered hooks."""
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        paths = self._paths.items()
        return frozenset(path for module, path in paths if any(getattr(module, kind) for kind in kinds))

    def _enter(self, module: nn.Module, args: Any) -> None:
        path = self._paths.get(module)
        if path is None:
            path = self._learn(module)
        self._stack.append(self.current)
        self.current = path

    def _leave(self, module: nn.Module, args: Any, result: Any) -> None:
        self.current = self._stack.pop() if self._stack else None
        if self.current is None:
            self.on_outermost(module, args, result)

    def _learn(self, module: nn.Module) -> str:
        if self.current is None:
            root = name_in_frames(module) or type(module).__name__
        else:
            root = f"{self.current}.{type(module).__name__}"
        for path, part in module.named_modules():
            self._paths.setdefault(part, f"{root}.{path}" if path else root)
        return self._paths[module]
