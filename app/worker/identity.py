"""Who is who: dense numbers for tensors and arrays, from a table that knows when an object has died.

Never `id()` alone: freed objects reuse it. An entry lives exactly as long as its object.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable

from app.values import StorageId, TensorId


class _Reference(weakref.ref[object]):
    """A weak reference that knows what to strike out when its object dies."""

    __slots__ = ("address", "number")
    address: int
    number: TensorId


class IdentityTable:
    """Numbers objects in the order they are first seen. Holds them weakly."""

    def __init__(self) -> None:
        self._next = itertools.count()
        self._numbers: dict[int, TensorId] = {}
        self._things: dict[TensorId, _Reference] = {}
        self._forget = self._strike_out  # bound once, not once per tensor

    def number(self, thing: object) -> TensorId:
        address = id(thing)
        known = self._numbers.get(address)
        if known is not None:
            return known
        number = TensorId(next(self._next))
        self._numbers[address] = number
        reference = self._things[number] = _Reference(thing, self._forget)
        reference.address, reference.number = address, number
        return number

    def _strike_out(self, reference: _Reference) -> None:
        self._numbers.pop(reference.address, None)
        self._things.pop(reference.number, None)

    def thing(self, number: TensorId) -> object | None:
        """The object with that number, if it still lives."""
        reference = self._things.get(number)
        return None if reference is None else reference()


def shared_storages(ranges: Iterable[tuple[int, int]]) -> list[StorageId]:
    """Storage numbers for half-open byte ranges, all alive at once: ranges that touch the same bytes share one."""
    spans = list(ranges)
    group_of = {}
    group, reach = -1, -1
    for index in sorted(range(len(spans)), key=lambda index: spans[index]):
        start, end = spans[index]
        if start == end:
            group_of[index] = -2 - index  # no memory: shares nothing
            continue
        if start >= reach:
            group += 1
        reach = max(reach, end)
        group_of[index] = group
    renumbered: dict[int, int] = {}
    return [StorageId(renumbered.setdefault(group_of[index], len(renumbered))) for index in range(len(spans))]
