"""Group names: what a closed group is called: its module, its lines and how often they ran, or its calls."""

from __future__ import annotations

from collections.abc import Sequence

from app.drawing.grouping import Part, split_path
from app.drawing.lettering import clean
from app.drawing.numerals import show_count
from app.vocabulary.graph import GraphNode
from app.vocabulary.static_graph import StaticNode
from app.vocabulary.values import Text


def group_title(part: Part, nodes: Sequence[GraphNode] | Sequence[StaticNode]) -> Text:
    if part.kind == "module":
        return Text("{module}", {"module": clean(_module_path(part, nodes))})
    if part.kind == "lines":
        return _loop_title(part, nodes)
    return Text("calls {first}–{last}", {"first": show_count(part.start + 1), "last": show_count(part.end)})


def group_name(part: Part, nodes: Sequence[GraphNode] | Sequence[StaticNode]) -> str | Text:
    """The same inside a sentence: a module's path is the same in every language."""
    return clean(_module_path(part, nodes)) if part.kind == "module" else group_title(part, nodes)


def group_hint(part: Part) -> Text | None:
    """Which of a loop's iterations the group holds."""
    if part.kind != "lines":
        return None
    first, last = show_count(part.first + 1), show_count(part.first + part.times)
    if part.times == 1:
        return Text("iteration {first}", {"first": first})
    return Text("iterations {first}–{last}", {"first": first, "last": last})


def _module_path(part: Part, nodes: Sequence[GraphNode] | Sequence[StaticNode]) -> str:
    """As much of the path as all of the group has in common."""
    parts = split_path(nodes[0].module or "")[: part.depth + 1]
    return "".join([name if name.startswith("[") else f".{name}" for name in parts]).lstrip(".")


def _loop_title(part: Part, nodes: Sequence[GraphNode] | Sequence[StaticNode]) -> Text:
    spans = [node.span for node in nodes if node.span is not None]
    values: dict[str, str | int | float] = {
        "line": min([span.line for span in spans], default=0),
        "last": max([span.end_line for span in spans], default=0),
        "times": show_count(part.times),
    }
    if values["line"] == values["last"]:
        return Text("line {line}", values) if part.times == 1 else Text("line {line} × {times}", values)
    if part.times == 1:
        return Text("lines {line}–{last}", values)
    return Text("lines {line}–{last} × {times}", values)
