"""How much there is to write, say or draw: what is large is made in a thread, so that other readers need not wait.

Everything counts: numbers, texts by their length, nodes, edges, steps. Counting ends as soon as it is enough, and is
done for every small answer too: a plain number costs nothing to count, a dataclass is taken apart in one call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter

LARGE = 4_000
"""Things that take about 10 ms to write."""
CHARACTERS = 50
"""Characters of a text that count as one thing."""


def is_large(thing: object) -> bool:
    """Whether a value holds more than a few thousand things, whatever they lie in."""
    room = LARGE
    waiting = [thing]
    while waiting and room > 0:
        item = waiting.pop()
        room -= 1
        if isinstance(item, str):
            room -= len(item) // CHARACTERS
        elif isinstance(item, tuple | list | dict):
            if len(item) > room:
                return True
            parts = item.values() if isinstance(item, dict) else item
            rest = [part for part in parts if not isinstance(part, int | float)]
            room -= len(item) - len(rest)
            waiting.extend(rest)
        elif item is not None:
            parts_of = taker(type(item))  # type: ignore[arg-type]  # mypy takes `object.__hash__` for missing
            if parts_of is not None:
                waiting.extend(parts_of(item))
    return room <= 0


@cache
def taker(kind: type) -> Callable[[object], tuple[object, ...]] | None:
    """What takes a dataclass apart; None for any other class."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else []
    if len(names) < 2:  # attrgetter gives a lone value bare
        return (lambda item: (getattr(item, names[0]),)) if names else None
    parts: Callable[[object], tuple[object, ...]] = attrgetter(*names)
    return parts
