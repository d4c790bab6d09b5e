"""No reader takes what others need: not the event loop with large texts and traces, not every place with sleepers."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from app.drawing import graph as drawing
from app.program import Program
from app.sandbox.face import SandboxHealth
from app.vocabulary.graph import AutogradGraph, GraphEdge
from app.vocabulary.trace import Completed, Cut, Output, RunRequest, Step, Trace
from app.vocabulary.values import NodeId, Span, StepId
from app.web import answers, evaluate, pictures
from app.web.forms import Form, read_form
from app.web.problems import TooManyAtOnce
from app.web.rate import Places
from app.web.sizes import is_large
from tests.fakes import FakeSandbox, line_trace, node, record, values
from tests.processes import until
from tests.web.site import EVALUATE, HTMX, LINE, check_failure, post_form, site
from tests.web.test_pages import fields_of, words

SLEEPING = {"source": "y = 1"}
ASLEEP = 0.3
FOREVER = 3600.0

# ----------------------------------------------------------------------------------------------------- large texts


async def longest_stall(work: Callable[[], Any]) -> float:
    """The longest the event loop was kept from other readers while `work` went on, in its own thread's seconds."""
    longest, working = 0.0, asyncio.ensure_future(work())
    while not working.done():
        began = time.thread_time()
        await asyncio.sleep(0.005)
        longest = max(longest, time.thread_time() - began)
    await working
    return longest


@pytest.mark.parametrize("key", ["shape", "seed", "low", "high", "dtype", "kind"])
async def test_long_field_keeps_nobody_waiting(key: str) -> None:
    field = {"kind": "zeros", "shape": "2", key: "1" + " " * 20_000 + "!"}
    async with site() as client:
        await client.get("/")

        async def send() -> None:
            answer = await post_form(client, "/evaluate", source="y = x", inputs={"x": field}, headers=HTMX)
            assert answer.status_code == 200

        assert await longest_stall(send) < 1


def test_texts_of_a_form_are_cut() -> None:
    long = "a" * 5_000
    body = "&".join(
        f"{name}={long}"
        for name in (
            *("input", "parked", "device", "backward", "style", "sequence", "roots", "opened", "run"),
            *("set_language", "set_theme", "in.x.shape", "in.x.low", "in.x.kind"),
        )
    )
    form = read_form(f"{body}&input=x&source={long}&in.x.value={long}".encode())
    assert (form.source, form.fields[0].value) == (long, long)
    small = replace(form, source="", fields=(replace(form.fields[0], value=""),))
    assert len(repr(small)) < 3_000
    assert Form("").fields == ()


async def test_program_with_thousands_of_free_names_gets_a_page_of_some() -> None:
    source = "\n".join(f"n{number}" for number in range(9_500))
    async with site() as client:
        page = await post_form(client, source=source)
        fragment = await post_form(client, "/evaluate", source=source, headers=HTMX)
    for answer in (page, fragment):
        assert len(fields_of(answer.text)) == 60
        assert len(answer.text) < 500_000
        assert "The page has fields for the first 60 of these names; 9440 more have none." in words(
            answer.text
        )
        assert "9421 more problems are not named here." in words(answer.text)


async def test_api_names_twenty_problems() -> None:
    source = "\n".join(f"n{number}" for number in range(500))
    async with site() as client:
        error = check_failure(await client.post(EVALUATE, json={"source": source}), 422, "program_refused")
        inputs = {f"n{number}": 1 for number in range(500)}
        refused = await client.post(EVALUATE, json={"source": source, "inputs": inputs})
    assert len(error["problems"]) == len(check_failure(refused, 422, "request_refused")["problems"]) == 20
    assert error["problems"][-1]["message"] == "481 more problems are not named here."


@pytest.mark.parametrize("path", ["/", "/evaluate", "/live", "/export/program.py"])
async def test_runs_are_counted_before_the_program_is_read(path: str) -> None:
    async with site(runs_per_minute=60, runs_burst=1) as client:
        answers = [await post_form(client, path, source="y = (", headers=HTMX) for _ in range(3)]
    assert answers[-1].status_code == 429
    assert "Too many runs in a short time" in answers[-1].text


# ---------------------------------------------------------------------------------------------------- large answers


