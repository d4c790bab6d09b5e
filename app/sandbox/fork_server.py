"""The fork server as the trusted side sees it: started, told to spawn and kill, heard, and started again if it dies."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.control import HELLO_BYTES, OWN_UID, Orders, receive_message, write_message
from app.sandbox.child import Child
from app.vocabulary.errors import WorkerLost
from app.vocabulary.limits import MIB

log = logging.getLogger("playground.sandbox")

ROOT = Path(__file__).resolve().parents[2]
STREAM_BYTES = 256 * 1024


class ForkServer:
    """One running `python -m app.worker`. `on_end` is called once, when it is gone."""

    def __init__(self, orders: Orders, on_end: Callable[[], None]) -> None:
        self._orders = orders
        self._on_end = on_end
        self._numbers = itertools.count()
        self._children: dict[int, Child] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    async def start(self) -> dict[str, Any]:
        """Start it and wait until torch is imported; its hello message."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.worker", str(theirs.fileno()), self._orders.write()],
                cwd=ROOT,
                env=server_environment(self._orders.gpu is not None),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        hello, status = b"", 0
        try:
            hello = await loop.sock_recv(ours, HELLO_BYTES)
        finally:
            if not hello:  # it ended, or nobody waits for it any more
                self._forget_control()
                self._process.kill()
                status = self._process.wait()
        if not hello:
            raise WorkerLost(f"the fork server ended while starting, with status {status}")
        loop.add_reader(ours, self._hear)
        return dict(json.loads(hello))

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def spawn(self, uid: int | None) -> Child:
        """Order a child; it is usable once its first frame, `Ready`, has arrived."""
        control = self._control
        if control is None:
            raise WorkerLost("the fork server is gone")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours, limit=STREAM_BYTES)
            child = Child(next(self._numbers), uid, reader, writer)
            self._children[child.number] = child
            message = write_message("spawn", child.number, OWN_UID if uid is None else uid)
            try:
                socket.send_fds(control, [message], [theirs.fileno()])
            except OSError as error:
                child.close()
                raise WorkerLost(f"the fork server cannot be told to spawn: {error}") from error
        return child

    def kill(self, child: Child) -> None:
        if not child.ended and self._control is not None:
            try:
                self._control.send(write_message("kill", child.number))
            except OSError as error:
                log.warning("cannot ask the fork server to kill child %s: %s", child.number, error)

    def _hear(self) -> None:
        assert self._control is not None
        try:
            message, _ = receive_message(self._control)
        except BlockingIOError:
            return
        except OSError:
            message = None
        match message:
            case None:
                self._lose()
            case "refused", number, reason:
                log.error("the fork server could not fork: %s", os.strerror(reason))
                self._children.pop(number).end(1)
            case "exited", number, status:
                self._children.pop(number).end(status)

    def _lose(self) -> None:
        """The server is gone, and its children with it."""
        self._forget_control()
        if self._process is not None:
            self._process.kill()
            self._process.wait()  # it has let go of its socket, the last thing but one
        for child in self._children.values():
            child.end(-signal.SIGKILL)
        self._children.clear()
        self._on_end()

    def _forget_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None

    async def close(self) -> None:
        """End it and wait until it is gone: it takes its children along."""
        self._forget_control()
        for child in self._children.values():
            child.close()
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                await asyncio.to_thread(self._process.wait)


def server_environment(gpu: bool) -> dict[str, str]:
    """What the server and every child may know of this machine: no secret, nothing of the caller's environment."""
    cache = Path(tempfile.gettempdir()) / f"tensor-playground-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # large objects lie with the others in the heap: mapped each by itself, they would not fill huge pages
    memory = {"MALLOC_MMAP_THRESHOLD_": str(32 * MIB), "MALLOC_TRIM_THRESHOLD_": str(64 * MIB)}
    found = {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "random",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLCONFIGDIR": str(cache),
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # else who asks whether there is a GPU leaves it to no child
        "FBGEMM_NO_ASMJIT": "1",  # no code is made under the seal: embedding bags use what was compiled
        **threads,
        **memory,
        **found,
    }
