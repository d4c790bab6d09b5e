"""The kinds of graph beside the autograd graph: which a run has, and each drawn for the page and as a file.

What is kept of a run is drawn again without running anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter

from app.drawing.drawn_texts import write_drawing_dot, write_drawing_mermaid
from app.drawing.module_tree import draw_modules
from app.drawing.paints import Theme, paint
from app.drawing.pieces import GraphDrawing
from app.modules import ModuleTree
from app.values import Text
from app.web.evaluate import in_thread_if
from app.web.forms import Form, PageStyle
from app.web.graph_contexts import GraphPanel, KindChoice
from app.web.languages import Language
from app.web.playground import Playground
from app.web.recent import Beside, Graphs
from app.web.requests import PictureFormat

SMALL_TREE = 40
"""Modules that are drawn at once."""
KINDS: Mapping[PageStyle, tuple[Text, Text]] = {
    "annotated": (Text("Autograd"), Text("The autograd graph, with values and gradients")),
    "modules": (Text("Modules"), Text("The tree of the program's modules")),
    "torchviz": (Text("torchviz"), Text("torchviz's own picture; the program is run again for it")),
    "diff": (Text("Compared"), Text("Compared with the run before")),
}
MODULES = TypeAdapter(tuple[ModuleTree, ...])


def list_kinds(
    graphs: Graphs, beside: Beside, chosen: PageStyle, language: Language
) -> tuple[KindChoice, ...]:
    """The kinds there are of this run; none where there is nothing to choose."""
    there: dict[PageStyle, bool] = {
        "annotated": bool(graphs),
        "modules": bool(beside.modules),
        "torchviz": bool(graphs),
        "diff": bool(graphs),
    }
    return tuple(
        KindChoice(kind, language.say(KINDS[kind][0]), language.say(KINDS[kind][1]), kind == chosen)
        for kind, is_there in there.items()
        if is_there
    )


async def kind_panel(
    playground: Playground, graphs: Graphs, beside: Beside, form: Form, language: Language, kept: str = ""
) -> GraphPanel:
    """The panel of another kind than the autograd graph. `kept` is the key of what is kept already."""
    drawing = await draw_kind(playground, beside, frozenset(form.opened))
    key = "-".join(["modules", *[f"{tree.name}.{len(tree.modules)}" for tree in beside.modules]])
    kinds = list_kinds(graphs, beside, "modules", language)
    kept = kept or playground.recent.keep(graphs, beside)
    svg = await in_thread_if(is_large(drawing), playground.pen.write, drawing, False, language.say)
    return GraphPanel(drawing, None, "", key[:200], svg, kept, kind="modules", kinds=kinds)


async def draw_kind(
    playground: Playground, beside: Beside, opened: frozenset[str] = frozenset()
) -> GraphDrawing:
    large = sum(len(tree.modules) for tree in beside.modules) > SMALL_TREE
    return await in_thread_if(large, draw_modules, beside.modules, playground.limits.drawn_nodes, opened)


async def write_kind(
    playground: Playground,
    beside: Beside,
    asked: PictureFormat,
    language: Language,
    theme: Theme = "auto",
    opened: frozenset[str] = frozenset(),
) -> str | None:
    """The picture as a file of this format; None for those it has none in, and where there is nothing to draw."""
    if asked in ("none", "model_explorer") or not beside.anything:
        return None
    if asked == "json":
        return MODULES.dump_json(beside.modules, indent=1).decode() + "\n"
    drawing = await draw_kind(playground, beside, opened)
    if asked == "dot":
        return write_drawing_dot(drawing, language.say)
    if asked == "mermaid":
        return write_drawing_mermaid(drawing, language.say)
    css = paint(playground.assets.text("graph.css"), theme)
    return str(await in_thread_if(is_large(drawing), playground.pen.write, drawing, True, language.say, css))


def is_large(drawing: GraphDrawing) -> bool:
    return len(drawing.boxes) > SMALL_TREE