def wide_graph(edges: int) -> AutogradGraph:
    """Few nodes, many edges: one call that takes one tensor over and over."""
    nodes = (
        node(0, "function", "StackBackward0", "stack", Span(1, 0, 1, 5), "y", 1.0, 1.0),
        node(1, "function", "MulBackward0", "x * 2", Span(1, 0, 1, 5), "z", 1.0, 1.0),
    )
    return AutogradGraph(
        roots=(),
        nodes=nodes,
        edges=tuple(GraphEdge(NodeId(0), number, NodeId(1), 0, None) for number in range(edges)),
        backward=None,
        occurrence=0,
        nodes_left_out=0,
    )


def large_trace(program: Program, request: RunRequest) -> Trace:
    many = tuple(tuple(float(row * column) for column in range(32)) for row in range(32))
    tensors = tuple(record(number, f"t{number}", values(many), shape=(32, 32)) for number in range(20))
    return Trace(Completed(), "cpu", tensors, graphs=(wide_graph(3_000),))


def in_threads(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[bool]:
    """Of each call whether it was made off the event loop's thread."""
    seen: list[bool] = []
    work, loop = getattr(module, name), threading.get_ident()

    def watched(*arguments: Any) -> Any:
        seen.append(threading.get_ident() != loop)
        return work(*arguments)

    monkeypatch.setattr(module, name, watched)
    return seen


async def test_large_answers_are_written_and_drawn_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = in_threads(monkeypatch, answers, "write_json")
    drawn = in_threads(monkeypatch, pictures, "draw_studied")
    async with site(FakeSandbox(large_trace)) as client:
        assert (await client.post(EVALUATE, json=SLEEPING)).status_code == 200
        assert (await post_form(client, source="y = 1")).status_code == 200
    async with site() as client:
        assert (await client.post(EVALUATE, json=LINE)).status_code == 200
    assert (written, drawn) == ([True, False], [True, True, False])


@pytest.mark.parametrize(
    ("trace", "large"),
    [
        (Trace(Completed(), "cpu"), False),
        (Trace(Completed(), "cpu", output=(Output("stdout", "a" * 1_000_000),)), True),
        (Trace(Completed(), "cpu", graphs=(wide_graph(2_000),)), True),
        (Trace(Completed(), "cpu", (record(0, "x", values(((0.0,) * 100,) * 100)),)), True),
        (
            Trace(
                Completed(),
                "cpu",
                steps=tuple(Step(StepId(number), "op", None, None, None, (), ()) for number in range(2_000)),
            ),
            True,
        ),
        (Trace(Completed(), "cpu", (record(0, "x", values((0.0,) * 100)),)), False),
    ],
)
def test_everything_counts_for_the_size(trace: Trace, large: bool) -> None:
    assert is_large(trace) is large


def test_line_is_small() -> None:
    assert not is_large(line_trace(Program("", (), frozenset()), RunRequest()))
    assert not is_large(math.pi)


def test_markup_counts_as_the_text_it_is() -> None:
    assert is_large((Markup("a" * 1_000_000),))
    assert not is_large((Markup("a"),))


def test_parallel_edges_are_one_line_that_says_how_many() -> None:
    view = drawing.GraphView(max_boxes=300)
    few = drawing.draw_graph(wide_graph(1_200), view)
    many = drawing.draw_graph(wide_graph(20_000), view)
    assert len(few.edges) == 1_200
    assert [edge.sentence.values["count"] for edge in many.edges] == ["20,000"]


def test_graph_of_too_many_lines_is_grouped_further() -> None:
    count = 150
    nodes = tuple(
        node(each, "function", "CatBackward0", "cat", Span(each + 1, 0, each + 1, 3), None, 1.0, 1.0)
        for each in range(count)
    )
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count)]
    edges = tuple(GraphEdge(NodeId(one), other - one, NodeId(other), 0, None) for one, other in pairs)
    began = time.process_time()
    picture = drawing.draw_graph(AutogradGraph((), nodes, edges, None, 0, 0), drawing.GraphView(300))
    assert time.process_time() - began < 5
    assert 1 < len(picture.edges) <= 1_200
    assert picture.note is not None
    assert picture.note.values["edges"] == "11,175"


# ------------------------------------------------------------------------------------------------- places for others


async def leave(*posts: asyncio.Future[Any]) -> None:
    """Wait for no answer any more."""
    for post in posts:
        post.cancel()
    await asyncio.gather(*posts, return_exceptions=True)


