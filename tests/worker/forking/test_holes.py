"""Holes that frees leave are filled, so that what is made afterwards lies together."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from itertools import chain, count

import pytest

from app.worker.forking import holes
from app.worker.forking.holes import (
    IN_A_ROW,
    POOL,
    POOLS_IN_A_ROW,
    fill_arenas,
    fill_chunks,
    fill_holes,
    fill_pools,
)

SIZE = 256
POOLS = 100


def allocator(addresses: Iterable[int]) -> tuple[Callable[[int], int], list[int]]:
    """One that gives these addresses; and those it gave."""
    given: list[int] = []
    left = iter(addresses)

    def allocate(size: int) -> int:
        given.append(next(left))
        return given[-1]

    return allocate, given


def test_pools_that_were_begun_are_filled_until_one_was_empty() -> None:
    begun = [pool * POOL + place * SIZE for pool in range(1, 20) for place in (8, 30, 31)]
    empty = 50 * POOL
    allocate, given = allocator(chain(begun, count(empty, SIZE)))
    fill_pools(SIZE, allocate)
    assert set(begun) < set(given)
    assert given[-1] // POOL == empty // POOL


def test_pools_that_are_free_among_others_are_taken_until_an_arena_is_empty() -> None:
    scattered = [pool * POOL for pool in (3, 9, 10, 11, 40)]
    whole = [pool * POOL for pool in range(100, 100 + POOLS_IN_A_ROW)]
    objects = [pool + place for pool in (*scattered, *whole) for place in (64, 64 + SIZE)]
    allocate, given = allocator(objects)
    fill_arenas(allocate)
    assert given == objects[:-1]


def test_freed_chunks_are_taken_until_some_come_from_where_nothing_was() -> None:
    freed = [1_000, 5_000, 5_272, 9_000]
    top = 100_000
    allocate, given = allocator(chain(freed, count(top, SIZE + 16)))
    fill_chunks(SIZE, allocate)
    assert given == [*freed, *(top + at * (SIZE + 16) for at in range(IN_A_ROW))]


def test_of_every_size_malloc_knows_holes_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no chunk of less than 32 bytes, 8 of them its own, and places what is smaller in such."""
    sizes: list[int] = []

    def fill(size: int, allocate: Callable[[int], int]) -> int:
        sizes.append(size)
        return size

    monkeypatch.setattr(holes, "fill_arenas", lambda allocate: 0)
    monkeypatch.setattr(holes, "fill_pools", lambda size, allocate: 0)
    monkeypatch.setattr(holes, "fill_chunks", fill)
    assert fill_holes() == sum(sizes)
    assert {max(32, -(-(size + 8) // 16) * 16) for size in sizes} == set(range(32, 2065, 16))


def test_what_is_made_after_filling_lies_together() -> None:
    """Every tenth of many objects is freed: without filling, the next would lie where those were."""
    made = [bytes(SIZE - 33) for _ in range(POOLS * POOL // SIZE)]
    del made[::10]
    fill_holes()
    allocate = ctypes.pythonapi.PyObject_Malloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    pools = {allocate(SIZE) // POOL for _ in range(50)}
    assert len(pools) <= 3
