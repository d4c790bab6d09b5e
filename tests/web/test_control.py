"""Controlling a live run over the API: orders and what comes of them, and every way they are refused."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from app.vocabulary.holding import Pace
from tests.fakes import FakeSandbox
from tests.processes import until
from tests.web.site import JSON, LINE, check_failure, post_form, site
from tests.web.streaming import RUNS, TRAIN, Told, all_events, live_site, read_events, start


async def collect_until(client: Any, run: dict[str, Any], state: str, after: int = 0) -> list[Told]:
    """Events up to the first that says the run stands so."""
    found = []
    async with aclosing(read_events(client, f"{run['events']}?after={after}")) as events:
        async for told in events:
            found.append(told)
            if told.kind == "held" and told.data["state"] == state:
                return found
    raise AssertionError(f"never {state}")


async def test_run_is_paused_stepped_and_let_go() -> None:
    async with live_site(FakeSandbox(pace=0.02)) as client:
        run = await start(client, {**TRAIN, "pace": {"paused": True}})
        events = await collect_until(client, run, "paused")
        assert not any(told.kind == "training" for told in events)
        shown = (await client.get(f"{RUNS}/{run['id']}")).json()
        assert (shown["state"], shown["held"]["state"]) == ("running", "paused")
        for _ in range(3):
            answer = await client.post(f"{RUNS}/{run['id']}/control", json={"do": "step"})
            assert answer.status_code == 202
            assert set(answer.json()) == {"id", "state", "held"}
            events += await collect_until(client, run, "paused", after=events[-1].id)
        assert sum(told.kind == "training" for told in events) in (2, 3)  # the first frame is printed text
        await client.post(f"{RUNS}/{run['id']}/control", json={"do": "resume"})
        done = (await all_events(client, run["events"]))[-1].data
    assert (done["state"], done["held"]["state"]) == ("finished", "running")
    assert done["progress"]["done"] == 300


async def test_first_bad_loss_and_its_origin_are_told() -> None:
    async with live_site(FakeSandbox()) as client:
        body = {**TRAIN, "source": "for epoch in range(3): nan = 1", "pace": {"pause_on_nonfinite": True}}
        run = await start(client, body)
        told = (await collect_until(client, run, "paused"))[-1].data["nonfinite"]
        await client.delete(f"{RUNS}/{run['id']}")
    assert (told["series"], told["value"], told["step"]) == ("loss", "NaN", 211)
    assert (told["origin"]["op"], told["origin"]["span"]["line"]) == ("torch.log", 8)


async def test_held_run_is_told_to_one_who_comes_back() -> None:
    async with live_site(FakeSandbox(pace=0.01)) as client:
        run = await start(client, {**TRAIN, "pace": {"steps_per_second": 4.0}})
        await client.post(f"{RUNS}/{run['id']}/control", json={"do": "pause"})
        events = await collect_until(client, run, "paused")
        again = await collect_until(client, run, "paused")
        await client.delete(f"{RUNS}/{run['id']}")
    assert [told for told in again if told.kind == "held"] == [events[-1]]
    assert events[-1].data["steps_per_second"] == 4.0


@pytest.mark.parametrize(
    "body",
    [
        {}, {"do": "fly"}, {"do": "speed", "steps_per_second": 0}, {"do": "speed", "steps_per_second": -1},
        {"do": "speed", "steps_per_second": 1e9}, {"do": "speed", "steps_per_second": "fast"},
        {"do": "pause", "now": 1}, {"do": "nonfinite", "pause": "yes"}, [], "pause",
    ],
)  # fmt: skip
async def test_orders_that_are_none_are_refused(body: Any) -> None:
    async with site() as client:
        run = (await client.post(RUNS, json=LINE)).json()
        check_failure(await client.post(f"{RUNS}/{run['id']}/control", json=body), 422, "request_refused")


@pytest.mark.parametrize("expression", ["", "x = 1", "(", "x" * 1_001])
async def test_what_is_no_expression_is_not_watched(expression: str) -> None:
    async with site() as client:
        run = (await client.post(RUNS, json=LINE)).json()
        order = {"do": "watch", "expression": expression}
        check_failure(await client.post(f"{RUNS}/{run['id']}/control", json=order), 422, "program_refused")


async def test_orders_say_that_they_are_json_and_whom_they_mean() -> None:
    async with site() as client:
        run = (await client.post(RUNS, json=LINE)).json()
        plain = await client.post(f"{RUNS}/{run['id']}/control", content=b'{"do": "pause"}')
        check_failure(plain, 415, "not_json")
        nobody = await client.post(f"{RUNS}/nobody/control", json={"do": "pause"})
        check_failure(nobody, 404, "run_not_found")
        broken = await client.post(f"{RUNS}/{run['id']}/control", content=b"{", headers=JSON)
        check_failure(broken, 422, "request_refused")


async def test_orders_to_a_run_that_is_over_change_nothing() -> None:
    async with live_site(FakeSandbox()) as client:
        run = await start(client)
        before = (await all_events(client, run["events"]))[-1].data
        answer = await client.post(f"{RUNS}/{run['id']}/control", json={"do": "pause"})
        after = (await client.get(f"{RUNS}/{run['id']}")).json()
    assert (answer.status_code, answer.json()["state"]) == (202, "finished")
    assert after == before


async def test_evaluation_takes_no_pace() -> None:
    async with site() as client:
        refused = await client.post("/api/v1/evaluate", json={**LINE, "pace": {"paused": True}})
        check_failure(refused, 422, "request_refused")


async def test_page_pauses_at_a_bad_loss_and_the_api_only_if_asked() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        form = {"source": "y = 1", "steps_per_second": "5", "pause_on_nonfinite": "on"}
        await post_form(client, "/live", **form)
        await post_form(client, "/live", source="y = 1", steps_per_second="-inf")
        await client.post(RUNS, json={"source": "y = 1"})
        await until(lambda: len(sandbox.asked) == 3)
    paces = [request.pace for _, request in sandbox.asked]
    assert paces == [Pace(False, 5.0, True), Pace(), Pace()]


async def test_one_client_cannot_fill_the_line() -> None:
    """Owners are told apart by address; here there is one, so the places that are kept stay free."""
    async with site(FakeSandbox(delay=lambda program: 5.0), live_runs=1) as client:
        replies = [await client.post(RUNS, json=LINE) for _ in range(50)]
    assert [reply.status_code for reply in replies[:49]] == [202] * 49
    check_failure(replies[49], 503, "sandbox_busy")
