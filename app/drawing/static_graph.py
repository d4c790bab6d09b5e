"""Static graphs as pictures: each `torch.fx.Node` a box, its inputs above it, the output at the bottom.

They stand beside the picture of the autograd graph, in one picture with it, so that boxes of one place in the program
light up together. What is more than a picture holds is grouped as there: by module, by line, by runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.drawing.group_names import group_hint, group_title
from app.drawing.grouping import Calls, Part, group, split_path
from app.drawing.lettering import clean, columns, shorten, shorten_path
from app.drawing.numerals import show_count, show_shape
from app.drawing.pieces import Box, BoxKind, Edge, Face, GraphDrawing, Heading, Opened, Stages
from app.drawing.placement import MARGIN, Placement, place
from app.drawing.plain_face import Written, plain_face
from app.drawing.routes import TIP, svg_path
from app.vocabulary.static_graph import StaticGraph, StaticNode
from app.vocabulary.values import Span, Text, tell
from app.words import in_english

GAP = 56
"""Between two graphs."""
HEADING = 34
"""Room above the graphs for what they are."""
COLUMNS = 40
HEADING_COLUMN = 9.03
"""Pixels of a heading's letter: 0.602 of the size graph.css sets."""
MOST_HELD = 1_000
TITLE = Text("Static graphs")
EMPTY = GraphDrawing("static", 0, 0, (), (), TITLE, TITLE, Stages(), (), None)


