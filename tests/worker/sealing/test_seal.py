"""The layers themselves: their order, and that a missing one ends the child.

Sealing cannot be undone, so each test that seals does it in a child of its own and reads what the child reports.
"""

from __future__ import annotations

import os
import platform
import resource
import signal
import threading
import time
from collections.abc import Callable
from errno import EBADF, ENOSYS
from pathlib import Path

import pytest

from app.worker.sealing import kernel, landlock, seal, seccomp
from app.worker.sealing.seal import Layer, SealError, SealPlan

NAMES = (
    *("session", "descriptors", "network_namespace", "rlimits", "uid", "capabilities"),
    *("undumpable", "no_new_privs", "parent_death", "landlock", "seccomp"),
)
MAY_BE_MISSING = {"network_namespace", "uid"}
SERVER = os.getpid()
"""Read here, in the parent: `plan` is called in its children."""


def plan(**changes: object) -> SealPlan:
    values = {
        "memory_bytes": 64 << 20,
        "cpu_seconds": 5,
        "uid": 64801 if os.geteuid() == 0 else None,
        "parent_pid": SERVER,
    }
    return SealPlan(**{**values, **changes})  # type: ignore[arg-type]


def in_child(act: Callable[[int], str]) -> tuple[str, int]:
    """Run `act(writer)` in a fork; its answer or its SealError, and how the child ended (a signal is negative)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, act(writer).encode())
        except SealError as error:
            os.write(writer, f"SealError: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read().decode()
    return answer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_layers_are_put_on_in_this_order_and_hold() -> None:
    layers = seal.probe_layers(64 << 20, 5)
    assert tuple(layer.name for layer in layers) == NAMES
    assert {layer.name for layer in layers if not layer.active} <= MAY_BE_MISSING
    assert all(layer.detail for layer in layers)


def test_probing_leaves_the_caller_as_it_was() -> None:
    def look() -> tuple[object, ...]:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return os.getsid(0), os.geteuid(), resource.getrlimit(resource.RLIMIT_NPROC), descriptors

    before = look()
    seal.probe_layers(64 << 20, 5)
    assert look() == before


def refuse(*_: object) -> int:
    raise OSError(ENOSYS, "not here")


@pytest.mark.parametrize(
    ("place", "name", "layer"),
    [
        (landlock, "abi_version", "landlock"),
        (landlock, "restrict", "landlock"),
        (seccomp, "install", "seccomp"),
        (seal, "_close_range", "descriptors"),
        (seal, "_lower_limit", "rlimits"),
        (seal, "_read_start", "session"),
    ],
)
def test_missing_layer_refuses_to_run(
    monkeypatch: pytest.MonkeyPatch, place: object, name: str, layer: str
) -> None:
    monkeypatch.setattr(place, name, lambda *_, **__: refuse())
    answer, _ = in_child(lambda writer: str(seal.seal(plan(), (writer,))))
    assert answer.startswith(f"SealError: {layer}: ")


def test_missing_layer_is_reported_by_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi_version", refuse)
    missing = [layer for layer in seal.probe_layers(64 << 20, 5) if layer.required and not layer.active]
    assert missing == [Layer("landlock", False, "[Errno 38] not here", True)]


def test_unknown_machine_refuses_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    answer, _ = in_child(lambda writer: str(seal.seal(plan(), (writer,))))
    assert answer.startswith("SealError: seccomp: ")
    assert "riscv64" in answer


def test_network_namespace_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_unshare", refuse)
    answer, _ = in_child(lambda writer: str(seal.seal(plan(), (writer,))))
    assert "name='network_namespace', active=False, detail='[Errno 38] not here', required=False" in answer
    assert "name='seccomp', active=True" in answer


def test_without_a_namespace_of_its_own_the_thread_limit_counts_from_what_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shared uid has the threads of a whole desktop: a small number would allow no thread at all."""
    status = b"VmSize: 1000 kB\nVmData: 100 kB\nThreads: 1\n"
    answers = {"/proc/self/status": status, "/proc/loadavg": b"0.00 0.00 0.00 1/780 4720\n"}
    monkeypatch.setattr(seal, "_read_start", answers.__getitem__)
    monkeypatch.setattr(seal, "_user_namespace", lambda: 1)
    child = seal._Child(plan(uid=None), frozenset(), seal._read_sizes(), 1)
    assert seal._thread_limit(child) == 780 + seal.MORE_THREADS
    assert (
        seal._thread_limit(seal._Child(plan(uid=5), frozenset(), seal._read_sizes(), 1))
        == 1 + seal.MORE_THREADS
    )


