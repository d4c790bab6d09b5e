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
ROOM = 208 << 20
"""What importing everything takes."""
ARENA, FILLER = 1 << 20, 470
"""How much Python asks for at a time; an object of nearly the largest size that it places itself."""


def make_room() -> list[bytes]:
    """Have Python ask for the memory of its objects in one go, so that it lies in one piece; to be kept for good.

    Asked for while modules are imported, it comes a megabyte here and there, between libraries, and fills no huge
    page. One object stays in each piece, or Python would give it back.
    """
    fillers = [bytes(FILLER) for _ in range(ROOM // FILLER)]
    return fillers[:: ARENA // 2 // FILLER]


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
