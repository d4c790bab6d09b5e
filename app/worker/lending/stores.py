"""torch.distributed's stores for a program that is one process without network or files: a table in its own memory.

`TCPStore` and `FileStore` keep their arguments, their errors and the keys they make for themselves; what they hold is
torch's own `HashStore`. More than one worker cannot come, and waiting for them fails at once.
"""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

import torch.distributed as dist
from torch._C._distributed_c10d import HashStore
from torch.distributed import distributed_c10d

PATIENCE = timedelta(seconds=300)
"""torch's own."""


class TCPStore(HashStore):
    """The server's side of a store whose only client is the program."""

    def __init__(
        self,
        host_name: str,
        port: int,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: timedelta = PATIENCE,
        wait_for_workers: bool = True,
        **_: Any,
    ) -> None:
        super().__init__()
        self.host, self.port = host_name, port
        self.set_timeout(timeout)
        if not is_master:
            raise dist.DistNetworkError(
                f"no TCPStore listens on {host_name}:{port}: there is no network here. Make it with is_master=True"
            )
        if world_size is not None and wait_for_workers:
            self.add("init/", 1)
            if world_size > 1:
                raise dist.DistStoreError(
                    f"1/{world_size} clients joined: a program is one process here. Use world_size=1"
                )


class FileStore(HashStore):
    """All of one path are one store, as they would be through the file."""

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        self.path = file_name
        self.add("efcount/", 1)


def keep_stores_in_memory() -> None:
    """Let the program find these where it looks for torch's own."""
    by_path: dict[str, FileStore] = {}

    def open_file_store(file_name: str, world_size: int = -1) -> FileStore:
        if file_name not in by_path:
            by_path[file_name] = FileStore(file_name, world_size)
        return by_path[file_name]

    modules: tuple[ModuleType, ...] = (dist, distributed_c10d)
    for module in modules:
        for name, store in (("TCPStore", TCPStore), ("FileStore", open_file_store)):
            setattr(module, name, store)
