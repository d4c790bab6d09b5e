"""The line is fair: owners take turns, and nobody takes every place."""

from __future__ import annotations

import pytest

from app.runs.line import FairLine
from app.vocabulary.errors import SandboxBusy
from tests.runs.following import PROGRAM, REQUEST, HeldSandbox, MakeStore, settle


def line_of(*waiting: str, places: int = 8) -> FairLine[str]:
    """Each waiting thing is named after its owner and a number: `a1`."""
    line: FairLine[str] = FairLine(places)
    for each in waiting:
        line.add(each[0], each)
    return line


def test_owners_take_turns() -> None:
    line = line_of("a1", "a2", "a3", "b1", "c1", "c2")
    assert list(line) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert [line.take() for _ in range(len(line))] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert len(line) == 0


def test_newcomer_waits_for_one_round_only() -> None:
    line = line_of("a1", "a2", "a3")
    assert line.take() == "a1"
    line.add("b", "b1")
    assert list(line) == ["a2", "b1", "a3"]


def test_leaving_changes_nobody_elses_turn() -> None:
    line = line_of("a1", "a2", "b1", "b2")
    line.remove("a", "a1")
    assert list(line) == ["a2", "b1", "b2"]
    line.remove("a", "a2")
    assert list(line) == ["b1", "b2"]


def test_last_places_are_for_newcomers() -> None:
    line = line_of(*(f"a{number}" for number in range(6)))
    assert (line.has_place_for("a"), line.has_place_for("b")) == (False, True)
    line.add("b", "b1")
    line.add("c", "c1")
    assert not line.has_place_for("d")


async def test_who_fills_the_line_keeps_nobody_out(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox, slots=1, runs_waiting=8)
    greedy = [await store.start(PROGRAM, REQUEST, owner="greedy") for _ in range(7)]
    with pytest.raises(SandboxBusy):
        await store.start(PROGRAM, REQUEST, owner="greedy")
    modest = await store.start(PROGRAM, REQUEST, owner="modest")
    assert (await store.peek(modest)).place == 2
    await settle()
    sandbox.finish()
    while (await store.peek(greedy[1])).state != "running":
        await settle()
    assert (await store.peek(modest)).place == 1
