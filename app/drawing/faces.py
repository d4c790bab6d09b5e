"""Faces: what each box says. Titles and shapes decide its size, numbers never do.

Every output of a node has two columns, value and gradient: a number for a scalar, a small heatmap with its range for
a tensor, a dash where there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.drawing.heatmap import WIDTH, Heatmap, draw_heatmap
from app.drawing.lettering import clean, columns, shorten, shorten_path
from app.drawing.numerals import (
    NOTHING,
    RANGE_COLUMNS,
    scalar_of,
    show_count,
    show_exact,
    show_norm,
    show_number,
    show_range,
    show_shape,
)
from app.drawing.pieces import Column, Face, LineStyle
from app.drawing.sheets import NO_MAP, Half, Pair, Row, lay_out
from app.vocabulary.graph import GraphNode, NodeOutput
from app.vocabulary.values import Statistics, TensorValue, Text, tell
from app.words import in_english

NUMBER_WIDTH = 80
COMPLEX_WIDTH = 166
TITLE_COLUMNS = 26
CODE_COLUMNS = 32
MOST_OUTPUTS = 4
MOST_MARKS = 6
CHANGES = ("added", "removed", "changed")
FOUR_FACTS = "min %.6g, max %.6g, mean %.6g, norm %.6g"
CAPTIONS: Mapping[Column, Text] = {"value": Text("value"), "grad": Text("grad")}

Line = tuple[str | Text, Row]
"""What it says, and how much room that takes."""
CONSTANT: Line = (Text("constant"), ("op", len("constant")))


class Use(NamedTuple):
    """Which of a leaf's uses a copy of it stands for, and the part of the gradient that came from there."""

    number: int
    uses: int
    grad: TensorValue | None


class _Words:
    """What a face says, from top to bottom, while it is put together."""

    def __init__(self, mapped: bool) -> None:
        self.mapped = mapped
        self.texts: list[str | Text] = []
        self.rows: list[Row] = []
        self.pairs: list[Pair] = []
        self.heatmaps: list[Heatmap] = []

    def write(self, text: str | Text, style: LineStyle) -> None:
        """A line over the whole width, which it widens."""
        self.texts.append(text)
        self.rows.append((style, columns(text if isinstance(text, str) else in_english(text))))

    def add(self, line: Line) -> None:
        """The same where it is known already how wide it is."""
        self.texts.append(line[0])
        self.rows.append(line[1])

    def write_pair(self, output: NodeOutput) -> None:
        """The value, and the gradient that arrived."""
        value, grad = self._write_half("value", output.value), self._write_half("grad", output.grad)
        self.pairs.append((_half_width(output), value, grad))

    def _write_half(self, column: Column, value: TensorValue | None) -> Half:
        self.texts.append(CAPTIONS[column])
        if value is None:
            self.texts.append(NOTHING)
            return "nothing", NO_MAP
        if not isinstance(value.data, tuple):
            return self._write_number(show_number(value.data))
        cells, found = NO_MAP, value.statistics
        if self.mapped:
            heatmap = draw_heatmap(value)
            self.heatmaps.append(heatmap)
            cells = heatmap.across, heatmap.down
        if found is None:
            return None, cells
        self.texts.append(show_range(found))
        alarming = found.nan or found.positive_infinity or found.negative_infinity
        return "alarm" if alarming else "range", cells

    def _write_number(self, text: str) -> Half:
        """What is not finite gets a sign as well as a colour."""
        alarming = "NaN" in text or "inf" in text
        self.texts.append(f"⚠\ufe0e {text}" if alarming else text)
        return "alarm" if alarming else "number", NO_MAP

    def finish(
        self, sentence: Text, headers: Sequence[Row] = (), last: Row | None = None, use: bool = False
    ) -> Face:
        sheet = lay_out(tuple(self.rows), tuple(headers), tuple(self.pairs), last, use)
        return Face(sheet, tuple(self.texts), tuple(self.heatmaps), sentence)


