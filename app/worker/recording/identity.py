"""Who is who: dense numbers for tensors and arrays, from a table that knows when an object has died.

Never `id()` alone: freed objects reuse it. No callback for the dead either, which would cost each tensor a call.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable

from app.vocabulary.values import StorageId, TensorId

FEWEST = 4_096
"""So many may have died before it is looked who has."""


class IdentityTable:
    """Numbers objects in the order they are first seen. Holds them weakly; what has died is swept out now and then."""

    def __init__(self) -> None:
        self._next = itertools.count()
        self._known: dict[int, tuple[weakref.ref[object], TensorId]] = {}
        """By address: whoever lives there now is the one that is known only if the reference says so."""
        self._things: dict[TensorId, weakref.ref[object]] = {}
        self._most = FEWEST

    def number(self, thing: object) -> TensorId:
        address = id(thing)
        known = self._known.get(address)
        if known is not None and known[0]() is thing:
            return known[1]
        number = TensorId(next(self._next))
        reference = weakref.ref(thing)
        self._known[address] = reference, number
        self._things[number] = reference
        if len(self._things) > self._most:
            self._sweep()
        return number

    def _sweep(self) -> None:
        self._things = {number: each for number, each in self._things.items() if each() is not None}
        self._known = {at: known for at, known in self._known.items() if known[0]() is not None}
        self._most = max(FEWEST, 2 * len(self._things))

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
