"""The web application, put together: what it is given, what every request passes through, and where it ends up."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from app.drawing.placement import PlacementCache
from app.runs.face import RunStore
from app.runs.memory import MemoryRuns
from app.sandbox.face import Sandbox
from app.settings import Settings
from app.web import api, compare, docs, export, graph_files, live, opening, pages, recipes, runs
from app.web.assets import load_assets
from app.web.body_limit import BodyLimit
from app.web.examples import load_examples
from app.web.failures import add_failure_handlers
from app.web.headers import SecurityHeaders
from app.web.herald import Herald
from app.web.languages import load_languages
from app.web.origin import OwnOrigin, hosts_of
from app.web.playground import Playground, Renderer
from app.web.rate import Places, RateLimiter
from app.web.recent import RecentGraphs
from app.web.svg import Pen

TEMPLATES = Path(__file__).parents[2] / "templates"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Site(FastAPI):
    """FastAPI with our headers outside everything, error pages included, and the request's model in the reference."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        fresh = not self.openapi_schema
        schema = super().openapi()
        if fresh:
            api.add_body_schemas(schema)
        return schema


def create_app(
    sandbox: Sandbox, graphviz: Renderer, settings: Settings, lifespan: Lifespan | None = None
) -> FastAPI:
    """The app over a sandbox; `lifespan` starts and stops what it was given."""
    limits = settings.limits()
    store = MemoryRuns(sandbox, limits, settings.live_runs)
    site = Site(
        title="Tensor Playground",
        version="1",
        description="Type PyTorch: see shapes, values, gradients and the autograd graph.",
        docs_url=None,
        redoc_url=None,
        lifespan=closing_runs(store, lifespan),
        middleware=[
            Middleware(OwnOrigin, hosts=hosts_of(settings)),
            Middleware(Herald, sandbox=sandbox),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),
            Middleware(BodyLimit, allowed=limits.body_bytes),
        ],
    )
    assets, templates = load_assets(), make_templates()
    site.state.playground = Playground(
        sandbox=sandbox,
        runs=store,
        graphviz=graphviz,
        limits=limits,
        languages=load_languages(settings.language),
        templates=templates,
        pen=Pen(templates),
        examples=load_examples(),
        assets=assets,
        placements=PlacementCache(),
        recent=RecentGraphs(),
        rate=RateLimiter(settings.runs_per_minute, settings.runs_burst),
        places=Places(max(1, settings.slots - 1) if settings.runs_per_minute else sys.maxsize),
    )
    for each in (api, compare, runs, recipes, pages, live, opening, export, graph_files, docs):
        site.router.routes += each.router.routes
    site.add_route("/static/{version}/{path:path}", assets.serve, ["GET", "HEAD"])
    add_failure_handlers(site)
    return site


def closing_runs(store: RunStore, lifespan: Lifespan | None) -> Lifespan:
    """The lifespan with every live run ended before what runs them is."""

    @asynccontextmanager
    async def around(site: FastAPI) -> AsyncIterator[None]:
        async with lifespan(site) if lifespan else nullcontext():
            try:
                yield
            finally:
                await store.close()

    return around


def make_templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment
