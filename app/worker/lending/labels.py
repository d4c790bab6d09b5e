"""torch's labels for a profiler, told only where one listens.

Each `zero_grad()`, `step()` and batch of a `DataLoader` is labelled by torch, through a dozen Python calls, whether
anybody profiles or not: on a small network that is a tenth of a training step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._C._autograd import _profiler_enabled as is_heard
from torch.autograd.profiler import record_function

from app.worker.lending.ways import replaced


@contextmanager
def telling_profilers_alone() -> Iterator[None]:
    """Meanwhile `record_function` is quick where no profiler is on when it begins."""
    begin, end, end_later = (
        getattr(record_function, name) for name in ("__enter__", "__exit__", "_call_end_callbacks_on_future")
    )

    def set_up(self: Any, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self.run_callbacks_on_exit = True
        self.record = self._cupti_monitor_external_id = None

    def enter(self: Any) -> Any:
        if is_heard():
            return begin(self)
        self.record = None  # as a decorator it is entered again and again
        return self

    def leave(self: Any, *error: Any) -> None:
        if self.record is not None:
            end(self, *error)

    def leave_later(self: Any, future: torch.futures.Future[Any]) -> Any:
        if self.record is None:
            begin(self)
        return end_later(self, future)

    methods = {
        "__init__": set_up,
        "__enter__": enter,
        "__exit__": leave,
        "_call_end_callbacks_on_future": leave_later,
    }
    with ExitStack() as stack:
        for name, method in methods.items():
            stack.enter_context(replaced(record_function, name, method))
        yield
