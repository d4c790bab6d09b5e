"""Faces: what each box says. Titles and shapes decide its size, numbers never do.

Every output of a node has two columns, value and gradient: a number for a scalar, a small heatmap with its range for
a tensor, a dash where there is none. Columns are as wide as the widest number they could hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.drawing.heatmap import WIDTH, Heatmap, draw_heatmap, heatmap_height
from app.drawing.lettering import clean, columns, shorten
from app.drawing.numerals import (
    NOTHING,
    scalar_of,
    show_count,
    show_exact,
    show_number,
    show_range,
    show_shape,
)
from app.drawing.pieces import Column, Face, Line, LineStyle, Rule
from app.graph import GraphNode, NodeOutput
from app.values import TensorValue, Text
from app.words import in_english

PADDING = 10
COLUMN_GAP = 14
NUMBER_WIDTH = 80
COMPLEX_WIDTH = 166
TITLE_COLUMNS = 26
CODE_COLUMNS = 32
MOST_OUTPUTS = 4
MOST_MARKS = 6
CHANGES = ("added", "removed", "changed")

ADVANCES: Mapping[LineStyle, float] = {
    "title": 7.83,
    "code": 6.63,
    "op": 6.63,
    "shape": 6.63,
    "caption": 5.73,
    "note": 5.73,
    "number": 7.83,
    "nothing": 7.83,
    "range": 5.73,
    "alarm": 5.73,
}
"""Pixels a column of each style takes: 0.602 of the size graph.css sets, as wide as common monospaced faces get."""
RISES: Mapping[LineStyle, int] = {
    "title": 17,
    "code": 15,
    "op": 14,
    "shape": 14,
    "caption": 12,
    "note": 12,
    "number": 15,
    "nothing": 15,
    "range": 11,
    "alarm": 11,
}
"""Pixels from one baseline to that of a line of this style below it."""


CAPTIONS: Mapping[Column, Text] = {"value": Text("value"), "grad": Text("grad")}


@dataclass(frozen=True, slots=True)
class Use:
    """Which of a leaf's uses a copy of it stands for, and the part of the gradient that came from there."""

    number: int
    uses: int
    grad: TensorValue | None


class _Sheet:
    """A face being written from top to bottom."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.rules: list[Rule] = []
        self.heatmaps: list[Heatmap] = []
        self.width = 2 * PADDING
        self.y = 3

    def write(self, text: str | Text, style: LineStyle, column: Column = "") -> None:
        """One line over the whole width, which it widens unless it is a number and known to fit."""
        self.y += RISES[style]
        self.lines.append(Line(text, style, PADDING, self.y, column))
        if not column:
            self.widen_for(text if isinstance(text, str) else in_english(text), style)

    def widen_for(self, text: str, style: LineStyle) -> None:
        self.widen(round(columns(text) * ADVANCES[style] + 0.5))

    def widen(self, inner: int) -> None:
        self.width = max(self.width, inner + 2 * PADDING)

    def divide(self) -> None:
        """A hairline across; its width is known at the end."""
        self.y += 7
        self.rules.append(Rule(0, self.y, 0, 1))

    def finish(self, sentence: Text) -> Face:
        width, height = (self.width + 3) // 4 * 4, (self.y + 10) // 2 * 2
        rules = [Rule(rule.x, rule.y, rule.width or width, rule.height) for rule in self.rules]
        return Face(width, height, tuple(self.lines), tuple(rules), tuple(self.heatmaps), sentence)


# ------------------------------------------------------------------------------------------------ one node


def title_of(node: GraphNode) -> str:
    """The program's name of what the node made, else its call, else its op."""
    names = [output.name for output in node.outputs if output.name]
    if names:
        return clean(", ".join(names[:MOST_OUTPUTS]))
    return clean(node.call or node.op)


