"""Children of one kind, forked and sealed ahead of time: take one, use it once; another takes its place."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from app.control import Orders
from app.sandbox.child import Child
from app.sandbox.fork_server import ForkServer
from app.sandbox.uids import UidRange
from app.vocabulary.errors import WorkerLost
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Versions
from app.wire import Ready

log = logging.getLogger("playground.sandbox")

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between attempts to start a server that keeps ending."""
READY_SECONDS = 30.0
ENDING_SECONDS = 0.1
"""How long a child that has told its trace may take to end."""
REFILL_SECONDS = 0.02
"""How long a used spare's place may stay empty while others wait."""


class Pool:
    """Keeps `size` spares. The uids that `claim` gets are lent to children one each, where we are root."""

    def __init__(
        self, orders: Orders, size: int, claim: Callable[[], UidRange | None], limits: Limits
    ) -> None:
        self.versions = Versions()
        self.devices: list[dict[str, str | int]] = []
        self._orders = orders
        self._size = size
        self._make_claim = claim
        self._claim: UidRange | None = None
        self._uids: deque[int] | None = None
        self._limits = limits
        self._spares: deque[Child] = deque()
        self._arrivals = asyncio.Semaphore(0)
        """At least as many as there are spares; a taker who finds none waits for the next."""
        self._coming = 0
        self._refilling: asyncio.TimerHandle | None = None
        self._server: ForkServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def spares(self) -> int:
        return len(self._spares)

    @property
    def server_pid(self) -> int | None:
        return self._server.pid if self._server else None

    async def start(self) -> None:
        """Start the server and wait for the first spare; for a GPU's, only where torch sees one."""
        self._claim = self._make_claim()
        self._uids = deque(self._claim.uids) if self._claim is not None else None
        await self._start_server()
        if self._orders.gpu is not None and not self.devices:
            await self.close()
            return
        try:
            await asyncio.wait_for(self._arrivals.acquire(), READY_SECONDS)
        except TimeoutError:
            raise WorkerLost(f"no child became ready within {READY_SECONDS:g} s; the log says why") from None
        self._arrivals.release()

    async def _start_server(self) -> None:
        server = ForkServer(self._orders, self._restart)
        try:
            hello = await server.start()
        except WorkerLost:
            await server.close()
            raise
        self._server = server
        self.versions = Versions(**hello["hello"])
        self.devices = hello["devices"]
        if self.devices or self._orders.gpu is None:
            self._refill()

    def expect(self) -> None:
        """A program is on its way: the next spare that does not know yet may get ready."""
        any(child.expect() for child in self._spares)

    async def take(self) -> Child:
        """A sealed child that waits for its task. Waits for one as long as the caller lets it."""
        while True:
            await self._arrivals.acquire()
            if not self._spares:
                continue
            child = self._spares.popleft()
            if not self._spares:
                self._refill()
            elif self._refilling is None:
                # not at once: making a child takes a processor that the program itself may want now
                self._refilling = asyncio.get_running_loop().call_later(REFILL_SECONDS, self._refill)
            if not child.ended:
                return child
            self.give_back(child)

    def give_back(self, child: Child) -> None:
        """After use, whatever became of it: kill it, unless it ends by itself. What it told goes first."""
        asyncio.get_running_loop().call_soon(self._let_go, child)

    def _let_go(self, child: Child) -> None:
        child.close()
        wait = ENDING_SECONDS if child.told else 0.0
        kill = asyncio.get_running_loop().call_later(wait, self._kill, child)
        child.status.add_done_callback(lambda _: kill.cancel())

    def _kill(self, child: Child) -> None:
        if self._server is not None:
            self._server.kill(child)

    def _refill(self) -> None:
        if self._refilling is not None:
            self._refilling.cancel()
            self._refilling = None
        while (
            not self._closing and self._server is not None and len(self._spares) + self._coming < self._size
        ):
            if self._uids is not None and not self._uids:
                return  # as soon as a uid is free again, `_mourn` comes here
            uid = self._uids.popleft() if self._uids is not None else None
            self._coming += 1
            self._run(self._spawn(self._server, uid))

    async def _spawn(self, server: ForkServer, uid: int | None) -> None:
        child = None
        try:
            child = await server.spawn(uid)
            child.status.add_done_callback(lambda _: self._mourn(child))
            async with asyncio.timeout(READY_SECONDS):
                frame = await child.next_frame(self._limits)
            if isinstance(frame, Ready) and not child.ended:
                self._spares.append(child)
                self._arrivals.release()
                return
            log.error("a child could not be made ready: %s", frame)
        except (OSError, WorkerLost) as error:  # a TimeoutError is an OSError
            log.error("a child could not be made: %r", error)
        finally:
            self._coming -= 1
        await asyncio.sleep(FIRST_WAIT)
        if child is not None:
            self.give_back(child)
        elif self._uids is not None and uid is not None:
            self._uids.append(uid)
        self._refill()

    def _mourn(self, child: Child) -> None:
        """Lend its uid on. A spare that is ended from outside is replaced at once, not when somebody takes it."""
        if child in self._spares:
            self._spares.remove(child)
            child.close()
        if self._uids is not None and child.uid is not None:
            self._uids.append(child.uid)
        self._refill()

    def _restart(self) -> None:
        self._server = None
        if not self._closing:
            log.error("the fork server ended; starting it again")
            self._run(self._start_again())

    async def _start_again(self) -> None:
        wait = FIRST_WAIT
        while not self._closing:
            try:
                await self._start_server()
                return
            except WorkerLost as error:
                log.error("%s; again in %.1f s", error, wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._closing = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.close()
            self._server = None
        if self._claim is not None:
            self._claim.close()
