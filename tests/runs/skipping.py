"""An event loop in which waiting takes no time: grace times are kept to the second on a machine of any speed."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import Executor
from selectors import DefaultSelector
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class SkippingLoop(asyncio.SelectorEventLoop):
    """Where nothing is to be done but to wait for a time, it is that time at once; threads are waited for."""

    def __init__(self) -> None:
        self.now = 1.0
        super().__init__(_Skipping(self))
        self.threads: set[Future[Any]] = set()

    def time(self) -> float:
        """Seconds. No work takes any: only what was waited for has passed."""
        return self.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> Future[T]:
        working = super().run_in_executor(executor, func, *args)
        self.threads.add(working)
        working.add_done_callback(self.threads.discard)
        return working

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """However long it takes: since Python 3.12 the runner gives it a time."""
        await super().shutdown_default_executor()


class _Skipping(DefaultSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self._loop.threads:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._loop.now += timeout
        return ready
