"""The module tree as a picture: each module a box, its parts below it and indented, as `print(model)` writes them.

What repeats is one box until it is opened. Nothing here depends on what the tensors hold, but for how often a module
was called and what shapes it gave.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.drawing.lettering import clean, shorten
from app.drawing.module_rows import Row, choose_rows
from app.drawing.numerals import show_bytes, show_count, show_shape
from app.drawing.pieces import Box, BoxKind, Edge, Face, GraphDrawing, Opened, Stages
from app.drawing.plain_face import Written, plain_face
from app.vocabulary.modules import ModuleRecord, ModuleTree
from app.vocabulary.values import Span, Text

MARGIN = 16
INDENT = 34
GAP = 9
STEM = 16
"""Where the line to its parts leaves a box, from its left side."""
SAYS_COLUMNS = 58
MOST_HELD = 1_000


def draw_modules(
    trees: Sequence[ModuleTree], most: int, opened: frozenset[str] = frozenset()
) -> GraphDrawing:
    """All trees below each other, with at most so many boxes."""
    rows, found = choose_rows(trees, most, opened)
    faces = [row_face(row, trees[row.tree]) for row in rows]
    tops, height = _stack(rows, faces)
    boxes = tuple([_box(row, face, top) for row, face, top in zip(rows, faces, tops, strict=True)])
    width = max([box.x + box.face.width for box in boxes], default=0) + MARGIN
    total = sum([len(tree.modules) + tree.modules_left_out for tree in trees])
    return GraphDrawing(
        id="module-tree",
        width=width,
        height=height,
        boxes=boxes,
        edges=tuple(
            [_edge(rows, number, boxes) for number, row in enumerate(rows) if row.parent is not None]
        ),
        title=Text("Module tree of {names}", {"names": ", ".join([clean(tree.name) for tree in trees[:4]])}),
        description=Text(
            "{boxes} boxes for {count} modules. The parts of a module stand below it, indented.",
            {"boxes": show_count(len(boxes)), "count": show_count(total)},
        ),
        stages=Stages(),
        opened=tuple([Opened(row.key, title_of(row), None) for row in rows if row.key in found]),
        note=_note(rows, trees),
    )


def _stack(rows: Sequence[Row], faces: Sequence[Face]) -> tuple[list[int], int]:
    """Where each box begins, and how high all of them are."""
    tops: list[int] = []
    y = MARGIN
    for row, face in zip(rows, faces, strict=True):
        y += GAP if row.parent is None and tops else 0
        tops.append(y)
        y += face.height + GAP
    return tops, max(y - GAP, 0) + MARGIN


def _box(row: Row, face: Face, top: int) -> Box:
    record = row.module
    kind: BoxKind = (
        "group"
        if row.closed or row.repeats
        else "function"
        if record.calls or not record.has_forward
        else "constant"
    )
    holds = clean(" ".join(dict.fromkeys([word for each in row.alike for word in (each.path, each.kind)])))
    return Box(
        id=row.key,
        node=row.key,
        kind=kind,
        root=row.parent is None,
        span=_span_text(record.span),
        group=row.key if row.closed else None,
        x=MARGIN + row.depth * INDENT,
        y=top,
        face=face,
        within=row.within,
        holds=holds[:MOST_HELD],
    )


def _edge(rows: Sequence[Row], number: int, boxes: Sequence[Box]) -> Edge:
    """From the bottom of the box above down, and to the left side of this one."""
    row = rows[number]
    above, box, whole = boxes[row.parent or 0], boxes[number], rows[row.parent or 0].module
    x, y = above.x + STEM, above.y + above.face.height
    middle = box.y + box.face.height // 2
    words: dict[str, str | int | float] = {"part": clean(row.module.path), "whole": clean(whole.path)}
    sentence = Text("{part} is a part of {whole}", words)
    path = f"M{x} {y}V{middle}H{box.x}"
    return Edge(above.id, box.id, "w1", path, f"M{box.x} {middle}", None, sentence)


# ------------------------------------------------------------------------------------------------ one box


def title_of(row: Row) -> Text:
    first = row.module
    words: dict[str, str | int | float] = {"name": clean(first.name), "kind": clean(first.kind)}
    if not row.repeats and first.parent is None:
        return Text("{name}: {kind}", words)
    if not row.repeats:
        return Text("({name}): {kind}", words)
    words |= {"last": clean(row.alike[-1].name), "count": show_count(len(row.alike))}
    return Text("({name})–({last}): {count} × {kind}", words)


def row_face(row: Row, tree: ModuleTree) -> Face:
    record = row.module
    title = title_of(row)
    lines: list[Written] = [(title, "title")]
    if record.says and not row.repeats:
        lines.append((shorten(clean(record.says), SAYS_COLUMNS), "code"))
    lines += [(size, "op") for size in (_size(row),) if size]
    if record.same_as is not None:
        lines.append((_same(record, tree), "note"))
    lines += [(text, "shape" if record.calls else "note") for text in (_calls(row, tree),) if text]
    if record.parameters > 0 and record.trainable < record.parameters:
        lines.append((_frozen(record), "note"))
    if not record.training and record.parent is None:
        lines.append((Text("in eval mode"), "note"))
    if row.closed and not row.repeats:
        lines.append((Text("holds {count} parts", {"count": show_count(_count_parts(record, tree))}), "note"))
    return plain_face(lines, _sentence(row, tree))


def _size(row: Row) -> Text | None:
    """Parameters and bytes: of one, where several are alike."""
    record = row.module
    if not record.parameters and not record.buffers:
        return None
    words: dict[str, str | int | float] = {
        "count": show_count(record.parameters),
        "bytes": show_bytes(record.bytes),
        "dtypes": " ".join(record.dtypes[:3]),
        "times": show_count(len(row.alike)),
        "buffers": show_count(record.buffers),
    }
    if row.repeats:
        return Text("each {count} parameters · {bytes} · {dtypes}", words)
    if not record.parameters:
        return Text("{buffers} numbers in buffers · {bytes} · {dtypes}", words)
    return Text("{count} parameters · {bytes} · {dtypes}", words)


def _calls(row: Row, tree: ModuleTree) -> Text | None:
    record = row.module
    shapes = ", ".join([show_shape(shape) for shape in record.outputs])
    calls = sum([each.calls for each in row.alike])
    words: dict[str, str | int | float] = {"count": show_count(calls), "shapes": shapes}
    if not calls and not record.has_forward:
        return None
    if not calls:
        return Text("never called") if tree.counted else Text("not called while calls were recorded")
    return Text("calls: {count} → {shapes}", words) if shapes else Text("calls: {count}", words)


def _frozen(record: ModuleRecord) -> Text:
    if not record.trainable:
        return Text("frozen: no parameter requires grad")
    return Text("{count} parameters are frozen", {"count": show_count(record.parameters - record.trainable)})


def _same(record: ModuleRecord, tree: ModuleTree) -> Text:
    place = record.same_as
    path = tree.modules[place].path if place is not None and place < len(tree.modules) else "?"
    return Text("the same module as {path}, whose parts are told there", {"path": clean(path)})


def _count_parts(record: ModuleRecord, tree: ModuleTree) -> int:
    return sum([each.parent == record.id for each in tree.modules])


def _sentence(row: Row, tree: ModuleTree) -> Text:
    """The whole box in words, as names and numbers."""
    record = row.module
    calls = _calls(row, tree)
    words: dict[str, str | int | float] = {
        "path": clean(record.path),
        "last": clean(row.alike[-1].path),
        "kind": clean(record.kind),
        "says": clean(record.says),
        "count": show_count(record.parameters),
        "times": show_count(len(row.alike)),
        "calls": show_count(sum([each.calls for each in row.alike])),
        "shapes": ", ".join([show_shape(shape) for shape in record.outputs]) or "–",
    }
    if row.repeats:
        return Text(
            "{path} to {last}: {times} times {kind}, each with {count} parameters; calls in all: {calls}.",
            words,
        )
    if calls is None:
        return Text("{path}: {kind} with {count} parameters.", words)
    return Text("{path}: {kind}({says}) with {count} parameters; calls: {calls}, shapes: {shapes}.", words)


def _note(rows: Sequence[Row], trees: Sequence[ModuleTree]) -> Text | None:
    missing = sum([tree.modules_left_out for tree in trees])
    if missing:
        return Text(
            "{missing} more modules were beyond the limit and are not in it.",
            {"missing": show_count(missing)},
        )
    if any(row.closed for row in rows):
        return Text("What repeats, and what there is no room for, is one box.")
    return None


def _span_text(span: Span | None) -> str | None:
    return None if span is None else f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"
