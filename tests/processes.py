"""Processes as /proc shows them: which descend from one, which have ended. Never found by name alone."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel

PATIENCE = 120.0
"""Seconds for what happens within one on an idle machine."""


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    started: int
    """With the pid, what tells it from a later process of the same number."""
    command: str

    @property
    def alive(self) -> bool:
        """A process that has ended and waits to be reaped is not."""
        found = read_process(self.pid)
        return found is not None and found.started == self.started


def read_process(pid: int) -> Process | None:
    """The process of that number, if it has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[19]), command.replace(b"\0", b" ").decode().strip())


def busiest(processes: Iterable[Process]) -> Process | None:
    """The one that has used more than half a second of processor time: it runs a program that never waits.

    Which of several sealed children was given the program cannot be told from their ages: spares become ready,
    and are taken, in any order.
    """
    used = {each: _processor_seconds(each.pid) for each in processes}
    found = max(used, key=used.__getitem__, default=None)
    return found if found is not None and used[found] > 0.5 else None


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running_processes() -> Iterator[Process]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (found := read_process(int(path.name))) is not None:
            yield found


def descendants(pid: int) -> tuple[Process, ...]:
    """Children, their children and so on, oldest first."""
    everyone = sorted(running_processes(), key=lambda process: (process.started, process.pid))
    family, found = {pid}, []
    grown = True
    while grown:
        new = [each for each in everyone if each.parent in family and each.pid not in family]
        family |= {each.pid for each in new}
        found += new
        grown = bool(new)
    return tuple(sorted(found, key=lambda process: (process.started, process.pid)))


async def ended(pid: int) -> None:
    """Wait until a process has ended; TimeoutError if it does not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with anyio.fail_after(PATIENCE):
            await anyio.wait_readable(handle)
    finally:
        os.close(handle)


async def until(true: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Wait until something holds that nobody announces; AssertionError if it does not come to hold."""
    deadline = time.monotonic() + seconds
    while True:
        answer = true()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, f"still not so after {seconds:g} s"
        await anyio.sleep(0.02)
