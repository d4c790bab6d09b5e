"""Runs that wait for their turn: each owner's in the order they came, the owners one after the other.

Who fills the line waits behind themselves. The last places are kept for owners who have nothing waiting yet.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT = 4
"""One place in so many is kept for newcomers."""


class FairLine(Generic[T]):
    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        """The owner whose turn is next comes first."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[T]:
        """In the order of their turns."""
        rounds = zip_longest(*self._waiting.values(), fillvalue=None)
        return (each for each in chain.from_iterable(rounds) if each is not None)

    def has_place_for(self, owner: str) -> bool:
        kept = self._places // KEPT if owner in self._waiting else 0
        return len(self) < self._places - kept

    def add(self, owner: str, waiting: T) -> None:
        self._waiting.setdefault(owner, deque()).append(waiting)

    def take(self) -> T:
        """The one whose turn it is; its owner's next comes after everybody else's."""
        owner, theirs = self._waiting.popitem(last=False)
        first = theirs.popleft()
        if theirs:
            self._waiting[owner] = theirs
        return first

    def remove(self, owner: str, waiting: T) -> None:
        theirs = self._waiting[owner]
        theirs.remove(waiting)
        if not theirs:
            del self._waiting[owner]
