"""The kinds of graph beside the autograd graph: which a run has, and each drawn for the page and as a file.

What is kept of a run is drawn again without running anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter

from app.drawing.drawn_texts import write_drawing_dot, write_drawing_mermaid
from app.drawing.explorer import write_module_explorer, write_static_explorer
from app.drawing.module_tree import draw_modules
from app.drawing.paints import Theme, paint
from app.drawing.pieces import GraphDrawing
from app.drawing.static_graph import draw_static
from app.program import normalise_source
from app.source import SourceText
from app.vocabulary.modules import ModuleTree
from app.vocabulary.static_graph import StaticGraph
from app.vocabulary.trace import GraphStyle
from app.vocabulary.values import Text
from app.web.evaluate import in_thread_if
from app.web.forms import Form, PageStyle
from app.web.graph_contexts import GraphPanel, KindChoice, LostRow, StaticView
from app.web.languages import Language
from app.web.places import locate
from app.web.playground import Playground
from app.web.recent import Beside, Graphs
from app.web.requests import PictureFormat

SMALL = 40
"""Boxes that are drawn at once."""
KINDS: Mapping[PageStyle, tuple[Text, Text]] = {
    "annotated": (Text("Autograd"), Text("The autograd graph, with values and gradients")),
    "modules": (Text("Modules"), Text("The tree of the program's modules")),
    "static": (
        Text("Static"),
        Text(
            "What torch.fx or torch.export traces, beside the autograd graph; the program is run again where it must"
        ),
    ),
    "torchviz": (Text("torchviz"), Text("torchviz's own picture; the program is run again for it")),
    "diff": (Text("Compared"), Text("Compared with the run before")),
}
MODULES = TypeAdapter(tuple[ModuleTree, ...])
STATICS = TypeAdapter(tuple[StaticGraph, ...])


def kind_to_show(style: PageStyle, graphs: Graphs, beside: Beside) -> PageStyle | None:
    """The kind to show where this one is asked for: what suits the run if it has none of it; None if it has nothing."""
    there = kinds_there(graphs, beside)
    if style == "static" and not beside.statics:
        style = "auto"
    if style in there:
        return style
    if any(graph.nodes and not graph.asked for graph in beside.statics):
        return "static"  # the program traced it itself: it is to be seen
    return next((kind for kind in there if kind != "static" or beside.statics), None)


def kinds_there(graphs: Graphs, beside: Beside) -> tuple[PageStyle, ...]:
    """A static graph can be had of a run that called a module."""
    called = any(tree.modules and tree.modules[0].calls for tree in beside.modules)
    there: dict[PageStyle, bool] = {
        "annotated": bool(graphs),
        "modules": bool(beside.modules),
        "static": bool(beside.statics) or called,
        "torchviz": bool(graphs),
        "diff": bool(graphs),
    }
    return tuple(kind for kind, is_there in there.items() if is_there)


def list_kinds(
    graphs: Graphs, beside: Beside, chosen: PageStyle, language: Language
) -> tuple[KindChoice, ...]:
    return tuple(
        KindChoice(kind, language.say(KINDS[kind][0]), language.say(KINDS[kind][1]), kind == chosen)
        for kind in kinds_there(graphs, beside)
    )


async def kind_panel(
    playground: Playground,
    graphs: Graphs,
    beside: Beside,
    form: Form,
    kind: PageStyle,
    language: Language,
    kept: str = "",
) -> GraphPanel:
    """The panel of a kind that stands alone. `kept` is the key of what is kept already."""
    drawing = await draw_kind(playground, beside, kind, frozenset(form.opened))
    names = [f"{each.name}.{len(each.modules)}" for each in beside.modules] if kind == "modules" else []
    return GraphPanel(
        drawing,
        None,
        "",
        "-".join([kind, *names])[:200],
        await in_thread_if(is_large(drawing), playground.pen.write_inside, drawing, language.say),
        kept or playground.recent.keep(graphs, beside),
        kind=kind,
        kinds=list_kinds(graphs, beside, kind, language),
        statics=tell_statics(beside.statics, form, language) if kind == "static" else (),
        tracer=form.tracer,
    )


async def draw_kind(
    playground: Playground,
    beside: Beside,
    kind: PageStyle,
    opened: frozenset[str] = frozenset(),
    autograd: GraphDrawing | None = None,
) -> GraphDrawing:
    most = playground.limits.drawn_nodes
    if kind == "modules":
        large = sum(len(tree.modules) for tree in beside.modules) > SMALL
        return await in_thread_if(large, draw_modules, beside.modules, most, opened)
    large = sum(len(graph.nodes) for graph in beside.statics) > SMALL
    return await in_thread_if(large, draw_static, beside.statics, most, opened, autograd)


def tell_statics(graphs: tuple[StaticGraph, ...], form: Form, language: Language) -> tuple[StaticView, ...]:
    """What there is to say of each static graph."""
    source = SourceText.of(normalise_source(form.source))
    views = []
    for graph in graphs:
        lost = tuple(LostRow(language.say(each.sentence), locate(source, each.span)) for each in graph.lost)
        error = graph.error
        views.append(
            StaticView(
                graph.name,
                graph.tracer,
                graph.asked,
                lost,
                graph.code or "",
                None if error is None else f"{error.exception}: {error.message}",
                None if error is None else locate(source, error.span),
                None if error is None or error.remedy is None else language.say(error.remedy),
                graph.nodes_left_out,
            )
        )
    return tuple(views)


# ------------------------------------------------------------------------------------------------ as files


async def write_kind(
    playground: Playground,
    beside: Beside,
    kind: GraphStyle,
    asked: PictureFormat,
    language: Language,
    theme: Theme = "auto",
    opened: frozenset[str] = frozenset(),
    autograd: GraphDrawing | None = None,
) -> str | None:
    """The picture as a file of this format; None for those it has none in, and where there is nothing to draw.

    As an SVG the autograd graph stands beside static graphs.
    """
    there = beside.modules if kind == "modules" else [graph for graph in beside.statics if graph.nodes]
    if asked == "none" or not (there or (asked == "svg" and autograd)):
        return None
    if asked == "json":
        writer, what = (MODULES, beside.modules) if kind == "modules" else (STATICS, beside.statics)
        return writer.dump_json(what, indent=1).decode() + "\n"  # type: ignore[arg-type]  # each has its own
    if asked == "model_explorer":
        return await in_thread_if(True, write_explorer, beside, kind)
    drawing = await draw_kind(playground, beside, kind, opened, autograd if asked == "svg" else None)
    if asked == "dot":
        return write_drawing_dot(drawing, language.say)
    if asked == "mermaid":
        return write_drawing_mermaid(drawing, language.say)
    css = paint(playground.assets.text("graph.css"), theme)
    return await in_thread_if(is_large(drawing), playground.pen.write, drawing, True, language.say, css)


def write_explorer(beside: Beside, kind: GraphStyle) -> str:
    return (
        write_module_explorer(beside.modules) if kind == "modules" else write_static_explorer(beside.statics)
    )


def is_large(drawing: GraphDrawing) -> bool:
    return len(drawing.boxes) > SMALL
