"""The JSON API. Handlers return bytes that pydantic wrote; the response models are there for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.vocabulary.trace import Trace
from app.web.answers import (
    DevicesAnswer,
    EvaluateAnswer,
    HealthAnswer,
    health_answer,
    write_answer,
    write_json,
)
from app.web.api_examples import EVALUATE_EXAMPLES
from app.web.evaluate import count_run, in_thread_if, parse_body, read_body, run
from app.web.pictures import draw_picture
from app.web.playground import language_of, playground_of
from app.web.problems import FailureAnswer
from app.web.requests import ControlBody, DiffBody, EvaluateBody, RunBody
from app.web.routes import Straight
from app.web.sizes import is_large

FAILURES: Mapping[int | str, dict[str, Any]] = {
    403: {"model": FailureAnswer, "description": "A page of another site sent it."},
    413: {"model": FailureAnswer, "description": "The body or the program is larger than is allowed."},
    415: {"model": FailureAnswer, "description": "The body is not sent as application/json."},
    422: {
        "model": FailureAnswer,
        "description": "The body or the program cannot be read; every problem is named.",
    },
    429: {"model": FailureAnswer, "description": "Too many runs from this address; see Retry-After."},
    500: {"model": FailureAnswer, "description": "Something went wrong on the server."},
    503: {"model": FailureAnswer, "description": "No free place for the run; see Retry-After."},
}


def body_of(model: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{model}"}, "examples": examples}
    return {"required": True, "content": {"application/json": content}}


router = APIRouter(route_class=Straight)


@router.post(
    "/api/v1/evaluate",
    summary="Run a program and everything it leaves behind",
    responses={200: {"model": EvaluateAnswer}, **FAILURES},
    openapi_extra={"requestBody": body_of("EvaluateBody", EVALUATE_EXAMPLES)},
)
async def evaluate(request: Request) -> Response:
    """Run PyTorch, run backward, and return shapes, values, gradients and the autograd graph.

    A program that raises, is stopped by a limit or crashes is answered with 200 and its `outcome`. Numbers JSON has
    no words for are spelled "NaN", "Infinity" and "-Infinity". Sentences follow Accept-Language (en, zh).
    """
    started = perf_counter()
    playground, language = playground_of(request), language_of(request)
    body = await read_body(request, EvaluateBody)
    count_run(playground, request)
    program = await parse_body(playground, body)
    trace = await run(playground, request, program, body.run_request())
    asked = body.graph
    picture = await draw_picture(
        playground, trace, asked.style, asked.format, language, asked.theme, str(asked.occurrence)
    )
    trace = with_timings(trace, picture.seconds, perf_counter() - started)
    content = await in_thread_if(
        is_large(trace), write_answer, trace, picture, body.graph.format, language, program
    )
    return Response(content, media_type="application/json", headers={"Content-Language": language.tag})


def with_timings(trace: Trace, picture: float, total: float) -> Trace:
    return replace(trace, timings=replace(trace.timings, picture=picture, total=total))


@router.get(
    "/api/v1/devices", summary="Places where tensors can live", responses={200: {"model": DevicesAnswer}}
)
async def devices(request: Request) -> Response:
    """The devices a request may name, and how many programs run on each."""
    return _json(DevicesAnswer(playground_of(request).sandbox.devices()))


@router.get(
    "/healthz",
    summary="Whether programs can be run",
    responses={200: {"model": HealthAnswer}, 503: {"model": HealthAnswer}},
)
async def healthz(request: Request) -> Response:
    """200 while a program sent now would be run, else 503; with every layer of the seal and whether it holds."""
    health = playground_of(request).sandbox.health()
    return _json(health_answer(health), 200 if health.ready else 503)


def _json(answer: DevicesAnswer | HealthAnswer, status: int = 200) -> Response:
    return Response(write_json(answer), status, media_type="application/json")


def add_body_schemas(schema: dict[str, Any]) -> None:
    """Put the requests' models where the operations point to; handlers read their bodies themselves."""
    for kind in (EvaluateBody, DiffBody, RunBody, ControlBody):
        model = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"].update(model.pop("$defs", {}), **{kind.__name__: model})
