"""Fewer mappings: a fork copies each of them and an exit takes it down, and three hundred libraries have five each.

What a library has to be read and what it has to be run lie side by side in memory as in its file, but in mappings of
their own, because their rights differ. Given the same rights, reading and running, the kernel makes one of them. What
the linker filled in and then made read-only (RELRO) lies beside what can be written to, and joins that: this guards a
program against overwriting itself by mistake, where here a stranger's program may overwrite all of its process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

READ_AND_WRITE, READ_AND_RUN = 1 | 2, 1 | 4
"""mprotect's."""


@dataclass(frozen=True, slots=True)
class Mapping:
    start: int
    end: int
    rights: str
    offset: int
    file: str

    def goes_on_in(self, other: Mapping) -> bool:
        """Whether the other one holds what comes next in the same file."""
        follows = self.end == other.start and self.file == other.file
        return follows and self.offset + self.end - self.start == other.offset


def merge_mappings() -> None:
    """Merge what this process has mapped of its libraries; where the kernel refuses, they stay apart."""
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    mappings = list(read_mappings())
    filled_in = [each for each, after in pairwise(mappings) if is_before_data(each, after)]
    for start, end in mergeable(each for each in mappings if each not in filled_in):
        protect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), READ_AND_RUN)
    for each in filled_in:
        protect(ctypes.c_void_p(each.start), ctypes.c_size_t(each.end - each.start), READ_AND_WRITE)


def read_mappings() -> Iterator[Mapping]:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, rights, offset, _, _, file = (*line.split(maxsplit=5), "")[:6]
        start, end = (int(edge, 16) for edge in span.split("-"))
        yield Mapping(start, end, rights, int(offset, 16), file)


def mergeable(mappings: Iterable[Mapping]) -> Iterator[tuple[int, int]]:
    """Where neighbours of one file lie that nobody writes to and of which some may be run."""
    group: list[Mapping] = []
    for each in mappings:
        if group and not (is_of_library(each) and group[-1].goes_on_in(each)):
            yield from span_of(group)
            group = []
        if is_of_library(each):
            group.append(each)
    yield from span_of(group)


def is_before_data(mapping: Mapping, after: Mapping) -> bool:
    """Whether it can be read only, and what goes on behind it can be written to."""
    file = mapping.file.startswith("/") and mapping.goes_on_in(after)
    return file and (mapping.rights, after.rights) == ("r--p", "rw-p")


def is_of_library(mapping: Mapping) -> bool:
    return mapping.file.startswith("/") and mapping.rights in ("r--p", "r-xp")


def span_of(group: list[Mapping]) -> Iterator[tuple[int, int]]:
    if len(group) > 1 and any(each.rights == "r-xp" for each in group):
        yield group[0].start, group[-1].end
