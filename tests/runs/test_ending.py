"""How a live run ends: by itself, asked to, left alone, lost; and how runs wait for their turn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.runs.face import RunId
from app.runs.memory import MemoryRuns
from app.vocabulary.errors import PlaygroundError, RunNotFound, SandboxBusy, WireError, WorkerLost
from app.vocabulary.training import Progress
from tests.processes import until
from tests.runs.following import (
    LOSS,
    PROGRAM,
    REQUEST,
    HeldSandbox,
    MakeStore,
    collect,
    follow,
    kinds,
    settle,
    training,
)


async def test_stop_ends_the_program_at_once(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(training(0, 7, new=True))
    await settle()
    status = await store.stop(run)
    assert (status.state, status.reason, sandbox.running) == ("stopped", "asked", 0)
    assert status.progress == Progress(1, 7, None, 7)
    assert kinds(await follow(store, run)) == ["running", "training", "done"]
    assert await store.trace(run) is None
    assert (await store.stop(run)).state == "stopped"


async def test_stopping_a_run_in_line_takes_it_out(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=1)
    runs = [await store.start(PROGRAM, REQUEST) for _ in range(3)]
    assert [(await store.look(run)).place for run in runs] == [None, 1, 2]
    await store.stop(runs[1])
    assert [(await store.look(run)).place for run in runs] == [None, None, 1]
    assert (await store.look(runs[1])).state == "stopped"
    await store.close()
    assert (await store.look(runs[2])).reason == "closing"


async def has_ended(store: MemoryRuns, run: RunId) -> bool:
    return (await store.peek(run)).state == "stopped"


async def test_run_whose_last_viewer_left_ends_after_the_grace_time(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_grace_seconds=2.0)
    run = await store.start(PROGRAM, REQUEST)
    await follow(store, run, most=1)
    await asyncio.sleep(1.0)
    assert sandbox.running == 1
    await follow(store, run, most=1)  # somebody came back in time
    await asyncio.sleep(1.2)
    assert sandbox.running == 1
    await until(lambda: sandbox.running == 0)
    status = await store.look(run)
    assert (status.state, status.reason) == ("stopped", "left alone")


async def test_asking_for_the_state_keeps_a_run_going(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_grace_seconds=1.5)
    run = await store.start(PROGRAM, REQUEST)
    for _ in range(5):
        await asyncio.sleep(0.4)
        assert (await store.look(run)).state == "running"
    await until(lambda: sandbox.running == 0)
    assert (await store.look(run)).state == "stopped"


async def test_run_nobody_ever_watched_leaves_the_line(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=1, run_grace_seconds=0.5)
    busy = await store.start(PROGRAM, REQUEST)
    watched = asyncio.ensure_future(collect(store.events(busy)))
    alone = await store.start(PROGRAM, REQUEST)
    await until(lambda: has_ended(store, alone))
    assert (await store.look(alone)).reason == "left alone"
    sandbox.finish()
    await watched
    assert len(sandbox.queues) == 1


@pytest.mark.parametrize("failure", [WorkerLost("killed"), WireError("nonsense")])
async def test_lost_child_is_told_with_the_last_step(store_of: MakeStore, failure: PlaygroundError) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(training(0, 37, new=True), failure)
    events = await follow(store, run)
    status = await store.look(run)
    assert kinds(events) == ["running", "training", "done"]
    assert (status.state, status.failure) == ("failed", failure)
    assert status.progress == Progress(1, 37, None, 37)
    assert status.curves[0].points.steps[-1] == 36
    assert await store.trace(run) is None


async def test_stream_without_a_trace_is_a_lost_worker(store_of: MakeStore) -> None:
    class Silent(HeldSandbox):
        async def stream(self, *_: object, **__: object) -> Any:
            for frame in (training(0, 1, new=True),):
                yield frame

    store = store_of(Silent())
    run = await store.start(PROGRAM, REQUEST)
    await follow(store, run)
    assert isinstance((await store.look(run)).failure, WorkerLost)


async def test_close_ends_every_run(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=2)
    runs = [await store.start(PROGRAM, REQUEST) for _ in range(4)]
    watching = [asyncio.ensure_future(collect(store.events(run))) for run in runs]
    await settle()
    await store.close()
    assert [kinds(await each)[-1] for each in watching] == ["done"] * 4
    assert (sandbox.running, len(sandbox.queues)) == (0, 2)


# -------------------------------------------------------------------------------------------- in line


async def test_fifty_runs_on_two_slots_all_come_to_their_turn(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=2)
    runs = [await store.start(PROGRAM, REQUEST) for _ in range(50)]
    watching = [asyncio.ensure_future(collect(store.events(run))) for run in runs]
    await settle()
    assert [(await store.look(run)).place for run in runs] == [None, None, *range(1, 49)]
    for number in range(50):
        while len(sandbox.queues) <= number:
            await asyncio.sleep(0.001)
        sandbox.send(training(0, 3, new=True), run=number)
        sandbox.finish(run=number)
    told = await asyncio.wait_for(asyncio.gather(*watching), 20)
    assert [kinds(events)[-3:] for events in told] == [["running", "training", "done"]] * 50
    assert [(await store.look(run)).state for run in runs] == ["finished"] * 50
    assert sandbox.most_running == 2
    places = [json.loads(event.data)["place"] for event in told[49] if event.kind == "queued"]
    assert places == sorted(places, reverse=True)
    assert (places[0], places[-1]) == (48, 1)


async def test_full_line_refuses_with_when_to_come_again(store_of: MakeStore) -> None:
    store = store_of(HeldSandbox(), slots=1, runs_waiting=2)
    for _ in range(3):
        await store.start(PROGRAM, REQUEST)
    with pytest.raises(SandboxBusy):
        await store.start(PROGRAM, REQUEST)


async def test_busy_sandbox_keeps_a_run_first_in_line(store_of: MakeStore) -> None:
    sandbox = HeldSandbox(failures=[SandboxBusy(0.05), SandboxBusy(0.05)])
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    assert (await store.look(run)).place == 1
    while not sandbox.queues:
        await asyncio.sleep(0.01)
    assert (await store.look(run)).state == "running"
    sandbox.finish()
    assert kinds(await follow(store, run))[-2:] == ["running", "done"]


async def test_runs_take_their_own_seconds_and_unguessable_names(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=5, run_seconds=77.0)
    runs = {await store.start(PROGRAM, REQUEST) for _ in range(5)}
    await settle()
    assert sandbox.asked == [77.0] * 5
    assert len(runs) == 5
    assert min(map(len, runs)) >= 22
    for name in ("", "x", "../etc", "\u0000"):
        with pytest.raises(RunNotFound):
            await store.look(RunId(name))
    assert LOSS.kind == "loss"


async def test_run_stopped_before_it_began_takes_no_place(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=1)
    first, second = [await store.start(PROGRAM, REQUEST) for _ in range(2)]
    await store.stop(first)
    await settle()
    assert [(await store.look(run)).state for run in (first, second)] == ["stopped", "running"]
    assert kinds(await follow(store, first)) == ["running", "done"]
