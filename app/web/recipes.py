"""The training panel: its choices become the text of an ordinary program, and what stood in the editor is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.recipes.reading import NAMES, read_recipe
from app.recipes.writing import write_program
from app.web.answers import RecipeAnswer, write_json
from app.web.forms import Form, read_form
from app.web.languages import Language
from app.web.pages import submit_form
from app.web.playground import language_of, playground_of
from app.web.problems import FailureAnswer, RequestRefused
from app.web.recipe_panel import keep_earlier, list_options, mark_of
from app.web.routes import Straight

router = APIRouter(route_class=Straight)

ABOUT: Mapping[str, str] = {
    "data": "What is learnt.",
    "samples": "How many points are made up, 20 to 2000.",
    "noise": "Of the points, 0 to 1.",
    "test": "Per cent of the samples kept aside for testing.",
    "model": "`cnn` is for the digits.",
    "widths": "Of an MLP's hidden layers, such as `32, 32`.",
    "channels": "Of a CNN's layers, such as `16, 32`.",
    "activation": "After each hidden layer.",
    "dropout": "Of an MLP's hidden layers, or before a CNN's last one, 0 to 0.9.",
    "loss": "One that fits the data.",
    "optimiser": "",
    "lr": "The learning rate; without it one that is usual for the optimiser.",
    "weight_decay": "0 to 1.",
    "batch": "Samples in a batch; 0 is the whole set.",
    "epochs": "Without it so many that it learns.",
}


def list_parameters(language: Language) -> list[dict[str, Any]]:
    """The choices as OpenAPI tells them."""
    options = list_options(language)
    return [
        {
            "name": name,
            "in": "query",
            "description": ABOUT[name],
            "schema": {"type": "string"}
            | ({"enum": [each.value for each in options[name]]} if name in options else {}),
        }
        for name in NAMES
    ]


@router.get(
    "/api/v1/recipe",
    summary="A training from a few choices, written as a program",
    responses={200: {"model": RecipeAnswer}, 422: {"model": FailureAnswer}},
    openapi_extra={"parameters": list_parameters(Language("en", "en", {}))},
)
async def write_recipe(request: Request) -> Response:
    """The program's text for the choices in the query; what is not chosen is as is usual. It is not run.

    Choices that do not fit together are refused with what would. Comments follow Accept-Language (en, zh).
    """
    language = language_of(request)
    recipe, problems = read_recipe(dict(request.query_params))
    if problems:
        raise RequestRefused(problems)
    answer = RecipeAnswer(write_program(recipe, language.say), recipe)
    return Response(
        write_json(answer), media_type="application/json", headers={"Content-Language": language.tag}
    )


@router.get("/recipe", include_in_schema=False)
async def open_recipe(request: Request) -> Response:
    """The page with the program of the choices in the address."""
    first = playground_of(request).examples[0]
    form = Form(first.source, first.fields, recipe=dict(request.query_params), recipe_open=True)
    written = write_into(form, language_of(request))
    return await submit_form(request, replace(written, earlier=()))


@router.post("/recipe", include_in_schema=False)
async def submit_recipe(request: Request) -> Response:
    """The form without JavaScript: write the panel's program, or bring back what stood there before."""
    form = replace(read_form(await request.body()), original="", kept=(), turn="", fix="", recipe_open=True)
    act = bring_back if form.act == "back" else write_into
    return await submit_form(request, act(form, language_of(request)))


def write_into(form: Form, language: Language) -> Form:
    """The form with the panel's program in the editor; as it is where that cannot be written, which the panel says."""
    recipe, problems = read_recipe(form.recipe)
    if problems:
        return form
    source = write_program(recipe, language.say)
    earlier = keep_earlier(form.earlier, form.source, form.written)
    return replace(form, source=source, earlier=earlier, written=mark_of(source))


def bring_back(form: Form, language: Language) -> Form:
    """The form with the latest earlier program; the one in the editor goes to the others' end, so nothing is lost."""
    if not form.earlier:
        return form
    *others, source = form.earlier
    return replace(form, source=source, earlier=keep_earlier((), form.source, form.written) + tuple(others))
