"""Notebooks on the page and in the API: opened, run in cells, shown as text, saved again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.notebook import mark_cells
from app.program import parse_program
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Output, Shown, Trace
from app.vocabulary.values import Span
from app.web.files import read_pasted
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, check_failure, post_form, site

WORDS = {"cell_type": "markdown", "source": "# Title <b>bold</b>", "metadata": {}}
CODE = {"cell_type": "code", "source": ["%time x\n", "x = 1\n", "x"], "metadata": {}, "outputs": []}
BOOK: dict[str, Any] = {"nbformat": 4, "metadata": {}, "cells": [WORDS, CODE]}
SOURCE = "# %% [markdown]\n# # Title <b>bold</b>\n\n# %%\n# %time x\nx = 1\nx\n"
CELLS = mark_cells(parse_program(SOURCE, Limits()).cells, 1, False)
TRACE = Trace(
    Completed(),
    result=Shown("1", Span(7, 0, 7, 1), None, 1),
    displays=(Shown("1", Span(7, 0, 7, 1), None, 1),),
    cells=CELLS,
    output=(Output("stdout", "<i>printed</i>", 1), Output("stdout", "nowhere", 77)),
)


async def send_file(data: bytes, name: str = "lesson.ipynb") -> Any:
    sandbox = FakeSandbox(lambda program, request: TRACE)
    async with site(sandbox) as client:
        return await client.post("/open", files={"file": (name, data)}), sandbox


async def test_notebook_in_the_body_runs_as_one_program_in_cells() -> None:
    sandbox = FakeSandbox(lambda program, request: TRACE)
    async with site(sandbox) as client:
        answer = (await client.post(EVALUATE, json={"notebook": BOOK})).json()
    ((program, _),) = sandbox.asked
    assert program.source == SOURCE
    assert [(each["kind"], each["number"], each["state"]) for each in answer["cells"]] == [
        ("text", None, None),
        ("code", 1, "ran"),
    ]
    assert answer["displays"] == [answer["result"]]
    assert answer["output"][0]["cell"] == 1
    assert "Lines 5" in answer["notes"][-1]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"notebook": {}}, "program_refused"),
        ({"notebook": [], "source": "x = 1"}, "request_refused"),
        ({"notebook": BOOK, "source": "x = 1"}, "request_refused"),
        ({"notebook": None}, "request_refused"),
    ],
)
async def test_what_is_no_notebook_is_refused(body: dict[str, Any], code: str) -> None:
    async with site() as client:
        check_failure(await client.post(EVALUATE, json=body), 422, code)


async def test_opened_notebook_stands_on_the_page_with_each_output_in_its_cell() -> None:
    page, _ = await send_file(json.dumps(BOOK).encode())
    assert page.status_code == 200
    cells = page.text.partition('<ol class="cells">')[2].partition("</ol>")[0]
    assert "<h3>Title &lt;b&gt;bold&lt;/b&gt;</h3>" in cells
    assert "&lt;i&gt;printed&lt;/i&gt;" in cells
    assert "nowhere" not in cells
    assert "nowhere" in page.text
    assert "# %% [markdown]" in page.text.partition("<textarea")[2].partition("</textarea>")[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b'{"cells": [{}]}', "cannot be read"),
        (json.dumps({**BOOK, "metadata": {"kernelspec": {"language": "julia"}}}).encode(), "julia"),
    ],
)
async def test_file_that_is_no_program_is_refused_on_the_page(data: bytes, words: str) -> None:
    page, sandbox = await send_file(data)
    assert page.status_code == 422
    assert words in page.text
    assert sandbox.asked == []


async def test_form_without_a_file_is_refused() -> None:
    async with site() as client:
        page = await client.post("/open", content=b"--x--", headers={"Content-Type": "multipart/form-data"})
        again = await client.get("/open")
    assert page.status_code == 422
    assert (again.status_code, again.headers["location"]) == (303, "/")


async def test_python_file_is_opened_as_it_is() -> None:
    page, sandbox = await send_file("\ufeffx = '中'\n".encode(), "a.py")
    assert page.status_code == 200
    assert sandbox.asked[0][0].source == "x = '中'\n"


async def test_notebook_pasted_into_the_form_is_opened_without_a_script() -> None:
    sandbox = FakeSandbox(lambda program, request: TRACE)
    async with site(sandbox) as client:
        await post_form(client, "/", source=json.dumps(BOOK))
    assert sandbox.asked[0][0].source == SOURCE


async def test_saved_notebook_gives_its_cells_back() -> None:
    source = "# by me\n\n# %% one\nx = 1\nx\n\n# %% [markdown]\n# words\n# on two lines\n\n# %%\ny = x\n"
    async with site() as client:
        saved = await post_form(client, "/export/program.ipynb", source=source)
    opened = read_pasted(saved.text, Limits())
    before, after = parse_program(source, Limits()).cells, parse_program(opened, Limits()).cells
    assert [(each.kind, each.title, each.source, each.number) for each in after] == [
        (each.kind, each.title, each.source, each.number) for each in before
    ]
