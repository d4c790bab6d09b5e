"""Stores in memory answer as torch's own do: the same calls on both, torch's over loopback and a real file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from torch._C._distributed_c10d import FileStore, TCPStore

from app.worker.lending import stores

SHORT = timedelta(milliseconds=20)
LONG = timedelta(seconds=77)
"""torch's own server and client find each other within it on any machine; nothing that is asked here waits for it."""


def answers(store: Any) -> Iterator[object]:
    calls: tuple[Callable[[], object], ...] = (
        lambda: store.set("a", "1"),
        lambda: store.get("a"),
        lambda: store.add("count", 2),
        lambda: store.add("count", 2),
        lambda: store.num_keys(),
        lambda: store.compare_set("a", "1", "2"),
        lambda: store.compare_set("b", "other", "3"),
        lambda: store.check(["a", "b"]),
        lambda: store.delete_key("a"),
        lambda: store.num_keys(),
        lambda: store.timeout,
    )
    yield from (call() for call in calls)


def test_network_store_answers_as_torchs() -> None:
    theirs = TCPStore("127.0.0.1", 0, 1, True, LONG)
    assert list(answers(stores.TCPStore("127.0.0.1", 0, 1, True, LONG))) == list(answers(theirs))


def test_file_store_answers_as_torchs(tmp_path: Path) -> None:
    mine, theirs = stores.FileStore("name", 1), FileStore(str(tmp_path / "name"), 1)
    for store in (mine, theirs):
        store.set_timeout(LONG)
    assert list(answers(mine)) == list(answers(theirs))


def test_missing_key_is_awaited_and_told() -> None:
    with pytest.raises(dist.DistStoreError):
        stores.TCPStore("127.0.0.1", 0, 1, True, SHORT).wait(["never set"])


def test_workers_and_servers_that_cannot_come_are_told() -> None:
    with pytest.raises(dist.DistStoreError, match="world_size=1"):
        stores.TCPStore("127.0.0.1", 0, 2, True)
    with pytest.raises(dist.DistNetworkError, match="is_master=True"):
        stores.TCPStore("127.0.0.1", 29500)
