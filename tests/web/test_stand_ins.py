"""Stand-ins over HTTP: offered beside the advice, asked for by a field, told with the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.program import Program
from app.vocabulary.stand_ins import SETS, StandIn
from app.vocabulary.trace import Completed, RunRequest, Trace
from app.vocabulary.values import Span
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, HTMX, ZH, post_form, site

MNIST = "from torchvision import datasets\ndatasets.MNIST('.', download=True)"
OFFER = 'name="stand_ins" value="1"'
KEPT = '<input type="hidden" name="stand_ins" value="1">'


def lend(program: Program, request: RunRequest) -> Trace:
    told = StandIn("MNIST", SETS["MNIST"], Span(2, 0, 2, 35))
    return replace(Trace(Completed()), stand_ins=(told,) if request.stand_ins else ())


async def test_the_api_offers_a_stand_in_and_tells_which_one_was_used() -> None:
    async with site(FakeSandbox(lend)) as client:
        offered = (await client.post(EVALUATE, json={"source": MNIST})).json()
        body = {"source": MNIST, "stand_ins": True}
        used = (await client.post(EVALUATE, json=body, headers=ZH)).json()
    assert [each["stand_in"] for each in offered["advice"]] == ["MNIST"]
    assert offered["stand_ins"] == []
    (told,) = used["stand_ins"]
    assert (told["name"], told["span"]["line"]) == ("MNIST", 2)
    assert told["sentence"].startswith("MNIST 的替代数据")
    assert used["advice"] == []


@pytest.mark.parametrize("source", [MNIST, MNIST + "\nimport gym"])
async def test_the_page_keeps_stand_ins_once_they_are_asked_for(source: str) -> None:
    async with site(FakeSandbox(lend)) as client:
        before = (await post_form(client, "/evaluate", source=source, headers=HTMX)).text
        after = (await post_form(client, "/evaluate", source=source, stand_ins="1", headers=HTMX)).text
        again = (await post_form(client, "/evaluate", source=source, stand_ins="", headers=HTMX)).text
    assert OFFER in before
    assert KEPT not in before
    assert KEPT in after
    assert after.count("Stand-in data") == 2  # in the result, and where it can be turned off
    assert OFFER not in after.replace(KEPT, "")
    assert KEPT not in again


async def test_a_program_without_sets_is_offered_nothing() -> None:
    async with site(FakeSandbox(lend)) as client:
        answer = (await post_form(client, "/evaluate", source="x = 1", headers=HTMX)).text
    assert "stand_ins" not in answer
