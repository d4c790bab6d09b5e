"""Two programs, or two graphs that were answered before, compared: one graph in which every difference is marked."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.drawing.difference import compare
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.trace import Completed, Trace
from app.vocabulary.values import Problem, Text
from app.web.answers import DiffAnswer, diff_answer, write_json
from app.web.api import FAILURES, body_of
from app.web.api_examples import DIFF_EXAMPLES
from app.web.evaluate import count_run, in_thread_if, parse_body, read_body, run
from app.web.pictures import chosen_graph, draw_picture, is_long
from app.web.playground import language_of, playground_of
from app.web.problems import RequestRefused
from app.web.requests import DiffBody, DrawnBody, EvaluateBody
from app.web.routes import Straight

router = APIRouter(route_class=Straight)


@router.post(
    "/api/v1/diff",
    summary="Compare the graphs of two programs",
    responses={200: {"model": DiffAnswer}, **FAILURES},
    openapi_extra={"requestBody": body_of("DiffBody", DIFF_EXAMPLES)},
)
async def diff(request: Request) -> Response:
    """Which nodes were added, removed and changed, drawn in one picture.

    Calls are matched in the order they were made, leaves by name. Each side is a program that is run, or `drawn`, the
    `graph` of an earlier answer.
    """
    playground, language = playground_of(request), language_of(request)
    body = await read_body(request, DiffBody)
    first = await _graph_of(request, body.before, "before")
    second = await _graph_of(request, body.after, "after")
    try:
        union = await in_thread_if(is_long(first) or is_long(second), compare, first, second)
    except DrawingFailed as failure:
        reason = Text("`{field}`: {reason}.", {"field": "drawn", "reason": str(failure)})
        raise RequestRefused((Problem("no_graph", reason, None, "drawn"),)) from failure
    whole = Trace(Completed(), graphs=(union,))
    picture = await draw_picture(playground, whole, "annotated", body.format, language, body.theme)
    content = await in_thread_if(
        is_long(union), write_json, diff_answer(union, picture, body.format, language)
    )
    return Response(content, media_type="application/json", headers={"Content-Language": language.tag})


async def _graph_of(request: Request, side: EvaluateBody | DrawnBody, field: str) -> AutogradGraph:
    """The side's graph; RequestRefused where its program leaves none."""
    if isinstance(side, DrawnBody):
        return side.graph()
    playground = playground_of(request)
    count_run(playground, request)
    program = await parse_body(playground, side)
    graph = chosen_graph(await run(playground, request, program, side.run_request()))
    if graph is None:
        reason = Text("The program in `{field}` leaves no autograd graph.", {"field": field})
        raise RequestRefused((Problem("no_graph", reason, None, field),))
    return graph
