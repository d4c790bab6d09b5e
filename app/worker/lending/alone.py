"""A DataLoader that is asked for workers, which would be processes, loads its data itself: a program has only its own.

Where their number stands in the text, it is rewritten there (`repairs/workers.py`); here come those that only a run
tells: of a name, a function, an option, of code in a library.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

from app.vocabulary.values import Text
from app.worker.lending.ways import replaced

ALONE = Text("A program here has one process: its DataLoader has no workers, and loads the same.")
WORKERS = "num_workers"
OF_WORKERS = (WORKERS, "persistent_workers", "prefetch_factor", "timeout", "multiprocessing_context")
"""What makes no sense without them: DataLoader's own defaults do."""
PLACE = 5
"""Of their number among the arguments, from the set of data on."""


@contextmanager
def loading_alone(note: Callable[[Text], None]) -> Iterator[None]:
    """Meanwhile no DataLoader has workers; `note` is told where one was asked for."""
    original = DataLoader.__init__
    signature = inspect.signature(original)

    def __init__(loader: Any, *args: Any, **kwargs: Any) -> None:
        workers = args[PLACE] if len(args) > PLACE else kwargs.get(WORKERS)
        if not isinstance(workers, int) or workers <= 0:
            original(loader, *args, **kwargs)
            return
        note(ALONE)
        given = signature.bind(loader, *args, **kwargs).arguments
        original(**{name: value for name, value in given.items() if name not in OF_WORKERS})

    with replaced(DataLoader, "__init__", __init__):
        yield
