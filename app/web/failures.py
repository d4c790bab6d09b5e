"""Every failure answered in the form it was asked in: JSON for the API, a fragment for htmx, a page for a reader."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.web.answers import write_json
from app.web.contexts import FailurePage
from app.web.evaluate import ClientGone
from app.web.pages import render, show_failure
from app.web.playground import language_of
from app.web.problems import MEANINGS, FailureAnswer, Reply, reply_to, reply_to_status

CLIENT_CLOSED_REQUEST = 499


async def answer_failure(request: Request, error: Exception) -> Response:
    return respond(request, reply_to(error, language_of(request)))


async def answer_http_failure(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(request, reply_to_status(status, language_of(request)))


async def answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def respond(request: Request, reply: Reply) -> Response:
    if "hx-request" in request.headers:
        return show_failure(request, reply)
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        return render(
            request, "failure.html", FailurePage(reply.failure.message), reply.status, reply.headers
        )
    body = write_json(FailureAnswer(reply.failure))
    return Response(body, reply.status, reply.headers, "application/json")


def add_failure_handlers(app: FastAPI) -> None:
    for kind in MEANINGS:
        app.add_exception_handler(kind, answer_failure)
    app.add_exception_handler(ClientGone, answer_nobody)
    app.add_exception_handler(HTTPException, answer_http_failure)
    app.add_exception_handler(Exception, answer_failure)
