"""No request body grows past the limit: it is refused by its declared length, else while it streams in.

The refusal is raised where the handler reads, so that it is answered like every other problem.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.problems import BodyTooLarge


class BodyLimit:
    def __init__(self, app: ASGIApp, allowed: int) -> None:
        self.app = app
        self.allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.allowed:
                raise BodyTooLarge(self.allowed)
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.allowed:
                raise BodyTooLarge(self.allowed)
            return message

        await self.app(scope, receive_within_limit, send)