async def test_one_client_leaves_a_place_for_others() -> None:
    sandbox = FakeSandbox(delay=lambda program: FOREVER)
    async with site(sandbox, slots=4, runs_per_minute=1000) as client:
        posts = [asyncio.ensure_future(client.post(EVALUATE, json=SLEEPING)) for _ in range(8)]
        await until(lambda: sum(post.done() for post in posts) >= 5)
        refused = [post.result() for post in posts if post.done()]
        await leave(*posts)
    assert len(sandbox.asked) == 3
    assert len(refused) == 5
    for reply in refused:
        assert check_failure(reply, 429, "too_many_at_once")["retry_after"] == 1


async def test_page_says_so_too() -> None:
    sandbox = FakeSandbox(delay=lambda program: FOREVER)
    async with site(sandbox, slots=1, runs_per_minute=1000) as client:
        first = asyncio.ensure_future(client.post(EVALUATE, json=SLEEPING))
        await until(lambda: len(sandbox.asked) == 1)
        answer = await post_form(client, "/evaluate", source="y = 1", headers=HTMX)
        await leave(first)
    assert answer.status_code == 429
    assert "Too many of your programs are running at the same time." in answer.text


async def test_next_program_waits_a_moment_for_the_last_one_to_end() -> None:
    async with site(FakeSandbox(delay=lambda program: ASLEEP), slots=2, runs_per_minute=1000) as client:
        replies = await asyncio.gather(*(client.post(EVALUATE, json=SLEEPING) for _ in range(2)))
    assert [reply.status_code for reply in replies] == [200, 200]


async def test_other_addresses_have_places_of_their_own() -> None:
    places = Places(1, patience=0.05)
    async with places.taken("1.2.3.4"), places.taken("2001:db8::1"):
        for address in ("1.2.3.4", "::ffff:1.2.3.4", "2001:db8::2"):
            with pytest.raises(TooManyAtOnce):
                async with places.taken(address):
                    pass
        async with places.taken("1.2.3.5"):
            pass
    async with places.taken("1.2.3.4"):
        pass


async def test_live_runs_count_among_a_clients_places() -> None:
    sandbox = FakeSandbox(pace=0.5)
    async with site(sandbox, slots=3, live_runs=1, runs_per_minute=1000) as client:
        run = (await client.post("/api/v1/runs", json={"source": "for epoch in range(3): pass"})).json()["id"]
        await asyncio.sleep(0.05)
        playground = client._app.state.playground  # type: ignore[attr-defined]  # the site's own client
        assert await evaluate.count_live(playground, "127.0.0.1") == 1
        assert await evaluate.count_live(playground, "127.0.0.2") == 0
        await client.delete(f"/api/v1/runs/{run}")
        assert await evaluate.count_live(playground, "127.0.0.1") == 0
        assert playground.places.live_of("127.0.0.1") == ()


# ---------------------------------------------------------------------------------------------------- what is shown


class Unsealed(FakeSandbox):
    def health(self) -> SandboxHealth:
        return replace(super().health(), sealed=False)


async def test_page_says_when_programs_run_unsealed() -> None:
    async with site(Unsealed()) as client:
        english = await client.get("/")
        chinese = await client.get("/", headers={"Accept-Language": "zh"})
        health = (await client.get("/healthz")).json()
    async with site() as client:
        sealed = await client.get("/")
    assert "Programs run here without the seal" in english.text
    assert "没有封闭" in chinese.text
    assert health["sealed"] is False
    assert 'class="unsealed"' not in sealed.text


async def test_layout_is_shown_where_it_is_not_the_usual_one() -> None:
    def trace(layout: str) -> Callable[[Program, RunRequest], Trace]:
        tensors = (record(0, "x", values((1.0, 2.0)), layout=layout),)
        return lambda program, request: Trace(Completed(), "cpu", tensors)

    async with site(FakeSandbox(trace("strided"))) as client:
        usual = await post_form(client, source="y = 1")
    async with site(FakeSandbox(trace("sparse_coo"))) as client:
        sparse = await post_form(client, source="y = 1")
    assert "<dt>layout</dt>" not in usual.text
    assert "<dt>layout</dt><dd>sparse_coo</dd>" in sparse.text


async def test_cuts_are_named() -> None:
    cuts = (Cut("graph_values", 5, 2), Cut("graph_edges", 5, 3), Cut("curves", 5, 4))
    async with site(FakeSandbox(lambda program, request: Trace(Completed(), "cpu", cuts=cuts))) as client:
        page = words((await post_form(client, source="y = 1")).text)
    for said in ("2 values in graphs (allowed: 5)", "3 graph edges (allowed: 5)", "4 curves (allowed: 5)"):
        assert said in page
