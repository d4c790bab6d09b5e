"""The API of live runs: start one, see how it stands, follow its events, hold it, stop it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.runs.face import RunId, RunStatus
from app.vocabulary.trace import Trace
from app.vocabulary.values import Problem, Text
from app.web.answers import ControlAnswer, EvaluateAnswer, RunAnswer, answer_for, run_answer, write_json
from app.web.api import FAILURES, body_of
from app.web.api_examples import CONTROL_EXAMPLES, RUN_EXAMPLES
from app.web.evaluate import check, count_run, explain_magics, in_thread_if, parse_body, read_body
from app.web.evaluate import start_run as begin
from app.web.languages import Language
from app.web.pictures import THEMES, draw_picture
from app.web.playground import Playground, language_of, playground_of
from app.web.problems import Failure, FailureAnswer, RequestRefused, reply_to
from app.web.requests import ControlBody, GraphBody, PictureFormat, RunBody
from app.web.routes import Straight
from app.web.sizes import is_large
from app.web.stream import EventStream

NO_MORE = 204
"""What makes an EventSource stop asking again."""
NOT_FOUND: Mapping[int | str, dict[str, Any]] = {
    404: {"model": FailureAnswer, "description": "No such run, or nothing of it is kept any more."}
}
EVENTS: Mapping[str, Any] = {
    "description": "The events, until `done`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

router = APIRouter(route_class=Straight)


@router.post(
    "/api/v1/runs",
    summary="Start a program and watch it while it runs",
    status_code=202,
    responses={202: {"model": RunAnswer, "description": "It runs, or waits in line."}, **FAILURES},
    openapi_extra={"requestBody": body_of("RunBody", RUN_EXAMPLES)},
)
async def start_run(request: Request) -> Response:
    """The body is evaluate's, and a `pace`; the program may take longer. Follow `events`, or ask for the run's state.

    A run that nobody watches or asks about ends after a while. Where all places are taken it waits in line.
    """
    playground, language = playground_of(request), language_of(request)
    body = await read_body(request, RunBody)
    count_run(playground, request)
    program = await parse_body(playground, body)
    asked = body.run_request()
    await check(playground, program, asked)
    run = await begin(playground, request, program, asked, asked_for(body.graph))
    return await answer_run(tell_status(await playground.runs.look(run), None, language), language, 202)


@router.get(
    "/api/v1/runs/{run_id}",
    summary="How a live run stands, and what it left",
    responses={200: {"model": RunAnswer}, **NOT_FOUND},
)
async def show_run(request: Request, run_id: str) -> Response:
    """`trace` is there once the run is finished, in the shape of evaluate's answer."""
    language = language_of(request)
    return await answer_run(await describe_run(playground_of(request), RunId(run_id), language), language)


@router.delete(
    "/api/v1/runs/{run_id}",
    summary="Stop a live run",
    responses={200: {"model": RunAnswer}, **NOT_FOUND},
)
async def stop_run(request: Request, run_id: str) -> Response:
    """The program is ended within a second. A run that is over stays as it is."""
    playground, language = playground_of(request), language_of(request)
    status = await playground.runs.stop(RunId(run_id))
    return await answer_run(tell_status(status, None, language), language)


@router.post(
    "/api/v1/runs/{run_id}/control",
    summary="Pause a live run, let it go on, make one step, change its speed",
    status_code=202,
    responses={
        202: {"model": ControlAnswer, "description": "The order is handed on."},
        **FAILURES,
        **NOT_FOUND,
    },
    openapi_extra={"requestBody": body_of("ControlBody", CONTROL_EXAMPLES)},
)
async def control_run(request: Request, run_id: str) -> Response:
    """A `held` event tells what came of it. A program is held between two steps: an optimiser's; where there is none,
    passes of the loop that trains; in a program that does not train, passes of any loop. Until it comes to such a
    moment it is `pausing`. While it is held its time stands still. A run that is over stays as it is.
    """
    body = await read_body(request, ControlBody)
    status = await playground_of(request).runs.command(RunId(run_id), body.command())
    answer = ControlAnswer(status.id, status.state, status.held)
    return Response(write_json(answer), 202, media_type="application/json")


