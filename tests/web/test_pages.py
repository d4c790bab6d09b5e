"""The page and its fragments: complete without JavaScript, in both languages, and every hostile text escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from app.program import Program
from app.vocabulary.errors import SandboxBusy
from app.vocabulary.trace import Completed, Output, Raised, RunRequest, Shown, Trace
from app.vocabulary.values import Span, Text, Why
from tests.fakes import FakeGraphviz, FakeSandbox, canned, classic, line_trace, number, record
from tests.web.site import HTMX, ZH, post_form, site

INPUTS = {
    "x": {"kind": "value", "value": "3.0"},
    "w": {"kind": "value", "value": "4.0", "requires_grad": "on"},
    "b": {"kind": "value", "value": "5.0", "requires_grad": "on"},
}
HOSTILE = "</textarea><script>alert(1)</script>\"'&{{7*7}}{0}"


def words(html: str) -> str:
    """The page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def fields_of(html: str) -> list[str]:
    return re.findall(r'name="input" value="([^"]*)"', html)


async def test_first_page_shows_a_live_result() -> None:
    async with site() as client:
        page = await client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "y = x*w + b</textarea>" in page.text
    assert fields_of(page.text) == ["x", "w", "b"]
    assert re.search(r'class="scalar[^"]*">17<', page.text)
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="graph"' in page.text
    assert "Completed" in page.text


async def test_pages_speak_the_readers_language() -> None:
    async with site() as client:
        english = await client.get("/")
        chinese = await client.get("/", headers=ZH)
        chosen = await client.get("/", headers={**ZH, "Cookie": "language=en"})
    assert '<html lang="en"' in english.text
    assert '<html lang="zh-Hans"' in chinese.text
    assert "自动求导图" in chinese.text
    assert "叶子张量" in chinese.text
    assert "已完成" in chinese.text
    assert '<html lang="en"' in chosen.text


async def test_switching_the_language_keeps_the_program() -> None:
    async with site() as client:
        page = await post_form(client, source="y = x*w + b # 保留", set_language="zh", inputs=INPUTS)
        again = await client.get("/")
    assert "y = x*w + b # 保留</textarea>" in page.text
    assert '<html lang="zh-Hans"' in page.text
    assert "language=zh" in page.headers["set-cookie"]
    assert '<html lang="zh-Hans"' in again.text


async def test_switching_the_theme_is_written_into_the_page() -> None:
    async with site() as client:
        assert 'data-theme="auto"' in (await client.get("/")).text
        page = await post_form(client, source="y = 1", set_theme="dark")
        assert 'data-theme="dark"' in page.text
        assert 'data-theme="dark"' in (await client.get("/")).text
        await post_form(client, source="y = 1", set_theme='"><script>')
        assert 'data-theme="dark"' in (await client.get("/")).text


async def test_form_works_without_javascript() -> None:
    sandbox = FakeSandbox()
    inputs = {**INPUTS, "x": {"kind": "value", "value": "10"}}
    async with site(sandbox) as client:
        page = await post_form(client, source="y = x*w + b", inputs=inputs, backward="y")
    assert page.status_code == 200
    assert page.text.startswith("<!doctype html>")
    assert re.search(r'class="scalar[^"]*">45<', page.text)
    (_, request) = sandbox.asked[0]
    assert request.inputs["x"].value == 10
    assert not request.inputs["x"].requires_grad
    assert request.inputs["w"].requires_grad
    assert request.backward == "y"


async def test_free_name_without_a_field_gets_one_and_is_evaluated_at_once() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        answer = await post_form(client, "/evaluate", source="y = x*w + b*c", inputs=INPUTS, headers=HTMX)
    assert fields_of(answer.text) == ["x", "w", "b", "c"]
    (_, request) = sandbox.asked[0]
    assert request.inputs["c"].value == 1.0
    assert request.inputs["c"].requires_grad
    assert request.inputs["x"].value == 3.0


async def test_fields_already_shown_are_left_alone() -> None:
    async with site() as client:
        answer = await post_form(client, "/evaluate", source="y = x*w + b", inputs=INPUTS, headers=HTMX)
    assert fields_of(answer.text) == []
    assert 'hx-target="#inputs"' not in answer.text


async def test_field_of_a_name_that_went_away_comes_back_with_its_value() -> None:
    async with site() as client:
        without = await post_form(client, "/evaluate", source="y = x*w", inputs=INPUTS, headers=HTMX)
        parked = dict(re.findall(r'type="hidden" name="(in\.b\.[^"]+)" value="([^"]*)"', without.text))
        assert 'name="parked" value="b"' in without.text
        inputs = {name: INPUTS[name] for name in "xw"}
        answer = await post_form(
            client, "/evaluate", source="y = x*w + b", inputs=inputs, parked="b", headers=HTMX, **parked
        )
    assert re.search(r'name="in\.b\.value" id="[^"]+" value="5\.0"', answer.text)


