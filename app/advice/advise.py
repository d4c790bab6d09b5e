"""A program's text -> what is worth knowing of it before it runs, in its order; and the text with a fix made."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from zlib import crc32

from app.advice.absent import find_absent
from app.advice.names import Names
from app.advice.old import find_old, find_prints
from app.advice.unbound import find_unbound
from app.source import SourceText
from app.vocabulary.editing import Advice, Edit
from app.vocabulary.values import Span

MOST_ADVICE = 12
EDIT = "edit:"


def advise(text: str) -> tuple[Advice, ...]:
    """The first pieces of advice there are; of a text that is no Python 3 only what makes it one."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(find_prints(text))
    names = Names.of(tree, text)
    found = sorted(
        (*find_absent(names), *find_old(names), *find_unbound(names)),
        key=lambda each: (each.span.line, each.span.column),
    )
    return tuple(found)[: 10 * MOST_ADVICE]


def worth_saying(advice: Sequence[Advice], failed: Span | None) -> tuple[Advice, ...]:
    """What is said: some of it only where the program failed at that very place."""
    said = (each for each in advice if not each.when_raised or (failed and _covers(each.span, failed)))
    return tuple(said)[:MOST_ADVICE]


def _covers(span: Span, failed: Span) -> bool:
    return span.line <= failed.end_line and failed.line <= span.end_line


def make_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits made, the last first, so that the places of the others hold; overlapping ones once."""
    source = SourceText.of(text)
    lines = list(source.lines)
    limit = (len(lines) + 1, 0)
    for edit in sorted(edits, key=lambda each: (each.span.line, each.span.column), reverse=True):
        span = edit.span
        if (span.end_line, span.end_column) > limit:
            continue
        limit = (span.line, span.column)
        before, after = lines[span.line - 1][: span.column], lines[span.end_line - 1][span.end_column :]
        lines[span.line - 1 : span.end_line] = (before + edit.text + after).split("\n")
    return "\n".join(lines)


def fixed(text: str, key: str) -> str:
    """The text with the fix of that key made; as it is where there is none, or what it changed reads otherwise now."""
    if key.startswith(EDIT):
        edit = read_edit(text, key)
        return make_edits(text, (edit,)) if edit else text
    for advice in advise(text):
        if advice.fix and key_of(advice) == key:
            return make_edits(text, advice.fix.edits)
    return text


def key_of(advice: Advice) -> str:
    return f"{advice.code}:{advice.span.line}:{advice.span.column}"


def key_of_edit(text: str, edit: Edit) -> str:
    """An edit as a button's value: where, the checksum of the lines there, and what is to stand there."""
    span = edit.span
    where = (span.line, span.column, span.end_line, span.end_column, checksum(text, span))
    return f"{EDIT}{':'.join(map(str, where))}:{edit.text}"


def read_edit(text: str, key: str) -> Edit | None:
    """The edit of a button's value; None where it is none of ours, or the text is another by now."""
    match = re.fullmatch(EDIT + 5 * r"(\d{1,10}):" + r"(.{1,120})", key.replace("\r\n", "\n"), re.DOTALL)
    if match is None:
        return None
    line, column, end_line, end_column, expected = map(int, match.groups()[:5])
    span = Span(line, column, end_line, end_column)
    return Edit(span, match[6]) if checksum(text, span) == expected else None


def checksum(text: str, span: Span) -> int:
    lines = text.split("\n")[span.line - 1 : span.end_line]
    return crc32("\n".join(lines).encode("utf-8", "surrogatepass"))
