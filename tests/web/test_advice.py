"""Advice over HTTP: told before a program runs, and the edits it offers made on demand."""

from __future__ import annotations

import re

from app.vocabulary.trace import Raised, Trace
from app.vocabulary.values import Span
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, HTMX, check_failure, post_form, site

OLD = "x = torch.range(0, 3)"


async def test_answer_tells_old_code_and_the_edit() -> None:
    async with site() as client:
        answer = (await client.post(EVALUATE, json={"source": OLD})).json()
    [advice] = answer["advice"]
    assert advice["code"] == "range"
    assert advice["fix"]["edits"] == [
        {"span": {"line": 1, "column": 4, "end_line": 1, "end_column": 21}, "text": "torch.arange(0.0, 4)"}
    ]


async def test_refusal_tells_how_python_2_prints() -> None:
    async with site() as client:
        error = check_failure(
            await client.post(EVALUATE, json={"source": "print 'a'"}), 422, "program_refused"
        )
    assert error["advice"][0]["fix"]["label"] == "print('a')"


async def test_failing_line_calls_up_its_advice() -> None:
    place = Span(1, 0, 1, 12)
    error = Raised("IndexError", "invalid index of a 0-dim tensor", place, ())
    body = {"source": "loss.data[0]", "inputs": {"loss": {"value": 3.0}}}
    async with site() as client:
        sound = (await client.post(EVALUATE, json=body)).json()
    async with site(FakeSandbox(lambda *asked: Trace(error))) as client:
        failed = (await client.post(EVALUATE, json=body)).json()
    assert sound["advice"] == []
    assert [each["code"] for each in failed["advice"]] == ["data_0"]


async def test_page_makes_the_edit() -> None:
    async with site() as client:
        offered = (await post_form(client, source=OLD)).text
        key = re.search(r'name="fix" value="([^"]+)"', offered)
        assert key is not None
        page = (await post_form(client, source=OLD, fix=key[1])).text
        fragment = (await post_form(client, "/evaluate", source=OLD, fix=key[1], headers=HTMX)).text
    assert re.search(r"<textarea id=\"source\"[^>]*>\nx = torch\.arange\(0\.0, 4\)</textarea>", page)
    assert '<textarea id="repaired" hidden readonly>\nx = torch.arange(0.0, 4)</textarea>' in fragment
