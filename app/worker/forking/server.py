"""The fork server: imports torch once, in one thread, then forks one child per program. It never sees a program.

Between two forks it does as little as it can: what it writes to, it copies first, and its children then have for
themselves. Ends when the sandbox that started it closes the control socket, and takes its children along.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, replace

from app.control import OWN_UID, Orders, receive_message, write_message
from app.wire import ON_ITS_WAY
from app.worker.forking.child import Ahead, Sender, find_gpus, readable_paths, run_child, settle
from app.worker.forking.holes import fill_holes
from app.worker.forking.hot_pages import PAGE, HotPages, can_bring, learn
from app.worker.forking.hugepages import gather_text
from app.worker.forking.laying import lay_down
from app.worker.forking.preload import preload
from app.worker.forking.rehearsal import small_task, training_task
from app.worker.sealing.kernel import fork_bare
from app.worker.sealing.seal import PROBE_UID, leave_network, prepare
from app.worker.stage import Stage


class ForkServer:
    def __init__(self, control: socket.socket, orders: Orders, ahead: Ahead) -> None:
        self._control = control
        self._orders = orders
        self._ahead = ahead
        self._readable = readable_paths()
        self._poll = select.poll()
        self._children: dict[int, tuple[int, int]] = {}
        """Number and pid of those that live, by the descriptor that tells of their end."""
        self._poll.register(control.fileno(), select.POLLIN)

    def serve(self) -> None:
        """Fork, kill and reap until the control socket closes."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._serve()
        self._end()

    def _serve(self) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._reap(descriptor)
                    continue
                message, channel = receive_message(self._control)
                if message is None:
                    return
                verb, child, uid = message
                if verb == "kill":
                    self._kill(child)
                elif channel is not None:
                    self._spawn(child, None if uid == OWN_UID else uid, channel)

    def _tell(self, verb: str, child: int, what: int) -> None:
        self._control.send(write_message(verb, child, what))

    def _spawn(self, number: int, uid: int | None, channel: int) -> None:
        try:
            pid = fork_bare()
        except OSError as error:
            os.close(channel)
            self._tell("refused", number, error.errno or 0)
            return
        if pid == 0:
            run_child(self._orders, self._readable, uid, channel, self._ahead)
        os.close(channel)
        handle = os.pidfd_open(pid)
        self._children[handle] = number, pid
        self._poll.register(handle, select.POLLIN)

    def _kill(self, number: int) -> None:
        """If it lives: what ended by itself may be told of while the order is on its way."""
        for each, pid in self._children.values():
            if each == number:
                self._end_one(pid)

    def _end_one(self, pid: int) -> None:
        for kill in (os.killpg, os.kill):
            try:
                kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # not yet its own group, or just ended

    def _reap(self, handle: int) -> None:
        number, pid = self._children.pop(handle)
        self._poll.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        self._tell("exited", number, os.waitstatus_to_exitcode(status))

    def _end(self) -> None:
        for _, pid in self._children.values():
            self._end_one(pid)
            os.waitpid(pid, 0)


def get_ahead(orders: Orders) -> Ahead:
    """Set the stage that most runs find, and learn from children of ours which pages theirs will take.

    Where nothing is learnt, each child rehearses, and sets the stage itself afterwards: it would hear the rehearsal.
    """
    send = Sender()
    stage = Stage(orders.limits, send, stays=True)
    if not orders.lasting or not can_bring():
        return Ahead(send, stage, HotPages())
    stage.set_up()
    return Ahead(send, stage, learn_pages(orders, send, stage))


def learn_pages(orders: Orders, send: Sender, stage: Stage) -> HotPages:
    observed = Ahead(send, stage, HotPages.of_one(id(stage) // PAGE * PAGE), lingers=True)
    without_gpu, readable = replace(orders, gpu=None), readable_paths()

    def live(channel: int) -> None:
        run_child(without_gpu, readable, probe_uid(), channel, observed)

    run, train = (ON_ITS_WAY + task(orders.limits) for task in (small_task, training_task))
    gather_text(learn(live, train).read.pages())  # all that other runs need, and more
    fill_holes()  # again, of what has been learnt with
    lay_down()  # before the last look: what is read of a file has to be mapped, too
    return learn(live, run, train)


def settle_as_probe(orders: Orders, kept: int) -> None:
    """What a child does before it is given a program, for the server to learn from."""
    settle(orders, readable_paths(), probe_uid(), {kept})


def probe_uid() -> int | None:
    return PROBE_UID if os.geteuid() == 0 else None


def serve() -> None:
    """Arguments: the control socket's descriptor, and the orders for children as JSON."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # to a whole group, they mean the sandbox, which then closes us
    control = socket.socket(fileno=int(sys.argv[1]))
    orders = Orders.read(sys.argv[2])
    if orders.sealed:
        prepare(files=True, gpu=orders.gpu is not None)
        if os.geteuid() == 0:
            leave_network()  # children inherit the empty network, instead of each making one
    prepared = preload(lambda kept: settle_as_probe(orders, kept))
    ahead = get_ahead(orders)
    os.environ.clear()
    devices = find_gpus() if orders.gpu is not None else []
    with suppress(BrokenPipeError):  # the sandbox may have gone while torch was being imported
        control.send(json.dumps({"hello": asdict(prepared.versions), "devices": devices}).encode())
        server = ForkServer(control, orders, ahead)
        gc.freeze()  # a program counts towards its first collection from nothing, and no collection looks at ours
        server.serve()
