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
from io import BufferedIOBase
from itertools import chain, groupby

from app.wire import HEADER
from app.worker.sealing import kernel

PIDFD_SELF, POPULATE_READ, POPULATE_WRITE = -10_000, 22, 23
"""The process itself; what is only read is mapped, what is written copied. The seal admits the last one alone."""
PAGE, HUGE = 4096, 2 << 20
WAITING_BYTES = 4_660 * 1024
"""A little less than 5 MiB: the server writes to pages it shares with a child, which leaves them to the child alone."""
RANGE = struct.Struct("=QQ")
SIZES = struct.Struct("=QQQQ")
MOST_RANGES = 1024
"""As many as one call takes."""
PROCESS_MADVISE = 440
"""The same number on every machine."""
PRESENT, OF_A_FILE, OWN = 0x80, 0x20, 0x01
"""In the highest byte of a pagemap entry: bits 63, 61 (as it is in its file) and 56 (mapped by this process alone)."""
MOST_READ = 1 << 16
Seen = tuple[bytes, list[bytes]]
"""A process's mappings, and the entries of their pages."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Ranges of memory as the kernel reads them, `struct iovec`s one after the other, and the calls that bring them."""

    ranges: bytes = b""
    calls: tuple[Callable[[], int], ...] = ()

    @classmethod
    def of(cls, ranges: bytes, advice: int = POPULATE_WRITE) -> Pages:
        size = MOST_RANGES * RANGE.size
        vectors = [ranges[at : at + size] for at in range(0, len(ranges), size)]
        calls = [
            kernel.call_ahead(PROCESS_MADVISE, PIDFD_SELF, each, len(each) // RANGE.size, advice, 0)
            for each in vectors
        ]
        return cls(ranges, tuple(calls))

    def pages(self) -> Iterator[int]:
        """Their addresses."""
        for start, size in RANGE.iter_unpack(self.ranges):
            yield from range(start, start + size, PAGE)

    def bring(self) -> bool:
        """Make them this process's own, or map them; False where the kernel knows no such call."""
        done = False
        for call in self.calls:
            done = call() >= 0
        return done


def can_bring() -> bool:
    """Whether the kernel knows the call: tried with a page that is this process's own already."""
    page = bytearray(2 * PAGE)
    start = -(-ctypes.addressof(ctypes.c_char.from_buffer(page)) // PAGE) * PAGE
    return Pages.of(RANGE.pack(start, PAGE)).bring()


@dataclass(frozen=True, slots=True)
class HotPages:
    read: Pages = Pages()
    """Mapped by a fresh child: libraries' code, and what was laid down and is only read."""
    waiting: Pages = Pages()
    """Copied by a fresh child."""
    expecting: Pages = Pages()
    """Copied once a task is on its way."""
    training: Pages = Pages()
    """Copied for a program that trains in a loop, which writes to more."""

    @classmethod
    def of_one(cls, page: int) -> HotPages:
        """For a child that is learnt from: it makes the calls that all make."""
        ranges = packed([page])
        return cls(Pages.of(ranges, POPULATE_READ), *(Pages.of(ranges),) * 3)

    def get_ready(self) -> bool:
        """What a fresh child does; False where nothing came of it."""
        ready = self.waiting.bring()
        self.read.bring()
        return ready


def learn(live: Callable[[int], object], run: bytes, train: bytes = b"") -> HotPages:
    """What a child needs until it is ready and then for what it is sent to `run`, and what it needs beyond that to
    `train`, if anything.

    `live` is all that a child does with its end of a channel, up to an empty frame when it has done what it was sent.
    Forks do all the work, and one looks at the other: what any of them allocated for it would lie in the children's
    way.
    """
    reader, writer = os.pipe()
    pid = kernel.fork_bare()
    if pid == 0:
        try:
            seen = [observe(live, sent) for sent in (run, train) if sent]  # all, before sorting takes memory
            looks = [[look_at(*each) for each in one] for one in seen]
            lists = sort_out(looks[0], looks[-1])
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
    alone costs more than one beside others; and to copy for a training. All of what is there before a child begins:
    one range that is not yet there would keep the kernel from all that follow it."""
    if len(looks) != 3 or len(trained) != 3:  # one did not come to its end
        return b"", b"", b"", b""
    first, settled, done = looks
    ready, run, train = (own & first.writable for own in (settled.own, done.own, trained[-1].own))
    lonely = sorted(ranges_of(sorted(run - ready)), key=lambda span: span[1])
    written = [page for start, size in lonely for page in range(start, start + size, PAGE)]
    room = max(0, WAITING_BYTES // PAGE - len(settled.own))
    lists = done.read - first.read, {*ready, *written[:room]}, written[room:], train - run
    return tuple(packed(sorted(each)) for each in lists)


def packed(pages: Iterable[int]) -> bytes:
    return b"".join(RANGE.pack(*each) for each in ranges_of(pages))


def observe(live: Callable[[int], object], sent: bytes) -> list[Seen]:
    """A fork lives, and is looked at before that, when it is ready, and when it has done what it was sent."""
    ours, theirs = socket.socketpair()
    pid = kernel.fork_bare()
    if pid == 0:
        try:
            ours.close()  # so that it ends with the one who looks
            if theirs.recv(1):
                live(theirs.fileno())
        finally:
            os._exit(0)
    theirs.close()
    maps, pagemap = (
        os.open(f"/proc/{pid}/{each}", os.O_RDONLY | os.O_CLOEXEC) for each in ("maps", "pagemap")
    )
    seen = [see(maps, pagemap)]
    with ours, ours.makefile("rwb") as frames:
        frames.write(b".")
        frames.flush()
        if size_of_next(frames):
            seen.append(see(maps, pagemap))
            frames.write(sent)
            frames.flush()
            while size := size_of_next(frames):
                pass
            if size == 0:
                seen.append(see(maps, pagemap))
    os.waitpid(pid, 0)
    return seen


def size_of_next(frames: BufferedIOBase) -> int | None:
    """Read one frame; None where no more come."""
    header = frames.read(HEADER.size)
    return len(frames.read(HEADER.unpack(header)[0])) if header else None


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
        pages = [(start + at * PAGE, high) for at, high in enumerate(each[7::8]) if high & PRESENT]
        if rights == b"rw-p":
            own.update(page for page, high in pages if high & (OWN | OF_A_FILE) == OWN)
            read.update(first_in_each(page for page, high in pages if high & OF_A_FILE))
        else:
            read.update(page for page, _ in pages)
    spans = (range(start, end, PAGE) for start, end, rights in mappings_in(maps) if rights == b"rw-p")
    return Look(frozenset(own), frozenset(read), frozenset(chain.from_iterable(spans)))


def first_in_each(pages: Iterable[int]) -> Iterator[int]:
    """The first in each huge page: to read it maps them all."""
    return (next(same) for _, same in groupby(pages, lambda page: page // HUGE))


def ranges_of(pages: Iterable[int], each: int = PAGE) -> Iterator[tuple[int, int]]:
    """(address, bytes) for each run of neighbouring pages of `each` bytes, which come in order."""
    start = end = 0
    for page in (*pages, 0):
        if page != end:
            if end:
                yield start, end - start
            start = page
        end = page + each
