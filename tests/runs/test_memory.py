"""A live run: events resume anywhere, viewers do not disturb each other, all is bounded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from app.runs.face import Event, RunId
from app.runs.memory import MemoryRuns
from app.vocabulary.errors import RunNotFound
from app.vocabulary.limits import KIB, Limits
from app.vocabulary.trace import Completed, Figure, Output, Trace
from app.vocabulary.training import Histogram, Points, Progress, Ribbon, Series, Training
from tests.fake_moving import tensors_at
from tests.fake_training import ribbons_at
from tests.fakes import VERSIONS
from tests.runs.following import (
    PROGRAM,
    REQUEST,
    Drawn,
    HeldSandbox,
    MakeStore,
    collect,
    follow,
    kinds,
    settle,
    training,
)


async def finished_run(store_of: MakeStore, **limits: Any) -> tuple[MemoryRuns, RunId, list[Event]]:
    """A run of 40 batches of 5 points with some output between them, watched from its start."""
    sandbox = HeldSandbox()
    store = store_of(sandbox, **limits)
    run = await store.start(PROGRAM, REQUEST)
    watching = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    for batch in range(40):
        sandbox.send(training(batch * 5, 5, new=batch == 0))
        if batch % 10 == 0:
            sandbox.send(Output("stdout", f"batch {batch}\n"))
        await settle()
    sandbox.finish()
    return store, run, await asyncio.wait_for(watching, 10)


# ----------------------------------------------------------------------------------------- following


async def test_events_tell_the_whole_run_in_order(store_of: MakeStore) -> None:
    store, run, events = await finished_run(store_of)
    assert kinds(events)[:3] == ["running", "training", "output"]
    assert kinds(events).count("done") == 1
    assert events[-1].kind == "done"
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert (await store.look(run)).state == "finished"
    assert await store.trace(run) == Trace(Completed(), versions=VERSIONS)


async def test_resuming_after_any_event_loses_and_repeats_nothing(store_of: MakeStore) -> None:
    store, run, events = await finished_run(store_of)
    whole = Drawn().take(events)
    assert len(whole.points) == 200
    for seen in range(len(events) + 1):
        drawn = Drawn().take(events[:seen]).take(await follow(store, run, seen))
        assert (drawn.points, drawn.repeats) == (whole.points, 0)
    assert await follow(store, run, events[-1].id) == []
    assert await follow(store, run, 10**9) == []


async def test_resuming_before_points_that_were_merged_gives_one_snapshot(store_of: MakeStore) -> None:
    store, run, events = await finished_run(store_of, run_event_bytes=16 * KIB, curve_points=64)
    status = await store.look(run)
    final = dict(zip(status.curves[0].points.steps, status.curves[0].points.values, strict=True))
    merged = 0
    for seen in range(len(events) + 1):
        rest = await follow(store, run, seen)
        drawn = Drawn().take(events[:seen]).take(rest)
        merged += kinds(rest).count("snapshot")
        assert kinds(rest).count("snapshot") <= 1
        assert drawn.repeats == 0
        assert final.items() <= drawn.points.items()
        assert max(drawn.points) == 199
    assert merged > 10
    assert kinds(await follow(store, run, events[-2].id)) == ["done"]


async def test_viewers_who_keep_up_never_see_a_snapshot(store_of: MakeStore) -> None:
    _, _, events = await finished_run(store_of, run_event_bytes=16 * KIB, curve_points=64)
    drawn = Drawn().take(events)
    assert "snapshot" not in kinds(events)
    assert len(drawn.points) == 200


async def test_two_viewers_see_the_same_run(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    early = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    sandbox.send(training(0, 5, new=True))
    await settle()
    late = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    sandbox.send(training(5, 5))
    sandbox.finish()
    assert await early == await late
    assert len(Drawn().take(await early).points) == 10


async def test_viewer_who_leaves_disturbs_no_other(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_grace_seconds=0.05)
    run = await store.start(PROGRAM, REQUEST)
    stays = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    sandbox.send(training(0, 5, new=True))
    assert len(await follow(store, run, most=2)) == 2
    await asyncio.sleep(0.15)
    sandbox.send(training(5, 5))
    sandbox.finish()
    assert len(Drawn().take(await stays).points) == 10


async def test_curves_of_the_trace_are_the_final_ones(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(training(0, 50, new=True))
    await settle()
    (curve,) = (await store.look(run)).curves
    exact = replace(curve, count=99)
    sandbox.send(Trace(Completed(), curves=(exact,), versions=VERSIONS))
    await follow(store, run)
    assert (await store.look(run)).curves == (exact,)


# ------------------------------------------------------------------------------------------- bounded


async def test_log_of_a_long_run_stays_within_its_budget(store_of: MakeStore) -> None:
    budget = 64 * KIB
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=budget, curve_points=256)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    largest = 0
    for batch in range(400):
        sandbox.send(training(batch * 500, 500, new=batch == 0), Output("stdout", "x" * 400))
        await settle()
        largest = max(largest, store.kept_bytes)
    assert largest < budget * 1.25  # a batch of 500 points comes whole before older ones are merged
    (curve,) = (await store.look(run)).curves
    assert (curve.count, curve.first, len(curve.points.steps) <= 256) == (200_000, 1.0, True)
    events = asyncio.ensure_future(follow(store, run))
    sandbox.finish()
    drawn = Drawn().take(await events)
    assert (drawn.points[0], max(drawn.points), drawn.repeats) == (1.0, 199_999, 0)
    outputs = [event for event in await events if event.kind == "output"]
    (snapshot,) = [json.loads(event.data) for event in await events if event.kind == "snapshot"]
    assert len(outputs) + snapshot["left_out"] >= 399


async def test_viewer_who_never_reads_does_not_grow_the_server(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=64 * KIB, curve_points=256)
    run = await store.start(PROGRAM, REQUEST)
    lazy = store.events(run)
    assert (await anext(lazy)).kind == "running"
    await settle()
    for batch in range(200):
        sandbox.send(training(batch * 100, 100, new=batch == 0))
        await settle()
    assert store.kept_bytes < 80 * KIB
    sandbox.finish()
    rest = await collect(lazy)
    assert kinds(rest)[0] == "snapshot"
    assert max(Drawn().take(rest).points) == 19_999


async def test_figure_larger_than_the_budget_waits_for_the_trace(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=64 * KIB)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(Figure("x" * 200_000, "", "", "", 0, 0, 0, ()))
    await settle()
    assert store.kept_bytes < 64 * KIB
    sandbox.finish()
    assert kinds(await follow(store, run)) == ["running", "done"]


async def test_hostile_points_are_passed_over(store_of: MakeStore) -> None:
    many = tuple(Series(index, "n" * 10_000, "metric", None) for index in range(1_000))
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    wrong = (
        Points(999, (0,), (1.0,)),
        Points(0, (5, 5, 4, 6, 7), (1.0, 2.0, 3.0, 4.0)),
        Points(0, (6, 3, 8), (9.0, 9.0, 9.0), (1,)),
        Points(1, (-5, 0), (1.0, 1.0)),
    )
    sandbox.send(Training(many, wrong, Progress(-1, -5, -7, -9)))
    sandbox.finish()
    events = await follow(store, run)
    status = await store.look(run)
    first = next(curve for curve in status.curves if curve.series.index == 0)
    assert (first.points.steps, first.points.values) == ((5, 6, 8), (1.0, 4.0, 9.0))
    told = json.loads(next(event.data for event in events if event.kind == "training"))
    assert len(told["new_series"]) == Limits().series
    assert max(len(series["name"]) for series in told["new_series"]) == 200


async def test_runs_that_are_over_are_kept_for_a_while_and_not_too_many(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, runs_kept=3, runs_kept_seconds=2.0)
    runs = []
    for _ in range(5):
        runs.append(await store.start(PROGRAM, REQUEST))
        await settle()
        sandbox.finish()
        await follow(store, runs[-1])
    for gone in runs[:2]:
        with pytest.raises(RunNotFound):
            await store.look(gone)
    assert [(await store.look(run)).state for run in runs[2:]] == ["finished"] * 3
    await asyncio.sleep(2.1)
    with pytest.raises(RunNotFound):
        await store.look(runs[-1])


async def test_runs_that_are_over_are_kept_within_their_bytes(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, runs_kept_bytes=40 * KIB)
    runs = []
    for _ in range(6):
        runs.append(await store.start(PROGRAM, REQUEST))
        await settle()
        sandbox.send(Output("stdout", "x" * 15 * KIB))
        sandbox.finish()
        await follow(store, runs[-1])
    assert store.kept_bytes <= 40 * KIB
    assert (await store.look(runs[-1])).state == "finished"


# ------------------------------------------------------------------------------------------- what moves


async def test_of_what_the_tensors_hold_only_the_newest_is_kept(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    watching = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    assert await store.tensors(run) is None
    sizes = set()
    for look in range(1, 30):
        sandbox.send(tensors_at(look, PROGRAM))
        await settle()
        sizes.add(store.kept_bytes // 100)
    assert await store.tensors(run) == tensors_at(29, PROGRAM)
    assert len(sizes) <= 2
    assert kinds(await follow(store, run, most=2)) == ["running", "tensors"]
    sandbox.finish()
    assert kinds(await watching).count("tensors") == 29
    (newest,) = [each for each in await follow(store, run) if each.kind == "tensors"]
    assert json.loads(newest.data)["passes"] == 290
    assert await store.tensors(run) is None


async def test_tensors_too_large_for_the_log_are_passed_over(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=16 * KIB)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    sandbox.send(tensors_at(1, PROGRAM))
    sandbox.finish()
    assert kinds(await follow(store, run)) == ["running", "done"]


async def test_ribbons_of_a_long_run_are_whole_in_every_view_of_it(store_of: MakeStore) -> None:
    """One by one, merged in a snapshot, in the run's status, and in what is kept of it."""
    sandbox = HeldSandbox()
    store = store_of(sandbox, run_event_bytes=64 * KIB, ribbon_columns=16)
    run = await store.start(PROGRAM, REQUEST)
    watching = asyncio.ensure_future(collect(store.events(run)))
    await settle()
    for look in range(400):
        sandbox.send(Training((), (), None, ribbons_at(look)))
        await settle()
    assert store.kept_bytes < 64 * KIB
    running = (await store.look(run)).ribbons
    assert [each.name for each in running] == ["net.0.weight", "net.0.weight", "net.2.weight"]
    assert [(len(each.histograms) <= 16, each.histograms[-1].step) for each in running] == [(True, 399)] * 3
    sandbox.send(RuntimeError("a fault"))
    told = [json.loads(each.data)["ribbons"] for each in await watching if each.kind == "training"]
    assert sum(len(each["histograms"]) for ribbons in told for each in ribbons) == 1_200
    late = await follow(store, run)
    (snapshot,) = [json.loads(each.data) for each in late if each.kind == "snapshot"]
    assert [len(each["histograms"]) > 4 for each in snapshot["ribbons"]] == [True] * 3
    assert (await store.look(run)).ribbons == running


async def test_hostile_ribbons_are_passed_over(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    steps = tuple(Histogram(step, 0.0, 1.0, (1,), 0, 0.5) for step in (5, 5, 4, 7))
    many = tuple(Ribbon(index, "n" * 9_999, "weight", 1, steps) for index in range(500))
    sandbox.send(
        Training((), (), None, many), Training((), (), None, (replace(many[0], histograms=steps[:1]),))
    )
    sandbox.finish()
    await follow(store, run)
    ribbons = (await store.look(run)).ribbons
    assert len(ribbons) == Limits().ribbons
    assert {(len(each.name), tuple(one.step for one in each.histograms)) for each in ribbons} == {
        (200, (5, 7))
    }
