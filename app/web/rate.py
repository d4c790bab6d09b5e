"""How many runs one client may start: a token bucket per address, forgotten when it is full again.

A client on IPv6 is its /64, because one machine has that many addresses. The table is bounded, oldest out first.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

TABLE_SIZE = 10_000


@dataclass(slots=True)
class Bucket:
    tokens: float
    filled: float
    """When `tokens` was last brought up to date, in seconds."""


class RateLimiter:
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


def client_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
