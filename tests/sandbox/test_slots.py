"""How many programs run at once, who waits, who is sent away, and that a place is free again afterwards."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from app.vocabulary.errors import SandboxBusy
from app.vocabulary.trace import Completed, Output, RunRequest, Stopped, Trace
from tests.processes import ended, until
from tests.sandbox.conftest import RealSandbox, output_of

ENDLESS = "import os\nprint(os.getpid(), flush=True)\nwhile True: pass"
SHORT = "import time\nprint('began')\ntime.sleep(0.3)"


async def pid_of(real: RealSandbox, source: str = ENDLESS) -> tuple[int, asyncio.Task[Trace]]:
    """Start a program that prints its pid; the pid and the run."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def listen() -> Trace:
        async with aclosing(real.sandbox.stream(real.parse(source), RunRequest())) as frames:
            async for frame in frames:
                if isinstance(frame, Output) and not found.done():
                    found.set_result(int(frame.text))
                if isinstance(frame, Trace):
                    return frame
        raise AssertionError("no trace")

    task = asyncio.create_task(listen())
    await asyncio.wait((task, found), return_when=asyncio.FIRST_COMPLETED)
    return found.result() if found.done() else 0, task


async def stop(*tasks: asyncio.Task[Trace]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_whoever_finds_no_place_in_time_is_sent_away(impatient: RealSandbox) -> None:
    crowded = impatient
    _, first = await pid_of(crowded)
    _, second = await pid_of(crowded)
    assert crowded.sandbox.health().running == crowded.plan.slots
    assert crowded.sandbox.devices()[0].busy == crowded.plan.slots
    with pytest.raises(SandboxBusy) as refused:
        await crowded.run("x = 1")
    assert refused.value.retry_after == crowded.plan.queue_seconds
    await stop(first, second)
    assert (await crowded.run("x = 1")).outcome == Completed()
    assert crowded.sandbox.health().running == 0


async def test_whoever_finds_no_place_waits_for_one(crowded: RealSandbox) -> None:
    await crowded.rested()
    traces = await asyncio.gather(*(crowded.run(SHORT) for _ in range(4)))
    assert [trace.outcome for trace in traces] == [Completed()] * 4


async def test_programs_that_are_expected_and_never_come_do_no_harm(crowded: RealSandbox) -> None:
    await crowded.rested()
    before = {each.pid for each in crowded.children()}
    for _ in range(3 * crowded.plan.spares):
        crowded.sandbox.expect()
    assert {each.pid for each in crowded.children()} == before
    traces = await asyncio.gather(*(crowded.run("print(6 * 7)") for _ in range(2 * crowded.plan.spares)))
    assert [output_of(trace) for trace in traces] == ["42\n"] * len(traces)


async def test_programs_run_at_the_same_time(crowded: RealSandbox) -> None:
    """Each must see the other's place taken before it may end."""
    first_pid, first = await pid_of(crowded)
    second_pid, second = await pid_of(crowded)
    assert first_pid != second_pid
    assert {first_pid, second_pid} <= {each.pid for each in crowded.children()}
    await stop(first, second)


async def test_cancellation_frees_the_place_and_ends_the_child(crowded: RealSandbox) -> None:
    pid, task = await pid_of(crowded)
    await stop(task)
    await ended(pid)
    assert crowded.sandbox.health().running == 0
    assert (await crowded.run("x = 1")).outcome == Completed()


async def test_cancelled_run_frees_its_place(crowded: RealSandbox) -> None:
    await crowded.rested()
    before = {each.pid for each in crowded.children()}
    task = asyncio.create_task(crowded.run(ENDLESS))
    await until(lambda: crowded.sandbox.health().running == 1)
    await stop(task)
    await crowded.rested()
    assert len(before - {each.pid for each in crowded.children()}) == 1
    assert crowded.sandbox.health().running == 0


async def test_cancellation_while_waiting_takes_no_place(crowded: RealSandbox) -> None:
    running = [(await pid_of(crowded))[1] for _ in range(crowded.plan.slots)]
    waiting = [asyncio.create_task(crowded.run("x = 1")) for _ in range(4)]
    await asyncio.sleep(0)
    await stop(*waiting, *running)
    traces = await asyncio.gather(*(crowded.run("x = 1") for _ in range(crowded.plan.slots)))
    assert [trace.outcome for trace in traces] == [Completed()] * crowded.plan.slots


async def test_reader_that_leaves_early_frees_the_place_and_ends_the_child(crowded: RealSandbox) -> None:
    async with aclosing(crowded.sandbox.stream(crowded.parse(ENDLESS), RunRequest())) as frames:
        first = await anext(frames)
    assert isinstance(first, Output)
    await ended(int(first.text))
    assert crowded.sandbox.health().running == 0


async def test_reader_that_never_begins_takes_no_place(crowded: RealSandbox) -> None:
    frames = crowded.sandbox.stream(crowded.parse("x = 1"), RunRequest())
    assert crowded.sandbox.health().running == 0
    await frames.aclose()
    assert (await crowded.run("x = 1")).outcome == Completed()


async def test_spare_is_replaced_when_it_is_used(crowded: RealSandbox) -> None:
    await crowded.rested()
    before = {each.pid for each in crowded.children()}
    assert len(before) == crowded.plan.spares
    used = int(await crowded.printed("import os\nprint(os.getpid())"))
    assert used in before
    await ended(used)
    await crowded.rested()
    assert used not in {each.pid for each in crowded.children()}


async def test_more_programs_than_spares_and_uids_are_all_run(crowded: RealSandbox) -> None:
    """Places, spares and uids are lent on: twenty runs need more than there are of each."""
    for _ in range(5):
        traces = await asyncio.gather(*(crowded.run("print('中')") for _ in range(4)))
        assert [output_of(trace) for trace in traces] == ["中\n"] * 4


async def test_large_programs_and_inputs_reach_the_child_whole(real: RealSandbox) -> None:
    source = "# " + "中" * 20_000 + "\nprint(__import__('linecache').getline('<program>', 1)[-5:])"
    trace = await real.run(source)
    assert isinstance(trace.outcome, Completed | Stopped)
    assert output_of(trace) == "中中中中\n\n"
