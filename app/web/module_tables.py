"""Module trees -> an outline that opens part by part, and a table of every parameter and buffer, with their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from app.drawing.numerals import show_bytes, show_count, show_shape
from app.source import SourceText
from app.vocabulary.modules import ModuleId, ModuleRecord, ModuleTree, ParameterRecord
from app.web.graph_contexts import ModuleEntry, ModulesPanel, ParameterRow
from app.web.languages import Language
from app.web.places import locate
from app.web.values import show_number

DEEPEST = 20
"""Lists inside lists."""
MOST_ENTRIES = 400
"""Modules, and as many rows of the table, that the page shows."""


def show_modules(trees: tuple[ModuleTree, ...], source: SourceText, language: Language) -> ModulesPanel:
    shown = list(cut(trees))
    rows = [row for tree in trees for row in tree.parameters]
    return ModulesPanel(
        entries=tuple(outline(tree, records, source, language) for tree, records in shown),
        rows=tuple(parameter_row(row) for row in rows[:MOST_ENTRIES]),
        totals=tuple(total(tree, language) for tree in trees if tree.parameters),
        left_out=tuple(left_out(trees, shown, rows, language)),
    )


def cut(trees: tuple[ModuleTree, ...]) -> Iterator[tuple[ModuleTree, tuple[ModuleRecord, ...]]]:
    """Each tree with as many of its modules as there is room for; parents stand before their parts."""
    room = MOST_ENTRIES
    for tree in trees:
        records = tree.modules[:room]
        room -= len(records)
        if records:
            yield tree, records


def outline(
    tree: ModuleTree, records: tuple[ModuleRecord, ...], source: SourceText, language: Language
) -> ModuleEntry:
    """The first record's entry with all others inside; made from the innermost outwards."""
    parts: dict[ModuleId | None, list[ModuleEntry]] = defaultdict(list)
    above = parents(records)
    for record in reversed(records):
        entry = ModuleEntry(
            record.name,
            record.kind,
            record.says,
            tuple(facts(record, tree, language)),
            locate(source, record.span),
            tuple(reversed(parts[record.id])),
        )
        parts[above[record.id]].append(entry)
    return parts[None][0]


def parents(records: tuple[ModuleRecord, ...]) -> dict[ModuleId, ModuleId | None]:
    """Where each is told: under its parent, or what lies deeper than a page can nest under the last that fits."""
    above: dict[ModuleId, ModuleId | None] = {}
    depths: dict[ModuleId | None, int] = {None: 0}
    for record in records:
        fits = depths[record.parent] < DEEPEST or record.parent is None
        above[record.id] = record.parent if fits else above[record.parent or ModuleId(0)]
        depths[record.id] = min(depths[record.parent] + 1, DEEPEST)
    return above


def facts(record: ModuleRecord, tree: ModuleTree, language: Language) -> Iterator[str]:
    if record.parameters:
        yield language.gettext("{count} parameters", count=show_count(record.parameters))
        frozen = record.parameters - record.trainable
        if frozen:
            yield language.gettext("{count} of them frozen", count=show_count(frozen))
    if record.buffers:
        yield language.gettext("{count} numbers in buffers", count=show_count(record.buffers))
    if record.bytes:
        yield " ".join((show_bytes(record.bytes), *record.dtypes, *(d for d in record.devices if d != "cpu")))
    if record.same_as is not None and record.same_as < len(tree.modules):
        yield language.gettext(
            "the same module as {path}, told there", path=tree.modules[record.same_as].path
        )
    if record.calls:
        shapes = ", ".join(map(show_shape, record.outputs)) or "–"
        yield language.gettext("calls: {count} → {shapes}", count=show_count(record.calls), shapes=shapes)
    elif record.has_forward:
        yield (
            language.gettext("never called")
            if tree.counted
            else language.gettext("not called while calls were recorded")
        )


def parameter_row(row: ParameterRecord) -> ParameterRow:
    return ParameterRow(
        name=row.name,
        kind=row.kind,
        shape="?" if row.shape is None else show_shape(row.shape),
        dtype=row.dtype if row.device == "cpu" else f"{row.dtype} {row.device}",
        count=show_count(row.elements),
        requires_grad=row.requires_grad,
        grad_norm="None" if row.grad_norm is None else show_number(row.grad_norm),
        bytes=show_count(row.bytes),
        tied=row.same_as or "",
    )


def total(tree: ModuleTree, language: Language) -> str:
    """A tree's sums, each tensor counted once."""
    root = tree.modules[0]
    return language.gettext(
        "{name}: {count} parameters, {trainable} trainable, {frozen} frozen; {buffers} numbers in buffers; {bytes}.",
        name=tree.name,
        count=show_count(root.parameters),
        trainable=show_count(root.trainable),
        frozen=show_count(root.parameters - root.trainable),
        buffers=show_count(root.buffers),
        bytes=show_bytes(root.bytes),
    )


def left_out(
    trees: tuple[ModuleTree, ...],
    shown: list[tuple[ModuleTree, tuple[ModuleRecord, ...]]],
    rows: list[ParameterRecord],
    language: Language,
) -> Iterator[str]:
    known = sum(len(tree.modules) for tree in trees)
    if known > sum(len(records) for _, records in shown):
        yield language.gettext(
            "The page shows the first {count} modules; the API gives all.", count=MOST_ENTRIES
        )
    if len(rows) > MOST_ENTRIES:
        yield language.gettext(
            "The page shows the first {count} parameters and buffers; the API gives all.", count=MOST_ENTRIES
        )
    missing = sum(tree.modules_left_out for tree in trees), sum(tree.parameters_left_out for tree in trees)
    if any(missing):
        yield language.gettext(
            "Left out by a limit: {modules} modules, {parameters} parameters and buffers.",
            modules=missing[0],
            parameters=missing[1],
        )
