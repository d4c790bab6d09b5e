"""Laws of the module tree's picture: parts below their module, what repeats is one box, and every box opens."""

from __future__ import annotations

from itertools import pairwise

import pygraphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.drawing.drawn_texts import write_drawing_dot, write_drawing_mermaid
from app.drawing.module_tree import draw_modules
from app.drawing.pieces import GraphDrawing
from app.words import in_english
from tests.drawing.trees import Part, blocks, tree_of

MODEL = tree_of(
    "net", "Net", [("emb", "Embedding", []), ("layers", "ModuleList", blocks(12)), ("head", "Linear", [])]
)
REPEATED = "modules-0-3-36"


def titles(drawing: GraphDrawing) -> list[str]:
    return [in_english(box.face.lines[0].text) for box in drawing.boxes]  # type: ignore[arg-type]  # titles are sentences


def test_blocks_alike_are_one_box_until_it_is_opened() -> None:
    closed = draw_modules([MODEL], 300)
    assert titles(closed) == [
        "net: Net", "(emb): Embedding", "(layers): ModuleList", "(0)–(11): 12 × Block", "(head): Linear",
    ]  # fmt: skip
    group = closed.boxes[3]
    assert (group.kind, group.group) == ("group", REPEATED)
    opened = draw_modules([MODEL], 300, frozenset({REPEATED, "module-0-6"}))
    assert len(opened.boxes) == 5 + 12 + 2
    assert [each.key for each in opened.opened] == [REPEATED, "module-0-6"]
    inner = next(box for box in opened.boxes if box.id == "module-0-7")
    assert inner.within == (REPEATED, "module-0-6")


def test_parts_of_other_classes_do_not_fold() -> None:
    mixed = [*blocks(1), *blocks(1, "Other"), *blocks(1)]
    drawing = draw_modules([tree_of("net", "Net", mixed)], 300)
    assert titles(drawing)[1:] == [
        "(0): Block", "(a): Linear", "(b): ReLU", "(0): Other", "(a): Linear", "(b): ReLU",
        "(0): Block", "(a): Linear", "(b): ReLU",
    ]  # fmt: skip


def test_picture_never_holds_more_boxes_than_it_may_and_says_what_is_closed() -> None:
    wide = tree_of("net", "Net", [(str(n), f"Kind{n}", []) for n in range(200)])
    drawing = draw_modules([wide], 50)
    assert len(drawing.boxes) == 1
    assert drawing.boxes[0].group == "module-0-0"
    assert drawing.note is not None
    assert len(draw_modules([wide], 300, frozenset({"module-0-0"})).boxes) == 201


parts: st.SearchStrategy[list[Part]] = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("XY"), inner), max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(parts, st.integers(1, 40))
def test_boxes_never_overlap_and_lines_go_from_a_module_to_its_parts(found: list[Part], most: int) -> None:
    drawing = draw_modules([tree_of("net", "Net", found), tree_of("loss", "MSELoss", [])], most)
    assert 1 <= len(drawing.boxes) <= most
    tops = [(box.y, box.y + box.face.height) for box in drawing.boxes]
    assert all(bottom < top for (_, bottom), (top, _) in pairwise(tops))
    assert all(
        box.x + box.face.width <= drawing.width and box.y + box.face.height <= drawing.height
        for box in drawing.boxes
    )
    places = {box.id: box for box in drawing.boxes}
    assert len(places) == len(drawing.boxes)
    for edge in drawing.edges:
        above, below = places[edge.producer], places[edge.consumer]
        assert above.x < below.x
        assert above.y < below.y


@pytest.mark.parametrize("name", ['"; evil [label="x', "<b>网络</b> 😀", "a\\nb"])
def test_texts_are_read_by_their_tools(name: str) -> None:
    drawing = draw_modules([tree_of(name, "Net", blocks(3))], 300)
    graph = pygraphviz.AGraph(string=write_drawing_dot(drawing, in_english))
    assert (len(graph.nodes()), len(graph.edges())) == (len(drawing.boxes), len(drawing.edges))
    mermaid = write_drawing_mermaid(drawing, in_english).splitlines()
    assert mermaid[0] == "flowchart TD"
    assert sum("-->" in line for line in mermaid) == len(drawing.edges)
    assert sum('["' in line for line in mermaid) == len(drawing.boxes)
