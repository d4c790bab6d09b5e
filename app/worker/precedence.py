"""Who comes first on a processor: a program that somebody waits for, before a spare that is being made.

A batch process gets its share like any other, but never takes the processor from one that is at work. Linux only.
"""

from __future__ import annotations

import os


def step_back() -> None:
    """For the fork server; its children begin so."""
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def step_forward() -> None:
    """For a child that is as good as made."""
    if hasattr(os, "SCHED_OTHER"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
