"""Characters no keyboard for Python types: spaces that do not break, quotes that bend, punctuation as wide as a word.

Only code is touched: what stands in strings and comments may be meant. Each of these characters is an error of syntax
where it stands, and each has one meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from app.repairs.reading import SPANNING

SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
SIGNS: Mapping[str, str] = {
    "\u3001": ",",
    "\u3002": ".",
    "\u3010": "[",
    "\u3011": "]",
    "\u2212": "-",
    "\u2013": "-",
    "\u2026": "...",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
}
WIDE = range(0xFF01, 0xFF5F)
NARROWER = 0xFEE0
"""What a wide character's code point has more than that of the narrow one."""
DOUBLE = "\u201c\u201d\u201e\u201f\uff02"
SINGLE = "\u2018\u2019\u201a\u201b\uff07"
QUOTED = rf"""
    (?P<double>[{DOUBLE}]) (?P<words>[^{DOUBLE}"\n]*) (?:[{DOUBLE}] | "(?![^\n]*[{DOUBLE}]))
    | (?P<single>[{SINGLE}]) (?P<word>(?:[^{SINGLE}'\n] | (?<=\w)\u2019(?=\w))*) (?:[{SINGLE}] | '(?![^\n]*[{SINGLE}]))
"""
"""A string in bent quotes; one that holds a straight quote of its own kind has no certain end."""
STRINGS = re.compile(f"(?P<whole>{SPANNING.pattern}) | {QUOTED}", SPANNING.flags)


def straighten_quotes(lines: Sequence[str]) -> list[str | None]:
    return list(STRINGS.sub(_straight, "\n".join(lines)).split("\n"))


def _straight(found: re.Match[str]) -> str:
    if found["double"]:
        return f'"{found["words"]}"'
    return f"'{found['word']}'" if found["single"] else found[0]


def straighten_spaces(lines: Sequence[str]) -> list[str | None]:
    """In strings too where the text has no plain space left: then no space of theirs was spared either."""
    changed = _in_code(lines, lambda code: SPACES.sub(" ", code))
    if changed != list(lines) and not any(" " in line for line in lines):
        return [SPACES.sub(" ", line) for line in lines]
    return changed


def drop_invisible(lines: Sequence[str]) -> list[str | None]:
    return _in_code(lines, lambda code: INVISIBLE.sub("", code))


def narrow_punctuation(lines: Sequence[str]) -> list[str | None]:
    """Also the sign that begins a comment."""
    return _in_code(lines, lambda code: "".join(map(_narrow, code)))


def _narrow(character: str) -> str:
    """Letters stay: Python itself reads wide ones as narrow ones."""
    if ord(character) in WIDE:
        narrow = chr(ord(character) - NARROWER)
        return character if narrow.isalpha() else narrow
    return SIGNS.get(character, character)


def _in_code(lines: Sequence[str], change: Callable[[str], str]) -> list[str | None]:
    text = "\n".join(lines)
    pieces, at = [], 0
    for found in SPANNING.finditer(text):
        pieces.append(change(text[at : found.start()]))
        pieces.append(change(found[0][0]) + found[0][1:])
        at = found.end()
    pieces.append(change(text[at:]))
    return list("".join(pieces).split("\n"))
