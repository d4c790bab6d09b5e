"""No page of another site acts in a reader's name: not with a form or a script, not under a name that was rebound.

Browsers say where a request comes from, and other programs say nothing: theirs pass. Pure ASGI, before anything reads
the body.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings, is_loopback
from app.web.failures import answer_failure
from app.web.problems import HostRefused, OriginRefused

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PORTS = (("http", 80), ("https", 443))


class OwnOrigin:
    """`hosts` are the names this server answers to; without any it answers to all."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, receive, send)
            return
        response = await answer_failure(Request(scope), refusal)
        await response(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> Exception | None:
        if self.hosts and host_name(headers.get("host", "")) not in self.hosts:
            return HostRefused()
        if method in SAFE or comes_from_here(headers):
            return None
        return OriginRefused()


def hosts_of(settings: Settings) -> frozenset[str]:
    """Names a server on loopback answers to. Behind a proxy the name is the proxy's, unless programs run unsealed."""
    if not is_loopback(settings.host) or (settings.trusted_proxies and not settings.allow_unsealed):
        return frozenset()
    return frozenset({"localhost", "127.0.0.1", "::1", settings.host.lower()})


def host_name(host: str) -> str:
    """The name in a Host header, without its port; empty for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def comes_from_here(headers: Headers) -> bool:
    """Whether a request that may change something comes from our own page, or from no page at all.

    Where the browser itself vouches for it, a proxy may have changed the Host.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "cross-site":
        return False
    return origin is None or site == "same-origin" or is_same(origin, headers.get("host", ""))


def is_same(origin: str, host: str) -> bool:
    """Whether an Origin and a Host header name the same host and port; `null` is nobody's origin."""
    try:
        parts, named = urlsplit(origin), urlsplit(f"//{host}")
        port = dict(PORTS).get(parts.scheme)
        ours = (named.hostname, named.port or port)
        return parts.hostname is not None and ours == (parts.hostname, parts.port or port)
    except ValueError:
        return False
