"""How deep each statement of a program lies that lost its indentation; an answer only where there is exactly one.

All ways are followed at once, statement by statement. What rules one out: a block may not be empty, `return` wants its
function and `self` its method, nothing follows a `return` in its own block, and a class that has begun its methods
holds nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.repairs.reading import without_comment

MOST_WAYS = 300
DEEPEST = 20
HEADER = re.compile(r"(?:async\s+)?(class|def|for|while|if|elif|else|try|except|finally|with)\b")
METHOD = re.compile(r"(?:async\s+)?def\s+\w+\s*\(\s*(?:self|cls)\b")
OF_CLASS = re.compile(r"@(?:staticmethod|classmethod|property)\b")
ENDS = re.compile(r"(?:return|raise|break|continue)\b")
CLAUSES: Mapping[str, tuple[str, ...]] = {
    "elif": ("if", "elif"),
    "else": ("if", "elif", "for", "while", "except"),
    "except": ("try", "except"),
    "finally": ("try", "except", "else"),
}
"""Which blocks a clause may follow."""


@dataclass(frozen=True, slots=True)
class Block:
    kind: str
    method: bool = False
    """A function whose first parameter is the object, or one inside of it."""
    methods_began: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """The blocks a next statement may belong to."""

    stack: tuple[Block, ...] = ()
    fresh: bool = False
    """The innermost one still needs its first statement."""
    ended: bool = False
    """The innermost one can hold no more."""


@dataclass(frozen=True, slots=True)
class Path:
    """How a way was come by, newest statement first; `several` where there was more than one way."""

    depth: int
    before: Path | None
    several: bool


def find_depths(statements: Sequence[str]) -> list[int] | None:
    ways: dict[Way, Path | None] = {Way(): None}
    groups = group_with_next(statements)
    for group in groups:
        coming: dict[Way, Path | None] = {}
        for way, path in ways.items():
            for depth, after in follow(way, statements[group.stop - 1], statements[group.start]):
                several = after in coming or (path is not None and path.several)
                coming[after] = Path(depth, path, several)
        ways = coming
        if not 0 < len(ways) <= MOST_WAYS or any(len(way.stack) > DEEPEST for way in ways):
            return None
    ended = [path for way, path in ways.items() if not way.fresh]
    if len(ended) != 1 or ended[0] is None or ended[0].several:
        return None
    return list(_depths(ended[0], groups))


def _depths(path: Path | None, groups: Sequence[range]) -> list[int]:
    depths: list[int] = []
    for group in reversed(groups):
        assert path is not None
        depths.extend(path.depth for _ in group)
        path = path.before
    return depths[::-1]


def group_with_next(statements: Sequence[str]) -> list[range]:
    """Comments and decorators belong to the statement after them."""
    groups, start = [], 0
    for at, statement in enumerate(statements):
        if not statement.startswith(("#", "@")) or at == len(statements) - 1:
            groups.append(range(start, at + 1))
            start = at + 1
    return groups


def follow(way: Way, statement: str, first: str) -> Iterator[tuple[int, Way]]:
    """Each depth the statement may have, and where that leads; `first` is its first decorator, or itself."""
    text = without_comment(statement)
    header = HEADER.match(text) if text.endswith(":") else None
    kind = header[1] if header else ""
    if kind in CLAUSES:
        for depth, block in enumerate(way.stack):
            if block.kind in CLAUSES[kind] and not way.fresh:
                yield depth, Way((*way.stack[:depth], Block(kind)), fresh=True)
        return
    depths = (len(way.stack),) if way.fresh else range(len(way.stack) + (0 if way.ended else 1))
    for depth in depths:
        stack = way.stack[:depth]
        if fits(stack, kind, text, bool(OF_CLASS.match(first)), way.fresh):
            yield depth, enter(stack, kind, text)


def enter(stack: tuple[Block, ...], kind: str, text: str) -> Way:
    if stack and stack[-1].kind == "class" and kind == "def":
        stack = (*stack[:-1], Block("class", methods_began=True))
    if not kind:
        return Way(stack, ended=bool(ENDS.match(text)))
    within = any(block.method for block in stack)
    return Way((*stack, Block(kind, method=within or bool(METHOD.match(text)))), fresh=True)


def fits(stack: tuple[Block, ...], kind: str, text: str, of_class: bool, first: bool) -> bool:
    kinds = [block.kind for block in stack]
    in_class = kinds[-1:] == ["class"]
    if kind == "def":
        return in_class == (of_class or bool(METHOD.match(text)))
    if (kind == "class" and not first) or text.startswith("if __name__"):
        return not stack
    if in_class and stack[-1].methods_began:
        return False
    if re.match(r"(?:return|yield)\b", text):
        return "def" in kinds
    if re.match(r"(?:break|continue)\b", text):
        return "for" in kinds or "while" in kinds
    return not re.search(r"\bself\b|\bsuper\(\)", text) or any(block.method for block in stack)
