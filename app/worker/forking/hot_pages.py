"""The pages every run needs, learnt once by the server: a child has them mapped in a few calls, not by many faults.

A child shares its server's memory: it copies a page when it first writes to it, and maps a page of a library when it
first reads it. One at a time that costs more than a small program itself. So a fresh child copies what its seal and a
part of its run will write to, and maps what they read; what more a run writes to it copies when its task is on its way,
because a waiting child holds no more than `WAITING_BYTES`. Linux 6.15 or newer; else a child rehearses instead.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from app.worker.sealing import kernel

PIDFD_SELF, POPULATE_READ, POPULATE_WRITE = -10_000 & 0xFFFF_FFFF, 22, 23
"""The process itself; what is only read is mapped, what is written copied. The seal admits the last one alone."""
PAGE = 4096
WAITING_BYTES = 4_660 * 1024
"""A little less than 5 MiB: the server writes to pages it shares with a child, which leaves them to the child alone."""
RANGE = struct.Struct("=QQ")
SIZES = struct.Struct("=QQQQ")
MOST_RANGES = 1024
"""As many as one call takes."""
PROCESS_MADVISE = 440
"""The same number on every machine."""
PRESENT, PRESENT_AND_OWN = 0x80, 0x81
"""In the highest byte of a pagemap entry: bits 63 (present) and 56 (mapped by this process alone)."""
MOST_READ = 1 << 16
Seen = tuple[bytes, list[bytes]]
"""A process's mappings, and the entries of their pages."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Ranges of memory as the kernel reads them, `struct iovec`s one after the other, and what to do with them."""

    vectors: tuple[bytes, ...] = ()
    advice: int = POPULATE_WRITE

    @classmethod
    def of(cls, ranges: bytes, advice: int = POPULATE_WRITE) -> Pages:
        size = MOST_RANGES * RANGE.size
        return cls(tuple(ranges[at : at + size] for at in range(0, len(ranges), size)), advice)

    def pages(self) -> Iterator[int]:
        """Their addresses."""
        for vector in self.vectors:
            for start, size in RANGE.iter_unpack(vector):
                yield from range(start, start + size, PAGE)

    def bring(self) -> bool:
        """Make them this process's own, or map them; False where the kernel knows no such call."""
        try:
            for vector in self.vectors:
                count = len(vector) // RANGE.size
                kernel.syscall("process_madvise", PROCESS_MADVISE, PIDFD_SELF, vector, count, self.advice, 0)
        except OSError:
            return False
        return bool(self.vectors)


