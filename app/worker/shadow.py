"""A module asked for predictions without its noticing: a twin is asked in its place.

The twin shares the parameters and has its own buffers, lists and flags, all in eval mode, and none of the program's
hooks; what its forward prints is dropped, and every random state is put back.
"""

from __future__ import annotations

import io
import random
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MOST_ITEMS = 1_000
"""Longer lists are the module's data, not its parts."""
PLAIN = frozenset({int, float, bool, str, type(None)})
EMPTY = frozenset({dict, OrderedDict, list, set})
HOOKS = frozenset({"_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"})


class CannotAsk(Exception):
    """The module failed when it was asked, or gave something else than predictions."""


def make_twin(module: nn.Module, keep_parameters: bool = False) -> nn.Module:
    """A twin of a module as it is now; with parameters of its own where they are to be kept as they are."""
    twin = _Twins(keep_parameters).of(module)
    assert isinstance(twin, nn.Module)
    return twin


class _Twins:
    def __init__(self, keep_parameters: bool) -> None:
        self._known: dict[int, Any] = {}
        self._keep = keep_parameters

    def of(self, value: Any) -> Any:
        if type(value) in PLAIN:
            return value
        known = self._known.get(id(value))
        if known is not None:
            return known
        if isinstance(value, nn.Module):
            return self._module(value)
        if isinstance(value, nn.Parameter):
            return self._remember(value, value.detach().clone() if self._keep else value)
        if isinstance(value, Tensor):
            return self._remember(value, value.detach().clone())
        if isinstance(value, torch.Generator):
            return self._remember(value, value.clone_state())
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self.of(value.__self__))
        return self._container(value)

    def _container(self, value: Any) -> Any:
        if type(value) not in (list, tuple, dict, OrderedDict, set) or len(value) > MOST_ITEMS:
            return value
        if not value:
            return type(value)()
        if isinstance(value, dict):
            return type(value)((key, self.of(item)) for key, item in value.items())
        return type(value)(self.of(item) for item in value)

    def _remember(self, value: Any, twin: Any) -> Any:
        self._known[id(value)] = twin
        return twin

    def _module(self, module: nn.Module) -> nn.Module:
        if isinstance(module, torch.jit.ScriptModule):
            raise CannotAsk("a compiled module")
        twin = self._remember(module, type(module).__new__(type(module)))
        held = twin.__dict__
        for name, value in vars(module).items():
            kind = type(value)
            if kind in PLAIN:  # as most of what a module holds is, or empty
                held[name] = value
            elif kind in EMPTY and not value:
                held[name] = kind()
            else:
                held[name] = torchs_own(value) if name in HOOKS else self.of(value)
        held["training"] = False
        return twin  # type: ignore[no-any-return]  # of the module's own class


def torchs_own(hooks: dict[int, Any]) -> dict[int, Any]:
    """Hooks that are part of the module: weight norm and pruning compute its weights."""
    return OrderedDict(
        (key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith("torch.nn.utils")
    )


def ask(twin: nn.Module, inputs: Tensor) -> Tensor:
    """What a twin gives for some inputs, `undisturbed`; CannotAsk where its forward fails or gives no tensor."""
    try:
        result = twin(inputs)
    except Exception as error:  # the program's own forward, with inputs it never saw
        raise CannotAsk(type(error).__name__) from error
    if type(result) is not Tensor or result.is_complex():
        raise CannotAsk("no tensor of numbers")
    return result.detach()


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Meanwhile nothing is printed or differentiated, and no random number is used up."""
    states = random.getstate(), np.random.get_state()
    devices = [device.index] if device.type == "cuda" else []
    with ExitStack() as stack:
        sink = io.StringIO()
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.no_grad())
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
