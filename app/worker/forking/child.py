"""One child: gives everything up, says it is ready, takes one task, runs it, ends. It never returns."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import matplotlib as mpl
import sklearn
import torch

from app.control import Orders
from app.vocabulary.errors import WireError
from app.vocabulary.holding import Command
from app.vocabulary.limits import MIB
from app.wire import (
    COMMAND_BYTES,
    HEADER,
    ON_ITS_WAY,
    ChildFrame,
    Failure,
    Ready,
    decode_command,
    decode_task,
    encode_frame,
    frame_length,
)
from app.worker.execute import execute
from app.worker.forking.hot_pages import HotPages
from app.worker.forking.rehearsal import rehearse
from app.worker.sealing.seal import SealPlan, seal
from app.worker.stage import Stage
from app.worker.threads import start_thread

CHANNEL = 3
"""Where task and frames go; 0, 1 and 2 lead nowhere, so that stray prints harm nothing."""
TASK_BYTES = 32 * MIB
LOST = 71
"""Exit status of a child that could not be sealed or got no task."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a server has done ahead for its children."""

    send: Sender
    stage: Stage
    hot: HotPages
    lingers: bool = False
    """Whether a child that is done waits to be looked at."""


def run_child(
    orders: Orders, readable: tuple[str, ...], uid: int | None, channel: int, ahead: Ahead
) -> NoReturn:
    send, hot = ahead.send, ahead.hot
    try:
        hot.get_ready()
        if channel != CHANNEL:
            os.dup2(channel, CHANNEL)
        threading.current_thread().name = "program"
        kept = {CHANNEL} | (make_cuda_context(orders.gpu) if orders.gpu is not None else set())
        if not ahead.stage.is_up:
            rehearse()
        settle(orders, readable, uid, kept)
        ahead.stage.take()
        send(Ready())
        body = read_task(hot)
        if body is not None:
            execute(decode_task(body), send, listen, ahead.stage, hot.training.bring)
        if ahead.lingers:
            linger()
        os._exit(0)
    except BaseException:  # the last resort of this process: our own failures are told, then it ends
        with suppress(OSError):
            send(Failure(traceback.format_exc()[-8000:]))
    finally:
        os._exit(LOST)


def settle(orders: Orders, readable: tuple[str, ...], uid: int | None, kept: Collection[int]) -> None:
    """Give up everything but the descriptors `kept`."""
    if not orders.sealed:
        os.setsid()
        for other in open_descriptors() - {0, 1, 2, *kept}:  # the server's own socket, above all
            with suppress(OSError):
                os.close(other)
        return
    plan = SealPlan(
        memory_bytes=orders.memory_bytes,
        cpu_seconds=orders.cpu_seconds,
        uid=uid,
        parent_pid=os.getppid(),
        readable=readable,
        gpu=orders.gpu is not None,
    )
    seal(plan, keep_fds=kept)


def make_cuda_context(index: int) -> set[int]:
    """Touch the GPU once; the descriptors its driver opened, without which the context would be lost."""
    before = open_descriptors()
    torch.cuda.set_device(index)
    torch.ones(2, 2, device=f"cuda:{index}").requires_grad_().sum().item()
    return open_descriptors() - before


def open_descriptors() -> set[int]:
    return {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}


def readable_paths() -> tuple[str, ...]:
    """What a sealed child may still read: fonts, torch's source of seeds, scikit-learn's bundled data. All public."""
    bundled = (f"{next(iter(sklearn.__path__))}/datasets/{each}" for each in ("data", "descr"))
    paths = (f"{mpl.get_data_path()}/fonts", "/usr/share/fonts", "/dev/urandom", *bundled)
    return tuple(path for path in paths if Path(path).exists())


def read_task(hot: HotPages) -> bytes | None:
    """The task; before it may come word that it is on its way."""
    header = read_exactly(HEADER.size)
    if header == ON_ITS_WAY:
        hot.expecting.bring()
        header = read_exactly(HEADER.size)
    return None if header is None else read_exactly(frame_length(header, TASK_BYTES))


def linger() -> None:
    """Say with an empty frame that all is done, and end with whoever hears it."""
    os.write(CHANNEL, HEADER.pack(0))
    read_exactly(1)


def read_exactly(size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        part = os.read(CHANNEL, size - len(data))
        if not part:
            return None
        data += part
    return bytes(data)


def listen(obey: Callable[[Command], None]) -> None:
    """Obey what comes on the channel, in a thread of our own; a program that meddles with it is just not held."""

    def hear() -> None:
        with suppress(OSError, WireError, ValueError):
            while (header := read_exactly(HEADER.size)) is not None:
                body = read_exactly(frame_length(header, COMMAND_BYTES))
                if body is not None:
                    obey(decode_command(body))

    start_thread("commands", hear)


class Sender:
    """Sends frames whole, whichever thread they come from."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def __call__(self, frame: ChildFrame) -> None:
        data = memoryview(encode_frame(frame))
        with self._turn:
            while data:
                data = data[os.write(CHANNEL, data) :]


def find_gpus() -> list[dict[str, Any]]:
    """GPUs as {name, title, memory_bytes}, asked of a throw-away child: the server itself must never touch CUDA."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        lines = []
        try:
            for index in range(torch.cuda.device_count()):
                facts = torch.cuda.get_device_properties(index)
                lines.append(f"{index}\t{facts.total_memory}\t{facts.name}\n")
            os.write(writer, "".join(lines).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        rows = [line.rstrip("\n").split("\t", 2) for line in answer]
    os.waitpid(pid, 0)
    return [
        {"name": f"cuda:{index}", "title": title, "memory_bytes": int(memory)}
        for index, memory, title in rows
    ]
