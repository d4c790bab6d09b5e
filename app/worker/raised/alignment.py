"""Shapes side by side, each dimension in the column of its role: pure functions of sizes.

A column clashes by torch's own rule for that role: sizes that broadcast must be equal or 1, others must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.vocabulary.explanation import AlignedColumn, AlignedRow, Alignment
from app.vocabulary.values import Text

Sizes = Sequence[int]
Row = tuple[Text, Sequence[int | None]]
Rule = Callable[[list[int]], bool]


def named(name: str) -> Text:
    """A row's label: the program's own text."""
    return Text("{name}", {"name": name})


def dimension(index: int) -> Text:
    return Text("dim {index}", {"index": index})


def must_broadcast(sizes: list[int]) -> bool:
    return len({size for size in sizes if size != 1}) > 1


def must_equal(sizes: list[int]) -> bool:
    return len({size for size in sizes if size >= 0}) > 1


def may_differ(sizes: list[int]) -> bool:
    return False


def align(columns: Sequence[tuple[Text, Rule]], rows: Sequence[Row]) -> Alignment:
    """The table of rows that have a size, or none, for each column."""
    marked = []
    for at, (label, clashes) in enumerate(columns):
        sizes = [row[at] for _, row in rows]
        marked.append(AlignedColumn(label, clashes([size for size in sizes if size is not None])))
    return Alignment(tuple(marked), tuple(AlignedRow(label, tuple(sizes)) for label, sizes in rows))


def align_right(rows: Sequence[tuple[Text, Sizes]], rule: Rule = must_broadcast) -> Alignment:
    """As broadcasting counts: from the last dimension."""
    width = max(len(sizes) for _, sizes in rows)
    columns = [(dimension(index), rule) for index in range(-width, 0)]
    return align(columns, [(label, pad(sizes, width)) for label, sizes in rows])


def align_left(
    rows: Sequence[tuple[Text, Sizes]], rule: Rule = must_equal, free: int | None = None
) -> Alignment:
    """From the first dimension; `free` is one that may differ."""
    width = max(len(sizes) for _, sizes in rows)
    columns = [(dimension(index), may_differ if index == free else rule) for index in range(width)]
    return align(columns, [(label, (*sizes, *(None,) * (width - len(sizes)))) for label, sizes in rows])


def mark_missing(table: Alignment) -> Alignment:
    """The same where all rows must have the same dimensions: one that some have and others lack clashes."""
    columns = zip(table.columns, zip(*(row.sizes for row in table.rows), strict=True), strict=True)
    marked = (AlignedColumn(column.label, column.clash or None in sizes) for column, sizes in columns)
    return Alignment(tuple(marked), table.rows)


def align_matmul(
    left: tuple[Text, Sizes], right: tuple[Text, Sizes], batched: Rule = must_broadcast
) -> Alignment:
    """(..., rows, inner) @ (..., inner, columns); a vector has the inner dimension alone."""
    (left_label, a), (right_label, b) = left, right
    width = max(len(a) - 2, len(b) - 2, 0)
    columns = [(Text("batch {index}", {"index": index}), batched) for index in range(-width, 0)]
    columns += [(Text("rows"), may_differ), (Text("inner"), must_equal), (Text("columns"), may_differ)]
    above = (*pad(a[:-2], width), a[-2] if len(a) > 1 else None, a[-1] if a else None, None)
    below = (*pad(b[:-2], width), None, b[max(len(b) - 2, 0)] if b else None, b[-1] if len(b) > 1 else None)
    return align(columns, [(left_label, above), (right_label, below)])


def pad(sizes: Sizes, width: int) -> tuple[int | None, ...]:
    return (*(None,) * (width - len(sizes)), *sizes)


def align_elements(source: tuple[Text, Sizes], target: tuple[Text, Sizes]) -> Alignment:
    """Sizes that have to hold the same number of elements; a -1 among the target's is what torch works out."""
    width = max(len(source[1]), len(target[1]))
    rows = []
    for label, sizes in (source, target):
        known = [size for size in sizes if size >= 0]
        rows.append((label, (*sizes, *(None,) * (width - len(sizes)), product(known))))
    whole, wanted = (row[-1] or 0 for _, row in rows)
    open_ended = any(size < 0 for size in target[1])
    fits = (wanted and whole % wanted == 0) if open_ended else whole == wanted
    labels = [(dimension(index), may_differ) for index in range(width)]
    return align([*labels, (Text("elements"), may_differ if fits else lambda sizes: True)], rows)


def product(sizes: Sequence[int]) -> int:
    whole = 1
    for size in sizes:
        whole *= size
    return whole


def clashes(table: Alignment) -> list[int]:
    return [at for at, column in enumerate(table.columns) if column.clash]
