"""The program's modules as trees: what each holds, how often it was called, and every parameter in one table.

Only outermost modules that a name of the program leads to; a module's own methods are asked for nothing but what
`print(model)` asks them for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import getattr_static
from typing import Any

import torch
from torch import Tensor, nn

from app.vocabulary.limits import Limits
from app.vocabulary.modules import ModuleId, ModuleRecord, ModuleTree, ParameterRecord
from app.vocabulary.values import Real, Span
from app.worker.recording.modules import Followed
from app.worker.recording.namespace import DEEPEST, named_by_program, parts_of
from app.worker.recording.tensors import dtype_name, is_uninitialised, plain_scalar, readable, shape_of
from app.worker.wording import plain_text

MOST_TEXT = 300
MOST_ALIASES = 8


@dataclass(slots=True)
class Entry:
    """A module and where it stands, before its sums are known."""

    module: nn.Module
    parent: int | None
    path: str
    name: str
    same_as: int | None = None
    tensors: dict[int, tuple[Tensor, bool]] = field(default_factory=dict)
    """All that it and its parts hold, each once, and whether it is a parameter."""


def find_modules(names: dict[str, Any]) -> list[tuple[nn.Module, list[str]]]:
    """Modules the program's names lead to and that lie in no other such module, with all their names."""
    found: dict[int, tuple[nn.Module, list[str]]] = {}
    for name, value in named_by_program(names):
        for path, module in _within(name, value, DEEPEST):
            found.setdefault(id(module), (module, []))[1].append(path)
    inside: set[int] = set()
    for module, _ in found.values():
        if id(module) not in inside:
            inside.update(id(entry.module) for entry in walk("", module)[1:] if entry.module is not module)
    return [each for number, each in found.items() if number not in inside]


def _within(name: str, value: Any, depth: int) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(value, nn.Module):
        yield name, value
    elif depth:
        for inner, item in parts_of(value):
            yield from _within(name + inner, item, depth - 1)


def walk(name: str, root: nn.Module, most: int = 100_000) -> list[Entry]:
    """Parents before their parts, in the order of `print(model)`; what was met before is not walked again."""
    entries: list[Entry] = []
    known: dict[int, int] = {}
    waiting: list[tuple[nn.Module, int | None, str, str]] = [(root, None, name, name)]
    while waiting and len(entries) < most:
        module, parent, path, own = waiting.pop()
        number = len(entries)
        same_as = known.setdefault(id(module), number)
        entries.append(Entry(module, parent, path, own, None if same_as == number else same_as))
        if same_as == number:
            parts = [
                (part, number, f"{path}.{key}", key)
                for key, part in module._modules.items()
                if part is not None
            ]
            waiting.extend(reversed(parts))
    return entries


