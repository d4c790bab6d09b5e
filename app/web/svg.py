"""A drawing written as SVG: the template gives each kind of box and edge once, with gaps, and these are filled.

Filling them is all that is done for every single box, which is what makes pictures of a thousand boxes quick. All
markup is templates/_graph.svg's; what fills the gaps is escaped here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from html import escape
from typing import Any, cast

from jinja2 import Environment
from markupsafe import Markup

from app.drawing.heatmap import Heatmap
from app.drawing.pieces import Box, Edge, GraphDrawing
from app.vocabulary.values import Text
from app.web.standing import NOTHING_STANDS, Standing

GAP = "\x00"
"""No text of a picture holds one; where one does all the same, it shows as U+FFFD."""
MOST_PATTERNS = 4_096

Say = Callable[[Text], str]
Pattern = tuple[str, ...]
"""What stands before, between and after the gaps."""


class Pen:
    """Writes drawings; any thread may use it."""

    def __init__(self, templates: Environment) -> None:
        self._macros = cast(Any, templates.get_template("_graph.svg").module)
        self._patterns: dict[Hashable, Pattern] = {}
        self._ink = _split(self._macros.ink(GAP))

    def write(
        self, drawing: GraphDrawing, alone: bool, say: Say, css: str = "", before: Standing = NOTHING_STANDS
    ) -> str:
        """`css` is needed only for a picture that stands alone.

        What is written is markup. It is no `Markup` yet, because that copies it, and a large picture is megabytes.
        """
        hand = _Hand(self, alone, say, before)

        def say_whole(text: Text) -> str:
            return say(text).replace(GAP, "\ufffd")

        head, between, foot = _split(self._macros.frame(drawing, alone, say_whole, css, GAP, before.name))
        edges, boxes = hand.write_edges(drawing.edges), hand.write_boxes(drawing.boxes)
        return "".join([head, "\n", *edges, between, "\n", *boxes, foot])

    def write_inside(self, drawing: GraphDrawing, say: Say, before: Standing = NOTHING_STANDS) -> Markup:
        """The picture as a part of the page, where another one stands."""
        return Markup(self.write(drawing, False, say, "", before))

    def box_pattern(self, box: Box, alone: bool) -> Pattern:
        _, _, kind, root, span, group, _, _, face, within, _, whys, change = box
        lacks = not span, not group, not whys, alone or not within
        key = face.sheet, kind, root, change, lacks, alone
        found = self._patterns.get(key)
        if found is not None:
            return found
        classes = f"{' root' if root else ''}{f' {change}' if change else ''}"
        names = ("span", "group", "whys", "within")
        has = {name: not missing for name, missing in zip(names, lacks, strict=True)}
        return self._keep(key, self._macros.box(face.sheet, kind, classes, has, GAP, alone))

    def place_pattern(self, within: bool) -> Pattern:
        """Of a box that is only given another place."""
        return self._patterns.get(("place", within)) or self._keep(
            ("place", within), self._macros.place(within, GAP)
        )

    def edge_pattern(self, marked: bool) -> Pattern:
        return self._patterns.get(marked) or self._keep(marked, self._macros.edge(marked, GAP))

    def write_map(self, heatmap: Heatmap) -> str:
        before, between, after = self._ink
        return "".join([f"{before}{kind}{between}{path}{after}" for kind, path in heatmap.inks])

    def _keep(self, key: Hashable, written: str) -> Pattern:
        if len(self._patterns) >= MOST_PATTERNS:
            self._patterns.clear()
        pattern = self._patterns[key] = _split(written)
        return pattern


def _weave(fixed: list[str], filled: list[str]) -> list[str]:
    """Patterns in turn with what fills their gaps; behind each pattern a line ends."""
    pieces = [""] * (2 * len(fixed))
    pieces[::2] = fixed
    pieces[1::2] = filled
    return pieces


class _Hand:
    """One drawing being written: standing alone or in the page, in one language."""

    def __init__(self, pen: Pen, alone: bool, say: Say, before: Standing) -> None:
        self._pen = pen
        self._alone = alone
        self._say = say
        self._before = before
        self._said: dict[int, str] = {}

    def write_boxes(self, boxes: Sequence[Box]) -> list[str]:
        """The words of all boxes are escaped in one go; heatmaps are markup already and follow."""
        fixed, words, maps = list[str](), list[str](), list[tuple[int, Heatmap]]()
        for box, moves in zip(boxes, self._before.which(boxes), strict=True):
            if moves:
                fixed += self._pen.place_pattern(bool(box.within))
                words += self._place_of(box)
            else:
                fixed += self._pen.box_pattern(box, self._alone)
                self._write_words(box, words, maps)
            words.append("\n")
        filled = _escape_all(words)
        for place, heatmap in maps:
            filled[place] = self._pen.write_map(heatmap)
        return _weave(fixed, filled)

    def _place_of(self, box: Box) -> list[str]:
        place = [box.id, str(box.x), str(box.y)]
        return [*place, " ".join(box.within)] if box.within else place

    def _write_words(self, box: Box, words: list[str], maps: list[tuple[int, Heatmap]]) -> None:
        """What fills the gaps of a box; of its heatmaps the places are noted."""
        name, node, _, _, span, group, x, y, face, within, holds, reasons, _ = box
        say, tell = self._say, self._tell
        whys = [say(why).replace("`", "") for why in reasons] if reasons else []
        label = " ".join([say(face.sentence), *whys]) if whys else say(face.sentence)
        words += (name, node, str(x), str(y), label)
        if span:
            words.append(span)
        if group:
            words += [group] if self._alone else [group, holds]
        if within and not self._alone:
            words.append(" ".join(within))
        words += [text if isinstance(text, str) else tell(text) for text in face.texts]
        for heatmap in face.heatmaps:
            maps.append((len(words), heatmap))
            words.append("")
        if whys:
            words.append("\n".join(whys))

    def _tell(self, text: Text) -> str:
        """Many a line is one and the same in several boxes, which hold on to it meanwhile."""
        said = self._said.get(id(text))
        if said is None:
            said = self._said[id(text)] = self._say(text)
        return said

    def write_edges(self, edges: Sequence[Edge]) -> list[str]:
        fixed, filled = list[str](), list[str]()
        plain, marked = self._pen.edge_pattern(marked=False), self._pen.edge_pattern(marked=True)
        sentences = _escape_all([self._say(edge.sentence) for edge in edges])
        for edge, sentence in zip(edges, sentences, strict=True):
            producer, consumer, weight, path, tip, mark, _ = edge
            if mark is None:
                fixed += plain
                filled += (weight, producer, consumer, sentence, path, tip, "\n")
            else:
                fixed += marked
                filled += (weight, producer, consumer, sentence, path, tip, mark, "\n")
        return _weave(fixed, filled)


def _split(written: str) -> Pattern:
    return tuple(str(written).split(GAP))


def _escape_all(texts: list[str]) -> list[str]:
    """All of them in one go; bytes are looked through in a fraction of the time."""
    joined = GAP.join(texts)
    seen = joined.encode("utf-8", "surrogatepass")
    if seen.count(0) >= len(texts):  # one of them holds a gap of its own
        return [escape(text.replace(GAP, "\ufffd")) for text in texts]
    return escape(joined).split(GAP) if any(sign in seen for sign in b"&<>\"'") else texts
