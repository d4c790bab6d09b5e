"""How many runs one client may start, and how many of them at the same time, so that no client takes every place.

A client on IPv6 is its /64, because one machine has that many addresses. The table is bounded, oldest out first.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.runs.face import RunId
from app.web.problems import TooManyAtOnce

TABLE_SIZE = 10_000
LOOK_SECONDS = 0.02


@dataclass(slots=True)
class Bucket:
    tokens: float
    filled: float
    """When `tokens` was last brought up to date, in seconds."""


class RateLimiter:
    """A token bucket per address, forgotten when the table is full."""

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> float:
        """Take a token; 0.0 when there was one, else the seconds until there is."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        bucket = self._bucket(client_of(address), now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._per_second)
        bucket.filled = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._per_second

    def _bucket(self, client: str, now: float) -> Bucket:
        bucket = self._buckets.pop(client, None) or Bucket(self._burst, now)
        self._buckets[client] = bucket
        if len(self._buckets) > TABLE_SIZE:
            self._buckets.popitem(last=False)
        return bucket


class Places:
    """At most `most` programs of one client at the same time; one more waits a moment for another to end.

    A page that is edited sends its next program before the server has noticed that it gave up the last one.
    """

    def __init__(self, most: int, patience: float = 1.0) -> None:
        self._most = most
        self._patience = patience
        self._running: Counter[str] = Counter()
        self._live: OrderedDict[str, list[RunId]] = OrderedDict()

    @asynccontextmanager
    async def taken(self, address: str, elsewhere: int = 0) -> AsyncIterator[None]:
        """A place for a program; `elsewhere` counts what the client runs live. TooManyAtOnce when none gets free."""
        client = client_of(address)
        most = max(1, self._most - elsewhere)
        late = time.monotonic() + self._patience
        while self._running[client] >= most:
            if time.monotonic() > late:
                raise TooManyAtOnce(self._patience)
            await asyncio.sleep(LOOK_SECONDS)
        self._running[client] += 1
        try:
            yield
        finally:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]

    def note_live(self, address: str, runs: list[RunId]) -> None:
        """Keep in mind which live runs are the client's."""
        client = client_of(address)
        self._live.pop(client, None)
        if runs:
            self._live[client] = runs
        if len(self._live) > TABLE_SIZE:
            self._live.popitem(last=False)

    def live_of(self, address: str) -> tuple[RunId, ...]:
        return tuple(self._live.get(client_of(address), ()))


def client_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