def test_second_thread_refuses_to_be_sealed() -> None:
    """Landlock and no_new_privs would bind the calling thread alone."""

    def act(writer: int) -> str:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        return str(seal.seal(plan(), (writer,)))

    answer, _ = in_child(act)
    assert answer.startswith("SealError: session: the child already has 2 threads")


@pytest.mark.parametrize("uid", [None, 0])
def test_root_needs_another_uid_for_its_child(monkeypatch: pytest.MonkeyPatch, uid: int | None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    answer, _ = in_child(lambda writer: str(seal.seal(plan(uid=uid), (writer,))))
    assert answer.startswith("SealError: uid: ")


def test_child_of_a_dead_parent_ends_itself() -> None:
    assert in_child(lambda writer: str(seal.seal(plan(parent_pid=1 << 22), (writer,)))) == ("", 70)


def test_sealed_child_dies_with_its_parent() -> None:
    def become_parent(writer: int) -> str:
        reader, ready = os.pipe()
        server = os.getpid()
        if os.fork() == 0:
            seal.seal(plan(parent_pid=server), (writer, ready))
            os.write(ready, b"sealed")
            time.sleep(600)
        os.read(reader, 6)
        return "gone"

    start = time.monotonic()
    assert in_child(become_parent) == ("gone", 0)  # the pipe ends only when the grandchild has ended too
    assert time.monotonic() - start < 300


def test_only_kept_descriptors_stay_open() -> None:
    def act(writer: int) -> str:
        spare = os.dup(writer)
        seal.seal(plan(), (writer,))
        open_ones = [number for number in range(64) if is_open(number)]
        return str(open_ones == sorted({0, 1, 2, writer}) and spare not in open_ones and os.read(0, 1))

    assert in_child(act)[0] == "b''"


def is_open(number: int) -> bool:
    try:
        os.get_inheritable(number)
    except OSError as error:
        return error.errno != EBADF
    return True


def test_limits_hold_and_cannot_be_changed() -> None:
    def act(writer: int) -> str:
        seal.seal(plan(), (writer,))
        limits = [
            resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
            for name in ("CPU", "FSIZE", "CORE", "NOFILE")
        ]
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        except (OSError, ValueError):
            limits.append((0, 0))
        return str(limits)

    assert in_child(act)[0] == "[(5, 6), (0, 0), (0, 0), (64, 64), (0, 0)]"


def test_network_left_by_the_server_is_not_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unshare for all children, where the server is root; one for each child in a user namespace elsewhere."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made: list[int] = []
    monkeypatch.setattr(seal, "_unshare", made.append)
    seal.leave_network.cache_clear()
    child = seal._Child(plan(), frozenset(), seal._read_sizes(), 0)
    details = {seal.leave_network(), seal._leave_network(child), seal._leave_network(child)}
    seal.leave_network.cache_clear()
    assert (details, made) == ({f"empty, left by process {os.getpid()}"}, [0x4000_0000])


def test_kernels_own_books_agree() -> None:
    """What /proc says about a sealed child, read from outside."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        seal.seal(plan(), (writer,))
        os.write(writer, b"x")
        time.sleep(30)
    os.read(reader, 1)
    rows = [row.partition(":") for row in Path(f"/proc/{child}/status").read_text().splitlines()]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    books = {name: value.split() for name, _, value in rows}
    assert {int(books[name][0], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    assert books["NoNewPrivs"] + books["Seccomp"] + books["Threads"] == ["1", "2", "1"]
    if os.geteuid() == 0:
        assert int(books["CapBnd"][0], 16) == 0
        assert (set(books["Uid"]), set(books["Gid"]), books["Groups"]) == ({"64801"}, {"64801"}, [])


@pytest.mark.parametrize(
    ("abi", "rights"),
    [
        (1, (0x1FFF,)),
        (2, (0x3FFF,)),
        (3, (0x7FFF,)),
        (4, (0x7FFF, 3)),
        (5, (0xFFFF, 3)),
        (6, (0xFFFF, 3, 3)),
        (9, (0xFFFF, 3, 3)),
    ],
)
def test_landlock_gives_up_every_right_its_kernel_knows(abi: int, rights: tuple[int, ...]) -> None:
    assert landlock.handled_rights(abi) == rights


def test_library_calls_raise_what_the_kernel_answered() -> None:
    with pytest.raises(OSError, match="landlock ruleset") as caught:
        kernel.syscall("landlock ruleset", 444, b"", 3, 77)
    assert caught.value.errno
