"""A child that is gone is told of by its silence, whatever is still said to it, on the event loop that serves."""

from __future__ import annotations

import asyncio
import socket

import pytest

from app.sandbox.child import Child
from app.vocabulary.holding import Command
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest
from app.wire import Task

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


async def test_child_that_is_gone_may_still_be_spoken_to() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    child = Child(0, None, reader, writer)
    theirs.close()
    while not writer.is_closing():  # what is sent into the void makes the loop see it
        child.expect()
        child.give(Task("1 + 1", RunRequest(), Limits()))
        await asyncio.sleep(0)
    child.give(Task("1 + 1", RunRequest(), Limits()))
    commands: asyncio.Queue[Command] = asyncio.Queue()
    commands.put_nowait(Command("pause"))
    await child.obey(commands)
    assert await child.next_frame(Limits()) is None
    child.close()