async def test_syntax_error_leaves_the_last_result_and_says_where() -> None:
    async with site() as client:
        answer = await post_form(client, "/evaluate", source="y = x*w +", inputs=INPUTS, headers=HTMX)
        page = await post_form(client, source="y = x*w +", inputs=INPUTS)
    assert answer.status_code == 200
    assert 'hx-target="#result"' not in answer.text
    assert 'hx-target="#inputs"' not in answer.text
    assert 'id="stale"' in answer.text
    assert "Line 1, column 10" in answer.text
    assert page.status_code == 422
    assert fields_of(page.text) == ["x", "w", "b"]
    assert "y = x*w +</textarea>" in page.text


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"kind": "value", "value": "[1, 2"}, "neither a number nor nested lists"),
        ({"kind": "value", "value": "spam"}, "neither a number nor nested lists"),
        ({"kind": "value", "value": "[[1], [2, 3]]"}, "different lengths"),
        ({"kind": "zeros", "shape": "two"}, "is no shape"),
        ({"kind": "eye", "shape": "2, 2, 2"}, "eye makes a matrix"),
        ({"kind": "value", "value": "1", "dtype": "int64", "requires_grad": "on"}, "can require grad"),
    ],
)
async def test_input_that_makes_no_tensor_is_named(field: dict[str, str], message: str) -> None:
    async with site() as client:
        answer = await post_form(client, "/evaluate", source="y = x", inputs={"x": field}, headers=HTMX)
    assert message in answer.text
    assert 'data-name="x"' in answer.text


async def test_busy_sandbox_keeps_the_page_and_says_when_to_come_back() -> None:
    async with site(FakeSandbox(failure=SandboxBusy(4))) as client:
        answer = await post_form(client, "/evaluate", source="y = 1", headers=HTMX)
        page = await client.get("/")
    assert answer.status_code == page.status_code == 503
    assert "Try again in 4 seconds." in answer.text
    assert "y = x*w + b</textarea>" in page.text


async def test_failures_are_answered_in_the_form_they_were_asked_in() -> None:
    html = {"Accept": "text/html"}
    async with site(FakeSandbox(failure=ZeroDivisionError("a bug"))) as client:
        fragment = await post_form(client, "/evaluate", source="y = 1", headers=HTMX)
        page = await post_form(client, source="y = 1", headers=html)
        missing = await client.get("/nothing", headers=html)
        large = await post_form(client, "/evaluate", source="a" * 2_000_000, headers=HTMX)
    assert (fragment.status_code, page.status_code, missing.status_code, large.status_code) == (
        500,
        500,
        404,
        413,
    )
    assert fragment.text.lstrip().startswith("<hx-partial")
    assert page.text.startswith("<!doctype html>")
    assert "There is nothing at this address." in missing.text
    assert "1048576 bytes" in large.text
    assert "a bug" not in fragment.text + page.text


async def test_old_browsers_form_that_is_no_utf8_is_refused() -> None:
    async with site() as client:
        answer = await client.post("/evaluate", content=b"source=%ff", headers=HTMX)
    assert answer.status_code == 422
    assert "not UTF-8" in answer.text


async def test_raised_program_shows_exception_place_frames_and_hint() -> None:
    async with site() as client:
        source = "a = torch.ones(2, 3)\nb = 1\nc = a @ b"
        answer = await post_form(client, "/evaluate", source=source, headers=HTMX)
    text = words(answer.text)
    assert "RuntimeError" in text
    assert "shapes cannot be multiplied (2x3 and 4x5)" in text
    assert "Line 3, column 5" in text
    assert "<mark>a @ b</mark>" in answer.text
    assert 'data-start="31" data-end="36"' in answer.text
    assert "The inner sizes 3 and 4 must be equal." in text
    assert 'hx-target="#result"' in answer.text


async def test_offsets_count_utf16_behind_emoji_and_chinese() -> None:
    span = Span(2, 4, 2, 9)

    def trace(program: Program, request: RunRequest) -> Trace:
        return Trace(Raised("E", "m", span, ()), "cpu")

    async with site(FakeSandbox(trace)) as client:
        answer = await post_form(client, "/evaluate", source="# 😀 张量\nc = a @ b", headers=HTMX)
    assert 'data-start="12" data-end="17"' in answer.text


async def test_torchviz_picture_is_an_image() -> None:
    assert classic().edges
    async with site() as client:
        good = await post_form(client, source="y = x*w + b", style="torchviz", inputs=INPUTS)
    async with site(graphviz=FakeGraphviz(failing=True)) as client:
        bad = await post_form(client, source="y = x*w + b", style="torchviz", inputs=INPUTS)
    assert '<img src="data:image/svg+xml;base64,' in good.text
    assert "There is no picture of this graph." in bad.text