def node_face(node: GraphNode, use: Use | None = None) -> Face:
    """A node's box; a leaf drawn at several uses says which of them this is."""
    title = title_of(node)
    sheet = _Sheet()
    sheet.write(shorten(title, TITLE_COLUMNS), "title")
    call = clean(node.call or "")
    if call and call != title:
        sheet.write(shorten(call, CODE_COLUMNS), "code")
    _write_op(sheet, node, use, title)
    if node.module:
        sheet.write(Text("in {module}", {"module": shorten(clean(node.module), CODE_COLUMNS - 3)}), "op")
    for mark in node.marks[:MOST_MARKS]:
        if mark.kind != "why":
            sheet.write(mark.sentence, "note")
    if len(node.outputs) == 1:
        _write_output(sheet, node.outputs[0])
        if use is not None:
            sheet.y += 4
            sheet.write(Text("from this use: {grad}", {"grad": _brief(use.grad)}), "range", "use")
        return sheet.finish(_say_one(node, title, node.outputs[0]))
    _write_outputs(sheet, node.outputs)
    return sheet.finish(_say_many(node, title))


def _write_op(sheet: _Sheet, node: GraphNode, use: Use | None, title: str) -> None:
    op = shorten(clean(node.op), CODE_COLUMNS)
    if use is not None:
        words: dict[str, str | int | float] = {"op": op, "use": use.number, "uses": use.uses}
        sheet.write(Text("{op} · use {use} of {uses}", words), "op")
    elif node.kind == "constant":
        sheet.write(Text("constant"), "op")
    elif op != title:
        sheet.write(op, "op")


def _brief(grad: TensorValue | None) -> str:
    """One number: the gradient itself, or of a tensor its norm."""
    if grad is None:
        return NOTHING
    number = scalar_of(grad)
    if number is None:
        norm = grad.statistics.norm if grad.statistics else None
        return NOTHING if norm is None else f"‖{show_number(norm)}‖"
    return show_number(number)


def _write_output(sheet: _Sheet, output: NodeOutput) -> None:
    facts = _facts(output)
    if facts:
        sheet.write(shorten(facts, CODE_COLUMNS), "shape")
    sheet.divide()
    _write_pair(sheet, output)


def _write_outputs(sheet: _Sheet, outputs: Sequence[NodeOutput]) -> None:
    """Each output under a line of its own, all columns equally wide."""
    headers = [_header(output) for output in outputs[:MOST_OUTPUTS]]
    for header in headers:
        sheet.widen_for(header, "shape")
    for output in outputs[:MOST_OUTPUTS]:
        sheet.widen(2 * _column_width(output) + COLUMN_GAP)
    for header, output in zip(headers, outputs, strict=False):
        sheet.divide()
        sheet.write(header, "shape")
        _write_pair(sheet, output)
    if len(outputs) > MOST_OUTPUTS:
        sheet.divide()
        sheet.write(
            Text("and {count} more outputs", {"count": show_count(len(outputs) - MOST_OUTPUTS)}), "op"
        )


def _header(output: NodeOutput) -> str:
    name = clean(output.name) if output.name else f"[{output.output_nr}]"
    return shorten(f"{name}  {_facts(output)}", CODE_COLUMNS)


def _facts(output: NodeOutput) -> str:
    shape = "" if output.shape is None else show_shape(output.shape)
    return f"{shape} {clean(output.dtype or '')}".strip()


# ------------------------------------------------------------------------------------------------ value | gradient


def _column_width(output: NodeOutput) -> int:
    if any(scalar_of(found) is None for found in (output.value, output.grad) if found is not None):
        return WIDTH
    return COMPLEX_WIDTH if (output.dtype or "").startswith("complex") else NUMBER_WIDTH