def can_bring() -> bool:
    """Whether the kernel knows the call: tried with a page that is this process's own already."""
    page = bytearray(2 * PAGE)
    start = -(-ctypes.addressof(ctypes.c_char.from_buffer(page)) // PAGE) * PAGE
    return Pages.of(RANGE.pack(start, PAGE)).bring()


@dataclass(frozen=True, slots=True)
class HotPages:
    read: Pages = Pages(advice=POPULATE_READ)
    """Mapped by a fresh child: libraries' code, which no process has of its own."""
    waiting: Pages = Pages()
    """Copied by a fresh child."""
    expecting: Pages = Pages()
    """Copied once a task is on its way."""
    training: Pages = Pages()
    """Copied for a program that trains in a loop, which writes to more."""

    def get_ready(self) -> bool:
        """What a fresh child does; False where nothing came of it."""
        self.read.bring()
        return self.waiting.bring()


def learn(
    settle: Callable[[int], object], run: Callable[[], object], train: Callable[[], object] = lambda: None
) -> HotPages:
    """What a fork of this process needs when it settles and then plays `run`, and what it needs beyond that to `train`.

    `settle` may close every descriptor but the one it is given. Forks do all the work, and one looks at the other:
    what any of them allocated for it would lie in the children's way.
    """
    reader, writer = os.pipe()
    pid = kernel.fork_bare()
    if pid == 0:
        try:
            seen = observe(settle, run), observe(settle, train)  # before any is sorted, which takes memory
            lists = sort_out(*([look_at(*each) for each in one] for one in seen))
            with os.fdopen(writer, "wb") as told:
                told.write(SIZES.pack(*map(len, lists)) + b"".join(lists))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        sizes = SIZES.unpack(told.read(SIZES.size) or bytes(SIZES.size))
        read, waiting, expecting, training = map(told.read, sizes)
    os.waitpid(pid, 0)
    return HotPages(Pages.of(read, POPULATE_READ), Pages.of(waiting), Pages.of(expecting), Pages.of(training))


@dataclass(frozen=True, slots=True)
class Look:
    """What a process has in its memory at one moment: addresses of pages no other has, of its files' pages, and of all
    it may write to."""

    own: frozenset[int]
    read: frozenset[int]
    writable: frozenset[int]


def sort_out(looks: Sequence[Look], trained: Sequence[Look]) -> tuple[bytes, ...]:
    """Ranges to read, to copy while waiting, to copy later, for want of room: those that lie together, because a page
    alone costs more than one beside others; and to copy for a training, of what is there before it begins."""
    if len(looks) != 3 or len(trained) != 3:  # it did not come to its end
        return b"", b"", b"", b""
    first, settled, done = looks
    more = (trained[-1].own - done.own) & settled.writable
    lonely = sorted(ranges_of(sorted(done.own - settled.own)), key=lambda span: span[1])
    written = [page for start, size in lonely for page in range(start, start + size, PAGE)]
    room = max(0, WAITING_BYTES // PAGE - len(settled.own))
    waiting = [*(settled.own - first.own), *written[:room]]
    return tuple(map(packed, map(sorted, (done.read - first.read, waiting, written[room:], more))))


def packed(pages: Iterable[int]) -> bytes:
    return b"".join(RANGE.pack(*each) for each in ranges_of(pages))


def observe(settle: Callable[[int], object], run: Callable[[], object]) -> list[Seen]:
    """A fork settles and plays `run`; it is looked at before, in between and after."""
    ours, theirs = socket.socketpair()
    pid = kernel.fork_bare()
    if pid == 0:
        try:
            ours.close()  # so that it ends with the one who looks
            wait(theirs.fileno())
            settle(theirs.fileno())
            wait(theirs.fileno())
            run()
            wait(theirs.fileno())
        finally:
            os._exit(0)
    theirs.close()
    seen = []
    pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    maps = os.open(f"/proc/{pid}/maps", os.O_RDONLY | os.O_CLOEXEC)
    while ours.recv(1):
        seen.append(see(maps, pagemap))
        ours.send(b".")
    os.waitpid(pid, 0)
    return seen


def wait(channel: int) -> None:
    os.write(channel, b".")
    if not os.read(channel, 1):
        raise EOFError


def see(maps: int, pagemap: int) -> Seen:
    """A process's mappings and the entries of their pages, as they come: whoever looks shall write to few pages itself,
    because each one it shared with the process then seems to be the process's own."""
    text = bytearray()
    os.lseek(maps, 0, os.SEEK_SET)
    while part := os.read(maps, MOST_READ):
        text += part
    listed = bytes(text)
    return listed, [
        os.pread(pagemap, (end - start) // PAGE * 8, start // PAGE * 8)
        for start, end, _ in mappings_in(listed)
    ]


def mappings_in(maps: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and rights of each mapping."""
    for line in maps.splitlines():
        span, rights, *_ = line.split(maxsplit=2)
        start, _, end = span.partition(b"-")
        yield int(start, 16), int(end, 16), rights


def look_at(maps: bytes, entries: Iterable[bytes]) -> Look:
    own: set[int] = set()
    read: set[int] = set()
    for (start, _, rights), each in zip(mappings_in(maps), entries, strict=True):
        bits, found = (PRESENT_AND_OWN, own) if rights == b"rw-p" else (PRESENT, read)
        found.update(start + at * PAGE for at, high in enumerate(each[7::8]) if high & bits == bits)
    spans = (range(start, end, PAGE) for start, end, rights in mappings_in(maps) if rights == b"rw-p")
    return Look(frozenset(own), frozenset(read), frozenset(chain.from_iterable(spans)))


def ranges_of(pages: Iterable[int], each: int = PAGE) -> Iterator[tuple[int, int]]:
    """(address, bytes) for each run of neighbouring pages of `each` bytes, which come in order."""
    start = end = 0
    for page in (*pages, 0):
        if page != end:
            if end:
                yield start, end - start
            start = page
        end = page + each
