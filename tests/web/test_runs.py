"""The API of live runs: starting, following, resuming, stopping, and every way it says no."""

from __future__ import annotations

import asyncio
import math
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from app.program import Program
from app.runs.curves import CurveBook
from app.vocabulary.errors import WorkerLost
from app.vocabulary.frames import Frame
from app.vocabulary.limits import MIB, Limits
from app.vocabulary.trace import Completed, Trace
from app.vocabulary.training import Points, Series, Training
from app.web import stream
from tests.fake_training import training_frames
from tests.fakes import VERSIONS, FakeSandbox
from tests.processes import until
from tests.web.site import EVALUATE, JSON, LINE, ZH, check_failure, site
from tests.web.streaming import RUNS, TRAIN, all_events, live_site, read_events, start


async def test_run_tells_its_points_and_then_everything() -> None:
    async with live_site(FakeSandbox()) as client:
        run = await start(client)
        events = await all_events(client, run["events"])
        shown = (await client.get(f"{RUNS}/{run['id']}")).json()
    kinds = [told.kind for told in events]
    assert kinds[:3] == ["running", "output", "training"]
    assert kinds.count("done") == 1
    assert [told.id for told in events] == list(range(1, len(events) + 1))
    done = events[-1].data
    assert done == shown
    assert (done["state"], done["error"], done["reason"]) == ("finished", None, None)
    assert done["trace"]["outcome"] == {"kind": "completed"}
    assert done["progress"] == {"line": 6, "done": 300, "total": 300, "optimiser_steps": 300}
    points = [point for told in events if told.kind == "training" for point in told.data["points"]]
    assert sum(len(each["steps"]) for each in points if each["series"] == 0) == 300
    assert {curve["series"]["name"]: curve["count"] for curve in done["curves"]} == {
        "loss": 300, "lr": 300, "accuracy": 10
    }  # fmt: skip


async def test_trace_of_a_run_is_evaluates_answer() -> None:
    async with live_site(FakeSandbox()) as client:
        run = await start(client, LINE)
        done = (await all_events(client, run["events"]))[-1].data
        brief = (await all_events(client, f"{run['events']}?trace=none"))[-1].data
        answer = (await client.post(EVALUATE, json=LINE)).json()
    trace = done["trace"]
    assert set(trace) == set(answer)
    assert {**trace, "timings": None} == {**answer, "timings": None}
    assert brief == {**done, "trace": None}


async def test_resuming_after_every_event_repeats_and_loses_nothing() -> None:
    async with live_site(FakeSandbox()) as client:
        run = await start(client)
        events = await all_events(client, run["events"])
        for told in events[:-1:5]:
            rest = events[told.id :]
            assert await all_events(client, run["events"], **{"Last-Event-ID": str(told.id)}) == rest
            assert await all_events(client, f"{run['events']}?after={told.id}") == rest
        over = await client.get(run["events"], headers={"Last-Event-ID": str(events[-1].id)})
    assert over.status_code == 204


async def test_curve_after_twenty_dropped_connections_is_the_servers() -> None:
    drawn: dict[int, dict[int, Any]] = {}
    last, drops, done = 0, 0, None
    async with live_site(FakeSandbox(pace=0.01)) as client:
        run = await start(client)
        while done is None:
            stream = read_events(client, run["events"], **{"Last-Event-ID": str(last)})
            async with aclosing(stream) as events:
                async for told in events:
                    assert told.id == last + 1
                    last = told.id
                    done = told.data if told.kind == "done" else None
                    for each in told.data["points"] if told.kind == "training" else ():
                        drawn.setdefault(each["series"], {}).update(
                            zip(each["steps"], each["values"], strict=True)
                        )
                    if drops < 20:
                        drops += 1
                        break
    served = {
        curve["series"]["index"]: dict(zip(curve["points"]["steps"], curve["points"]["values"], strict=True))
        for curve in done["curves"]
    }
    assert drops == 20
    assert drawn == served
    assert len(served[0]) == 300


