"""The page for people: a form that works without JavaScript, and the same answer as a fragment for htmx.

Every handler reads the form, evaluates and renders; a failure on our side becomes an answer that keeps what was typed.
"""

from __future__ import annotations

from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.advice.advise import fixed
from app.program import Program, normalise_source
from app.repairs.undo import resume
from app.source import SourceText
from app.vocabulary.editing import Repaired
from app.vocabulary.errors import PlaygroundError, ProgramRefused
from app.vocabulary.trace import RunRequest, Trace
from app.web.contexts import (
    Answer,
    BackwardChoice,
    GraphLook,
    GraphTold,
    InputsPanel,
    MenuEntry,
    PlayPage,
    Status,
)
from app.web.evaluate import count_run, in_thread_if, parse_pasted, refusals_of, run
from app.web.examples import Example
from app.web.files import read_pasted
from app.web.forms import Form, fields_for, read_form
from app.web.headers import nonce_of
from app.web.kinds import kind_to_show
from app.web.languages import Language
from app.web.panels import show_failure_notices, show_outcome, show_result, show_status
from app.web.pictures import graph_panel, look_panel, tell_standing
from app.web.playground import Playground, language_of, playground_of
from app.web.problems import Failure, RateExceeded, Reply, reply_to
from app.web.recipe_panel import show_recipe
from app.web.repairs import show_advice, show_repairs, show_stand_ins
from app.web.routes import Straight
from app.web.sizes import is_large

THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600
MOST_NAMES = 60

