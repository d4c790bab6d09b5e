"""Pasted programs over HTTP: repaired and told, undone one by one, or refused to be repaired."""

from __future__ import annotations

import re

from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, HTMX, LINE, check_failure, post_form, site

PASTED = ">>> y = x*w + b"


async def test_api_repairs_and_says_so() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        answer = (await client.post(EVALUATE, json={**LINE, "source": PASTED})).json()
    assert answer["source"] == "y = x*w + b"
    assert [each["kind"] for each in answer["repairs"]] == ["prompts"]
    assert answer["repairs"][0]["changes"] == [{"line": 1, "before": PASTED, "after": "y = x*w + b"}]


async def test_api_says_nothing_of_a_sound_program() -> None:
    async with site() as client:
        answer = (await client.post(EVALUATE, json=LINE)).json()
    assert (answer["source"], answer["repairs"]) == (None, [])


async def test_api_can_refuse_repairs() -> None:
    async with site() as client:
        refused = await client.post(EVALUATE, json={**LINE, "source": PASTED, "repair": False})
    error = check_failure(refused, 422, "program_refused")
    assert (error["source"], error["repairs"]) == (None, [])


async def test_refusal_names_places_in_the_repaired_text() -> None:
    async with site() as client:
        error = check_failure(
            await client.post(EVALUATE, json={"source": "```\n1 x = 3\n2 y = = 2\n```"}),
            422,
            "program_refused",
        )
    assert error["source"] == "x = 3\ny = = 2"
    assert error["problems"][0]["span"]["line"] == 2


async def test_page_shows_the_repaired_text_and_undoes_without_scripts() -> None:
    async with site() as client:
        page = (await post_form(client, source="```\nx = （1）\n```")).text
        assert re.search(r"<textarea id=\"source\"[^>]*>\nx = \(1\)</textarea>", page)
        assert 'name="turn" value="fences"' in page
        original = "```\nx = （1）\n```"
        undone = (await post_form(client, source="x = (1)", original=original, turn="punctuation")).text
    assert re.search(r"<textarea id=\"source\"[^>]*>\nx = （1）</textarea>", undone)
    assert '<input type="hidden" name="kept" value="punctuation">' in undone


async def test_fragment_carries_the_repaired_text_once() -> None:
    async with site() as client:
        fragment = (await post_form(client, "/evaluate", source="x = （1）", headers=HTMX)).text
        again = (
            await post_form(client, "/evaluate", source="x = (1)", original="x = （1）", headers=HTMX)
        ).text
    assert '<textarea id="repaired" hidden readonly>\nx = (1)</textarea>' in fragment
    assert 'id="repaired"' not in again
    assert 'value="punctuation"' in again