def _write_pair(sheet: _Sheet, output: NodeOutput) -> None:
    """Two columns with a hairline between: the value, and the gradient that arrived."""
    found = [value for value in (output.value, output.grad) if value is not None and scalar_of(value) is None]
    map_height = max(map(heatmap_height, found), default=0)
    sheet.widen(2 * _column_width(output) + COLUMN_GAP)
    right = sheet.width // 2 + COLUMN_GAP // 2
    top = sheet.y + 3
    sheet.y += RISES["caption"] + 1
    height = _write_column(sheet, "value", output.value, PADDING, map_height)
    _write_column(sheet, "grad", output.grad, right, map_height)
    sheet.y += height
    sheet.rules.append(Rule(right - COLUMN_GAP // 2, top, 1, sheet.y - top + 4))


def _write_column(sheet: _Sheet, column: Column, value: TensorValue | None, x: int, map_height: int) -> int:
    """Caption and content below it; the height of the content. Columns of tensors leave room for a map."""
    y = sheet.y
    sheet.lines.append(Line(CAPTIONS[column], "caption", x, y))
    height = map_height + 5 + RISES["range"] if map_height else RISES["number"]
    number = None if value is None else scalar_of(value)
    if value is None:
        sheet.lines.append(Line(NOTHING, "nothing", x, y + RISES["nothing"], column))
    elif number is not None:
        sheet.lines.append(_number_line(show_number(number), x, y + RISES["number"], column))
    else:
        sheet.heatmaps.append(draw_heatmap(value, x, y + 5, column))
        _write_range(sheet, value, x, y + map_height + 5 + RISES["range"], column)
    return height


def _number_line(text: str, x: int, y: int, column: Column) -> Line:
    """What is not finite gets a sign as well as a colour."""
    alarming = "NaN" in text or "inf" in text
    if alarming:
        return Line(f"⚠\ufe0e {text}", "alarm", x, y, column)
    return Line(text, "number", x, y, column)


def _write_range(sheet: _Sheet, value: TensorValue, x: int, y: int, column: Column) -> None:
    found = value.statistics
    if found is None:
        return
    alarming = found.nan or found.positive_infinity or found.negative_infinity
    sheet.lines.append(Line(show_range(found), "alarm" if alarming else "range", x, y, column))


# ------------------------------------------------------------------------------------------------ in words


def _say_one(node: GraphNode, title: str, output: NodeOutput) -> Text:
    return Text(
        "{title}: {op}, {facts}. Value {value}; gradient {grad}.",
        {
            "title": title,
            "op": clean(node.op),
            "facts": _facts(output),
            "value": in_words(output.value),
            "grad": in_words(output.grad),
        },
    )


def _say_many(node: GraphNode, title: str) -> Text:
    outputs = [
        f"[{output.output_nr}] {_facts(output)}, {in_words(output.value)}, {in_words(output.grad)}"
        for output in node.outputs[:MOST_OUTPUTS]
    ]
    return Text(
        "{title}: {op}, {count} outputs with value and gradient: {outputs}.",
        {"title": title, "op": clean(node.op), "count": len(node.outputs), "outputs": "; ".join(outputs)},
    )


def in_words(value: TensorValue | None) -> str:
    """A number to nine digits, or what the statistics say, in words that are code."""
    if value is None:
        return "None"
    number = scalar_of(value)
    if number is not None:
        return show_exact(number)
    found = value.statistics
    if found is None:
        return NOTHING
    facts = [("min", found.minimum), ("max", found.maximum), ("mean", found.mean), ("norm", found.norm)]
    words = [f"{name} {show_number(number, 6)}" for name, number in facts if number is not None]
    counts = [("NaN", found.nan), ("inf", found.positive_infinity), ("-inf", found.negative_infinity)]
    return ", ".join(words + [f"{show_count(count)} {name}" for name, count in counts if count])


# ------------------------------------------------------------------------------------------------ a group


def group_face(
    title: Text, hint: Text | None, nodes: Sequence[GraphNode], leaves: int, output: NodeOutput | None
) -> Face:
    """A closed group: how many nodes it holds, which ops most, and its output where it has just one."""
    sheet = _Sheet()
    sheet.write(title, "title")
    if hint is not None:
        sheet.write(hint, "code")
    count = show_count(len(nodes))
    sheet.write(Text("{count} nodes", {"count": count}), "code")
    for op, times in _most_frequent([node.op for node in nodes]):
        sheet.write(f"{shorten(clean(op), CODE_COLUMNS - 8)} × {show_count(times)}", "op")
    differ = sum([bool(node.marks) and node.marks[0].kind in CHANGES for node in nodes])
    if differ:
        sheet.write(Text("≠ {count} differ", {"count": show_count(differ)}), "note")
    if output is not None:
        _write_output(sheet, output)
    words: dict[str, str | int | float] = {
        "title": in_english(title),
        "count": count,
        "leaves": show_count(leaves),
        "value": in_words(output.value) if output else NOTHING,
        "grad": in_words(output.grad) if output else NOTHING,
    }
    sentence = Text(
        "{title}: a group of {count} nodes and {leaves} uses of leaves. Value {value}; gradient {grad}.",
        words,
    )
    return sheet.finish(sentence)


def _most_frequent(ops: Sequence[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for op in ops:
        counts[op] = counts.get(op, 0) + 1
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:2]
