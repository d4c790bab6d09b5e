"""Lets the sandbox expect a program as soon as the head of a request for a run is here, before its body is read.

A spare needs a millisecond or two to get ready, which passes while the request is read and the program parsed. A
program that never comes (refused, too large, one too many) does no harm: a spare is told at most once. Pure ASGI.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.face import Sandbox

EXPECTED = "playground.expected"
"""In the scope of a request whose program is expected."""
RUNS = frozenset({"/", "/evaluate", "/live", "/api/v1/evaluate", "/api/v1/runs"})
"""Where a program is sent that runs at once."""


class Herald:
    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app = app
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in RUNS:
            self.sandbox.expect()
            scope[EXPECTED] = True
        await self.app(scope, receive, send)
