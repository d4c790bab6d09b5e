"""What every handler has at hand, made once by `create_app`; handlers get it from the request's app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jinja2 import Environment
from starlette.requests import Request

from app.drawing.placement import PlacementCache
from app.runs.face import RunStore
from app.sandbox.face import Sandbox
from app.vocabulary.limits import Limits
from app.web.assets import Assets
from app.web.examples import Example
from app.web.languages import Language, Languages
from app.web.rate import Places, RateLimiter
from app.web.recent import RecentGraphs
from app.web.svg import Pen


class Renderer(Protocol):
    """Graphviz as the web sees it. Raises DrawingFailed."""

    async def render(self, dot: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Playground:
    sandbox: Sandbox
    runs: RunStore
    graphviz: Renderer
    limits: Limits
    languages: Languages
    templates: Environment
    pen: Pen
    examples: tuple[Example, ...]
    assets: Assets
    placements: PlacementCache
    recent: RecentGraphs
    rate: RateLimiter
    places: Places


def playground_of(request: Request) -> Playground:
    playground: Playground = request.app.state.playground
    return playground


def language_of(request: Request) -> Language:
    """The reader's language: what they chose on the page, else what their browser asks for."""
    languages = playground_of(request).languages
    of_the_api = request.scope["path"].startswith("/api/")
    chosen = None if of_the_api else languages.named(request.cookies.get("language"))
    return chosen or languages.accepted(request.headers.get("accept-language", ""))