class ModuleTrees:
    """Tells all trees of a run within its limits."""

    def __init__(
        self,
        limits: Limits,
        followed: Callable[[nn.Module], Followed | None],
        place: Callable[[Any, int], Span | None],
        counted: bool,
    ) -> None:
        self._modules_left = self._parameters_left = limits.modules
        self._followed = followed
        self._place = place
        self._counted = counted

    def tell(self, names: dict[str, Any]) -> tuple[ModuleTree, ...]:
        with torch._C.DisableTorchFunction():
            return tuple([self._tree(*found) for found in find_modules(names) if self._modules_left > 0])

    def _tree(self, root: nn.Module, names: list[str]) -> ModuleTree:
        entries = walk(names[0], root)
        gather(entries)
        shown = entries[: self._modules_left]
        self._modules_left -= len(shown)
        modules = tuple([self._module(ModuleId(number), entry) for number, entry in enumerate(shown)])
        rows = list(self._parameters(entries))
        kept = rows[: self._parameters_left]
        self._parameters_left -= len(kept)
        left_out = len(entries) - len(shown), len(rows) - len(kept)
        return ModuleTree(
            names[0], tuple(names[1:MOST_ALIASES]), modules, tuple(kept), self._counted, *left_out
        )

    def _module(self, number: ModuleId, entry: Entry) -> ModuleRecord:
        module, held = entry.module, list(entry.tensors.values())
        parameters = [tensor for tensor, is_parameter in held if is_parameter]
        known = self._followed(module)
        own = {id(each): each for each in module._parameters.values() if each is not None}
        return ModuleRecord(
            id=number,
            parent=None if entry.parent is None else ModuleId(entry.parent),
            path=entry.path[:MOST_TEXT],
            name=entry.name[:MOST_TEXT],
            kind=ask(module._get_name),
            says=ask(module.extra_repr),
            parameters=sum(map(count, parameters)),
            own_parameters=sum(map(count, own.values())),
            trainable=sum([count(each) for each in parameters if each.requires_grad]),
            buffers=sum([count(each) for each, is_parameter in held if not is_parameter]),
            bytes=sum([count(each) * each.itemsize for each, _ in held]),
            dtypes=tuple(dict.fromkeys([dtype_name(each.dtype) for each, _ in held])),
            devices=tuple(dict.fromkeys([str(each.device) for each, _ in held])),
            has_forward=getattr_static(type(module), "forward", None) is not nn.Module.forward,
            training=bool(module.training),
            calls=known.calls if known else 0,
            outputs=tuple(known.shapes) if known else (),
            same_as=None if entry.same_as is None else ModuleId(entry.same_as),
            span=self._place(known.code, known.instruction) if known and known.code else None,
        )

    def _parameters(self, entries: list[Entry]) -> Iterator[ParameterRecord]:
        """A row for each name of a parameter or buffer; its numbers are told at the first."""
        told: dict[int, str] = {}
        for number, entry in enumerate(entries):
            if entry.same_as is None:
                for key, tensor, is_parameter in own_tensors(entry.module):
                    name = f"{entry.path}.{key}"[:MOST_TEXT]
                    first = told.setdefault(id(tensor), name)
                    yield tell_tensor(
                        name, ModuleId(number), tensor, is_parameter, None if first == name else first
                    )


def gather(entries: list[Entry]) -> None:
    """Give each entry all tensors of its own and of its parts; parts stand behind their parents."""
    for entry in reversed(entries):
        if entry.same_as is None:
            own = {id(each): (each, kind) for _, each, kind in own_tensors(entry.module)}
            entry.tensors = own | entry.tensors
            if entry.parent is not None:
                entries[entry.parent].tensors |= entry.tensors
    for entry in entries:
        if entry.same_as is not None:
            entry.tensors = entries[entry.same_as].tensors
            above = entry.parent
            while above is not None:
                entries[above].tensors |= entry.tensors
                above = entries[above].parent


def own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor, bool]]:
    """Name, tensor, and whether it is a parameter."""
    for key, parameter in module._parameters.items():
        if parameter is not None:
            yield key, parameter, True
    for key, buffer in module._buffers.items():
        if buffer is not None:
            yield key, buffer, False


def tell_tensor(
    name: str, module: ModuleId, tensor: Tensor, is_parameter: bool, same_as: str | None
) -> ParameterRecord:
    lazy = is_uninitialised(type(tensor))
    return ParameterRecord(
        name=name,
        module=module,
        kind="parameter" if is_parameter else "buffer",
        shape=None if lazy else shape_of(tensor),
        dtype=dtype_name(tensor.dtype),
        device=str(tensor.device),
        elements=count(tensor),
        bytes=count(tensor) * tensor.itemsize,
        requires_grad=tensor.requires_grad,
        grad_norm=None if same_as or not tensor.is_leaf or tensor.grad is None else norm(tensor.grad),
        same_as=same_as,
    )


def count(tensor: Tensor) -> int:
    """Its elements; none before a lazy layer has made it."""
    return 0 if is_uninitialised(type(tensor)) else tensor.numel()


def norm(grad: Tensor) -> Real | None:
    dense = readable(grad)
    if dense is None:
        return None
    number = torch.linalg.vector_norm(
        dense if dense.is_floating_point() or dense.is_complex() else dense.double()
    )
    told = plain_scalar(number.item())
    return told if isinstance(told, int | float | str) else None


def ask(method: Callable[[], str]) -> str:
    """What a module says of itself in one line."""
    try:
        return " ".join(plain_text(str(method())).split())[:MOST_TEXT]
    except Exception as error:  # user code: a module's own `extra_repr`
        return plain_text(f"<{type(error).__name__}>")