@router.get(
    "/api/v1/runs/{run_id}/events",
    summary="A live run's events",
    response_class=Response,
    responses={200: dict(EVENTS), 204: {"description": "There are no more events."}, **NOT_FOUND},
)
async def follow_run(
    request: Request, run_id: str, after: str | None = None, trace: str = "full", tensors: str = "full"
) -> Response:
    """Server-sent events: `queued` (place in the line), `running`, `held` (paused, going on, its speed, and where a
    loss became NaN or infinite), `output`, `figure`, `shown` (a value among the output: a cell's last expression, or
    what `display()` was given), `warned` (a warning when it first comes), `training` (new series, points, and
    histograms of weights and gradients), `watching` (what there is to follow of a watched expression, or what it
    raised), `predictions` (one look at what a model says of its data), `tensors` (what the tensors hold and one graph
    with its numbers, a few times a second), `progress`, and `done`, always the last, which says what GET on the run
    says.

    Ids count up. After a dropped connection `Last-Event-ID`, or `?after=`, goes on without loss or repeats; where
    points so old are no longer kept one by one, a `snapshot` with all curves and histograms so far comes first. Of
    `tensors` only the newest is kept; its graph is `stale` when a newer backward pass had another structure.
    `?trace=none` leaves the trace out of `done`, `?tensors=none` everything out of `tensors`. A comment comes every
    15 seconds.
    """
    playground, language = playground_of(request), language_of(request)
    seen = read_id("Last-Event-ID", request.headers.get("last-event-id")) or read_id("after", after) or 0
    run = RunId(run_id)
    status = await playground.runs.look(run)
    if status.over and seen >= status.last_event:
        return Response(status_code=NO_MORE)

    async def finish() -> bytes:
        answer = await describe_run(playground, run, language, whole=trace != "none")
        return await in_thread_if(is_large(answer), write_json, answer)

    return EventStream(playground.runs.events(run, seen), finish, tensors == "none")


def read_id(name: str, text: str | None) -> int | None:
    """An event's id; RequestRefused for what is none."""
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        sentence = Text("`{field}` must be a whole number.", {"field": name})
        raise RequestRefused((Problem("int_type", sentence, None, name),))
    return int(text)


async def describe_run(
    playground: Playground, run: RunId, language: Language, whole: bool = True
) -> RunAnswer:
    """The run as it stands, with its trace where that is wanted and there is one."""
    status = await playground.runs.look(run)
    trace = await playground.runs.trace(run) if whole and status.state == "finished" else None
    answer = (
        await answer_trace(playground, status, explain_magics(trace, status.program), language)
        if trace
        else None
    )
    return tell_status(status, answer, language)


async def answer_trace(
    playground: Playground, status: RunStatus, trace: Trace, language: Language
) -> EvaluateAnswer:
    name, colours, shown = (status.wanted.split() + [""] * 3)[:3]
    asked, theme = read_format(name), THEMES.get(colours, "auto")
    picture = await draw_picture(playground, trace, status.request.graph, asked, language, theme, shown)
    return answer_for(trace, picture, asked, language, status.program)


def asked_for(graph: GraphBody) -> str:
    """How the graph is told when the run is over, kept with the run as one text."""
    return f"{graph.format} {graph.theme} {graph.occurrence}"


def read_format(wanted: str) -> PictureFormat:
    return next((each for each in get_args(PictureFormat) if each == wanted), "none")


def tell_status(status: RunStatus, trace: EvaluateAnswer | None, language: Language) -> RunAnswer:
    return run_answer(status, tell_failure(status, language), trace, language)


def tell_failure(status: RunStatus, language: Language) -> Failure | None:
    """Our own failure that ended a run; where it trained, with the last step that was heard of."""
    if status.failure is None:
        return None
    failure = reply_to(status.failure, language).failure
    last = last_step(status)
    if last is None:
        return failure
    return replace(failure, message=f"{failure.message} {language.say(last)}")


def last_step(status: RunStatus) -> Text | None:
    if status.progress is not None and status.progress.optimiser_steps:
        steps = status.progress.optimiser_steps
        return Text("The last optimiser step heard of was number {step}.", {"step": steps})
    longest = max(status.curves, key=lambda curve: curve.count, default=None)
    if longest is None:
        return None
    gaps: dict[str, str | int | float] = {"name": longest.series.name, "step": longest.points.steps[-1]}
    return Text("The last point heard of was at step {step} of `{name}`.", gaps)


async def answer_run(answer: RunAnswer, language: Language, status: int = 200) -> Response:
    headers = {"Content-Language": language.tag}
    if status == 202:
        headers["Location"] = f"/api/v1/runs/{answer.id}"
    content = await in_thread_if(is_large(answer), write_json, answer)
    return Response(content, status, headers, "application/json")