def _half_width(output: NodeOutput) -> int:
    for found in (output.value, output.grad):
        if found is not None and isinstance(found.data, tuple):
            return WIDTH
    return COMPLEX_WIDTH if (output.dtype or "").startswith("complex") else NUMBER_WIDTH


# ------------------------------------------------------------------------------------------------ one node


def title_of(node: GraphNode) -> str:
    """The program's name of what the node made, else its call (or the module within that), else its op."""
    call = (node.inner and node.module) or node.call or node.op
    if len(node.outputs) == 1:
        return clean(node.outputs[0].name or call)
    names = [output.name for output in node.outputs if output.name]
    if names:
        return clean(", ".join(names[:MOST_OUTPUTS]))
    return clean(call)


def node_face(node: GraphNode, title: str, use: Use | None = None, mapped: bool = True) -> Face:
    """A node's box, with heatmaps or without; a leaf drawn at several uses says which of them this is."""
    words = _Words(mapped)
    words.write(shorten_path(title, TITLE_COLUMNS), "title")
    if node.call:
        call = clean(node.call)
        if call and call != title:
            words.write(shorten(call, CODE_COLUMNS), "code")
    _write_op(words, node, use, title)
    if node.module and node.module != title:
        words.add(_in_module(node.module))
    for mark in node.marks[:MOST_MARKS]:
        if mark.kind != "why":
            words.write(mark.sentence, "note")
    if len(node.outputs) != 1:
        return _finish_many(words, node, title)
    _write_output(words, node.outputs[0])
    if use is not None:
        words.texts.append(Text("from this use: {grad}", {"grad": _brief(use.grad)}))
    return words.finish(_say_one(node, title, node.outputs[0]), use=use is not None)


@lru_cache(maxsize=1_024)
def _in_module(module: str) -> Line:
    text = Text("in {module}", {"module": shorten_path(clean(module), CODE_COLUMNS - 3)})
    return text, ("op", columns(in_english(text)))


@lru_cache(maxsize=1_024)
def _named_op(op: str) -> tuple[str, Row]:
    short = shorten(clean(op), CODE_COLUMNS)
    return short, ("op", columns(short))


@lru_cache(maxsize=1_024)
def _shaped(shape: tuple[int, ...] | None, dtype: str | None) -> tuple[str, Row]:
    facts = shorten(_facts(shape, dtype), CODE_COLUMNS)
    return facts, ("shape", columns(facts))


def _write_op(words: _Words, node: GraphNode, use: Use | None, title: str) -> None:
    line = _named_op(node.op)
    if use is not None:
        values: dict[str, str | int | float] = {"op": line[0], "use": use.number, "uses": use.uses}
        words.write(Text("{op} · use {use} of {uses}", values), "op")
    elif node.kind == "constant":
        words.add(CONSTANT)
    elif line[0] != title:
        words.add(line)


def _brief(grad: TensorValue | None) -> str:
    """One number: the gradient itself, or of a tensor its norm."""
    if grad is None:
        return NOTHING
    number = scalar_of(grad)
    if number is None:
        return shorten(show_norm(grad.statistics) or NOTHING, RANGE_COLUMNS)
    return show_number(number)


def _write_output(words: _Words, output: NodeOutput) -> None:
    line = _shaped(output.shape, output.dtype)
    if line[0]:
        words.add(line)
    words.write_pair(output)


def _finish_many(words: _Words, node: GraphNode, title: str) -> Face:
    """Each output under a line of its own, all columns equally wide."""
    headers: list[Row] = []
    for output in node.outputs[:MOST_OUTPUTS]:
        header = _header(output)
        words.texts.append(header)
        headers.append(("shape", columns(header)))
        words.write_pair(output)
    last: Row | None = None
    if len(node.outputs) > MOST_OUTPUTS:
        more = Text("and {count} more outputs", {"count": show_count(len(node.outputs) - MOST_OUTPUTS)})
        words.texts.append(more)
        last = ("op", columns(in_english(more)))
    return words.finish(_say_many(node, title), headers, last)


