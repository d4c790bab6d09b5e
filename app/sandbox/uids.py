"""Ranges of uids for children, where this process is root: no two servers of one machine lend the same."""

from __future__ import annotations

import os
import socket

BLOCKS = 60
"""Ranges tried before giving up."""
LAST = 65_000
"""Beyond lies `nobody`."""


class UidRange:
    """A range that is ours as long as we live: held by a name that the kernel gives to one process only."""

    def __init__(self, first: int, count: int) -> None:
        self._claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.uids = self._claim_one(first, count)

    def _claim_one(self, first: int, count: int) -> range:
        for start in range(first, min(first + BLOCKS * count, LAST), count):
            try:
                self._claim.bind(f"\0tensor-playground-uids-{start}")
            except OSError:
                continue  # another server's
            return range(start, start + count)
        raise OSError(f"no {count} uids are free from {first} on")

    def close(self) -> None:
        self._claim.close()


def claim_uids(sealed: bool, first: int, count: int) -> UidRange | None:
    """Uids to lend; None where children share ours because we are not root."""
    return UidRange(first, count) if sealed and os.geteuid() == 0 else None
