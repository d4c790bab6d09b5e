"""The graph on the page as a file: what stands there, with the same groups open, and nothing is run for it.

Only where the graph is kept no more is the form's program run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.vocabulary.errors import ProgramRefused
from app.vocabulary.graph import AutogradGraph
from app.web.evaluate import count_run, in_thread_if, parse, run
from app.web.export import attach
from app.web.forms import Form, read_form
from app.web.kinds import kind_to_show, write_kind
from app.web.pages import read_request, show_inputs, submit_form
from app.web.pictures import THEMES, choose, draw, is_long, write_picture
from app.web.playground import language_of, playground_of
from app.web.recent import NOTHING_BESIDE, Beside, Graphs
from app.web.requests import PictureFormat
from app.web.routes import Straight

FILES: Mapping[str, tuple[PictureFormat, str]] = {
    "graph.svg": ("svg", "image/svg+xml"),
    "graph.dot": ("dot", "text/vnd.graphviz"),
    "graph.mmd": ("mermaid", "text/vnd.mermaid"),
    "graph.json": ("json", "application/json"),
    "model-explorer.json": ("model_explorer", "application/json"),
}
GRAPH = TypeAdapter(AutogradGraph)

router = APIRouter(route_class=Straight, include_in_schema=False)


@router.post("/graph/{name}")
async def save_graph(request: Request, name: str, theme: str = "auto") -> Response:
    """The graph of the form's run; the page, where the program cannot be run or leaves none."""
    form = read_form(await request.body())
    if name not in FILES:
        raise HTTPException(404)
    playground, language = playground_of(request), language_of(request)
    try:
        graphs, beside = playground.recent.look(form.graph)
        if not graphs and not beside.anything:
            graphs, beside = await _run_again(request, form)
    except ProgramRefused:
        graphs, beside = (), NOTHING_BESIDE
    asked, media_type = FILES[name]
    colours, opened = THEMES.get(theme, "auto"), frozenset(form.opened)
    kind = kind_to_show(form.style, graphs, beside)
    if kind == "modules" or kind == "static":
        study = playground.recent.study(form.graph, choose(graphs, form.shown)) if graphs else None
        autograd = await draw(playground, study, opened, False) if study else None
        written = await write_kind(playground, beside, kind, asked, language, colours, opened, autograd)
        if written is not None:
            return attach(
                name.replace("graph", kind).replace("model-", f"{kind}-model-"), written, media_type
            )
    if not graphs:
        return await submit_form(request, form)
    graph = choose(graphs, form.shown)
    text = await write_picture(playground, graph, asked, language, colours, opened)
    if text is None:
        text = await in_thread_if(is_long(graph), write_graph, graph)
    return attach(name, text, media_type)


def write_graph(graph: AutogradGraph) -> str:
    return GRAPH.dump_json(graph, indent=1).decode() + "\n"


async def _run_again(request: Request, form: Form) -> tuple[Graphs, Beside]:
    playground = playground_of(request)
    count_run(playground, request)
    program = await parse(playground, form.source)
    asked = await read_request(form, show_inputs(program, form))
    trace = await run(playground, request, program, asked)
    return trace.graphs, Beside(trace.modules, trace.static_graphs)
