"""The site under test: the real app over a fake sandbox, spoken to without a network."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from app.settings import Settings
from app.web.app import create_app
from tests.fakes import FakeGraphviz, FakeSandbox

SCALARS = {
    "x": {"value": 3.0},
    "w": {"value": 4.0, "requires_grad": True},
    "b": {"value": 5.0, "requires_grad": True},
}
LINE = {"source": "y = x*w + b", "inputs": SCALARS}
EVALUATE = "/api/v1/evaluate"
JSON = {"Content-Type": "application/json"}
HTMX = {"HX-Request": "true"}
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}


class Client(httpx.AsyncClient):
    """Ends the site's live runs when it is closed, as the end of a server does."""

    def __init__(self, app: FastAPI) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url="http://localhost")
        self._app = app

    async def __aexit__(self, *error: Any) -> None:
        await self._app.state.playground.runs.close()
        await super().__aexit__(*error)


def site(
    sandbox: FakeSandbox | None = None, graphviz: FakeGraphviz | None = None, **settings: Any
) -> httpx.AsyncClient:
    """A client of a site of its own, without a rate limit unless the settings say so."""
    chosen = Settings(**{"runs_per_minute": 0, **settings})
    app = create_app(sandbox or FakeSandbox(), graphviz or FakeGraphviz(), chosen)
    return Client(app)


async def post_form(client: httpx.AsyncClient, path: str = "/", **texts: Any) -> httpx.Response:
    """A form as a browser sends it; `inputs` maps names to their fields' texts."""
    pairs = [(name, text) for name, text in texts.items() if name not in ("inputs", "headers")]
    for name, field in texts.get("inputs", {}).items():
        pairs += [("input", name), *((f"in.{name}.{key}", text) for key, text in field.items())]
    body = httpx.QueryParams(pairs)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **texts.get("headers", {})}
    return await client.post(path, content=str(body), headers=headers)


def check_failure(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one error shape; returns what is inside."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert set(response.json()) == {"error"}
    assert set(error) == {"code", "message", "problems", "retry_after", "source", "repairs", "advice"}
    assert error["code"] == code
    assert error["message"]
    for problem in error["problems"]:
        assert set(problem) == {"code", "message", "span", "name"}
        assert "{" not in problem["message"].replace("{...}", "")
    if error["retry_after"] is not None:
        assert response.headers["retry-after"] == str(error["retry_after"])
    return error
