"""Laws of another look at a graph: nothing runs, what is kept is bounded, and what is kept no more is run anew."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pygraphviz
import pytest
from httpx import AsyncClient

from app.drawing.graph import GraphView, draw_studied
from app.drawing.study import Study
from app.program import Program
from app.vocabulary.trace import RunRequest, Trace
from app.web.graph_files import GRAPH
from app.web.recent import MOST_STUDIED, RecentGraphs
from app.web.standing import MOST_STANDING, NOTHING_STANDS, recall, remember
from tests.drawing.graphs import line_graph, loop_graph
from tests.fakes import FakeSandbox, line_trace
from tests.web.site import EVALUATE, LINE, site

GROUP = "lines-0-2000"


def looped(program: Program, request: RunRequest) -> Trace:
    return replace(line_trace(program, request), graphs=(loop_graph(1_000),))


async def look(client: AsyncClient, graph: str, *opened: str) -> str:
    form = {"source": "y = x*w + b", "graph": graph, "opened": list(opened)}
    response = await client.post("/graph", data=form)
    assert response.status_code == 200
    return response.text


def kept_in(page: str) -> str:
    found = re.search(r'name="graph" form="program" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_group_opens_and_closes_without_a_run() -> None:
    sandbox = FakeSandbox(trace=looped)
    async with site(sandbox) as client:
        page = (await client.get("/")).text
        key = kept_in(page)
        opened = await look(client, key, GROUP)
        closed = await look(client, kept_in(opened))
    assert f'data-group="{GROUP}"' in page
    assert f'data-close="{GROUP}"' in opened
    assert f'data-within="{GROUP}"' in opened
    assert f'data-group="{GROUP}"' not in opened
    assert f'data-group="{GROUP}"' in closed
    assert len(sandbox.asked) == 1


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" form="program" value="([^"]+)"', page)
    assert found
    return found[1]


def inner_group(page: str) -> str:
    groups: list[str] = re.findall(r'data-group="([^"]+)"', page)
    return next(key for key in groups if key != GROUP)


def boxes_in(page: str) -> dict[str, bool]:
    """By id, in their order: whether a box is written out."""
    found = re.findall(r'<g (class="box[^>]*?)?(?: )?id="([^"]+)"(?: data-kept)?', page)
    return {name: bool(written) for written, name in found}


async def test_what_stands_on_the_page_is_only_given_its_place() -> None:
    async with site(FakeSandbox(trace=looped)) as client:
        page = await look(client, kept_in((await client.get("/")).text), GROUP)
        form = {"source": "y = x*w + b", "graph": kept_in(page), "opened": [GROUP, inner_group(page)]}
        patch = (await client.post("/graph", data={**form, "seen": seen_in(page)})).text
        whole = (await client.post("/graph", data=form)).text
        chinese = {"Accept-Language": "zh"}
        other = (await client.post("/graph", data={**form, "seen": seen_in(page)}, headers=chinese)).text
        diff = {**form, "style": "diff", "seen": seen_in(page)}
        compared = (await client.post("/graph", data=diff)).text
    stood = boxes_in(page)
    assert list(boxes_in(patch)) == list(boxes_in(whole))
    assert boxes_in(patch) == {name: name not in stood for name in boxes_in(whole)}
    assert set(boxes_in(patch).values()) == {False, True}
    assert all(boxes_in(whole).values())
    answers = [patch, whole, other, compared]
    assert all(boxes_in(other).values())
    assert ['hx-swap="innerMorph"' in each for each in answers] == [True, False, False, False]


async def test_what_a_page_was_told_of_a_node_is_not_told_again() -> None:
    async with site(FakeSandbox(trace=looped)) as client:
        told = [(await client.get("/")).text]
        form = {"source": "y = x*w + b", "graph": kept_in(told[0]), "seen": seen_in(told[0])}
        for groups in (DEEP, [GROUP], DEEP):
            patch = (await client.post("/graph", data={**form, "opened": groups})).text
            form["seen"] = seen_in(patch)
            form["told"] = told_in(told[-1])
            told.append((await client.post("/graph/story", data=form)).text)
    assert [bool(nodes_told(each)) for each in told] == [False, True, False, False]


DEEP = [GROUP, "lines-0-84", "lines-0-4", "lines-0-2"]


async def test_story_that_comes_behind_a_picture_is_the_one_told_with_it() -> None:
    """Whatever the reader has opened meanwhile."""
    async with site(FakeSandbox(trace=looped)) as client:
        page = (await client.get("/")).text
        form = {"source": "y = x*w + b", "graph": kept_in(page), "seen": seen_in(page), "told": told_in(page)}
        patch = (await client.post("/graph", data={**form, "opened": DEEP})).text
        story = (await client.post("/graph/story", data={**form, "seen": seen_in(patch)})).text
        whole = (await client.post("/graph", data={**form, "opened": DEEP, "seen": ""})).text
        gone = (await client.post("/graph/story", data={**form, "opened": DEEP, "seen": "gone"})).text
    assert [told_in(each) == seen_in(patch) for each in (page, story)] == [False, True]
    assert 'id="story"' not in patch
    assert story_in(page) != story_in(story) == story_in(whole) == story_in(gone)
    assert nodes_told(page) | nodes_told(story) == nodes_told(whole) == nodes_told(gone)
    assert re.findall(r'hx-target="([^"]+)"', gone) == ["#graph-look"]


def told_in(page: str) -> str:
    found = re.search(r'name="told" form="program" value="([^"]+)"', page)
    assert found
    return found[1]


def story_in(page: str) -> object:
    found = re.search(r'<div id="story" hidden>(.*?)</div>', page)
    assert found
    return json.loads(found[1])


def nodes_told(page: str) -> set[str]:
    found = re.search(r'inspector-data"[^>]*><p>(.*?)</p>', page)
    assert found
    return set(json.loads(found[1])["nodes"])


ENGLISH = ("en", "annotated")


def test_pictures_that_are_remembered_are_bounded() -> None:
    graph = line_graph()
    study = Study(graph)
    drawing = draw_studied(study, GraphView(300))
    first = remember(study, ENGLISH, drawing, frozenset())
    assert recall(study, ENGLISH, first.name) is first
    assert recall(study, ("zh", "annotated"), first.name) is NOTHING_STANDS
    for _ in range(MOST_STANDING):
        remember(study, ENGLISH, drawing, frozenset())
    assert recall(study, ENGLISH, first.name) is NOTHING_STANDS


async def test_look_brings_nothing_but_the_graph() -> None:
    async with site(FakeSandbox(trace=looped)) as client:
        page = await look(client, kept_in((await client.get("/")).text), GROUP)
    assert re.findall(r'hx-target="([^"]+)"', page) == ["#graph-look"]


def twice(program: Program, request: RunRequest) -> Trace:
    (graph,) = line_trace(program, request).graphs
    return replace(line_trace(program, request), graphs=(graph, replace(graph, occurrence=1)))


async def test_another_backward_pass_is_looked_at_without_a_run() -> None:
    sandbox = FakeSandbox(trace=twice)
    async with site(sandbox) as client:
        page = (await client.get("/")).text
        form = {"source": "y = x*w + b", "graph": kept_in(page), "shown": "0"}
        other = (await client.post("/graph", data=form)).text
    assert re.findall(r'<option value="(\d)"( selected)?>', page.split('id="shown"')[1])[:2] == [
        ("0", ""),
        ("1", " selected"),
    ]
    assert re.findall(r'<option value="(\d)"( selected)?>', other.split('id="shown"')[1])[:2] == [
        ("0", " selected"),
        ("1", ""),
    ]
    assert ('id="g1"' in page, 'id="g0"' in other) == (True, True)
    assert len(sandbox.asked) == 1


async def test_api_tells_the_backward_pass_that_is_asked_for() -> None:
    async with site(FakeSandbox(trace=twice)) as client:
        answers = [
            (await client.post(EVALUATE, json={**LINE, "graph": asked})).json()
            for asked in ({}, {"occurrence": 0}, {"occurrence": 7})
        ]
    assert [each["graph"]["occurrence"] for each in answers] == [1, 0, 1]
    assert ['id="g0"' in each["graph"]["svg"] for each in answers] == [False, True, False]


async def test_graph_that_is_kept_no_more_is_run_anew() -> None:
    sandbox = FakeSandbox(trace=looped)
    async with site(sandbox) as client:
        page = await look(client, "no such graph", GROUP)
    assert f'data-close="{GROUP}"' in page
    assert 'hx-target="#result"' in page
    assert len(sandbox.asked) == 1


FILES = ("graph.svg", "graph.dot", "graph.mmd", "graph.json", "model-explorer.json")


@pytest.mark.parametrize("name", FILES)
async def test_graph_is_saved_without_a_run(name: str) -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        form = {"source": "y = x*w + b", "graph": kept_in((await client.get("/")).text)}
        saved = await client.post(f"/graph/{name}", data=form)
        assert len(sandbox.asked) == 1
        again = await client.post(f"/graph/{name}", data={**form, "graph": "gone"})
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert read_back(name, saved.text) == read_back(name, again.text) == 5
    assert len(sandbox.asked) == 2


def read_back(name: str, text: str) -> int:
    """How many nodes the tool's own parser finds."""
    match name:
        case "graph.svg":
            return sum(
                each.get("class", "").startswith("box ") for each in ElementTree.fromstring(text).iter()
            )
        case "graph.dot":
            return len(pygraphviz.AGraph(string=text).nodes())
        case "graph.mmd":
            return len(set(re.findall(r"n\d+(?:_\d+)?(?=[(\[])", text)))
        case "graph.json":
            return len(GRAPH.validate_json(text).nodes)
        case _:
            return len(json.loads(text)["graphs"][0]["nodes"])


