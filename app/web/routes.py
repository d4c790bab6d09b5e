"""Routes whose handlers are called straight away: they take the request and nothing else.

FastAPI tells what they answer in the API's reference. What it does for a request before a handler runs (two stacks of
contexts, the search for dependencies) costs as much as drawing a small picture, and finds nothing to do here.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import request_response


class Straight(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:
        super().__init__(path, endpoint, **told)
        if list(signature(endpoint).parameters) == ["request"]:
            self.app = request_response(endpoint)
