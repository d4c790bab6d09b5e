"""A spare that is being made gives way; a child that is made does not."""

from __future__ import annotations

import os

from app.worker.kernel import fork_bare
from app.worker.precedence import step_back, step_forward


def test_a_child_comes_forward_from_behind() -> None:
    pid = fork_bare()
    if pid == 0:
        step_back()
        behind = os.sched_getscheduler(0) == os.SCHED_BATCH
        step_forward()
        os._exit(0 if behind and os.sched_getscheduler(0) == os.SCHED_OTHER else 1)
    assert os.waitpid(pid, 0)[1] == 0
