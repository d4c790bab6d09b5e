"""What every response says to the browser: one strict policy, a fresh nonce, no sniffing, no leaking, no framing.

Pure ASGI, outside everything else, so that error pages carry it too. The nonce is in the scope for the templates.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NONCE = "playground.nonce"
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"
)
# Not `no-referrer`: browsers would send our own forms with the Origin `null`.
FIXED: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
WRITTEN: Sequence[tuple[bytes, bytes]] = tuple(
    (name.lower().encode(), value.encode()) for name, value in FIXED.items()
)
"""The same as they are sent; nothing behind us says any of them."""


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = scope[NONCE] = secrets.token_urlsafe(16)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
                headers.raw.extend(WRITTEN)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def nonce_of(connection: HTTPConnection) -> str:
    nonce: str = connection.scope[NONCE]
    return nonce
