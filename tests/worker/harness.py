"""A small warm fork server for the seal's tests: torch is imported once, every program runs in a child of its own.

`Harness.run(source, mode)` forks a child, seals it or not, runs the source and returns what it printed and how it
ended. The parent's side is what contains sleepers and floods: a deadline, a cap on bytes, SIGKILL for the group.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from app.worker.forking.child import readable_paths
from app.worker.sealing import kernel
from app.worker.sealing.seal import SealPlan, prepare, seal

BUDGET = 128 << 20
OUTPUT_CAP = 1 << 20
SECRET = "the host's own words"
_ATTACKERS_MODULES = (
    *("encodings.idna", "mimetypes", "importlib.readers", "urllib.request", "glob", "pty", "smtplib"),
    *("multiprocessing.popen_fork", "multiprocessing.popen_spawn_posix", "multiprocessing.queues"),
    *("multiprocessing.synchronize", "_posixshmem"),
    *("multiprocessing.shared_memory", "multiprocessing.resource_tracker", "multiprocessing.connection"),
    *("torch.utils.cpp_extension", "torch._inductor.codecache", "torch.distributed", "torch.multiprocessing"),
)
_SLOT_UID, _SHARED_UID, _CONTROL_UID = 64801, 64802, 64803


class Mode(StrEnum):
    """Whose child it is and whether it is sealed. The control is never root: it is a live attack."""

    SLOT = "sealed, server is root, own uid"
    SHARED = "sealed, server is unprivileged"
    CONTROL = "not sealed, unprivileged"


def modes_here() -> tuple[Mode, ...]:
    return tuple(Mode) if os.geteuid() == 0 else (Mode.SHARED, Mode.CONTROL)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one child printed and how it ended: `exit N`, `signal N`, `deadline` or `flood`."""

    text: str
    ending: str
    seal_ms: float

    @property
    def leaked(self) -> bool:
        return any(line.startswith("LEAK") for line in self.text.splitlines())


class Harness:
    """The test's end: one server process, one connection for each mode, the host that the probes aim at."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="seal-tests-"))
        self.listeners = (socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX))
        self.arena = self._furnish()
        self._streams = {}
        theirs = {}
        for mode in modes_here():
            ours, theirs[mode] = socket.socketpair()
            ours.settimeout(60)
            self._streams[mode] = ours.makefile("rwb")
            ours.close()
        descriptors = {mode.name: end.fileno() for mode, end in theirs.items()}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.harness", json.dumps([descriptors, self.arena])],
            pass_fds=tuple(descriptors.values()),
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[2],
        )
        for end in theirs.values():
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            stream.close()
        for listener in self.listeners:
            listener.close()
        self._server.wait(timeout=60)
        for path in sorted(self.home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self.home.rmdir()

    def run(
        self,
        source: str,
        mode: Mode,
        *,
        seconds: float = 5.0,
        cpu_seconds: int = 2,
        readable: tuple[str, ...] | None = None,
    ) -> Reply:
        """`readable=None` is the plan of the real server."""
        request = {"source": source, "seconds": seconds, "cpu_seconds": cpu_seconds, "readable": readable}
        stream = self._streams[mode]
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()
        return Reply(**json.loads(stream.readline()))

    def furniture(self) -> tuple[tuple[str, int, int], ...]:
        """Name, size and time of everything in the directory that any uid may write: what a probe may change."""
        found = [(path.name, path.lstat()) for path in sorted(Path(self.arena["drop"]).rglob("*"))]
        return tuple((name, status.st_size, status.st_mtime_ns) for name, status in found)

    def tidy(self) -> None:
        drop = Path(self.arena["drop"])
        for path in sorted(drop.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        (drop / "bait").write_text("bait")
        (drop / "bait").chmod(0o666)

    def callers(self) -> int:
        """How many connections have reached the listeners since the last question."""
        count = 0
        for listener in self.listeners:
            while True:
                try:
                    listener.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count

    def _furnish(self) -> dict[str, Any]:
        """A host with no discretionary protection at all: only the seal stands in the way."""
        self.home.chmod(0o755)
        (self.home / "secret.txt").write_text(SECRET)
        (self.home / "secret.txt").chmod(0o644)
        shutil.copy(Path(_torch_folder()) / "lib" / "libshm.so", self.home / "library.so")
        (self.home / "drop").mkdir()
        (self.home / "drop").chmod(0o777)
        tcp, path, abstract = self.listeners
        tcp.bind(("127.0.0.1", 0))
        path.bind(str(self.home / "listener"))
        (self.home / "listener").chmod(0o666)
        abstract.bind(f"\0{self.home.name}")
        for listener in self.listeners:
            listener.listen(64)
            listener.setblocking(False)
        arena = {
            "secret": str(self.home / "secret.txt"),
            "library": str(self.home / "library.so"),
            "drop": str(self.home / "drop"),
            "port": tcp.getsockname()[1],
            "unix": str(self.home / "listener"),
            "abstract": f"\0{self.home.name}",
            "budget": BUDGET,
        }
        self.arena = arena
        self.tidy()
        return arena


def _torch_folder() -> str:
    """Without importing torch: the tests' own process needs none of it."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.submodule_search_locations
    return spec.submodule_search_locations[0]


