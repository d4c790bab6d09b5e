"""Gather this process's memory into huge pages before it is forked many times.

A fork copies page tables and an exit takes them down: for the 350 MB that torch leaves behind that is 90,000 entries,
twice per program. In huge pages it is a few hundred. What a child then writes to is split and copied 4 KB at a time,
as before. Linux 6.1 or newer; anywhere else nothing happens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

HUGE = 2 * 1024 * 1024
MADV_COLLAPSE = 25
SMALLEST, LARGEST, STEP, OVERHEAD = 48, 528, 16, 33
"""Python's small objects come in classes of 16 bytes; a `bytes` object has a head of 33."""
ENOUGH = 200
MOST_FILLERS = 20_000


def fill_gaps() -> tuple[bytes, ...]:
    """Objects in the gaps that importing left in Python's memory; to be kept for good.

    A child that allocates into such gaps copies a page for each few objects; beyond them, a page holds dozens.
    """
    return tuple(filler for size in range(SMALLEST, LARGEST, STEP) for filler in _fill(size))


def _fill(size: int) -> Iterator[bytes]:
    """Fillers of one size class, until they come to lie one behind the other."""
    in_order = last = 0
    for _ in range(MOST_FILLERS):
        filler = bytes(size - OVERHEAD)
        in_order = in_order + 1 if id(filler) == last + size else 0
        last = id(filler)
        yield filler
        if in_order == ENOUGH:
            return


def gather_memory() -> int:
    """Collapse what can be; how many huge pages came of it."""
    advise = ctypes.CDLL(None, use_errno=True).madvise
    return sum(
        advise(ctypes.c_void_p(address), ctypes.c_size_t(HUGE), MADV_COLLAPSE) == 0
        for address in _stretches()
    )


def _stretches() -> Iterator[int]:
    """Addresses of whole huge pages within the heap and other memory of no file."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    for line in maps.splitlines():
        span, rights, *_, name = (*line.split(maxsplit=5), "")[:6]
        if rights.startswith("rw") and name in ("", "[heap]"):
            start, end = (int(edge, 16) for edge in span.split("-"))
            yield from range(-(-start // HUGE) * HUGE, end // HUGE * HUGE, HUGE)
