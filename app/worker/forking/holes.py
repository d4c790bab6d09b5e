"""Fill the holes that imports leave in memory, so that what a run makes lies together: a child copies fewer pages.

What was freed while modules were imported is a hole here and a hole there, among what stays. Whatever a child makes
first would go into those, each on a page of its own, which has to be copied first.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

POOL, LARGEST, STEP = 16 * 1024, 512, 16
"""Python places its smaller objects in pools, each of one size; larger ones are malloc's."""
HEADER, MOST = 64, 0.9
"""What a pool needs itself; the share of it that says it was empty: our own counting may have taken the rest."""
LARGEST_CHUNK, OVERHEAD = 2048, 8
IN_A_ROW = 4
POOLS_IN_A_ROW = 48
"""Nearly an arena, in which Python places them: it takes free ones from the fullest arena first."""
FULL = 64 << 20
"""Bytes after which something is not as we think."""


def fill_holes() -> int:
    """How many bytes it took; they are never given back."""
    libc, python = ctypes.CDLL(None), ctypes.pythonapi
    chunks, objects = address_of(libc.malloc), address_of(python.PyObject_Malloc)
    taken = fill_arenas(objects)
    taken += sum(fill_pools(size, objects) for size in range(STEP, LARGEST + 1, STEP))
    return taken + sum(fill_chunks(size, chunks) for size in range(LARGEST_CHUNK, 0, -STEP))


def address_of(allocate: Any) -> Callable[[int], int]:
    """A function of C that takes a size, so declared: its addresses are longer than C's usual int."""
    allocate.restype, allocate.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    function: Callable[[int], int] = allocate
    return function


def fill_pools(size: int, allocate: Callable[[int], int]) -> int:
    """Take what is left in begun pools: until one is filled from its beginning to its end."""
    wanted = MOST * ((POOL - HEADER) // size)
    pool, inside = 0, 0
    for taken in steps(size):
        at = allocate(size) // POOL
        pool, inside = at, inside + 1 if at == pool else 1
        if inside >= wanted:
            return taken
    return FULL


def fill_arenas(allocate: Callable[[int], int]) -> int:
    """Take pools that are free among others, until many come one behind the other."""
    last, row = 0, 0
    for taken in steps(LARGEST):
        pool = allocate(LARGEST) // POOL
        if pool != last:
            last, row = pool, row + 1 if pool == last + 1 else 1
        if row >= POOLS_IN_A_ROW:
            return taken
    return FULL


def fill_chunks(size: int, allocate: Callable[[int], int]) -> int:
    """Take what was freed of malloc's: until some come one behind the other, from where nothing was before."""
    chunk = -(-(size + OVERHEAD) // STEP) * STEP
    last, row = 0, 0
    for taken in steps(size):
        at = allocate(size)
        last, row = at, row + 1 if at == last + chunk else 1
        if row >= IN_A_ROW:
            return taken
    return FULL


def steps(size: int) -> Iterator[int]:
    return iter(range(size, FULL, size))