router = APIRouter(route_class=Straight, include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def open_page(request: Request, example: str = "") -> Response:
    """The page with an example and its result; the first one unless another is named."""
    examples = playground_of(request).examples
    chosen = next((each for each in examples if each.slug == example), examples[0])
    form = Form(chosen.source, chosen.fields)
    return await show_page(request, form, *await evaluate_form(request, form))


@router.post("/")
async def submit_page(request: Request) -> Response:
    """The form without JavaScript; also the language and theme switches."""
    form = read_form(await request.body())
    try:
        source = await in_thread_if(True, read_pasted, form.source, playground_of(request).limits)
    except ProgramRefused as refused:
        return await show_refusal(request, form, refused)
    return await submit_form(request, replace(form, source=source))


async def show_refusal(request: Request, form: Form, refused: ProgramRefused) -> Response:
    """The page for a form whose text is no program at all."""
    language, inputs = language_of(request), InputsPanel(form.fields, form.parked)
    reply = reply_to(refused, language)
    answer = refuse_form(form, inputs, reply.failure, "refused")
    return await show_page(request, form, reply.status, answer, inputs)


async def submit_form(request: Request, form: Form) -> Response:
    """The page for a form, evaluated; with the language or theme it switches to."""
    chosen = playground_of(request).languages.named(form.set_language)
    language = chosen or language_of(request)
    response = await show_page(
        request, form, *await evaluate_form(request, form, language), language, form.set_theme
    )
    if chosen:
        response.set_cookie("language", chosen.code, max_age=YEAR, samesite="lax")
    if form.set_theme in (*THEMES, "auto"):
        response.set_cookie("theme", form.set_theme, max_age=YEAR, samesite="lax")
    return response


@router.post("/evaluate")
async def submit_fragment(request: Request) -> Response:
    """The parts of the page one evaluation changes."""
    return await show_fragment(request, read_form(await request.body()))


async def show_fragment(request: Request, form: Form) -> Response:
    status, answer, _ = await evaluate_form(request, form)
    status = HTTPStatus.OK if answer.status.kind == "refused" else status
    return await render_answer(request, "_answer.html", answer, status)


@router.post("/graph")
async def look_again(request: Request) -> Response:
    """The graph on the page with other groups open, or of another pass; where it is kept no more, everything anew."""
    return await show_look(request, read_form(await request.body()))


@router.post("/graph/story")
async def tell_story(request: Request) -> Response:
    """What there is to tell of the picture on the page beside what it shows; where that is known no more, it anew."""
    form = read_form(await request.body())
    story = await tell_standing(playground_of(request), form, language_of(request))
    if story is None:
        return await show_look(request, replace(form, seen=""))
    told = GraphTold(story)
    return await in_thread_if(is_large(told), render, request, "_told.html", told)


async def show_look(request: Request, form: Form) -> Response:
    playground, language = playground_of(request), language_of(request)
    graphs, beside = playground.recent.look(form.graph)
    kind = kind_to_show(form.style, graphs, beside)
    if kind is None or kind == "torchviz" or (form.style not in ("auto", kind)):
        return await show_fragment(request, form)
    if kind == "diff" and not form.before:  # the comparison begins with the run that is shown
        form = replace(form, before=form.graph)
    panel = await look_panel(playground, graphs, beside, form, kind, language, form.graph)
    look = GraphLook(panel)
    return await in_thread_if(is_large(look), render, request, "_look.html", look)


async def evaluate_form(
    request: Request, form: Form, language: Language | None = None
) -> tuple[int, Answer, InputsPanel]:
    """Status, answer and the inputs to show for a form; a refusal is an answer too."""
    language = language or language_of(request)
    playground = playground_of(request)
    inputs = InputsPanel(form.fields, form.parked)
    try:
        count_run(playground, request)
        program = await parse_form(playground, form)
        inputs = show_inputs(program, form)
        with refusals_of(program):
            asked = await read_request(form, inputs)
        trace = await run(playground, request, program, asked)
        answer = await answer_form(playground, form, program, trace, language)
    except (PlaygroundError, RateExceeded) as error:
        return reply_to(error, language).status, refuse_error(form, inputs, error, language), inputs
    return 200, replace(answer, inputs=unless_shown(inputs, form)), inputs


async def parse_form(playground: Playground, form: Form) -> Program:
    """The form's program, repaired but for what its reader undid."""

    def mend(source: str) -> Repaired:
        repaired = resume(source, form.original, frozenset(form.kept), form.turn)
        return replace(repaired, source=fixed(repaired.source, form.fix)) if form.fix else repaired

    if len(form.original) > playground.limits.source_bytes:
        return await parse_pasted(playground, form.source)
    return await parse_pasted(playground, form.source, mend)


def show_inputs(program: Program, form: Form) -> InputsPanel:
    """Fields for the names the program reads; parked ones keep what was typed for others."""
    shown, parked = fields_for(program.free_names, form)
    return InputsPanel(shown, parked, len(program.free_names) - len(shown))


async def read_request(form: Form, inputs: InputsPanel) -> RunRequest:
    """What the form asks for with these inputs; ProgramRefused where a text makes no tensor."""
    return await in_thread_if(is_large(inputs), replace(form, fields=inputs.fields).run_request)


async def answer_form(
    playground: Playground, form: Form, program: Program, trace: Trace, language: Language
) -> Answer:
    source = SourceText.of(program.source)
    graph = await graph_panel(playground, trace, replace(form, source=program.source), language)
    names = backward_names(program, trace)
    return Answer(
        sequence=form.sequence,
        status=show_status(trace, language),
        notices=show_outcome(trace.outcome, source, language),
        result=await in_thread_if(is_large(trace), show_result, trace, source, graph, language),
        backward=BackwardChoice(form.backward, names) if names != form.roots else None,
        repairs=show_repairs(program.repaired, form.source, language) if program.repaired else None,
        advice=show_advice(program.advice, trace.outcome, language, bool(form.stand_ins)),
        stand_ins=show_stand_ins(program.advice, bool(form.stand_ins), language),
    )


def refuse_error(form: Form, inputs: InputsPanel, error: Exception, language: Language) -> Answer:
    """What the page says where nothing ran: the program is refused, or we failed."""
    refused = isinstance(error, ProgramRefused)
    failure, kind = reply_to(error, language).failure, "refused" if refused else "failed"
    repaired = error.repaired if isinstance(error, ProgramRefused) else None
    if repaired is None or not isinstance(error, ProgramRefused):
        return refuse_form(form, inputs, failure, kind)
    answer = refuse_form(replace(form, source=repaired.source), inputs, failure, kind)
    used = bool(form.stand_ins)
    return replace(
        answer,
        repairs=show_repairs(repaired, form.source, language),
        advice=show_advice(error.advice, None, language, used),
        stand_ins=show_stand_ins(error.advice, used, language),
    )


def refuse_form(form: Form, inputs: InputsPanel, failure: Failure, kind: str) -> Answer:
    notices = show_failure_notices(failure, SourceText.of(normalise_source(form.source)))
    return Answer(form.sequence, Status(kind, failure.message), notices, inputs=unless_shown(inputs, form))


def unless_shown(inputs: InputsPanel, form: Form) -> InputsPanel | None:
    """The inputs, unless the page shows these names already: then what is being typed there stays untouched."""
    shown = tuple(each.name for each in inputs.fields) == form.names and not inputs.left_out
    return None if shown else inputs


def backward_names(program: Program, trace: Trace) -> tuple[str, ...]:
    """Names the backward pass could start from: tensors of the program that hang on a graph."""
    names = (each.name for each in trace.tensors if each.grad_fn and each.name in program.bound_names)
    return tuple(names)[:MOST_NAMES]


async def show_page(
    request: Request,
    form: Form,
    status: int,
    answer: Answer,
    inputs: InputsPanel,
    language: Language | None = None,
    theme: str = "",
) -> Response:
    playground = playground_of(request)
    language = language or language_of(request)
    page = PlayPage(
        source=answer.repairs.source if answer.repairs else form.source,
        sequence=form.sequence,
        inputs=inputs,
        backward=answer.backward or BackwardChoice(form.backward, form.roots),
        device=form.device,
        devices=playground.sandbox.devices(),
        seed=form.seed,
        style=form.style,
        watch=form.watch,
        recipe=show_recipe(form, language),
        sealed=playground.sandbox.health().sealed,
        held_seconds=playground.limits.held_seconds,
        examples=tuple(menu_entry(each, language) for each in playground.examples),
        answer=answer,
    )
    return await render_answer(request, "page.html", page, status, language, theme)


def menu_entry(example: Example, language: Language) -> MenuEntry:
    return MenuEntry(example.slug, example.titles[language.code])


def show_failure(request: Request, reply: Reply) -> Response:
    """A failure outside a form's evaluation, for htmx: what is on the page stays."""
    notices = show_failure_notices(reply.failure, SourceText.of(""))
    answer = Answer("", Status("failed", reply.failure.message), notices)
    return render(request, "_answer.html", answer, reply.status, reply.headers)


async def render_answer(
    request: Request,
    template: str,
    context: Answer | PlayPage,
    status: int = 200,
    language: Language | None = None,
    theme: str = "",
) -> Response:
    """Rendered in a thread where there is much to say."""
    return await in_thread_if(
        is_large(context), render, request, template, context, status, None, language, theme
    )


def render(
    request: Request,
    template: str,
    context: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
    language: Language | None = None,
    theme: str = "",
) -> Response:
    """A template with its context's fields, the reader's language and what every page needs."""
    playground = playground_of(request)
    language = language or language_of(request)
    theme = theme or request.cookies.get("theme", "")
    values = {each.name: getattr(context, each.name) for each in fields(context)}
    body = playground.templates.get_template(template).render(
        **values,
        context=context,
        _=language.gettext,
        say=language.say,
        language=language,
        theme=theme if theme in THEMES else "auto",
        nonce=nonce_of(request),
        asset=playground.assets.url,
    )
    said = {"Content-Language": language.tag, "Vary": "Cookie, Accept-Language"}
    return Response(body, status, {**said, **(headers or {})}, "text/html")