def _serve() -> None:
    """The server: warm up once, then one forked server for each mode, each with the identity of that mode."""
    descriptors, arena = json.loads(sys.argv[1])
    _warm_up()
    for name, descriptor in descriptors.items():
        if os.fork() == 0:
            mode = Mode[name]
            for other in set(descriptors.values()) - {descriptor}:
                os.close(other)
            _serve_mode(mode, descriptor, arena)
    for descriptor in descriptors.values():
        os.close(descriptor)
    for _ in descriptors:
        os.wait()


def _warm_up() -> None:
    """What a fork server does before its first fork; one thread, so that ops in a child do not hang.

    The probes' own modules too: an attack that fails for want of a module proves nothing.
    """
    import io

    import matplotlib as mpl
    import pandas as pd
    import torch

    mpl.use("svg")
    from matplotlib import pyplot as plt

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    weight = torch.ones(2, requires_grad=True)
    optimiser = torch.optim.Adam([weight])
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    torch.save({"w": weight}, io.BytesIO())
    repr(weight)
    figure, axes = plt.subplots()
    axes.imshow([[1, 2]])
    figure.savefig(io.BytesIO())
    plt.close(figure)
    pd.DataFrame({"a": [1]}).describe().to_string()
    for module in _ATTACKERS_MODULES:
        importlib.import_module(module)
    prepare()
    gc.collect()
    gc.freeze()


def _serve_mode(mode: Mode, descriptor: int, arena: dict[str, Any]) -> NoReturn:
    if os.geteuid() == 0 and mode is not Mode.SLOT:
        _become(_SHARED_UID if mode is Mode.SHARED else _CONTROL_UID)
    import ctypes

    # The same address in the victim and in every child: the victim alone writes the secret there.
    shelf = ctypes.create_string_buffer(64)
    arena = {**arena, "address": ctypes.addressof(shelf), "victim": _start_victim(mode, shelf, descriptor)}
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:
        for line in stream:
            stream.write(json.dumps(_run(json.loads(line), mode, arena)).encode() + b"\n")
            stream.flush()
    os.kill(arena["victim"], signal.SIGKILL)
    os.waitpid(arena["victim"], 0)
    os._exit(0)


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl("dumpable", 4, 1)


def _start_victim(mode: Mode, shelf: Any, descriptor: int) -> int:
    """A process of the child's own uid, so that nothing but the seal protects it."""
    victim = os.fork()
    if victim:
        return victim
    os.close(descriptor)
    shelf.value = SECRET.encode()
    os.setsid()
    if mode is Mode.SLOT:
        _become(_SLOT_UID)
    kernel.prctl("parent death", 1, signal.SIGKILL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    while True:
        signal.pause()


def _run(request: Mapping[str, Any], mode: Mode, arena: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    server = os.getpid()
    child = os.fork()
    if child == 0:
        _be_child(request, mode, {**arena, "server": server}, writer)
    os.close(writer)
    text, ending = _collect(reader, child, request["seconds"])
    head, _, rest = text.partition("\n")
    milliseconds = float(head.removeprefix("SEALED ")) if head.startswith("SEALED ") else 0.0
    return {"text": rest if milliseconds else text, "ending": ending, "seal_ms": milliseconds}


def _be_child(request: Mapping[str, Any], mode: Mode, arena: dict[str, Any], writer: int) -> NoReturn:
    os.dup2(writer, 1)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    status = 1
    try:
        if mode is Mode.CONTROL:
            os.setsid()
        else:
            sys.stdout.write(f"SEALED {_seal(request, mode, arena['server'])}\n")
        sys.stdout.flush()
        import torch

        torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
        exec(compile(request["source"], "<program>", "exec"), {"__name__": "__main__", "A": arena})
        status = 0
    except BaseException as error:
        sys.stdout.write(f"ERROR: {type(error).__name__}: {str(error)[:300]}\n")
    finally:
        sys.stdout.flush()
        os._exit(status)


def _seal(request: Mapping[str, Any], mode: Mode, server: int) -> float:
    plan = SealPlan(
        memory_bytes=BUDGET,
        cpu_seconds=request["cpu_seconds"],
        uid=_SLOT_UID if mode is Mode.SLOT else None,
        parent_pid=server,
        readable=readable_paths() if request["readable"] is None else tuple(request["readable"]),
    )
    start = time.perf_counter()
    seal(plan, keep_fds=(1,))
    return (time.perf_counter() - start) * 1e3


def _collect(reader: int, child: int, seconds: float) -> tuple[str, str]:
    """Read until the child closes its end, the deadline passes or the cap is reached; then end the group."""
    deadline = time.monotonic() + seconds
    kept = b""
    ending = ""
    with selectors.DefaultSelector() as selector, os.fdopen(reader, "rb", buffering=0) as pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while not ending:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                ending = "deadline"
            elif not (chunk := pipe.read(65536)):
                break
            elif len(kept) + len(chunk) > OUTPUT_CAP:
                ending = "flood"
            else:
                kept += chunk
    if ending:
        _end_group(child)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    natural = f"exit {code}" if code >= 0 else f"signal {-code}"
    return kept.decode(errors="replace"), ending or natural


def _end_group(child: int) -> None:
    for end in (os.killpg, os.kill):
        try:
            end(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


if __name__ == "__main__":
    _serve()
