"""Pages that a run writes to are found, and copied ahead of it in one call."""

from __future__ import annotations

import mmap
import os
import platform
import resource
import struct
from ctypes import addressof, c_char

import pytest

from app.worker.hot_pages import PAGE, HotPages, learn, own_pages, ranges_of
from app.worker.kernel import fork_bare

PAGES, EVERY = 512, 4
WRITTEN = range(0, PAGES, EVERY)
# Linux 6.15 is the first that lets a process advise itself so; before, nothing is lost but time.
HAS_THE_CALL = tuple(map(int, platform.release().split(".")[:2])) >= (6, 15)


@pytest.fixture
def memory() -> mmap.mmap:
    """Pages of small size that this process holds."""
    shared = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    shared.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(PAGES):
        shared[page * PAGE] = 1
    return shared


def write_to(memory: mmap.mmap) -> None:
    for page in WRITTEN:
        memory[page * PAGE] = 2


def test_what_a_run_writes_to_is_learnt(memory: mmap.mmap) -> None:
    start = addressof(c_char.from_buffer(memory))
    vector = learn(lambda: None, lambda: write_to(memory))._vector
    learnt = list(struct.iter_unpack("=QQ", vector))
    ours = {(address - start) // PAGE for address, _ in learnt if 0 <= address - start < PAGES * PAGE}
    assert ours == set(WRITTEN)


def test_what_was_written_before_is_not_learnt(memory: mmap.mmap) -> None:
    start = addressof(c_char.from_buffer(memory))
    vector = learn(lambda: write_to(memory), lambda: write_to(memory))._vector
    assert not [
        address for address, _ in struct.iter_unpack("=QQ", vector) if 0 <= address - start < PAGES * PAGE
    ]


def test_copied_pages_fault_no_more_and_keep_what_they_hold(memory: mmap.mmap) -> None:
    hot = learn(lambda: None, lambda: write_to(memory))
    lone, together = faults_of(memory, None), faults_of(memory, hot)
    assert lone >= len(WRITTEN)
    assert (together < len(WRITTEN) / 2) == HAS_THE_CALL
    assert memory[0] == 1


def faults_of(memory: mmap.mmap, hot: HotPages | None) -> int:
    """Page faults that writing takes in a fork."""
    reader, writer = os.pipe()
    pid = fork_bare()
    if pid == 0:
        try:
            if hot is not None:
                hot.copy()
            assert memory[EVERY * PAGE] == 1
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            write_to(memory)
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
            os.write(writer, struct.pack("=Q", faults))
        finally:
            os._exit(0)
    os.close(writer)
    told = os.read(reader, 8)
    os.close(reader)
    os.waitpid(pid, 0)
    return int(struct.unpack("=Q", told)[0])


def test_ranges_that_are_not_there_are_no_failure() -> None:
    HotPages(struct.pack("=QQ", 1 << 46, PAGE)).copy()
    HotPages(b"").copy()


def test_neighbouring_pages_are_one_range() -> None:
    pages = [PAGE, 2 * PAGE, 5 * PAGE, 7 * PAGE, 8 * PAGE]
    assert list(ranges_of(pages)) == [(PAGE, 2 * PAGE), (5 * PAGE, PAGE), (7 * PAGE, 2 * PAGE)]
    assert list(ranges_of([])) == []


def test_own_pages_are_those_written_to() -> None:
    assert own_pages()
