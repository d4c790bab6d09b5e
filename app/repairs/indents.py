"""Indentation that was lost, mixed or shifted, given back where only one way of doing so is a program."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from app.repairs.blocks import find_depths
from app.repairs.reading import indent_of, open_lines, parse, parses

WIDTHS = (8, 4)
"""Columns a tab may stand for."""


def even_tabs(lines: Sequence[str]) -> list[str | None]:
    """Tabs among spaces as spaces, where every width that makes a program makes the same one."""
    if not any("\t" in indent_of(line) for line in lines):
        return list(lines)
    inside = open_lines(lines)
    readings = []
    for width in WIDTHS:
        told = [
            line if inside[at] else indent_of(line).expandtabs(width) + line.lstrip(" \t")
            for at, line in enumerate(lines)
        ]
        tree = parse("\n".join(told))
        if tree is not None:
            readings.append((ast.dump(tree), told))
    return list(readings[0][1]) if len({dump for dump, _ in readings}) == 1 else list(lines)


def shift(lines: Sequence[str]) -> list[str | None]:
    """A text cut from the middle of a file: all of it stands too far right, or all but its first line."""
    dedented = textwrap.dedent("\n".join(lines)).split("\n")
    if dedented != list(lines):
        return list(dedented)
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if len(filled) < 2:
        return list(lines)
    first = filled[0]
    others = textwrap.dedent("\n".join(lines[first + 1 :])).split("\n")
    candidates = (
        [*lines[:first], lines[first].lstrip(), *others],
        [*lines[:first], lines[first].lstrip(), *lines[first + 1 :]],
    )
    fitting = [each for each in candidates if each != list(lines) and parses(each)]
    return list(fitting[0]) if len(fitting) == 1 else list(lines)


def indent_blocks(lines: Sequence[str]) -> list[str | None]:
    """Blocks whose indentation was lost altogether, where the statements leave one way to put it back."""
    inside = open_lines(lines)
    starts = [at for at, line in enumerate(lines) if line.strip() and not inside[at]]
    if any(lines[at][:1] in " \t" for at in starts):
        return list(lines)
    ends = [*starts[1:], len(lines)][: len(starts)]
    whole = ["\n".join(lines[start:end]).strip() for start, end in zip(starts, ends, strict=True)]
    depths = find_depths(whole)
    if depths is None:
        return list(lines)
    told = list(lines)
    for start, end, depth, statement in zip(starts, ends, depths, whole, strict=True):
        text = '"""' in statement or "'''" in statement  # its later lines may be part of a string
        for at in range(start, start + 1 if text else end):
            told[at] = "    " * depth + told[at] if told[at].strip() else told[at]
    return list(told) if parses(told) else list(lines)
