"""Pages that a run writes to are found, and copied ahead of it in one call."""

from __future__ import annotations

import mmap
import os
import platform
import resource
import struct
from collections.abc import Callable
from ctypes import addressof, c_char
from pathlib import Path

import numpy as np
import pytest
from pydantic_core import _pydantic_core

from app.wire import HEADER
from app.worker.forking import hot_pages
from app.worker.forking.hot_pages import PAGE, RANGE, HotPages, Look, Pages, learn, ranges_of
from app.worker.sealing.kernel import fork_bare

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


def pages_in(memory: mmap.mmap, pages: Pages) -> set[int]:
    """Which pages of `memory` are among them."""
    start = addressof(c_char.from_buffer(memory))
    spans = [range(begin, begin + size, PAGE) for begin, size in ranges_in(pages)]
    return {(at - start) // PAGE for span in spans for at in span} & set(range(PAGES))


def ranges_in(pages: Pages) -> list[tuple[int, int]]:
    return list(RANGE.iter_unpack(pages.ranges))


def nothing() -> None:
    return


class Life:
    """A child that settles and then does what its one-letter task says."""

    def __init__(
        self,
        settle: Callable[[], object] = nothing,
        run: Callable[[], object] = nothing,
        train: Callable[[], object] = nothing,
    ) -> None:
        self.settle = settle
        self.tasks = {b"r": run, b"t": train}

    def __call__(self, channel: int) -> None:
        self.settle()
        os.write(channel, HEADER.pack(1) + b".")
        self.tasks[os.read(channel, 1)]()
        os.write(channel, HEADER.pack(0))
        os.read(channel, 1)


def test_what_is_written_to_is_learnt(memory: mmap.mmap) -> None:
    assert pages_in(memory, learn(Life(run=lambda: write_to(memory)), b"r").waiting) == set(WRITTEN)
    assert pages_in(memory, learn(Life(settle=lambda: write_to(memory)), b"r").waiting) == set(WRITTEN)


def test_a_waiting_child_copies_no_more_than_it_may_hold(
    memory: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_pages, "WAITING_BYTES", 0)
    hot = learn(Life(run=lambda: write_to(memory)), b"r")
    assert not pages_in(memory, hot.waiting)
    assert pages_in(memory, hot.expecting) == set(WRITTEN)


def test_what_lies_together_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """To copy a page alone costs more, and first of all while nobody waits."""
    monkeypatch.setattr(hot_pages, "WAITING_BYTES", 3 * PAGE)
    together, alone, settled = {1, 2, 3}, {5, 7}, {9}
    pages = [frozenset(at * PAGE for at in each) for each in (set(), settled, together | alone | settled)]
    looks = [Look(own, frozenset(), pages[-1]) for own in pages]
    _, waiting, expecting, _ = hot_pages.sort_out(looks, looks)
    assert list(RANGE.iter_unpack(waiting)) == [(at * PAGE, PAGE) for at in (5, 7, 9)]
    assert list(RANGE.iter_unpack(expecting)) == [(PAGE, 3 * PAGE)]


def test_what_a_training_writes_to_is_learnt_apart(memory: mmap.mmap) -> None:
    """Of what was there before it: one range that is not yet there would keep the kernel from all that follow it."""
    kept = []

    def train() -> None:
        write_to(memory)
        kept.append(np.ones(PAGES * PAGE))

    hot = learn(Life(train=train), b"r", b"t")
    assert pages_in(memory, hot.training) == set(WRITTEN)
    assert not pages_in(memory, hot.waiting) | pages_in(memory, hot.expecting)
    assert hot.training.bring() == HAS_THE_CALL
    assert len(list(hot.training.pages())) < PAGES * PAGE * 8 // PAGE


def test_a_child_that_cannot_settle_teaches_nothing(memory: mmap.mmap) -> None:
    hot = learn(Life(settle=lambda: os._exit(1)), b"r")
    assert not any(each.ranges for each in (hot.read, hot.waiting, hot.expecting, hot.training))
    assert not hot.get_ready()


def test_one_who_cannot_be_looked_at_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_pages, "look_at", lambda maps, entries: os._exit(1))
    assert not learn(Life(), b"r").get_ready()


def test_what_is_read_of_files_is_learnt() -> None:
    """A fork maps nothing of a library until it reads it."""
    with Path(_pydantic_core.__file__).open("rb") as file:
        library = mmap.mmap(file.fileno(), PAGES * PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ)
    view = np.frombuffer(library, np.uint8)
    hot = learn(Life(run=lambda: view[5 * PAGE]), b"r")
    at = view.ctypes.data + 5 * PAGE
    assert any(begin <= at < begin + size for begin, size in ranges_in(hot.read))


def test_copied_pages_fault_no_more_and_keep_what_they_hold(memory: mmap.mmap) -> None:
    hot = learn(Life(run=lambda: write_to(memory)), b"r")
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
                assert hot.get_ready() == HAS_THE_CALL
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
    assert not Pages.of(RANGE.pack(1 << 46, PAGE)).bring()
    assert not Pages.of(b"").bring()


def test_neighbouring_pages_are_one_range() -> None:
    pages = [PAGE, 2 * PAGE, 5 * PAGE, 7 * PAGE, 8 * PAGE]
    assert list(ranges_of(pages)) == [(PAGE, 2 * PAGE), (5 * PAGE, PAGE), (7 * PAGE, 2 * PAGE)]
    assert list(ranges_of([])) == []
