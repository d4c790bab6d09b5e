"""Lay this process's memory down in a file before it is forked many times: a fork then copies next to nothing of it.

A fork copies an entry for each page that a process has for itself, and an exit takes it down: tens of thousands, twice
per program. What is mapped from a file is left out: a child maps what it reads when it first does, and has a copy of
its own of what it writes to, as before. The file lies in memory, has no name, and once it is mapped nobody holds it
open: no child can write to it. In the file the pages are gathered into huge ones, which are mapped at once (Linux 6.1).
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from app.worker.forking.hot_pages import HUGE
from app.worker.forking.hugepages import PRIVATE_AND_OF_NO_FILE, collapse, map_memory, unmap_memory
from app.worker.forking.mappings import READ_AND_WRITE, Mapping, read_mappings
from app.worker.forking.unbroken import call_in_a_row, can_call, room_for

PAGE = mmap.PAGESIZE
AT_ONCE = 32 * HUGE
"""Bytes that are there twice meanwhile."""
SHARED_AT, PRIVATE_AT = 0x1 | 0x10, 0x2 | 0x10
"""Mapped at a given address."""
READ = 0x1
PRESENT_OR_SWAPPED = 0xC0
"""In the highest byte of a pagemap entry."""
NEVER_TOUCHED = 64
"""Pages in a row that nobody wrote to, and that are left out."""


@dataclass(frozen=True, slots=True)
class Piece:
    start: int
    size: int
    offset: int
    """In the file."""


def lay_down() -> int:
    """How many bytes were laid down."""
    if not can_call():
        return 0
    pieces = list(pieces_of(list(spans())))
    whole = pieces[-1].offset + pieces[-1].size
    file = os.memfd_create("memory")
    try:
        os.ftruncate(file, whole)
        with room_of(room_for(2)) as room:
            laid = sum(lay(piece, file, room) for piece in pieces)
        gather(file, whole)
    finally:
        os.close(file)
    return laid


def lay(piece: Piece, file: int, room: int) -> int:
    """Write it down and map it; then what Python wrote to it between the two would be lost. So it is written down once
    to see that there is memory for it, and once more where nothing comes between."""
    content = (ctypes.c_char * piece.size).from_address(piece.start)
    try:
        if os.pwrite(file, content, piece.offset) < piece.size:
            return 0
    except OSError:  # no memory left for the file
        return 0
    call_in_a_row(
        room,
        ("pwrite", (file, piece.start, piece.size, piece.offset)),
        ("mmap", (piece.start, piece.size, READ_AND_WRITE, PRIVATE_AT, file, piece.offset)),
    )
    return piece.size


def gather(file: int, size: int) -> None:
    """Into huge pages: where the kernel does not do it, children map a few pages at a time."""
    with room_of(size + HUGE) as room:
        view = map_memory(-(-room // HUGE) * HUGE, size, READ, SHARED_AT, file)
        for at in range(0, size // HUGE * HUGE, HUGE):
            collapse(view + at)


@contextmanager
def room_of(size: int) -> Iterator[int]:
    address = map_memory(None, size, READ_AND_WRITE, PRIVATE_AND_OF_NO_FILE, -1)
    try:
        yield address
    finally:
        unmap_memory(address, size)


def spans() -> Iterator[tuple[int, int]]:
    """Start and end of what lies in memory and may be written to: objects, the heap, libraries' data."""
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        for each in read_mappings():
            if each.rights == "rw-p" and (each.file in ("", "[heap]") or each.file.startswith("/")):
                yield from touched(each, pagemap.fileno())


def touched(mapping: Mapping, pagemap: int) -> Iterator[tuple[int, int]]:
    first = mapping.start // PAGE
    entries = os.pread(pagemap, (mapping.end // PAGE - first) * 8, first * 8)
    pages = [first + at for at, high in enumerate(entries[7::8]) if high & PRESENT_OR_SWAPPED]
    breaks = [at for at, (one, next_one) in enumerate(pairwise(pages), 1) if next_one - one > NEVER_TOUCHED]
    for start, end in pairwise([0, *breaks, len(pages)]):
        if start < end:
            yield pages[start] * PAGE, (pages[end - 1] + 1) * PAGE


def pieces_of(spans: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """Where each comes in the file: what fills huge pages of memory has to fill huge pages there."""
    offset = 0
    for start, end in spans:
        if end - start >= HUGE:
            offset += (start - offset) % HUGE
        for at in range(start, end, AT_ONCE):
            size = min(AT_ONCE, end - at)
            yield Piece(at, size, offset)
            offset += size
