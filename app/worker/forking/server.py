"""The fork server: imports torch once, in one thread, then forks one child per program. It never sees a program.

Ends when the sandbox that started it closes the control socket, and takes its children along.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict

from app.control import Orders, receive_message, send_message
from app.worker.forking.child import Ahead, Sender, find_gpus, readable_paths, run_child, settle
from app.worker.forking.hot_pages import learn
from app.worker.forking.preload import preload
from app.worker.forking.rehearsal import rehearse_whole
from app.worker.sealing.kernel import fork_bare
from app.worker.sealing.seal import PROBE_UID, leave_network, prepare
from app.worker.stage import Stage


class ForkServer:
    def __init__(self, control: socket.socket, orders: Orders, ahead: Ahead) -> None:
        self._control = control
        self._orders = orders
        self._ahead = ahead
        self._readable = readable_paths()
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, int] = {}
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Fork, kill and reap until the control socket closes."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._serve()
        self._end()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    message, descriptors = receive_message(self._control)
                    if message is None:
                        return
                    self._obey(message, descriptors)
                else:
                    self._reap(key.data)

    def _obey(self, message: dict[str, int], descriptors: list[int]) -> None:
        if "kill" in message:
            self._kill(message["kill"])
        elif "spawn" in message and descriptors:
            self._spawn(message["spawn"], message.get("uid"), descriptors[0])

    def _spawn(self, number: int, uid: int | None, channel: int) -> None:
        try:
            pid = fork_bare()
        except OSError as error:
            os.close(channel)
            send_message(self._control, {"refused": number, "why": str(error)})
            return
        if pid == 0:
            run_child(self._orders, self._readable, uid, channel, self._ahead)
        os.close(channel)
        handle = os.pidfd_open(pid)
        self._children[pid] = handle
        self._selector.register(handle, selectors.EVENT_READ, pid)
        send_message(self._control, {"spawned": number, "pid": pid})

    def _kill(self, pid: int) -> None:
        if pid not in self._children:
            return
        for kill in (os.killpg, os.kill):
            try:
                kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # not yet its own group, or just ended

    def _reap(self, pid: int) -> None:
        handle = self._children.pop(pid)
        self._selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        send_message(self._control, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _end(self) -> None:
        for pid in list(self._children):
            self._kill(pid)
            os.waitpid(pid, 0)


def get_ahead(orders: Orders) -> Ahead:
    """Set the stage that most runs find, and learn from one of them which pages it takes."""
    send = Sender()
    stage = Stage(orders.limits, send, stays=True)
    stage.set_up()
    uid = PROBE_UID if os.geteuid() == 0 else None

    def get_ready(kept: int) -> None:
        settle(orders, readable_paths(), uid, {kept})
        stage.take()

    def run() -> None:
        send.mute = True
        rehearse_whole(orders.limits, send, stage)

    return Ahead(send, stage, learn(get_ready, run))


def serve() -> None:
    """Arguments: the control socket's descriptor, and the orders for children as JSON."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # to a whole group, they mean the sandbox, which then closes us
    control = socket.socket(fileno=int(sys.argv[1]))
    orders = Orders.read(sys.argv[2])
    prepared = preload()
    if orders.sealed:
        prepare(files=True, gpu=orders.gpu is not None)
        if os.geteuid() == 0:
            leave_network()  # children inherit the empty network, instead of each making one
    ahead = get_ahead(orders)
    os.environ.clear()
    devices = find_gpus() if orders.gpu is not None else []
    with suppress(BrokenPipeError):  # the sandbox may have gone while torch was being imported
        send_message(control, {"hello": asdict(prepared.versions), "devices": devices})
        server = ForkServer(control, orders, ahead)
        gc.freeze()  # a program counts towards its first collection from nothing, and no collection looks at ours
        server.serve()
