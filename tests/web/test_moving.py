"""What moves on the page and in the API while a program trains: one picture, new numbers, in the reader's language."""

from __future__ import annotations

import asyncio
import html
import json
import re
from dataclasses import replace
from typing import Any

from app.vocabulary.frames import Frame, Tensors
from tests.fake_moving import moving_frames
from tests.fakes import FakeSandbox
from tests.web.site import ZH, post_form, site
from tests.web.streaming import all_events, live_site, start
from tests.web.test_live import end_of, run_named, trained_trace

SOURCE = "y = x*w + b  # epoch"


def moving_sandbox(*, stale: bool = False, graph: bool = True, waiting_nodes: int = 0) -> FakeSandbox:
    def frames(program: Any) -> Any:
        for frame in moving_frames(program.source, 400):
            yield change(frame, stale, graph, waiting_nodes)

    return FakeSandbox(frames=frames, pace=0.02)


def change(frame: Frame, stale: bool, graph: bool, waiting: int) -> Frame:
    if not isinstance(frame, Tensors):
        return frame
    shown = frame.graph if graph else None
    return replace(frame, stale=stale, graph=shown, waiting_nodes=waiting)


async def looked(client: Any, run: str, **asked: Any) -> Any:
    """The first fragment there is, once the run has shown its tensors."""
    for _ in range(6_000):
        answer = await post_form(client, "/live/tensors", source=SOURCE, run=run, **asked)
        if answer.status_code != 204:
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError("nothing moved")


async def start_run(client: Any) -> str:
    return run_named((await post_form(client, "/live", source=SOURCE)).text)


async def test_picture_stays_and_its_numbers_move() -> None:
    async with site(moving_sandbox()) as client:
        run = await start_run(client)
        first = await looked(client, run)
        later = first
        while later.text == first.text:
            await asyncio.sleep(0.02)
            later = await looked(client, run)
        await client.delete(f"/api/v1/runs/{run}")
    assert 'hx-target="#result" hx-swap="innerMorph"' in first.text
    for kept in (
        r'id="(g0-[^"]+)"',
        r'transform="([^"]+)"',
        r'<path class="line" d="([^"]+)"',
        r'data-key="([^"]+)"',
    ):
        found = re.findall(kept, first.text)
        assert found
        assert found == re.findall(kept, later.text)
    for text in (first.text, later.text):
        (passes,) = re.findall(r"after backward pass (\d+)", text)
        # w is a tenth of the number of passes, in the graph's box and on the tensor's card.
        assert re.findall(r'class="number[^>]*>(\d+)<', text).count(str(int(passes) // 10)) >= 1
        assert re.findall(r'class="scalar[^>]*>(\d+)<', text)[1] == str(int(passes) // 10)


async def test_older_numbers_are_called_so_in_the_readers_language() -> None:
    async with site(moving_sandbox(stale=True)) as client:
        run = await start_run(client)
        english = await looked(client, run)
        chinese = await post_form(client, "/live/tensors", headers=ZH, source=SOURCE, run=run)
    assert "are older, of backward pass" in html.unescape(english.text)
    assert "计算图中的数值较旧" in chinese.text


async def test_without_a_graph_the_tensors_move_alone() -> None:
    async with site(moving_sandbox(graph=False)) as client:
        text = (await looked(client, await start_run(client))).text
    assert 'id="panel-tensors"' in text
    assert 'id="panel-graph"' not in text


async def test_graph_too_large_to_move_is_said_to_come_at_the_end() -> None:
    async with site(moving_sandbox(graph=False, waiting_nodes=1_101)) as client:
        run = await start_run(client)
        english = await looked(client, run)
        chinese = await post_form(client, "/live/tensors", headers=ZH, source=SOURCE, run=run)
    assert "The graph has 1101 nodes: it is drawn when the run has ended." in english.text
    assert "计算图有 1101 个节点" in chinese.text


async def test_graph_of_torchviz_waits_for_the_end() -> None:
    async with site(moving_sandbox()) as client:
        run = await start_run(client)
        text = (await looked(client, run, style="torchviz")).text
    assert 'id="panel-tensors"' in text
    assert 'id="panel-graph"' not in text


async def test_run_that_is_over_moves_no_more() -> None:
    sandbox = FakeSandbox(frames=lambda program: moving_frames(program.source, 3))
    async with site(sandbox) as client:
        run = await start_run(client)
        assert await end_of(client, run) == "finished"
        over = await post_form(client, "/live/tensors", source=SOURCE, run=run)
        unknown = await post_form(client, "/live/tensors", source=SOURCE, run="nobody")
    assert (over.status_code, over.text) == (204, "")
    assert unknown.status_code == 404


async def test_events_tell_what_moves_or_leave_it_out() -> None:
    sandbox = FakeSandbox(frames=lambda program: moving_frames(program.source, 3))
    async with live_site(sandbox) as client:
        run = await start(client)
        events = await all_events(client, run["events"])
        brief = await all_events(client, run["events"] + "?tensors=none")
    (newest,) = [each.data for each in events if each.kind == "tensors"][-1:]
    assert newest["graph"]["occurrence"] == newest["passes"] - 1 == 29
    assert [each["name"] for each in newest["tensors"]] == ["x", "w", "b", "y"]
    assert [each.data for each in brief if each.kind == "tensors"] == [{}]
    assert [each.id for each in brief][-1] == events[-1].id


async def test_ribbons_are_in_events_in_the_run_and_in_its_trace() -> None:
    async with live_site(FakeSandbox(trace=trained_trace)) as client:
        events = await all_events(client, (await start(client))["events"])
    told = [each for event in events if event.kind == "training" for each in event.data["ribbons"]]
    assert {each["name"] for each in told} == {"net.0.weight", "net.2.weight"}
    done = events[-1].data
    assert done["ribbons"] == done["trace"]["ribbons"]
    assert [len(each["histograms"]) for each in done["ribbons"]] == [30] * 3


async def test_page_without_a_script_holds_the_ribbons_as_data() -> None:
    async with site(FakeSandbox(trace=trained_trace)) as client:
        text = (await client.get("/")).text
    (data,) = re.findall(r'data-ribbons="([^"]+)"', text)
    assert len(json.loads(html.unescape(data))) == 3
