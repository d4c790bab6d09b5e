"""Line numbers beside a program: a column of them before the code, or a block of them before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from app.repairs.reading import open_lines, parses

NUMBER = re.compile(r"\s*(\d+)([.:|)\]]|\s*[|│┃])?(?!\d)")
ALONE = re.compile(r"\s*(\d+)[.:]?\s*")
FEWEST = 2
FEWEST_ALONE = 3
"""Lines of nothing but 1, 2, 3, ... that are no program of numbers."""


def strip_column(lines: Sequence[str]) -> list[str | None]:
    """Every line begins with its number: off it comes, and the space every line has after it.

    The first one may have lost it, if what is left is Python.
    """
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if first < len(lines) and not NUMBER.match(lines[first]):
        below = _strip(lines[first + 1 :])
        whole = [*lines[: first + 1], *below]
        return whole if below != [*lines[first + 1 :]] and parses(whole) else list(lines)
    return _strip(lines)


def _strip(lines: Sequence[str]) -> list[str | None]:
    found = [(at, line, NUMBER.match(line)) for at, line in enumerate(lines) if line.strip()]
    numbered = [(at, line, match) for at, line, match in found if match]
    if len(numbered) < max(FEWEST, len(found)) or not _count_up([(at, int(m[1])) for at, _, m in numbered]):
        return list(lines)
    if len({match[2] for _, _, match in numbered}) > 1:
        return list(lines)
    beside = _cut(lines, {at: match.end() for at, _, match in numbered})
    ends = max(match.end() for _, _, match in numbered)
    below = _cut(lines, {at: ends for at, _, _ in numbered})
    fits = all(not line[match.end() : ends].strip() for _, line, match in numbered)
    return below if fits and not parses(beside) and parses(below) else beside


def _count_up(places: Sequence[tuple[int, int]]) -> bool:
    """Consecutive numbers; lines left blank may have been counted or not."""
    steps = pairwise(places)
    return all(number - before in (1, at - earlier) for (earlier, before), (at, number) in steps)


def _cut(lines: Sequence[str], ends: dict[int, int]) -> list[str | None]:
    rests = [line[ends[at] :] if at in ends else "" for at, line in enumerate(lines)]
    common = min((len(rest) - len(rest.lstrip(" \t")) for rest in rests if rest.strip()), default=0)
    return [rest[common:].rstrip() if rest.strip() else "" for rest in rests]


def drop_blocks(lines: Sequence[str]) -> list[str | None]:
    """Lines of nothing but 1, 2, 3, ...: they do nothing in a program, wherever they stand."""
    inside = open_lines(lines)
    alone = [
        (at, int(m[1])) for at, line in enumerate(lines) if not inside[at] and (m := ALONE.fullmatch(line))
    ]
    dropped: set[int] = set()
    run: list[tuple[int, int]] = []
    for at, number in [*alone, (-1, 1)]:
        if number == 1 or (run and number != run[-1][1] + 1):
            dropped |= {place for place, _ in run} if len(run) >= FEWEST_ALONE else set()
            run = []
        if number == 1 or run:
            run.append((at, number))
    code_follows = any(line.strip() and at not in dropped for at, line in enumerate(lines))
    return [None if at in dropped and code_follows else line for at, line in enumerate(lines)]
