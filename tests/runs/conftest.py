"""Stores that are closed when a test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.runs.memory import MemoryRuns
from app.vocabulary.limits import Limits
from tests.runs.following import HeldSandbox, MakeStore
from tests.runs.skipping import SkippingLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": SkippingLoop}


@pytest.fixture
async def store_of() -> AsyncIterator[MakeStore]:
    """Makes stores, and closes them in the end."""
    made: list[MemoryRuns] = []

    def make(sandbox: HeldSandbox, slots: int = 2, **limits: Any) -> MemoryRuns:
        made.append(MemoryRuns(sandbox, replace(Limits(), **limits), slots))
        return made[-1]

    yield make
    for store in made:
        await store.close()
