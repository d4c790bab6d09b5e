"""Live runs on the page: Run starts one, its events come from the API, and its answer is shown like any other."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.program import normalise_source
from app.runs.face import RunId
from app.source import SourceText
from app.vocabulary.errors import PlaygroundError, ProgramRefused
from app.vocabulary.values import Text
from app.web.contexts import InputsPanel, LiveStart, LiveTensors, Status
from app.web.evaluate import check, count_run, explain_magics, in_thread_if, refusals_of, start_run
from app.web.forms import Form, read_form
from app.web.languages import Language
from app.web.pages import (
    answer_form,
    parse_form,
    read_request,
    refuse_error,
    refuse_form,
    render,
    render_answer,
    show_inputs,
    unless_shown,
)
from app.web.panels import show_moving
from app.web.pictures import annotated_panel
from app.web.playground import Playground, language_of, playground_of
from app.web.problems import RateExceeded, reply_to
from app.web.repairs import show_advice, show_repairs, show_stand_ins
from app.web.routes import Straight
from app.web.runs import tell_failure
from app.web.sizes import is_large

RUNNING = Text("Running")

router = APIRouter(route_class=Straight, include_in_schema=False)


@router.post("/live")
async def start_live(request: Request) -> Response:
    """Start the form's program; a refusal is an answer like that to an edit."""
    playground, language = playground_of(request), language_of(request)
    form = read_form(await request.body())
    inputs = InputsPanel(form.fields, form.parked)
    try:
        count_run(playground, request)
        program = await parse_form(playground, form)
        inputs = show_inputs(program, form)
        with refusals_of(program):
            asked = await read_request(form, inputs)
        await check(playground, program, asked)
        run = await start_run(playground, request, program, replace(asked, pace=form.pace()))
    except (PlaygroundError, RateExceeded) as error:
        status = 200 if isinstance(error, ProgramRefused) else reply_to(error, language).status
        return render(request, "_answer.html", refuse_error(form, inputs, error, language), status)
    repairs = show_repairs(program.repaired, form.source, language) if program.repaired else None
    lent = bool(form.stand_ins)
    start = LiveStart(
        Status("running", language.say(RUNNING)),
        unless_shown(inputs, form),
        run,
        repairs,
        show_advice(program.advice, None, language, lent),
        show_stand_ins(program.advice, lent, language),
    )
    return render(request, "_live.html", start)


@router.post("/live/answer")
async def answer_live(request: Request) -> Response:
    """What the run named in the form left behind, as the fragments of an answer."""
    playground, language = playground_of(request), language_of(request)
    form = read_form(await request.body())
    return await show_end(request, playground, form, language)


@router.post("/live/tensors")
async def move_live(request: Request) -> Response:
    """What the tensors of the form's run hold just now, to take the place of what the page shows of them."""
    playground, language = playground_of(request), language_of(request)
    form = read_form(await request.body())
    held = await playground.runs.tensors(RunId(form.run))
    if held is None:
        return Response(status_code=204)
    graph = None
    if held.graph is not None and form.style in ("auto", "annotated"):
        always = replace(held.graph, occurrence=0)  # the picture keeps its name from one pass to the next
        graph = await annotated_panel(playground, (always,), form, language, None)
    source = SourceText.of(normalise_source(form.source))
    panel = await in_thread_if(is_large(held), show_moving, held, source, graph, language)
    return await in_thread_if(is_large(panel), render, request, "_moving.html", LiveTensors(panel))


@router.post("/live/stop")
async def stop_live(request: Request) -> Response:
    """The page is left, or another run takes this one's place."""
    form = read_form(await request.body())
    await playground_of(request).runs.stop(RunId(form.run))
    return Response(status_code=204)


async def show_end(request: Request, playground: Playground, form: Form, language: Language) -> Response:
    status = await playground.runs.look(RunId(form.run))
    failure = tell_failure(status, language)
    if failure is not None:
        inputs = InputsPanel(form.fields, form.parked)
        return render(request, "_answer.html", refuse_form(form, inputs, failure, "failed"))
    trace = await playground.runs.trace(RunId(form.run))
    if trace is None:
        return Response(status_code=204)
    timed = replace(
        explain_magics(trace, status.program), timings=replace(trace.timings, total=status.seconds)
    )
    answer = await answer_form(playground, form, status.program, timed, language)
    answer = replace(answer, repairs=None)  # told when it began; the text may be another by now
    return await render_answer(request, "_answer.html", answer)
