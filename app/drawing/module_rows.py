"""Which rows a module tree is drawn as: what repeats is one row until it is opened, and what does not fit is closed.

Parts that stand one after the other and are built alike, down to their own parts, are one row: `(0)–(11): 12 × Block`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from app.vocabulary.modules import ModuleRecord, ModuleTree

FEWEST_ALIKE = 3
"""So many leaves alike are one row; of what has parts itself, two."""
READABLE = 60
"""Rows that open by themselves."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a module, or `alike`, all that are built like it. `parent` is the number of the row above it."""

    tree: int
    module: ModuleRecord
    alike: tuple[ModuleRecord, ...]
    depth: int
    parent: int | None
    key: str
    closed: bool
    """Whether it has parts that are not drawn."""
    within: tuple[str, ...]
    """The keys of what was opened around it, the innermost last."""

    @property
    def repeats(self) -> bool:
        return len(self.alike) > 1


@dataclass(frozen=True, slots=True)
class Branch:
    """A row that may be drawn, before it is known how much room there is."""

    module: ModuleRecord
    alike: tuple[ModuleRecord, ...]
    depth: int
    within: tuple[str, ...] = ()
    alone: bool = False
    """One of several that are alike: it opens when it is asked to, or else each of them would look different."""


def choose_rows(
    trees: Sequence[ModuleTree], most: int, opened: frozenset[str]
) -> tuple[list[Row], frozenset[str]]:
    """The rows in order, and which of the keys in `opened` are open."""
    rows: list[Row] = []
    found: set[str] = set()
    room = most
    for number, tree in enumerate(trees):
        if not tree.modules or room < 1:
            continue
        grown = _Growth(number, tree, min(room, max(READABLE // len(trees), 1)), room, opened)
        rows += grown.rows(len(rows))
        found |= grown.found
        room -= grown.count
    return rows, frozenset(found)


class _Growth:
    """One tree opened from its root down: what the reader asked for first, then level by level while it is readable."""

    def __init__(
        self, number: int, tree: ModuleTree, readable: int, most: int, opened: frozenset[str]
    ) -> None:
        self.count = 1
        self.found: set[str] = set()
        self._number = number
        self._parts: dict[int | None, list[ModuleRecord]] = defaultdict(list)
        for module in tree.modules:
            self._parts[module.parent].append(module)
        self._signs = signatures(tree.modules, self._parts)
        self._inner: dict[str, tuple[Branch, ...]] = {}
        self._root = Branch(tree.modules[0], (tree.modules[0],), 0)
        waiting = [self._root]
        while waiting:
            branch = waiting.pop(0)
            key = self.key(branch)
            asked = key in opened
            around = (*branch.within, key) if asked else branch.within
            inner = self._branches(branch, around)
            if not inner or self.count + len(inner) > (most if asked else readable):
                continue
            if asked or not (branch.alone or len(branch.alike) > 1):
                self._inner[key] = inner
                self.count += len(inner)
                waiting.extend(inner)
                self.found.update({key} if asked else ())

    def key(self, branch: Branch) -> str:
        first, last = branch.alike[0].id, branch.alike[-1].id
        return f"module-{self._number}-{first}" if first == last else f"modules-{self._number}-{first}-{last}"

    def _branches(self, branch: Branch, within: tuple[str, ...]) -> tuple[Branch, ...]:
        """What stands under a branch: those that are alike, else the module's parts, folded where they repeat."""
        depth = branch.depth + 1
        if len(branch.alike) > 1:
            return tuple([Branch(each, (each,), depth, within, True) for each in branch.alike])
        runs = self._fold(self._parts[branch.module.id])
        return tuple([Branch(run[0], run, depth, within) for run in runs])

    def _fold(self, parts: list[ModuleRecord]) -> list[tuple[ModuleRecord, ...]]:
        runs: list[list[ModuleRecord]] = []
        for part in parts:
            if runs and self._signs[runs[-1][0].id] == self._signs[part.id]:
                runs[-1].append(part)
            else:
                runs.append([part])
        folded: list[tuple[ModuleRecord, ...]] = []
        for run in runs:
            fewest = 2 if self._parts[run[0].id] else FEWEST_ALIKE
            folded += [tuple(run)] if len(run) >= fewest else [(each,) for each in run]
        return folded

    def rows(self, before: int) -> list[Row]:
        """The rows, parents before what stands under them; `before` have been written already."""
        written: list[Row] = []
        waiting: list[tuple[Branch, int | None]] = [(self._root, None)]
        while waiting:
            branch, parent = waiting.pop()
            key, number = self.key(branch), before + len(written)
            inner = self._inner.get(key, ())
            closed = not inner and bool(len(branch.alike) > 1 or self._parts[branch.module.id])
            written.append(
                Row(
                    self._number,
                    branch.module,
                    branch.alike,
                    branch.depth,
                    parent,
                    key,
                    closed,
                    branch.within,
                )
            )
            waiting.extend([(each, number) for each in reversed(inner)])
        return written


def signatures(
    modules: Sequence[ModuleRecord], parts: dict[int | None, list[ModuleRecord]]
) -> dict[int, int]:
    """Equal for modules that are built alike, whatever they are called and whatever they hold just now."""
    known: dict[object, int] = {}
    signs: dict[int, int] = {}
    for module in reversed(modules):
        inner = tuple([(part.name, signs.get(part.id)) for part in parts[module.id]])
        shared = module.id if module.same_as is not None else None
        sign = (
            module.kind,
            module.says,
            module.parameters,
            module.trainable,
            bool(module.calls),
            inner,
            shared,
        )
        signs[module.id] = known.setdefault(sign, len(known))
    return signs