async def test_client_that_never_reads_does_not_grow_the_server() -> None:
    frames = 400
    batch = tuple(range(2_000))

    def flood(program: Program) -> Iterator[Frame]:
        for number in range(frames):
            steps = tuple(number * 2_000 + step for step in batch)
            points = Points(0, steps, tuple(map(float, steps)))
            new = (Series(0, "loss", "loss", None),) if number == 0 else ()
            yield Training(new, (points,), None)

    async with live_site(FakeSandbox(frames=flood)) as client:
        run = await start(client)
        reader, writer = await asyncio.open_connection(
            client.base_url.host, client.base_url.port, limit=1_000
        )
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        writer.write(f"GET {run['events']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readexactly(100)  # it is being told, and reads no more
        before = resident_bytes()
        while (await client.get(f"{RUNS}/{run['id']}")).json()["state"] != "finished":
            await asyncio.sleep(0.02)
        grown = resident_bytes() - before
        writer.close()
    assert grown < Limits().run_event_bytes + 24 * MIB, f"{grown / MIB:.0f} MiB"


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def test_points_come_while_the_program_runs() -> None:
    sandbox = FakeSandbox(lets=5)
    async with live_site(sandbox) as client:
        run = await start(client)
        async with aclosing(read_events(client, run["events"])) as events:
            async for told in events:
                if told.kind == "training":
                    break
        state = (await client.get(f"{RUNS}/{run['id']}")).json()
        sandbox.lets = math.inf
        rest = await all_events(client, f"{run['events']}?after={told.id}")
    assert state["state"] == "running"
    assert state["trace"] is None
    assert 0 < state["curves"][0]["count"] < 300
    assert rest[0].id == told.id + 1
    assert rest[-1].data["curves"][0]["count"] == 300


async def test_two_viewers_see_the_same_events() -> None:
    async with live_site(FakeSandbox(pace=0.005)) as client:
        run = await start(client)
        one, other = await asyncio.gather(*(all_events(client, run["events"]) for _ in range(2)))
    assert one == other


async def test_numbers_json_has_no_words_for_are_spelled() -> None:
    async with live_site(FakeSandbox()) as client:
        run = await start(client, {**TRAIN, "source": "for epoch in range(3): nan = 1"})
        events = await all_events(client, run["events"])
    last = [told for told in events if told.kind == "training"][-1].data["points"][0]
    assert last["values"][-1] == "NaN"
    loss = events[-1].data["curves"][0]
    assert (loss["last"], loss["first_bad"]) == ("NaN", 211)


async def test_stopping_ends_the_program() -> None:
    sandbox = FakeSandbox(lets=5)
    async with live_site(sandbox) as client:
        run = await start(client)
        watching = asyncio.ensure_future(all_events(client, run["events"]))
        await until(lambda: sandbox.running == 1)
        answer = await client.delete(f"{RUNS}/{run['id']}")
        events = await watching
        assert (sandbox.running, sandbox.cancelled) == (0, 1)
        again = await client.delete(f"{RUNS}/{run['id']}")
    assert answer.status_code == 200
    assert answer.json() == again.json()
    assert events[-1].data == {**answer.json(), "trace": None}
    assert (answer.json()["state"], answer.json()["reason"]) == ("stopped", "asked")
    assert 0 < answer.json()["progress"]["done"] < 300


async def test_lost_child_is_told_with_the_last_step() -> None:
    def fail(*_: Any) -> Trace:
        raise WorkerLost("killed from outside")

    async with live_site(FakeSandbox(trace=fail)) as client:
        run = await start(client)
        done = (await all_events(client, run["events"], **ZH))[-1].data
    assert done["state"] == "failed"
    assert done["error"]["code"] == "worker_lost"
    assert done["error"]["message"].startswith("运行程序的进程")
    assert done["error"]["message"].endswith("最后收到的优化器步是第 300 步。")
    assert done["progress"]["done"] == 300
    assert done["curves"][0]["points"]["steps"][-1] == 299
    assert "killed from outside" not in str(done)


async def test_runs_beyond_the_places_wait_in_line() -> None:
    sandbox = FakeSandbox(delay=lambda program: 0.1)
    async with live_site(sandbox, live_runs=2) as client:
        runs = [await start(client) for _ in range(50)]
        told = await asyncio.gather(*(all_events(client, f"{run['events']}?trace=none") for run in runs))
    assert [run["state"] for run in runs[:3]] == ["running", "running", "queued"]
    assert 5 < runs[49]["place"] <= 48
    assert [events[-1].data["state"] for events in told] == ["finished"] * 50
    places = [event.data["place"] for event in told[49] if event.kind == "queued"]
    assert (places, places[-1]) == (sorted(places, reverse=True), 1)
    assert sandbox.most_running == 2


async def test_run_left_alone_ends_after_the_grace_time() -> None:
    sandbox = FakeSandbox(lets=5)
    async with live_site(sandbox, grace_seconds=0.3) as client:
        run = await start(client)
        async with aclosing(read_events(client, run["events"])) as events:
            await anext(events)
        await until(lambda: (sandbox.running, sandbox.cancelled) == (0, 1))
        state = (await client.get(f"{RUNS}/{run['id']}")).json()
    assert (state["state"], state["reason"]) == ("stopped", "left alone")


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.05)
    sandbox = FakeSandbox(frames=lambda program: iter(()), delay=lambda program: 1.5)
    async with live_site(sandbox) as client:
        run = await start(client)
        text = (await client.get(run["events"])).text
    assert text.count(": ping\n\n") >= 3
    assert text.startswith("retry: ")


