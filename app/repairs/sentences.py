"""Sentences of an article between the lines of its program: words and nothing else, in no way Python.

A misspelt line of a program is left to be told of: what begins like one of Python's words, or says a name that the
program has, is a sentence only where it ends like one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.repairs.reading import open_lines, parse
from app.repairs.results import OWN, comment
from app.vocabulary.spelling import nearest

WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")
WORDS_ONLY = re.compile(r"[\w\s,.;:!?'\u2019\u2013-]+")
ENDING = re.compile(r"[.:!?]\s*$")
CHINESE = re.compile("[\u4e00-\u9fff]")
FEWEST = 4
"""Words, or Chinese characters, of a sentence."""


def comment_sentences(lines: Sequence[str]) -> list[str | None]:
    inside = open_lines(lines)
    found = {at for at, line in enumerate(lines) if not inside[at] and is_worded(line)}
    code = [line for at, line in enumerate(lines) if at not in found and not line.lstrip().startswith("#")]
    spoken = frozenset(word for line in code for word in WORD.findall(line))
    return [
        comment(line) if at in found and is_sentence(line, spoken) else line for at, line in enumerate(lines)
    ]


def is_worded(line: str) -> bool:
    return bool(line.strip()) and WORDS_ONLY.fullmatch(line) is not None and parse(line.strip()) is None


def is_sentence(line: str, spoken: frozenset[str]) -> bool:
    """Whether a line of nothing but words is no program's; `spoken` are the words of the program."""
    words, ends = WORD.findall(line), ENDING.search(line) is not None
    if not words:
        return False
    first = words[0].lower()
    if len(CHINESE.findall(line)) >= FEWEST and first not in OWN:
        return True
    if first in OWN or nearest(first, OWN):
        return len(words) > FEWEST and ends and not line.rstrip().endswith(":")
    if len(words) >= FEWEST and ends:
        return True
    return len(words) > 1 and all(len(word) > 2 for word in words) and spoken.isdisjoint(words)
