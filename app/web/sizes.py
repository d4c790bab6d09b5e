"""How much there is to write, say or draw: what is large is made in a thread, so that other readers need not wait.

Everything counts: numbers, texts by their length, nodes, edges, steps. Counting ends as soon as it is enough, and is
done for every small answer too: numbers, texts and what is empty are counted in their own place, and what takes a
class apart is found once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any

LARGE = 4_000
"""Things that take about 10 ms to write."""
CHARACTERS = 50
"""Characters of a text that count as one thing."""


NUMBERS = frozenset({int, float, bool})


def is_large(thing: object) -> bool:
    """Whether a value holds more than a few thousand things, whatever they lie in."""
    room = LARGE
    waiting = [thing]
    for item in waiting:  # more join meanwhile
        parts = taker(type(item))(item)  # type: ignore[arg-type]  # `object.__hash__` is missing to mypy
        room -= len(parts)
        if room <= 0:
            return True
        for part in parts:
            kind = type(part)
            if kind is str:
                room -= len(part) // CHARACTERS
            elif part and kind not in NUMBERS:
                waiting.append(part)
    return room <= 0


@cache
def taker(kind: type) -> Callable[[Any], Collection[Any]]:
    """What takes a value of this class apart; a text, as markup is one, by its length."""
    if issubclass(kind, str):
        return lambda text: range(len(text) // CHARACTERS)
    if issubclass(kind, tuple | list):
        return lambda items: items
    if issubclass(kind, dict):
        return dict.values
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else []
    if len(names) < 2:  # attrgetter gives a lone value bare
        return lambda item: [getattr(item, name) for name in names]
    return attrgetter(*names)
