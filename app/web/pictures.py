"""The picture of a run's graph: our annotated drawing, or torchviz's through Graphviz.

Large graphs are drawn in a thread. A picture that cannot be made is a note, not a failure: everything else the
run left behind is still worth having.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

from app.drawing.classic import write_dot, write_graph_dot
from app.drawing.difference import compare, summarise_changes
from app.drawing.exports import write_mermaid, write_model_explorer
from app.drawing.graph import GraphView, draw_studied, tell_story
from app.drawing.paints import Theme, paint
from app.drawing.pieces import GraphDrawing, Stages
from app.drawing.study import Study
from app.vocabulary.classic import ClassicGraph
from app.vocabulary.errors import DrawingFailed
from app.vocabulary.graph import AutogradGraph
from app.vocabulary.trace import GraphStyle, Trace
from app.vocabulary.values import Text
from app.web.evaluate import in_thread_if
from app.web.forms import Form, PageStyle
from app.web.graph_contexts import GraphPanel, GraphStory, PassChoice
from app.web.inspector import write_inspector
from app.web.kinds import draw_kind, kind_panel, kind_to_show, list_kinds, tell_statics, write_kind
from app.web.languages import Language
from app.web.panels import show_caption
from app.web.places import data_url
from app.web.playground import Playground
from app.web.recent import NOTHING_BESIDE, Beside, Graphs
from app.web.requests import PictureFormat
from app.web.standing import NOTHING_STANDS, Manner, Standing, recall, remember, tell
from app.web.stepping import write_story

SMALL_GRAPH = 100
"""Nodes and edges of a graph that is drawn at once."""
SMALL_STORY = 20
"""Boxes whose stories are written at once."""
THEMES: Mapping[str, Theme] = {"light": "light", "dark": "dark"}
NO_PICTURE = Text("There is no picture of this graph: it could not be drawn in time.")
NO_CLASSIC = Text("torchviz made no picture of this run.")


@dataclass(frozen=True, slots=True)
class Picture:
    style: GraphStyle
    svg: str | None = None
    dot: str | None = None
    mermaid: str | None = None
    model_explorer: str | None = None
    """As the JSON text of its file."""
    other: str | None = None
    """The picture of something else than the autograd graph."""
    notes: tuple[Text, ...] = ()
    seconds: float = 0.0
    graph: AutogradGraph | None = None
    """The graph that is told beside it."""


def chosen_graph(trace: Trace) -> AutogradGraph | None:
    """The graph to show: the last that ran backward, else the last."""
    return choose(trace.graphs) if trace.graphs else None


def choose(graphs: Graphs, shown: str = "") -> AutogradGraph:
    """The graph of the pass that is asked for, else the one to show."""
    asked = next((graph for graph in graphs if str(graph.occurrence) == shown), None)
    return asked or ([graph for graph in graphs if graph.backward] or list(graphs))[-1]


async def draw_picture(
    playground: Playground,
    trace: Trace,
    style: GraphStyle,
    asked: PictureFormat,
    language: Language,
    theme: Theme = "auto",
    shown: str = "",
) -> Picture:
    """The picture a client of the API asked for, standing alone; `shown` is the occurrence of its graph."""
    started = perf_counter()
    text, graph = None, choose(trace.graphs, shown) if trace.graphs else None
    try:
        if style in ("modules", "static"):
            other = await write_other(playground, trace, graph, style, asked, language, theme)
            return Picture(style, other=other, seconds=perf_counter() - started, graph=graph)
        if style == "torchviz" and asked in ("svg", "dot"):
            text = await _classic(playground, trace.classic, asked)
        elif graph:
            text = await write_picture(playground, graph, asked, language, theme)
    except DrawingFailed:
        return Picture(style, notes=(NO_PICTURE,), seconds=perf_counter() - started, graph=graph)
    missing = style == "torchviz" and asked in ("svg", "dot") and trace.classic is None and bool(trace.graphs)
    return Picture(
        style,
        text if asked == "svg" else None,
        text if asked == "dot" else None,
        text if asked == "mermaid" else None,
        text if asked == "model_explorer" else None,
        None,
        (NO_CLASSIC,) if missing else (),
        perf_counter() - started,
        graph,
    )


async def write_picture(
    playground: Playground,
    graph: AutogradGraph,
    asked: PictureFormat,
    language: Language,
    theme: Theme = "auto",
    opened: frozenset[str] = frozenset(),
) -> str | None:
    """The graph as a file of this format; None for those that are none."""
    match asked:
        case "svg":
            return await _annotated_svg(playground, graph, language, theme, opened)
        case "dot":
            return await in_thread_if(is_long(graph), write_graph_dot, graph)
        case "mermaid":
            return await in_thread_if(is_long(graph), write_mermaid, graph)
        case "model_explorer":
            return await in_thread_if(is_long(graph), write_model_explorer, graph)
        case _:
            return None


async def draw(
    playground: Playground,
    study: Study,
    opened: frozenset[str] = frozenset(),
    staged: bool = True,
    played: bool = True,
) -> GraphDrawing:
    view = GraphView(playground.limits.drawn_nodes, opened, staged, played)
    return await in_thread_if(is_long(study.graph), draw_studied, study, view, playground.placements)


def is_long(graph: AutogradGraph | ClassicGraph) -> bool:
    return len(graph.nodes) + len(graph.edges) >= SMALL_GRAPH


async def _annotated_svg(
    playground: Playground, graph: AutogradGraph, language: Language, theme: Theme, opened: frozenset[str]
) -> str:
    drawing = await draw(playground, Study(graph), opened, staged=False)
    css = paint(playground.assets.text("graph.css"), theme)
    return await in_thread_if(is_long(graph), playground.pen.write, drawing, True, language.say, css)


async def _classic_svg(playground: Playground, classic: ClassicGraph | None) -> str | None:
    if classic is None:
        return None
    dot = await in_thread_if(is_long(classic), write_dot, classic)
    return await playground.graphviz.render(dot)


async def _classic(playground: Playground, classic: ClassicGraph | None, asked: PictureFormat) -> str | None:
    if classic is None or asked == "svg":
        return await _classic_svg(playground, classic)
    return await in_thread_if(is_long(classic), write_dot, classic)


async def graph_panel(
    playground: Playground, trace: Trace, form: Form, language: Language
) -> GraphPanel | None:
    """The picture on the page; None for a run without a graph."""
    graph, beside = chosen_graph(trace), Beside(trace.modules, trace.static_graphs)
    kind = kind_to_show(form.style, trace.graphs, beside)
    match kind:
        case None:
            return None
        case "torchviz" if graph is not None:
            return await _classic_panel(playground, trace.classic, graph, beside, language)
        case "diff":
            return await _compared_panel(playground, trace.graphs, beside, form, language)
        case _:
            return await look_panel(playground, trace.graphs, beside, form, kind, language)


async def look_panel(
    playground: Playground,
    graphs: Graphs,
    beside: Beside,
    form: Form,
    kind: PageStyle,
    language: Language,
    kept: str = "",
) -> GraphPanel:
    """A kind that is drawn from what is kept of a run."""
    if kind == "modules" or not graphs:
        return await kind_panel(playground, graphs, beside, form, kind, language, kept)
    if kind != "static":
        return await annotated_panel(playground, graphs, form, language, kept, beside)
    panel = await annotated_panel(playground, graphs, replace(form, seen=""), language, kept, beside)
    if panel.drawing is None:
        return panel
    drawing = await draw_kind(playground, beside, "static", frozenset(form.opened), panel.drawing)
    return replace(
        panel,
        drawing=drawing,
        svg=await in_thread_if(
            len(drawing.boxes) >= SMALL_STORY, playground.pen.write_inside, drawing, language.say
        ),
        stands="",
        key=f"static-{panel.key}",
        kind="static",
        kinds=list_kinds(graphs, beside, "static", language),
        story=write_story(drawing.stages, language.say),
        statics=tell_statics(beside.statics, form, language),
        tracer=form.tracer,
    )


async def write_other(
    playground: Playground,
    trace: Trace,
    graph: AutogradGraph | None,
    style: GraphStyle,
    asked: PictureFormat,
    language: Language,
    theme: Theme,
) -> str | None:
    """The picture of another kind than the autograd graph, which stands beside static graphs."""
    beside = Beside(trace.modules, trace.static_graphs)
    both = style == "static" and asked == "svg" and graph is not None
    drawing = await draw(playground, Study(graph), staged=False) if both and graph else None
    return await write_kind(playground, beside, style, asked, language, theme, autograd=drawing)


async def _compared_panel(
    playground: Playground, graphs: Graphs, beside: Beside, form: Form, language: Language
) -> GraphPanel:
    """The run compared with the one the page began to compare with; where none is kept, that is this one."""
    earlier = playground.recent.find(form.before)
    before = form.before if earlier else playground.recent.keep(graphs)
    first, second = choose(earlier or graphs), choose(graphs, form.shown)
    try:
        union = await in_thread_if(is_long(first) or is_long(second), compare, first, second)
    except DrawingFailed:
        union = second
    return await annotated_panel(playground, (union,), replace(form, before=before), language, beside=beside)


async def annotated_panel(
    playground: Playground,
    graphs: Graphs,
    form: Form,
    language: Language,
    kept: str | None = "",
    beside: Beside = NOTHING_BESIDE,
) -> GraphPanel:
    """Our own drawing; the graphs are kept, so that groups open and files are written without another run.

    `kept` is the key of graphs that are kept already; None for those not to be, because the next come soon. Where a
    picture stands already the page asks for the story of the next one when it has painted it.
    """
    graph, opened = choose(graphs, form.shown), frozenset(form.opened)
    caption, key = show_caption(graph.backward, language), _structure("annotated", graph)
    if kept == "":
        kept = playground.recent.keep(graphs, beside)
    study, manner = playground.recent.study(kept or "", graph), _manner(form, language)
    before = recall(study, manner, form.seen)
    try:
        drawing = await draw(playground, study, opened, played=not before.name)
        large = len(drawing.boxes) >= SMALL_STORY
        svg = await in_thread_if(large, playground.pen.write_inside, drawing, language.say, before)
        standing, told = remember(study, manner, drawing, opened), None
        if not before.name:
            told = await in_thread_if(large, _tell, study, drawing.stages, standing, NOTHING_STANDS, language)
    except DrawingFailed:
        return GraphPanel(None, None, caption, key)
    if told:
        tell(study, manner, standing, NOTHING_STANDS)
    several = len(graphs) > 1
    compared = (form.before, summarise_changes(graph)) if form.style == "diff" else ()
    passes = tuple(_pass_choice(each, each is graph, language) for each in graphs) if several else ()
    story, inspector = (told.story, told.inspector) if told else (None, None)
    panel = GraphPanel(drawing, None, caption, key, svg, kept or "", story, inspector, passes, *compared)
    style: PageStyle = "diff" if compared else "annotated"
    return replace(
        panel,
        kind=style,
        kinds=() if kept is None else list_kinds(graphs, beside, style, language),
        stands=standing.name if kept else "",
        since=before.name,
    )


async def tell_standing(playground: Playground, form: Form, language: Language) -> GraphStory | None:
    """The story of the picture that stands on the page; None where that is known no more."""
    graphs = playground.recent.find(form.graph)
    if not graphs:
        return None
    study, manner = playground.recent.study(form.graph, choose(graphs, form.shown)), _manner(form, language)
    standing, before = recall(study, manner, form.seen), recall(study, manner, form.told)
    if not standing.name:
        return None
    view = GraphView(playground.limits.drawn_nodes, standing.opened)
    large = len(standing.faces) >= SMALL_STORY
    stages = await in_thread_if(large, tell_story, study, view)
    told = await in_thread_if(large, _tell, study, stages, standing, before, language)
    tell(study, manner, standing, before)
    return told


def _tell(
    study: Study, stages: Stages, standing: Standing, before: Standing, language: Language
) -> GraphStory:
    """To a page that was told the story of the one `before`."""
    inspector = write_inspector(study, standing.nodes, language, before.told)
    return GraphStory(write_story(stages, language.say), inspector, standing.name)


def _manner(form: Form, language: Language) -> Manner:
    return language.code, "diff" if form.style == "diff" else "annotated"


def _pass_choice(graph: AutogradGraph, chosen: bool, language: Language) -> PassChoice:
    backward, number = graph.backward, graph.occurrence + 1
    if backward is None:
        label = language.gettext("never ran backward")
    elif backward.span is None:
        label = language.gettext("{number}: from {roots}", number=number, roots=", ".join(backward.roots))
    else:
        label = language.gettext(
            "{number}: from {roots}, line {line}",
            number=number,
            roots=", ".join(backward.roots),
            line=backward.span.line,
        )
    return PassChoice(str(graph.occurrence), label, chosen)


async def _classic_panel(
    playground: Playground,
    classic: ClassicGraph | None,
    graph: AutogradGraph,
    beside: Beside,
    language: Language,
) -> GraphPanel:
    caption, key = show_caption(graph.backward, language), _structure("torchviz", graph)
    try:
        svg = await _classic_svg(playground, classic)
    except DrawingFailed:
        svg = None
    kinds = list_kinds((graph,), beside, "torchviz", language)
    return GraphPanel(None, data_url(svg) if svg else None, caption, key, kind="torchviz", kinds=kinds)


def _structure(style: GraphStyle, graph: AutogradGraph) -> str:
    """The same for pictures of one structure."""
    ops = "-".join([node.op for node in graph.nodes[:30]])
    return f"{style}-{len(graph.nodes)}-{len(graph.edges)}-{ops}"
