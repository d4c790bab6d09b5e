"""The pages every run writes to, learnt once by the server: a child whose task is on its way copies them in one call.

A child shares its server's memory and copies a page when it first writes to it. One at a time, in the middle of a
program, that costs more than the small program itself; all in one call, while the web process still reads the
request, half of it. A waiting child does not hold them: they are 2 MB. Linux 6.15 or newer; else nothing happens.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from app.worker import kernel

PIDFD_SELF, POPULATE_WRITE = -10_000 & 0xFFFF_FFFF, 23
"""The one process and the one advice that the seal lets it name."""
PAGE = 4096
RANGE = struct.Struct("=QQ")
MOST_RANGES = 1024
"""As many as one call takes."""
PROCESS_MADVISE = 440
"""The same number on every machine."""
PRESENT_AND_OWN = 0x81
"""The highest byte of a pagemap entry: bits 63 (present) and 56 (mapped by this process alone)."""


class HotPages:
    """Ranges of memory as the kernel reads them: `struct iovec`, one after the other."""

    def __init__(self, vector: bytes) -> None:
        self._vector = vector

    @property
    def count(self) -> int:
        return len(self._vector) // RANGE.size

    def copy(self) -> None:
        """Make every page this process's own. Where the kernel knows no such call, they come one at a time."""
        with suppress(OSError):
            kernel.syscall(
                "process_madvise", PROCESS_MADVISE, PIDFD_SELF, self._vector, self.count, POPULATE_WRITE, 0
            )


def learn(settle: Callable[[], object], run: Callable[[], object]) -> HotPages:
    """What a fork of this process writes to when, after `settle`, it plays `run`.

    The fork does all the work: what this process allocates now would lie in its children's way.
    """
    reader, writer = os.pipe()
    pid = kernel.fork_bare()
    if pid == 0:
        try:
            settle()
            before = own_pages()
            run()
            ranges = list(ranges_of(sorted(own_pages() - before)))[:MOST_RANGES]
            os.write(writer, b"".join(RANGE.pack(*each) for each in ranges))
        finally:
            os._exit(0)
    os.close(writer)
    vector = os.read(reader, MOST_RANGES * RANGE.size)
    os.close(reader)
    os.waitpid(pid, 0)
    return HotPages(vector)


def own_pages() -> set[int]:
    """Addresses of the writable pages that no other process shares."""
    found: set[int] = set()
    handle = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, rights, *_ = line.split(maxsplit=2)
        if rights.startswith("rw"):
            start, end = (int(edge, 16) for edge in span.split("-"))
            entries = os.pread(handle, (end - start) // PAGE * 8, start // PAGE * 8)
            own = (at for at, high in enumerate(entries[7::8]) if high & PRESENT_AND_OWN == PRESENT_AND_OWN)
            found.update(start + at * PAGE for at in own)
    os.close(handle)
    return found


def ranges_of(pages: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(address, bytes) for each run of neighbouring pages, which come in order."""
    start = end = 0
    for page in (*pages, 0):
        if page != end:
            if end:
                yield start, end - start
            start = page
        end = page + PAGE