async def test_saved_picture_is_painted_in_one_theme_or_both() -> None:
    async with site() as client:
        form = {"source": "y = x*w + b", "graph": kept_in((await client.get("/")).text)}
        texts = [
            (await client.post(f"/graph/graph.svg{query}", data=form)).text for query in ("", "?theme=dark")
        ]
    assert ["prefers-color-scheme" in text for text in texts] == [True, False]
    assert ["#16181d" in text for text in texts] == [True, True]


async def test_file_of_another_name_is_not_found() -> None:
    async with site() as client:
        assert (await client.post("/graph/graph.gif", data={"source": "1"})).status_code == 404


def test_what_is_kept_is_bounded() -> None:
    recent = RecentGraphs(entries=2, most=20)
    small = line_graph()
    one, two = recent.keep((small,)), recent.keep((small,))
    assert recent.find(one) == (small,)
    three = recent.keep((small,))
    assert recent.find(two) == ()
    assert recent.find(one) == recent.find(three) == (small,)
    assert recent.keep((loop_graph(100),)) == ""
    assert recent.find(three) == (small,)
    assert recent.find("") == ()
    assert len({one, two, three}) == 3


def test_graph_that_is_kept_is_studied_once() -> None:
    graph, recent = loop_graph(3), RecentGraphs()
    key = recent.keep((graph,))
    study = recent.study(key, graph)
    assert recent.study(key, graph) is study
    assert recent.study("", graph) is not study
    assert recent.study(key, loop_graph(3)) is not study
    for _ in range(MOST_STUDIED):
        recent.study(recent.keep((graph,)), graph)
    assert recent.study(key, graph) is not study
