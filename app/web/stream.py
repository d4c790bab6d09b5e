"""A run's events as server-sent events: `id`, `event`, `data`, and a comment when nothing happens for a while.

The response closes the events it was given however it ends, so that a viewer who left is known to have left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from app.runs.face import Event

PING_SECONDS = 15.0
RETRY_MILLISECONDS = 500
Finish = Callable[[], Awaitable[bytes]]


class EventStream(EventSourceResponse):
    def __init__(self, events: AsyncGenerator[Event, None], finish: Finish, brief: bool = False) -> None:
        self._told = tell(events, finish, brief)
        super().__init__(self._told, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._told):
            await super().__call__(scope, receive, send)


async def tell(
    events: AsyncGenerator[Event, None], finish: Finish, brief: bool
) -> AsyncGenerator[bytes, None]:
    """Events as bytes; `finish` says what the last one tells. `brief` leaves out what the tensors hold."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    async with aclosing(events):
        coming = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=PING_SECONDS)
                if not coming.done():
                    yield KEEPALIVE_COMMENT
                    continue
                event = coming.result()
                if event is None:
                    return
                data = await finish() if event.kind == "done" else event.data
                if brief and event.kind == "tensors":
                    data = b"{}"
                yield format_sse_event(data_str=data.decode(), event=event.kind, id=str(event.id))
                coming = asyncio.ensure_future(anext(events, None))
        finally:
            coming.cancel()
            await asyncio.wait({coming})
