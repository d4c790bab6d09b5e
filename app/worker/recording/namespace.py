"""The program's names: what it starts with, and the tensors found under them when it has ended."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from app.program import FILENAME
from app.vocabulary.trace import InputSpec, TensorKind
from app.vocabulary.values import Complex, Nested, Text
from app.worker.recording.recorder import Recorder
from app.worker.recording.tensors import is_uninitialised, unheard

DEEPEST = 2
"""How far into lists, dicts and objects tensors are looked for."""
WIDEST = 64
LISTED_CHARS = 300
CALLED = "program.py"
"""The program's name on the command line it might have been started with, which has no arguments."""


def make_module(ears: dict[str, Any]) -> ModuleType:
    """A fresh `__main__` with the names every program is given, as if a file was run. `ears` are heard everywhere."""
    module = ModuleType("__main__")
    module.__dict__.update(torch=torch, nn=nn, F=F, optim=optim, np=np, plt=plt, math=math)
    module.__dict__.update(__builtins__=builtins, __file__=FILENAME)
    vars(builtins).update(ears)
    sys.modules["__main__"] = module
    sys.argv = [CALLED]
    return module


def make_input(spec: InputSpec, device: str, seed: int | None) -> Tensor:
    """The tensor an `InputSpec` describes: (shape) of its dtype, float32 where it needs a gradient.

    `seed` is the run's, for an input that is random and has none of its own.
    """
    dtype = getattr(torch, spec.dtype) if spec.dtype is not None else None
    if spec.shape is None:
        data = python_numbers(spec.value)
        made = torch.tensor(data, dtype=dtype, device=device)
        if dtype is None and spec.requires_grad and not (made.is_floating_point() or made.is_complex()):
            made = made.float()
    else:
        made = _initialised(spec, spec.shape, dtype, spec.seed if spec.seed is not None else seed).to(device)
    return made.requires_grad_(spec.requires_grad)


def _initialised(
    spec: InputSpec, shape: tuple[int, ...], dtype: torch.dtype | None, seed: int | None
) -> Tensor:
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    match spec.init:
        case "randn":
            return torch.randn(shape, generator=generator, dtype=dtype)
        case "rand":
            return torch.rand(shape, generator=generator, dtype=dtype)
        case "arange":
            return torch.arange(math.prod(shape), dtype=dtype or torch.float32).reshape(shape)
        case "eye":
            return torch.eye(*shape, dtype=dtype)
        case "ones":
            return torch.ones(shape, dtype=dtype)
        case "zeros":
            return torch.zeros(shape, dtype=dtype)


def python_numbers(value: Nested | None) -> Any:
    """Nested scalars of the vocabulary as Python's own numbers and lists."""
    match value:
        case tuple() | list():
            return [python_numbers(item) for item in value]
        case Complex():
            return complex(float(value.real), float(value.imag))
        case str():
            return float(value)
        case _:
            return value


class Found:
    """A tensor or array and the expression that yields it."""

    __slots__ = ("kind", "name", "thing")

    def __init__(self, name: str, thing: Tensor | np.ndarray[Any, Any], kind: TensorKind) -> None:
        self.name = name
        self.thing = thing
        self.kind: TensorKind = kind

    @property
    def size(self) -> int:
        """Number of its elements."""
        return self.thing.size if isinstance(self.thing, np.ndarray) else self.thing.numel()


def find_tensors(names: dict[str, Any]) -> Iterator[Found]:
    """Tensors and arrays the program's names lead to, in the order the names were bound."""
    return (found for found in _find(names) if not is_uninitialised(type(found.thing)))


def find_what_there_is(names: dict[str, Any]) -> list[Found]:
    """The tensors of a program that ended before they were looked for."""
    try:
        return list(find_tensors(names))
    except Exception:  # user code: a module's own `named_parameters`
        return []


def tell_uninitialised(names: dict[str, Any]) -> Iterator[Text]:
    """Why parameters and buffers of lazy layers are not among the tensors."""
    found = [each.name for each in _find(names) if is_uninitialised(type(each.thing))]
    if found:
        listed = ", ".join(found)[:LISTED_CHARS]
        yield Text(
            "No shape yet: {names}. A lazy layer makes its parameters in its first call.", {"names": listed}
        )


def named_by_program(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Its names but Python's own, and those of Python's modules, which lead to nothing of the program's."""
    return (
        each for each in names.items() if type(each[1]) is not ModuleType and not each[0].startswith("__")
    )


def _find(names: dict[str, Any]) -> Iterator[Found]:
    for name, value in named_by_program(names):
        yield from _within(name, value, DEEPEST)


def _within(name: str, value: Any, depth: int) -> Iterator[Found]:
    if type(value) is Tensor:  # nearly always so: to ask whether it is a parameter takes a call
        yield Found(name, value, "tensor")
    elif isinstance(value, nn.Parameter):
        yield Found(name, value, "parameter")
    elif isinstance(value, Tensor):
        yield Found(name, value, "tensor")
    elif type(value) is np.ndarray and value.dtype.kind in "bifuc":
        yield Found(name, value, "array")
    elif isinstance(value, nn.Module):
        for path, parameter in value.named_parameters():
            yield Found(f"{name}.{path}", parameter, "parameter")
        for path, buffer in value.named_buffers():
            yield Found(f"{name}.{path}", buffer, "buffer")
    elif depth:
        for inner, item in parts_of(value):
            yield from _within(name + inner, item, depth - 1)


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """What a list, a dict or an object of the program's own leads to, and how that is written."""
    if type(value) in (list, tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(value[:WIDEST]))
    elif type(value) is dict:
        items = list(value.items())[:WIDEST]
        yield from ((f"[{key!r}]", item) for key, item in items if isinstance(key, str | int))
    elif type(value).__module__ == "__main__" and isinstance(getattr(value, "__dict__", None), dict):
        yield from ((f".{key}", item) for key, item in list(vars(value).items())[:WIDEST])


def last_root(found: list[Found], shown: Any, assigned: tuple[str, ...], recorder: Recorder) -> Tensor | None:
    """The tensor with an autograd history that the program showed last, else assigned last, else made last."""
    rooted = {item.name: item.thing for item in found if has_history(item.thing)}
    if has_history(shown):
        return cast(Tensor, shown)
    for name in reversed(assigned):
        if name in rooted:
            return cast(Tensor, rooted[name])
    return max(cast("list[Tensor]", list(rooted.values())), key=recorder.number_of, default=None)


def has_history(thing: Any) -> bool:
    return isinstance(thing, Tensor) and unheard(
        lambda it: it.requires_grad and it.grad_fn is not None, thing
    )
