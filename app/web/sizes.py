"""How much there is to write, say or draw: what is large is made in a thread, so that other readers need not wait.

Everything counts: numbers, texts by their length, nodes, edges, steps. Counting ends as soon as it is enough, and is
done for every small answer too: numbers and what is empty are counted in their own place, a dataclass is taken apart
in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter

LARGE = 4_000
"""Things that take about 10 ms to write."""
CHARACTERS = 50
"""Characters of a text that count as one thing."""


NUMBERS = frozenset({int, float, bool})


def is_large(thing: object) -> bool:
    """Whether a value holds more than a few thousand things, whatever they lie in."""
    room = LARGE
    waiting = [thing]
    while waiting and room > 0:
        item = waiting.pop()
        room -= 1
        if isinstance(item, str):
            room -= len(item) // CHARACTERS
            continue
        parts = parts_of(item)
        if len(parts) > room:
            return True
        rest = [part for part in parts if part and type(part) not in NUMBERS]
        room -= len(parts) - len(rest)
        waiting.extend(rest)
    return room <= 0


def parts_of(item: object) -> Collection[object]:
    if isinstance(item, tuple | list):
        return item
    if isinstance(item, dict):
        return item.values()
    take = taker(type(item))  # type: ignore[arg-type]  # mypy takes `object.__hash__` for missing
    return take(item) if take is not None else ()


@cache
def taker(kind: type) -> Callable[[object], tuple[object, ...]] | None:
    """What takes a dataclass apart; None for any other class."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else []
    if len(names) < 2:  # attrgetter gives a lone value bare
        return (lambda item: (getattr(item, names[0]),)) if names else None
    parts: Callable[[object], tuple[object, ...]] = attrgetter(*names)
    return parts
