"""Words: a sentence's {gaps} filled, the same way for the page, the pictures and the terminal.

Sentences come partly from sealed children, so filling is plain replacement: never `str.format`, whose fields reach
into objects and whose widths allocate memory. What is said has a longest length, whatever it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from app.vocabulary.values import Telling, Text

GAP = re.compile(r"\{([a-zA-Z_]\w*)\}")
LONGEST = 4_000
"""Characters of a sentence, its gaps filled."""
ELLIPSIS = "…"
WIDEST_WHOLE = 1_000
"""Bits of a whole number that is written in decimal; Python refuses to write the largest ones so."""
CLEAR = "\x1b[H\x1b[2J"
"""What a program that clears its output writes: a terminal's order to begin anew at the top."""
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
"""What a terminal takes for orders: colours, movements, titles."""
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but newline and tab, marks that turn the direction of text, halves of characters."""


def fill_gaps(template: str, values: Mapping[str, str | int | float]) -> str:
    """The template with its gaps filled, at most LONGEST characters; a gap without a value stays as it is."""
    pieces, pick = _split(template[: LONGEST + 1])
    kept = pieces.copy()
    try:  # nearly all sentences are short and filled with text
        kept[1::2] = pick(values)
        said = "".join(kept)
        if len(said) <= LONGEST:
            return said
    except (KeyError, TypeError):  # a gap without a value; a number, which is no text yet
        pass
    return _fill_carefully(pieces.copy(), values)


def _fill_carefully(kept: list[str], values: Mapping[str, str | int | float]) -> str:
    length = 0
    for place in range(1, len(kept), 2):
        kept[place] = filled = _fill(kept[place], values)
        length += len(filled)
        if length > LONGEST:
            del kept[place + 1 :]
            break
    said = "".join(kept)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + ELLIPSIS


@lru_cache(maxsize=1_024)
def _split(template: str) -> tuple[list[str], Callable[[Any], Sequence[str]]]:
    """What stands between the gaps, and in turn the gaps' names; and what picks the gaps' values."""
    pieces = GAP.split(template)
    gaps = pieces[1::2]
    return pieces, itemgetter(*gaps) if len(gaps) > 1 else lambda values: [values[gap] for gap in gaps]


def _fill(gap: str, values: Mapping[str, str | int | float]) -> str:
    value = values.get(gap)
    if value is None:
        return f"{{{gap}}}"
    said = value if isinstance(value, str) else show_value(value)
    return said if len(said) <= LONGEST else said[: LONGEST + 1]


def show_value(value: str | int | float) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    if value.bit_length() > WIDEST_WHOLE:
        return hex(value)[:40] + ELLIPSIS
    return str(value)


def in_english(text: Text) -> str:
    """A sentence as it is written, its gaps filled."""
    if isinstance(text, Telling):
        text = text.said(in_english)
    return fill_gaps(text.template, text.values)


def for_terminal(text: str) -> str:
    """Text a terminal shows and does not obey: newlines and tabs are all that is left of control characters."""
    return UNSEEN.sub("", ESCAPES.sub("", text.replace("\r\n", "\n")).replace("\r", "\n"))


def json_for_terminal(text: str) -> str:
    """JSON that a terminal does not obey: what would be unseen is written as JSON's own escapes."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
