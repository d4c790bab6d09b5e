"""Runs that are held: commands go to the program, what it says of itself to every viewer, also to a late one."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.runs.log import EventLog
from app.runs.run import MOST_COMMANDS
from app.vocabulary.errors import SandboxBusy
from app.vocabulary.holding import Command, Held, NonFinite, Origin, Pace
from tests.runs.following import PROGRAM, REQUEST, HeldSandbox, MakeStore, follow, kinds, settle, training

PAUSE = Command("pause")
BAD = NonFinite("loss", "NaN", 4, None, Origin("call", "torch.log", "torch.log(p)"))


async def test_commands_reach_the_program_in_order(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    orders = [PAUSE, Command("step"), Command("speed", 2.5), Command("resume")]
    for order in orders:
        await store.command(run, order)
    assert [sandbox.commands[0].get_nowait() for _ in orders] == orders


async def test_run_in_line_may_be_told_to_begin_paused(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=1)
    first, second = [await store.start(PROGRAM, REQUEST) for _ in range(2)]
    assert (await store.command(second, PAUSE)).state == "queued"
    await settle()
    await store.stop(first)
    await settle()
    assert sandbox.commands[1].get_nowait() == PAUSE


async def test_runs_may_always_be_held(store_of: MakeStore) -> None:
    store = store_of(HeldSandbox())
    run = await store.start(PROGRAM, REQUEST)
    assert (await store.look(run)).request.pace == Pace()


async def test_what_the_program_says_is_told_and_kept(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    held = Held("paused", seconds=1.5, nonfinite=BAD)
    sandbox.send(training(0, 5, new=True), Held("pausing"), held)
    await settle()
    events = await follow(store, run, most=3)
    assert kinds(events) == ["running", "training", "held"]
    told = json.loads(events[-1].data)
    assert (told["state"], told["nonfinite"]["origin"]["call"]) == ("paused", "torch.log(p)")
    assert (await store.look(run)).held == held


async def test_late_viewer_learns_how_it_is_held(store_of: MakeStore) -> None:
    """Also where the points before have become a snapshot, and however often it was stepped."""
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=40_000)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    for step in range(400):
        sandbox.send(training(step, 1, new=step == 0), Held("stepping"), Held("paused", seconds=float(step)))
        await settle()
    sandbox.finish()
    events = await follow(store, run)
    assert kinds(events).count("held") == kinds(events).count("snapshot") == 1
    held = next(event for event in events if event.kind == "held")
    assert json.loads(held.data)["seconds"] == 399.0
    assert [event.id for event in events] == sorted(event.id for event in events)


def test_log_keeps_the_newest_of_what_has_no_history() -> None:
    log = EventLog(100_000)
    for number in range(1_000):
        log.append("queued", b"%d" % number)
        log.append("held", b"%d" % number)
        log.append("training", b"x")
    size = log.size
    log.append("held", b"999")
    assert log.size == size


async def test_time_paused_is_not_the_runs_own(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(Held("paused"))
    await asyncio.sleep(2.0)
    assert (await store.look(run)).seconds == 0.0
    sandbox.send(Held("running", seconds=1e9))
    await asyncio.sleep(0.5)
    assert (await store.look(run)).seconds == pytest.approx(0.5)


async def test_run_that_is_over_takes_no_commands(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await store.stop(run)
    for _ in range(MOST_COMMANDS + 1):
        assert (await store.command(run, PAUSE)).state == "stopped"


async def test_commands_nobody_takes_are_bounded(store_of: MakeStore) -> None:
    store = store_of(HeldSandbox())
    run = await store.start(PROGRAM, REQUEST)
    for _ in range(MOST_COMMANDS):
        await store.command(run, PAUSE)
    with pytest.raises(SandboxBusy):
        await store.command(run, PAUSE)


async def test_peeking_keeps_nothing_alive_and_a_command_does(store_of: MakeStore) -> None:
    store = store_of(HeldSandbox(), run_grace_seconds=1.5)
    run = await store.start(PROGRAM, REQUEST)
    for _ in range(4):
        await asyncio.sleep(0.5)
        await store.command(run, PAUSE)
    assert (await store.peek(run)).state == "running"
    while (last := await store.peek(run)).state == "running":
        await asyncio.sleep(0.1)
    assert (last.state, last.reason) == ("stopped", "left alone")