async def test_none_differs_from_zero() -> None:
    def trace(program: Program, request: RunRequest) -> Trace:
        tensors = (
            record(0, "zero", number(1.0), grad=number(0.0)),
            record(1, "none", number(1.0), why=(Why("no_backward", Text("No backward pass has run.")),)),
        )
        return Trace(Completed(), "cpu", tensors)

    async with site(FakeSandbox(trace)) as client:
        page = await post_form(client, source="y = 1")
    zero, none = page.text.split('aria-label="none"')
    assert re.search(r'class="scalar tone-z">0<', zero)
    assert '<p class="no-grad"><code>None</code></p>' in none
    assert "No backward pass has run." in none


async def test_large_and_broken_values_show_a_scale_and_marks() -> None:
    async with site() as client:
        page = await post_form(client, source="weights = 1")
    assert 'class="heat"' in page.text
    assert "tone-nan" in page.text
    assert "NaN × 1" in words(page.text)
    assert "weights[:24, :32]" in words(page.text)
    assert "Shares its storage with" in page.text
    assert "no elements" in page.text


def hostile_trace(program: Program, request: RunRequest) -> Trace:
    trace = line_trace(program, request)
    graph = trace.graphs[0]
    nodes = tuple(replace(node, op=HOSTILE, call=HOSTILE, module=HOSTILE) for node in graph.nodes)
    span = Span(1, 0, 1, 9)
    tensors = tuple(
        replace(
            each,
            name=HOSTILE,
            aliases=(HOSTILE,),
            dtype=HOSTILE,
            device=HOSTILE,
            grad_fn=HOSTILE,
            layout=HOSTILE,
        )
        for each in trace.tensors
    )
    return replace(
        trace,
        outcome=Raised(HOSTILE, HOSTILE, span, (), Text(HOSTILE, {"message": HOSTILE, "self": 1})),
        device=HOSTILE,
        tensors=tensors,
        graphs=(replace(graph, nodes=nodes),),
        output=(Output("stdout", HOSTILE), Output("stderr", HOSTILE)),
        result=Shown(HOSTILE, span, None),
        steps=tuple(replace(step, op=HOSTILE, name=HOSTILE, module=HOSTILE) for step in trace.steps),
        notes=(Text(HOSTILE), Text("{message}", {"message": HOSTILE}), Text("")),
    )


@pytest.mark.parametrize("style", ["annotated", "torchviz"])
async def test_hostile_texts_are_escaped_everywhere(style: str) -> None:
    async with site(FakeSandbox(hostile_trace)) as client:
        inputs = {HOSTILE: {"value": HOSTILE, "kind": HOSTILE, "dtype": HOSTILE, "low": HOSTILE}}
        form: dict[str, Any] = {
            "source": f"y = x # {HOSTILE}",
            "inputs": inputs,
            "style": style,
            "device": HOSTILE,
        }
        page = await post_form(client, **form)
        fragment = await post_form(client, "/evaluate", headers=HTMX, **form, opened=HOSTILE)
        svg = (
            await client.post("/api/v1/evaluate", json={"source": "y = 1", "graph": {"style": style}})
        ).json()["graph"]["svg"]
    for text in (page.text, fragment.text, svg):
        assert "<script>alert" not in text
        assert "49" not in re.findall(r"textarea>.{0,40}", text)
    assert page.text.count("<script") == 2
    assert page.text.count("</textarea>") == 1
    assert "alert(1)" in page.text


async def test_spans_outside_the_program_do_no_harm() -> None:
    spans = [Span(0, 0, 0, 0), Span(99, 5, 99, 9), Span(1, -5, 1, 999), Span(1, 3, 99, 2), Span(-1, 2, 5, 1)]
    for span in spans:

        def trace(program: Program, request: RunRequest, span: Span = span) -> Trace:
            return replace(canned(program, request), outcome=Raised("E", "m", span, ()))

        async with site(FakeSandbox(trace)) as client:
            page = await post_form(client, source="y = x*w + b", inputs=INPUTS)
        assert page.status_code == 200


async def test_examples_are_programs_the_menu_offers() -> None:
    async with site() as client:
        page = await client.get("/")
        slugs = re.findall(r'href="/\?example=([\w-]+)"', page.text)
        assert 8 <= len(slugs) <= 14
        for slug in slugs:
            example = await client.get("/", params={"example": slug})
            assert example.status_code == 200, slug
        unknown = await client.get("/", params={"example": "nothing"})
    assert "y = x*w + b</textarea>" in unknown.text
