"""How much there is to write, say or draw: what is large is made in a thread, so that other readers need not wait.

Everything counts: numbers, texts by their length, nodes, edges, steps. Counting ends as soon as it is enough.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass

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
            waiting.extend(item.values() if isinstance(item, dict) else item)
        elif is_dataclass(item):
            waiting.extend(getattr(item, each.name) for each in fields(item))
    return room <= 0
