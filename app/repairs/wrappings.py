"""What stands around a program: fences of Markdown, and lines for a shell or a notebook instead of Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.repairs.reading import indent_of, open_lines, parse
from app.repairs.results import comment

FENCE = re.compile(r"\s*(`{3,}|~{3,})[^`]*$")
TIMED = re.compile(r"\s*%%?(?:time|capture|python3?|prun)\b\s*")
"""Magics whose rest is Python, run as any other."""
SHELL = re.compile(r"\s*(?:!|%%?[A-Za-z]|\$ ?\w|\?\w|[\w.]+\?{1,2}\s*$)")
BARE_SHELL = re.compile(
    r"\s*(?:sudo\s+)?(?:pip3?|conda|mamba|apt|apt-get|brew|git|wget|curl|mkdir|python3?|cd|ls|rm|cp|mv|tar|unzip|uv"
    r"|tensorboard|jupyter|torchrun|kaggle|nvidia-smi|export|source|docker)\s+[-\w./~]\S*.*"
)


def unwrap_fences(lines: Sequence[str]) -> list[str | None]:
    """The fences go; words outside them become comments."""
    inside = open_lines(lines)
    fences = {at for at, line in enumerate(lines) if FENCE.match(line) and not inside[at]}
    if not fences or parse("\n".join(lines)) is not None:
        return list(lines)
    fenced = False
    told: list[str | None] = []
    only_one = len(fences) == 1  # the other was lost: nothing says which side is the program
    for at, line in enumerate(lines):
        if FENCE.match(line) and (at in fences or fenced):
            fenced = not fenced
            told.append(None)
        else:
            told.append(line if fenced or only_one or not line.strip() else comment(line))
    return told


def comment_shell(lines: Sequence[str]) -> list[str | None]:
    inside = open_lines(lines)
    return [line if inside[at] else _without_shell(line) for at, line in enumerate(lines)]


def _without_shell(line: str) -> str:
    if timed := TIMED.match(line):
        rest = line[timed.end() :]
        if not rest.strip() or parse(rest) is not None:
            return indent_of(line) + rest if rest.strip() else _set_aside(line)
    if SHELL.match(line) or (BARE_SHELL.fullmatch(line) and parse(line.strip()) is None):
        return _set_aside(line)
    return line


def _set_aside(line: str) -> str:
    """A block whose only line this was still needs a statement."""
    indent = indent_of(line)
    return f"{indent}pass  # {line.strip()}" if indent else comment(line)
