"""Laws of the kinds of graph: the switch tells what there is, what is kept is drawn without a run, each is a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pygraphviz
import pytest

from app.program import Program
from app.trace import RunRequest, Trace
from tests.drawing.trees import blocks, tree_of
from tests.fakes import FakeSandbox, line_trace
from tests.web.site import EVALUATE, LINE, ZH, post_form, site
from tests.web.test_recent import kept_in

TREE = tree_of("net", "Net", [("layers", "ModuleList", blocks(4))])
REPEATED = "modules-0-2-11"


def with_modules(program: Program, request: RunRequest) -> Trace:
    return replace(line_trace(program, request), modules=(TREE,))


def without_graph(program: Program, request: RunRequest) -> Trace:
    return replace(with_modules(program, request), graphs=(), classic=None)


def kinds_in(page: str) -> list[tuple[str, str]]:
    return re.findall(r'name="style" value="(\w+)"[^>]*data-kind aria-pressed="(\w+)"', page)


async def test_switch_offers_the_kinds_there_are() -> None:
    async with site(FakeSandbox(trace=with_modules)) as client:
        page = (await client.get("/")).text
    assert kinds_in(page) == [
        ("annotated", "true"), ("modules", "false"), ("torchviz", "false"), ("diff", "false"),
    ]  # fmt: skip


async def test_without_an_autograd_graph_the_modules_are_shown() -> None:
    async with site(FakeSandbox(trace=without_graph)) as client:
        page = (await client.get("/")).text
    assert 'id="module-tree"' in page
    assert kinds_in(page) == []


async def test_module_tree_is_drawn_and_opened_without_a_run() -> None:
    sandbox = FakeSandbox(trace=with_modules)
    async with site(sandbox) as client:
        key = kept_in((await client.get("/")).text)
        form = {"source": "y = x*w + b", "style": "modules", "graph": key}
        tree = (await client.post("/graph", data=form)).text
        opened = (await client.post("/graph", data={**form, "opened": REPEATED})).text
        back = (await client.post("/graph", data={**form, "style": "annotated"})).text
    assert f'data-group="{REPEATED}"' in tree
    assert "(0)–(3): 4 × Block" in tree
    assert f'data-close="{REPEATED}"' in opened
    assert opened.count('class="box') == tree.count('class="box') + 4
    assert 'id="g0"' in back
    assert kept_in(back) == key
    assert len(sandbox.asked) == 1


async def test_parameters_are_a_table_and_modules_an_outline_in_both_languages() -> None:
    async with site(FakeSandbox(trace=with_modules)) as client:
        english = (await client.get("/")).text
        chinese = (await client.get("/", headers=ZH)).text
    for page in (english, chinese):
        assert page.count('<th scope="row">') == 2
        assert "net.weight" in page
        assert page.count('class="module-name"') == len(TREE.modules)
    assert "tied: the same tensor as net.weight" in english
    assert "与 net.weight 是同一个张量" in chinese


@pytest.mark.parametrize("name", ["graph.svg", "graph.dot", "graph.mmd", "graph.json"])
async def test_module_tree_is_saved_as_a_file_its_tool_reads(name: str) -> None:
    sandbox = FakeSandbox(trace=with_modules)
    async with site(sandbox) as client:
        key = kept_in((await client.get("/")).text)
        response = await post_form(client, f"/graph/{name}", source="y = 1", style="modules", graph=key)
    assert f'filename="{name.replace("graph", "modules")}"' in response.headers["content-disposition"]
    match name.rpartition(".")[2]:
        case "svg":
            assert ElementTree.fromstring(response.text).tag.endswith("svg")
        case "dot":
            assert len(pygraphviz.AGraph(string=response.text).nodes()) == 3
        case "mmd":
            assert response.text.startswith("flowchart TD\n")
        case "json":
            assert [tree["name"] for tree in json.loads(response.text)] == ["net"]
    assert len(sandbox.asked) == 1


async def test_api_tells_modules_and_draws_them_where_it_is_asked_to() -> None:
    async with site(FakeSandbox(trace=with_modules)) as client:
        plain = (await client.post(EVALUATE, json=LINE)).json()
        drawn = (await client.post(EVALUATE, json={**LINE, "graph": {"style": "modules"}})).json()
    assert plain["picture"] is None
    assert [record["path"] for record in plain["modules"][0]["modules"]][:2] == ["net", "net.layers"]
    assert plain["modules"][0]["parameters"][1]["same_as"] == "net.weight"
    assert (drawn["picture"]["style"], drawn["picture"]["format"]) == ("modules", "svg")
    assert ElementTree.fromstring(drawn["picture"]["text"]).tag.endswith("svg")
    assert drawn["graph"]["svg"] is None
