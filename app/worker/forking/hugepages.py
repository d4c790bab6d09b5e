"""Move to huge pages what most runs need of libraries' code, at its own addresses.

It is mapped from files, which a fork does not copy: each child would map anew what it runs, 64 KB at a time. Linux 6.1
or newer; anywhere else nothing happens.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from app.worker.forking.hot_pages import HUGE, ranges_of
from app.worker.forking.mappings import READ_AND_RUN, READ_AND_WRITE, Mapping, read_mappings

PRIVATE_AND_OF_NO_FILE = 0x2 | 0x20
REFUSED = ctypes.c_void_p(-1).value
MAY_MOVE_TO_WHERE_IT_IS_TOLD = 1 | 2
MADV_COLLAPSE = 25
FEWEST = 32
"""Pages most runs read of a stretch of code before it is worth a huge page: 128 of its 2048 KB."""


def gather_text(pages: Iterable[int]) -> int:
    """Move the code on whose `pages` most runs come to huge pages; how many there are now."""
    read = Counter(page // HUGE * HUGE for page in pages)
    code = {address for each in read_mappings() if each.rights == "r-xp" for address in _within(each)}
    often = sorted(address for address, count in read.items() if count >= FEWEST and address in code)
    return sum(size // HUGE for start, size in ranges_of(often, HUGE) if _move(start, size))


def _move(start: int, size: int) -> bool:
    """Put a copy in the place of what lies there: in one call, because what makes the call may lie there too."""
    try:
        room = map_memory(None, size + HUGE, READ_AND_WRITE, PRIVATE_AND_OF_NO_FILE, -1)
    except MemoryError:
        return False
    copy = -(-room // HUGE) * HUGE
    ctypes.memmove(copy, start, size)
    moved = (
        all(collapse(copy + at) for at in range(0, size, HUGE))
        and _libc().mprotect(copy, size, READ_AND_RUN) == 0
        and _libc().mremap(copy, size, size, MAY_MOVE_TO_WHERE_IT_IS_TOLD, start) == start
    )
    unmap_memory(room, size + HUGE)  # what is left of it
    return bool(moved)


def collapse(address: int) -> bool:
    """Make one huge page of those that lie there, at a multiple of its size."""
    return bool(_libc().madvise(address, HUGE, MADV_COLLAPSE) == 0)


def map_memory(address: int | None, size: int, rights: int, how: int, file: int) -> int:
    """Where it is mapped now, from the file's beginning. Raises MemoryError."""
    mapped = _libc().mmap(address, size, rights, how, file, 0)
    if mapped == REFUSED:
        raise MemoryError(f"no room for {size} bytes")
    return int(mapped)


def unmap_memory(address: int, size: int) -> None:
    _libc().munmap(address, size)


def _within(mapping: Mapping) -> Iterator[int]:
    """Addresses of whole huge pages."""
    return iter(range(-(-mapping.start // HUGE) * HUGE, mapping.end // HUGE * HUGE, HUGE))


@cache
def _libc() -> ctypes.CDLL:
    """A library of its own, because the types are told to it."""
    libc = ctypes.CDLL(None)
    where, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    libc.mmap.argtypes, libc.mmap.restype = [where, size, *[number] * 3, ctypes.c_long], where
    libc.mremap.argtypes, libc.mremap.restype = [where, size, size, number, where], where
    libc.mprotect.argtypes = libc.madvise.argtypes = [where, size, number]
    libc.munmap.argtypes = [where, size]
    return libc