def draw_static(
    graphs: Sequence[StaticGraph],
    most: int,
    opened: frozenset[str] = frozenset(),
    beside: GraphDrawing | None = None,
) -> GraphDrawing:
    """All graphs that were traced, from left to right, behind the autograd graph's picture where there is one."""
    drawing = beside or EMPTY
    traced = [(number, graph) for number, graph in enumerate(graphs) if graph.nodes]
    if beside is not None and not traced:
        return beside
    headings: list[Heading] = []
    left = 0
    if beside is not None:
        headings.append(_heading(Text("Autograd graph: what ran"), 0))
        left = max(beside.width, _room(headings[-1])) + GAP
    for number, graph in traced:
        column = _Column(number, graph, max(1, most // len(traced)), opened, left)
        headings.append(_heading(_title(graph), left))
        drawing = _with(drawing, column)
        left += max(column.placement.width, _room(headings[-1])) + GAP
    return replace(
        drawing,
        width=max(left - GAP, drawing.width),
        top=HEADING,
        headings=tuple(headings),
        description=Text(
            "{boxes} boxes and {edges} edges. Inputs stand above, the result at the bottom.",
            {"boxes": show_count(len(drawing.boxes)), "edges": show_count(len(drawing.edges))},
        ),
    )


def _title(graph: StaticGraph) -> Text:
    words: dict[str, str | int | float] = {"name": clean(graph.name), "tracer": graph.tracer}
    return Text("Static graph of {name}, traced by {tracer}", words)


def _heading(text: Text, left: int) -> Heading:
    return Heading(text, left + MARGIN, -12)


def _room(heading: Heading) -> int:
    """Pixels it takes with what lies around it, in English: the other languages say it in no more."""
    return 2 * MARGIN + round(HEADING_COLUMN * columns(in_english(heading.text)))


def _with(drawing: GraphDrawing, column: _Column) -> GraphDrawing:
    """The drawing with one more graph in it. What is new is there from the first stage on."""
    boxes, edges = column.boxes(), column.edges()
    stages, known, lines = drawing.stages, (0,) * len(boxes), (0,) * len(edges)
    if stages.stages:
        stages = replace(
            stages,
            values=stages.values + known,
            grads=stages.grads + known,
            uses=stages.uses + known,
            edges=stages.edges + lines,
        )
    return replace(
        drawing,
        height=max(drawing.height, column.placement.height),
        boxes=drawing.boxes + boxes,
        edges=drawing.edges + edges,
        opened=drawing.opened + column.opened(),
        stages=stages,
    )


class _Column:
    """One static graph, placed `left` pixels from the picture's left side."""

    def __init__(self, number: int, graph: StaticGraph, most: int, opened: frozenset[str], left: int) -> None:
        self._prefix = f"s{number}"
        self._nodes = graph.nodes
        self._left = left
        self._parts = _choose(graph.nodes, most, frozenset(_own_keys(opened, self._prefix)))
        self._faces = [self._face(part) for part in self._parts]
        holders = {at: box for box, part in enumerate(self._parts) for at in range(part.start, part.end)}
        self._places = {node.id: at for at, node in enumerate(graph.nodes)}
        self._links: dict[tuple[int, int], int] = {}
        for at, node in enumerate(graph.nodes):
            for port, producer in enumerate(node.inputs):
                ends = holders[self._places[producer]], holders[at]
                if ends[0] != ends[1]:
                    self._links.setdefault(ends, port)
        sizes = [(face.width, face.height) for face in self._faces]
        links = [(consumer, port, producer) for (producer, consumer), port in self._links.items()]
        self.placement: Placement = place(sizes, links)

    def _inside(self, part: Part) -> Sequence[StaticNode]:
        return self._nodes[part.start : part.end]

    def _key(self, part: Part) -> str:
        return f"{self._prefix}-{part.key}"

    def _id(self, part: Part) -> str:
        return f"{self._prefix}-n{part.start}" if part.kind == "node" else self._key(part)

    # ------------------------------------------------------------------------------------------------ pieces

    def boxes(self) -> tuple[Box, ...]:
        found = []
        for part, face, (x, y) in zip(self._parts, self._faces, self.placement.centres, strict=True):
            inside = self._inside(part)
            first, alone = inside[0], part.kind == "node"
            words = [word for node in inside for word in (node.name, node.target)]
            found.append(
                Box(
                    id=self._id(part),
                    node=self._id(part),
                    kind=_kind(first) if alone else "group",
                    root=any(node.op == "output" for node in inside),
                    span=_span_text(first.span) if alone else _around(inside),
                    group=None if alone else self._key(part),
                    x=x - face.width // 2 + self._left,
                    y=y - face.height // 2,
                    face=face,
                    within=tuple([self._key(each) for each in part.within]),
                    holds="" if alone else clean(" ".join(dict.fromkeys(words)))[:MOST_HELD],
                )
            )
        return tuple(found)

    def edges(self) -> tuple[Edge, ...]:
        found = []
        titles = [self._title(part) for part in self._parts]
        for (producer, consumer), route in zip(self._links, self.placement.routes, strict=True):
            points = [(x + self._left, y) for x, y in route.points]
            x, y = points[-1]
            sentence = tell(
                "{producer} → {consumer}", {"producer": titles[producer], "consumer": titles[consumer]}
            )
            ends = self._id(self._parts[producer]), self._id(self._parts[consumer])
            found.append(Edge(*ends, "w2", svg_path(points), f"M{x} {y}l-4 -{TIP + 1}h8z", None, sentence))
        return tuple(found)

    def opened(self) -> tuple[Opened, ...]:
        parts = dict.fromkeys([each for part in self._parts for each in part.within])
        return tuple([Opened(self._key(part), self._title(part), group_hint(part)) for part in parts])

    # ------------------------------------------------------------------------------------------------ faces

    def _title(self, part: Part) -> Text:
        if part.kind == "node":
            return Text("{name}", {"name": _name(self._nodes[part.start])})
        return group_title(part, self._inside(part))

    def _face(self, part: Part) -> Face:
        if part.kind == "node":
            return node_face(self._nodes[part.start])
        inside = self._inside(part)
        title, count = self._title(part), show_count(len(inside))
        lines: list[Written] = [(title, "title"), (Text("{count} nodes", {"count": count}), "code")]
        hint = group_hint(part)
        if hint is not None:
            lines.insert(1, (hint, "code"))
        return plain_face(
            lines,
            tell("{title}: a group of {count} nodes of the static graph.", {"title": title, "count": count}),
        )


def node_face(node: StaticNode) -> Face:
    name, call = _name(node), clean(node.call)
    lines: list[Written] = [(shorten_path(name, COLUMNS), "title")]
    if call not in (name, node.name):
        lines.append((shorten(call, COLUMNS), "code"))
    lines.append((node.op, "op"))
    facts = " ".join([word for word in (_shape(node), clean(node.dtype or "")) if word])
    if facts:
        lines.append((facts, "shape"))
    if node.module:
        lines.append((Text("in {module}", {"module": shorten_path(clean(node.module), COLUMNS - 3)}), "op"))
    words: dict[str, str | int | float] = {"name": name, "op": node.op, "call": call, "facts": facts or "–"}
    return plain_face(lines, Text("{name}: {op} of the static graph, {call}; {facts}.", words))


def _name(node: StaticNode) -> str:
    """A lifted parameter goes by its path."""
    return clean(node.target if node.op in ("placeholder", "get_attr") else node.name)


def _shape(node: StaticNode) -> str:
    return "" if node.shape is None else show_shape(node.shape).replace("-1", "?")


def _kind(node: StaticNode) -> BoxKind:
    return "accumulate" if node.op in ("placeholder", "get_attr") else "function"


# ------------------------------------------------------------------------------------------------ groups and places


def _choose(nodes: Sequence[StaticNode], most: int, opened: frozenset[str]) -> tuple[Part, ...]:
    if len(nodes) <= most:
        return tuple([Part("node", at, at + 1) for at in range(len(nodes))])
    tokens = tuple([(n.span.line, n.span.column, n.target) if n.span else None for n in nodes])
    calls = Calls(tuple([split_path(node.module or "") for node in nodes]), tokens, (0,) * len(nodes))
    return group(calls, most, opened)


def _own_keys(opened: frozenset[str], prefix: str) -> list[str]:
    return [key.removeprefix(f"{prefix}-") for key in opened if key.startswith(f"{prefix}-")]


def _span_text(span: Span | None) -> str | None:
    return None if span is None else f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def _around(nodes: Sequence[StaticNode]) -> str | None:
    spans = [node.span for node in nodes if node.span is not None]
    if not spans:
        return None
    first = min([(span.line, span.column) for span in spans])
    last = max([(span.end_line, span.end_column) for span in spans])
    return _span_text(Span(*first, *last))
