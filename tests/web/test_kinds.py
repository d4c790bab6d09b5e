"""Laws of the kinds of graph: the switch tells what there is, what is kept is drawn without a run, each is a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pygraphviz
import pytest

from app.program import Program
from app.vocabulary.static_graph import CannotTrace, Lost, StaticGraph, StaticNode, StaticOp
from app.vocabulary.trace import RunRequest, Trace
from app.vocabulary.values import NodeId, Span, Text
from tests.drawing.trees import blocks, tree_of
from tests.fakes import FakeSandbox, line_trace
from tests.web.site import EVALUATE, LINE, ZH, post_form, site
from tests.web.test_recent import kept_in

TREE = tree_of("net", "Net", [("layers", "ModuleList", blocks(4))])
REPEATED = "modules-0-2-11"


def with_modules(program: Program, request: RunRequest) -> Trace:
    return replace(line_trace(program, request), modules=(TREE,))


def with_static(program: Program, request: RunRequest) -> Trace:
    """A program that traced itself; where it is asked for, a module that cannot be traced as well."""
    graphs: tuple[StaticGraph, ...] = (static_of("g", program),)
    if request.graph == "static":
        error = CannotTrace("TraceError", "no control flow", Span(1, 4, 1, 5), Text("Use `torch.where`."))
        graphs = (*graphs, StaticGraph("net", request.tracer, True, error=error))
    return replace(with_modules(program, request), static_graphs=graphs)


def static_of(name: str, program: Program) -> StaticGraph:
    names = ("x", "mul", "output")
    ops: tuple[StaticOp, ...] = ("placeholder", "call_function", "output")
    place = Span(1, 4, 1, 7) if program.source.startswith("y = x*w") else None
    nodes = [
        StaticNode(NodeId(at), op, own, own, f"{own}()", (NodeId(at - 1),) if at else (), None, place)
        for at, (op, own) in enumerate(zip(ops, names, strict=True))
    ]
    lost = Lost(
        "loop", Text("Line {line}: the loop over `{text}` was unrolled.", {"line": 1, "text": "w"}), place
    )
    return StaticGraph(name, "torch.fx", False, tuple(nodes), (lost,), None, "def forward(self, x): ...")


def without_graph(program: Program, request: RunRequest) -> Trace:
    return replace(with_modules(program, request), graphs=(), classic=None)


def kinds_in(page: str) -> list[tuple[str, str]]:
    return re.findall(r'name="kind" value="(\w+)"[^>]*data-kind aria-pressed="(\w+)"', page)


async def test_switch_offers_the_kinds_there_are() -> None:
    async with site(FakeSandbox(trace=with_modules)) as client:
        page = (await client.get("/")).text
    assert kinds_in(page) == [
        ("annotated", "true"), ("modules", "false"), ("static", "false"), ("torchviz", "false"), ("diff", "false"),
    ]  # fmt: skip


async def test_switch_works_without_a_script() -> None:
    sandbox = FakeSandbox(trace=with_modules)
    async with site(sandbox) as client:
        page = (await post_form(client, source="y = x*w + b", style="annotated", kind="modules")).text
    assert dict(kinds_in(page))["modules"] == "true"
    assert '<option value="modules" selected>' in page
    assert sandbox.asked[0][1].graph == "modules"


async def test_without_an_autograd_graph_the_modules_are_shown() -> None:
    async with site(FakeSandbox(trace=without_graph)) as client:
        page = (await client.get("/")).text
    assert 'id="module-tree"' in page
    assert kinds_in(page) == [("modules", "true"), ("static", "false")]


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


async def test_what_the_program_traced_stands_beside_the_autograd_graph() -> None:
    async with site(FakeSandbox(trace=with_static)) as client:
        page = (await client.get("/")).text
        key = kept_in(page)
        alone = (
            await client.post("/graph", data={"source": "y = x*w + b", "style": "annotated", "graph": key})
        ).text
    assert dict(kinds_in(page))["static"] == "true"
    assert page.count('class="heading"') == 2
    boxes = re.findall(r'id="(s0-n\d|g0-[^"]*)" data-node=[^>]*data-span="([^"]*)"', page)
    assert {place for box, place in boxes if box.startswith("s0")} == {"1:4-1:7"}
    assert "1:4-1:7" in {place for box, place in boxes if box.startswith("g0")}  # they light up together
    assert "Line 1: the loop over <code>w</code> was unrolled." in page
    assert "def forward(self, x): ..." in page
    assert 'id="stepper"' in page
    assert dict(kinds_in(alone))["annotated"] == "true"
    assert 'id="s0-n0"' not in alone


async def test_static_graph_that_was_not_asked_for_is_run_for_and_an_error_is_told_with_its_remedy() -> None:
    sandbox = FakeSandbox(
        trace=lambda program, request: replace(
            with_static(program, request), static_graphs=with_static(program, request).static_graphs[1:]
        )
    )
    async with site(sandbox) as client:
        key = kept_in((await client.get("/")).text)
        form = {
            "source": "y = x*w + b",
            "style": "static",
            "tracer": "torch.export",
            "graph": key,
            "input": ["x", "w", "b"],
        }
        page = (await client.post("/graph", data=form)).text
    assert [request.graph for _, request in sandbox.asked] == ["annotated", "static"]
    assert sandbox.asked[1][1].tracer == "torch.export"
    assert "torch.export cannot trace net" in page
    assert "TraceError: no control flow" in page
    assert "Use <code>torch.where</code>." in page
    assert 'id="g0"' in page


@pytest.mark.parametrize("name", ["graph.svg", "graph.dot", "graph.json"])
async def test_static_graph_is_saved_as_a_file_its_tool_reads(name: str) -> None:
    async with site(FakeSandbox(trace=with_static)) as client:
        key = kept_in((await client.get("/")).text)
        response = await post_form(client, f"/graph/{name}", source="y = x*w + b", style="auto", graph=key)
    assert f'filename="{name.replace("graph", "static")}"' in response.headers["content-disposition"]
    if name.endswith("svg"):
        picture = ElementTree.fromstring(response.text)
        assert len(picture.findall(".//*[@class='heading']")) == 2
    elif name.endswith("dot"):
        graph = pygraphviz.AGraph(string=response.text)
        assert (len(graph.nodes()), len(graph.edges())) == (3, 2)
    else:
        assert [node["name"] for node in response.json()[0]["nodes"]] == ["x", "mul", "output"]


@pytest.mark.parametrize(("style", "count"), [("modules", 14), ("static", 3)])
async def test_model_explorer_opens_every_kind_from_the_page_and_the_api(style: str, count: int) -> None:
    trace = with_modules if style == "modules" else with_static
    async with site(FakeSandbox(trace=trace)) as client:
        key = kept_in((await client.get("/")).text)
        saved = await post_form(client, "/graph/model-explorer.json", source="y = 1", style=style, graph=key)
        asked = {**LINE, "graph": {"style": style, "format": "model_explorer"}}
        answer = (await client.post(EVALUATE, json=asked)).json()
    assert f'filename="{style}-model-explorer.json"' in saved.headers["content-disposition"]
    assert json.loads(answer["picture"]["text"]) == saved.json()
    (told,) = saved.json()["graphs"]
    ids = [node["id"] for node in told["nodes"]]
    assert len(ids) == len(set(ids)) == count
    joined = {(edge["sourceNodeId"], node["id"]) for node in told["nodes"] for edge in node["incomingEdges"]}
    assert len(joined) == count - 1
    assert {end for ends in joined for end in ends} <= set(ids)


async def test_api_tells_static_graphs_in_the_readers_language() -> None:
    body = {**LINE, "graph": {"style": "static", "tracer": "torch.export"}}
    async with site(FakeSandbox(trace=with_static)) as client:
        answer = (await client.post(EVALUATE, json=body)).json()
        wrong = await client.post(EVALUATE, json={**LINE, "graph": {"style": "static", "tracer": "jit"}})
    assert [graph["name"] for graph in answer["static_graphs"]] == ["g", "net"]
    assert answer["static_graphs"][0]["lost"][0]["sentence"] == "Line 1: the loop over `w` was unrolled."
    assert answer["static_graphs"][1]["error"]["remedy"] == "Use `torch.where`."
    assert answer["picture"]["text"].count('class="heading"') == 2
    assert wrong.status_code == 422