async def test_server_stops_at_once_while_runs_are_watched() -> None:
    started = 0.0
    sandbox = FakeSandbox(lets=5)
    async with live_site(sandbox, patience=120) as client:
        run = await start(client)
        watching = asyncio.ensure_future(all_events(client, run["events"]))
        await until(lambda: sandbox.running == 1)
        watching.cancel()
        started = time.perf_counter()
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize("name", ["nothing", "a%2Fb", "%00", "x" * 5_000, "..%2F..", "😀"])
async def test_unknown_run_is_not_found_in_the_one_shape(name: str) -> None:
    async with site() as client:
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
            response = await client.request(method, f"{RUNS}/{name}{path}")
            assert response.json()["error"]["code"] in ("run_not_found", "not_found")
            assert response.status_code == 404


async def test_refusals_are_evaluates() -> None:
    async with site() as client:
        check_failure(await client.post(RUNS, json={"source": "y = ("}), 422, "program_refused")
        check_failure(await client.post(RUNS, json={"source": "y = q"}), 422, "program_refused")
        check_failure(await client.post(RUNS, json={"sauce": 1}), 422, "request_refused")
        check_failure(await client.post(RUNS, content=b"a" * 2_000_000, headers=JSON), 413, "body_too_large")
        run = (await client.post(RUNS, json=LINE)).json()
        for after in ("x", "-1", "1.5", "٣", "9" * 40):
            refused = await client.get(run["events"], params={"after": after})
            check_failure(refused, 422, "request_refused")
            refused = await client.get(run["events"], headers=[(b"Last-Event-ID", after.encode())])
            check_failure(refused, 422, "request_refused")


async def test_too_many_runs_are_refused() -> None:
    async with site(runs_per_minute=60, runs_burst=2) as client:
        replies = [await client.post(RUNS, json=LINE) for _ in range(3)]
    assert [reply.status_code for reply in replies[:2]] == [202, 202]
    check_failure(replies[2], 429, "too_many_runs")


async def test_curves_of_an_evaluation_are_in_its_answer() -> None:
    book = CurveBook(Limits())
    for frame in training_frames("nan", 2, 30):
        if isinstance(frame, Training):
            book.take(frame)
    trace = Trace(Completed(), curves=book.curves(), versions=VERSIONS)
    async with site(FakeSandbox(trace=lambda *_: trace)) as client:
        answer = (await client.post(EVALUATE, json=LINE)).json()
    assert [each["series"]["name"] for each in answer["curves"]] == ["loss", "lr", "accuracy"]
    assert answer["curves"][0]["points"]["values"][-1] == "NaN"
