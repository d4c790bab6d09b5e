"""Threads of our own: with a small stack, because all of it counts as memory the program takes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.vocabulary.limits import MIB

STACK_BYTES = MIB


def start_thread(name: str, run: Callable[[], object]) -> threading.Thread:
    """Start a thread that ends with the process."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    kept = threading.stack_size(STACK_BYTES)
    try:
        thread.start()
    finally:
        threading.stack_size(kept)
    return thread
