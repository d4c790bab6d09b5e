"""Laws of comparing: on the page against the run it began with, in the API two programs or two graphs."""

from __future__ import annotations

import re

from httpx import AsyncClient

from app.drawing.difference import compare
from tests.drawing.graphs import line_graph
from tests.fakes import FakeSandbox
from tests.web.site import site

SCALARS = {"x": {"value": 3.0}, "w": {"value": 4.0, "requires_grad": True}, "b": {"value": 5.0}}


def side(**other: float) -> dict[str, object]:
    changed = {name: {**SCALARS[name], "value": value} for name, value in other.items()}
    return {"source": "y = x*w + b", "inputs": {**SCALARS, **changed}}


async def answer(client: AsyncClient, **body: object) -> dict[str, object]:
    response = await client.post("/api/v1/diff", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


async def test_two_programs_are_compared() -> None:
    async with site() as client:
        same = await answer(client, before=side(), after=side(), format="none")
        other = await answer(client, before=side(), after=side(w=7.0))
    assert same["summary"] == "Nothing differs."
    assert (other["added"], other["removed"]) == (0, 0)
    assert isinstance(other["changed"], int)
    assert other["changed"] > 0
    assert isinstance(other["graph"], dict)
    assert 'accumulate changed"' in other["graph"]["svg"]


async def test_answered_graphs_are_compared_without_a_run() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        evaluated = (await client.post("/api/v1/evaluate", json=side())).json()["graph"]
        runs = len(sandbox.asked)
        told = await answer(client, before={"drawn": evaluated}, after={"drawn": evaluated})
        broken = {**evaluated, "nodes": evaluated["nodes"][1:]}
        refused = await client.post(
            "/api/v1/diff", json={"before": {"drawn": broken}, "after": {"drawn": evaluated}}
        )
    assert told["summary"] == "Nothing differs."
    assert len(sandbox.asked) == runs
    assert refused.status_code == 422


async def test_page_compares_with_the_run_it_began_with() -> None:
    form = {"source": "y = x*w + b", "style": "diff", "input": ["x", "w", "b"], "in.x.value": "2"}
    async with site() as client:
        first = (await client.post("/evaluate", data=form)).text
        found = re.search(r'name="before" form="program" value="([^"]+)"', first)
        assert found
        assert "Nothing differs." in first
        second = (await client.post("/evaluate", data={**form, "in.x.value": "3", "before": found[1]})).text
    assert found[1] in second
    assert re.search(r"Changed: [1-9]", second)


def test_union_of_equal_graphs_is_the_second() -> None:
    assert compare(line_graph(), line_graph()) == line_graph()