def _header(output: NodeOutput) -> str:
    name = clean(output.name) if output.name else f"[{output.output_nr}]"
    return shorten(f"{name}  {_facts(output.shape, output.dtype)}", CODE_COLUMNS)


@lru_cache(maxsize=1_024)
def _facts(shape: tuple[int, ...] | None, dtype: str | None) -> str:
    return f"{'' if shape is None else show_shape(shape)} {clean(dtype or '')}".strip()


# ------------------------------------------------------------------------------------------------ in words


def _say_one(node: GraphNode, title: str, output: NodeOutput) -> Text:
    return Text(
        "{title}: {op}, {facts}. Value {value}; gradient {grad}.",
        {
            "title": title,
            "op": clean(node.op),
            "facts": _facts(output.shape, output.dtype),
            "value": in_words(output.value),
            "grad": in_words(output.grad),
        },
    )


def _say_many(node: GraphNode, title: str) -> Text:
    outputs = [
        f"[{output.output_nr}] {_facts(output.shape, output.dtype)}, {in_words(output.value)}, {in_words(output.grad)}"
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
    if not isinstance(value.data, tuple):
        return show_exact(value.data)
    found = value.statistics
    return NOTHING if found is None else tell_statistics(found)


def tell_statistics(found: Statistics) -> str:
    if not (found.nan or found.positive_infinity or found.negative_infinity):
        try:  # nearly always four plain floats, for which one look is enough
            said = FOUR_FACTS % (found.minimum, found.maximum, found.mean, found.norm)
            if not ("nan" in said or "inf" in said or "e+" in said or "-0," in said):
                return said  # where one of these is, `show_number` knows better
        except TypeError:  # none is known, or it has a name
            pass
    facts = [("min", found.minimum), ("max", found.maximum), ("mean", found.mean), ("norm", found.norm)]
    words = [f"{name} {show_number(number, 6)}" for name, number in facts if number is not None]
    if found.nan or found.positive_infinity or found.negative_infinity:
        counts = [("NaN", found.nan), ("inf", found.positive_infinity), ("-inf", found.negative_infinity)]
        words += [f"{show_count(count)} {name}" for name, count in counts if count]
    return ", ".join(words)


# ------------------------------------------------------------------------------------------------ a group


def group_face(
    title: str | Text,
    hint: Text | None,
    nodes: Sequence[GraphNode],
    leaves: int,
    output: NodeOutput | None,
    mapped: bool = True,
) -> Face:
    """A closed group: how many nodes it holds, which ops most, and its output where it has just one."""
    words = _Words(mapped)
    words.write(title, "title")
    if hint is not None:
        words.write(hint, "code")
    count = show_count(len(nodes))
    words.add(_counted(count))
    for op, times in _most_frequent([node.op for node in nodes]):
        words.add(_multiplied(op, times))
    differ = sum([node.marks[0].kind in CHANGES for node in nodes if node.marks])
    if differ:
        words.write(Text("≠ {count} differ", {"count": show_count(differ)}), "note")
    if output is not None:
        _write_output(words, output)
    values: dict[str, str | int | float | Text] = {
        "title": title,
        "count": count,
        "leaves": show_count(leaves),
        "value": in_words(output.value) if output else NOTHING,
        "grad": in_words(output.grad) if output else NOTHING,
    }
    sentence = tell(
        "{title}: a group of {count} nodes and {leaves} uses of leaves. Value {value}; gradient {grad}.",
        values,
    )
    return words.finish(sentence)


@lru_cache(maxsize=1_024)
def _counted(count: str) -> Line:
    text = Text("{count} nodes", {"count": count})
    return text, ("code", columns(in_english(text)))


@lru_cache(maxsize=1_024)
def _multiplied(op: str, times: int) -> Line:
    text = f"{shorten(clean(op), CODE_COLUMNS - 8)} × {show_count(times)}"
    return text, ("op", columns(text))


def _most_frequent(ops: Sequence[str]) -> list[tuple[str, int]]:
    return [(op, -less) for less, op in sorted([(-times, op) for op, times in Counter(ops).items()])[:2]]
