"""One child as the trusted side sees it: a channel, a number, and what became of it."""

from __future__ import annotations

import asyncio
import signal

from app.sandbox.measure import decode_and_check
from app.vocabulary.errors import WireError
from app.vocabulary.holding import Command
from app.vocabulary.limits import KIB, Limits
from app.wire import HEADER, ON_ITS_WAY, ChildFrame, Task, encode_command, encode_task, frame_length

STATUS_SECONDS = 3.0
"""How long the fork server may take to say how a child ended that has fallen silent."""
LARGE_FRAME = 128 * KIB
"""Frames from here on are decoded in a thread: the event loop serves others meanwhile."""


class Child:
    """Made when its spawning is ordered; `status` follows from the fork server."""

    def __init__(
        self, number: int, uid: int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.uid = uid
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.told = False
        """Whether it has sent its trace, the last it does: it ends by itself."""
        self._reader = reader
        self._writer = writer
        self._received = 0
        self._given = asyncio.get_running_loop().time()
        """When it got its task."""
        self._expecting = False

    @property
    def ended(self) -> bool:
        return self.status.done()

    def end(self, status: int) -> None:
        """Called when the fork server has seen it end, or has ended itself."""
        if not self.status.done():
            self.status.set_result(status)

    def expect(self) -> bool:
        """Tell it that a task is on its way; False where it knows."""
        if self._expecting or self.ended:
            return False
        self._expecting = True
        self._send(ON_ITS_WAY)
        return True

    def give(self, task: Task) -> None:
        self._given = asyncio.get_running_loop().time()
        self._send(encode_task(task))

    def _send(self, message: bytes) -> None:
        """A child that is gone hears nothing: uvloop raises RuntimeError once the channel is seen to be closed."""
        if not self._writer.is_closing():
            self._writer.write(message)

    async def obey(self, commands: asyncio.Queue[Command]) -> None:
        """Hand on commands as they come, as long as it listens."""
        try:
            while True:
                self._send(encode_command(await commands.get()))
                await self._writer.drain()
        except ConnectionError:
            return

    async def next_frame(self, limits: Limits) -> ChildFrame | None:
        try:
            header = await self._reader.readexactly(HEADER.size)
            length = frame_length(header, limits.frame_bytes)
            self._received += length
            seconds = asyncio.get_running_loop().time() - self._given
            if self._received > limits.reply_bytes + limits.stream_bytes * seconds:
                raise WireError(f"{self._received} bytes in one reply of {seconds:.0f} s")
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if length < LARGE_FRAME:
            return decode_and_check(body, limits)
        return await asyncio.to_thread(decode_and_check, body, limits)

    async def exit_status(self) -> int | None:
        """How it ended, if that is heard in time: an exit status, or a negative signal number."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.status), STATUS_SECONDS)
        except TimeoutError:
            return None

    def close(self) -> None:
        self._writer.close()


def signal_name(status: int | None) -> str | None:
    """SIGSEGV for -11; None where it was no signal."""
    if status is None or status >= 0:
        return None
    names = {number.value: number.name for number in signal.Signals}
    return names.get(-status, f"SIG{-status}")
