"""The JSON a client gets: the trace as it is, with its sentences said in the reader's language and its picture.

The classes here are the trace's own with the few fields replaced that differ; pydantic writes them in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from app.drawing.difference import count_changes, summarise_changes
from app.program import Program
from app.recipes.recipe import Recipe
from app.runs.face import RunState, RunStatus, StopReason
from app.sandbox.face import Device, SandboxHealth
from app.vocabulary.cells import Cell
from app.vocabulary.explanation import AlignedColumn, AlignedRow, Alignment, Beginning, Explanation
from app.vocabulary.graph import AutogradGraph, BackwardPass
from app.vocabulary.holding import Held
from app.vocabulary.modules import ModuleTree
from app.vocabulary.predictions import Predictions
from app.vocabulary.stand_ins import StandIn
from app.vocabulary.trace import (
    Completed,
    Crashed,
    Cut,
    Figure,
    GraphStyle,
    Outcome,
    Output,
    Raised,
    Shown,
    Step,
    Stopped,
    TensorRecord,
    Timings,
    Trace,
    Versions,
    Warned,
    Watched,
)
from app.vocabulary.training import Curve, Progress, Ribbon
from app.vocabulary.values import Why
from app.web.languages import Language
from app.web.pictures import Picture
from app.web.problems import Failure, FailureAnswer
from app.web.repairs import SaidAdvice, SaidRepair, open_advice, repaired_source, say_advice, say_repairs
from app.web.requests import PictureFormat
from app.web.static_answers import StaticAnswer, say_static


@dataclass(frozen=True, slots=True)
class ColumnAnswer(AlignedColumn):
    label: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class RowAnswer(AlignedRow):
    label: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class AlignmentAnswer(Alignment):
    columns: tuple[ColumnAnswer, ...]
    rows: tuple[RowAnswer, ...]


@dataclass(frozen=True, slots=True)
class BeginningAnswer(Beginning):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class ExplanationAnswer(Explanation):
    sentence: str | None = None  # type: ignore[assignment]  # the sentence itself
    remedy: str | None = None  # type: ignore[assignment]  # the sentence itself
    table: AlignmentAnswer | None = None
    beginnings: tuple[BeginningAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class SaidStandIn(StandIn):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class RaisedAnswer(Raised):
    hint: str | None = None  # type: ignore[assignment]  # the sentence itself
    explanation: ExplanationAnswer | None = None
    restated: str | None = None  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class WhyAnswer(Why):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class TensorAnswer(TensorRecord):
    why: tuple[WhyAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphAnswer(AutogradGraph):
    """The graph that was asked for; else the last that ran backward, else the last."""

    style: GraphStyle
    format: PictureFormat
    svg: str | None
    dot: str | None
    mermaid: str | None
    model_explorer: str | None
    """The text of a JSON file that Model Explorer opens."""


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """A picture of something else than the autograd graph, as text."""

    style: GraphStyle
    format: PictureFormat
    text: str


@dataclass(frozen=True, slots=True)
class DiffAnswer:
    """Both graphs as one. What became of a node is its first mark: `added`, `removed` or `changed`."""

    added: int
    removed: int
    changed: int
    summary: str
    graph: GraphAnswer


@dataclass(frozen=True, slots=True)
class GraphSummary:
    """One of the run's graphs, without its nodes."""

    roots: tuple[str, ...]
    nodes: int
    edges: int
    nodes_left_out: int
    occurrence: int
    backward: BackwardPass | None


@dataclass(frozen=True, slots=True)
class EvaluateAnswer:
    """What one run left behind."""

    outcome: Completed | RaisedAnswer | Stopped | Crashed
    device: str
    tensors: tuple[TensorAnswer, ...]
    result: Shown | None
    displays: tuple[Shown, ...]
    """Each cell's last expression, or that of a program in one piece, and what `display()` was given; in order."""
    cells: tuple[Cell, ...]
    output: tuple[Output, ...]
    warnings: tuple[Warned, ...]
    figures: tuple[Figure, ...]
    watched: tuple[Watched, ...]
    steps: tuple[Step, ...]
    graph: GraphAnswer | None
    graphs: tuple[GraphSummary, ...]
    backward: BackwardPass | None
    """The backward pass `graph` shows, where it ran backward."""
    picture: PictureAnswer | None
    """The picture that was asked for, where it is none of `graph`: of the modules, or of static graphs."""
    modules: tuple[ModuleTree, ...]
    """Each module of the program that lies in no other, with its parts, and all their parameters and buffers."""
    static_graphs: tuple[StaticAnswer, ...]
    """What the program traced with torch.fx or torch.export; where `graph.style` asks, also modules it called."""
    curves: tuple[Curve, ...]
    """What was found to change while the program trained, thinned."""
    predictions: tuple[Predictions, ...]
    """What each model found says of its data: before training, and at the end."""
    ribbons: tuple[Ribbon, ...]
    """Each parameter's weights, and gradients, as histograms over time, thinned."""
    stand_ins: tuple[SaidStandIn, ...]
    """Built-in data that took the place of sets that would be downloaded; only where the request allowed it."""
    notes: tuple[str, ...]
    limits: tuple[Cut, ...]
    """What a limit cut from this answer."""
    versions: Versions
    timings: Timings
    source: str | None
    """The text that ran, where it had to be repaired: every place in this answer is a place in it."""
    repairs: tuple[SaidRepair, ...]
    advice: tuple[SaidAdvice, ...]
    """Old code, and what is not here, with the edits that are offered."""


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """How a live run stands; also what its last event, `done`, says."""

    id: str
    state: RunState
    place: int | None
    """Its place in the line, from 1, while it waits for one."""
    events: str
    """Where its events are."""
    seconds: float
    """Since it began, without the time it was paused."""
    held: Held | None
    """Whether it is paused, its speed, and the first loss that was no number; null where nothing of that was told."""
    curves: tuple[Curve, ...]
    """The curves so far, thinned; of a run that is over, the curves to keep."""
    ribbons: tuple[Ribbon, ...]
    """Weights and gradients over time, likewise."""
    progress: Progress | None
    """As it was last told: where a run that was stopped or lost had come to."""
    reason: StopReason | None
    """Why it was stopped."""
    error: Failure | None
    """What went wrong on our side, for a run that failed."""
    trace: EvaluateAnswer | None
    """What a finished run left behind, in the same shape as evaluate's answer."""
    source: str | None
    """The text that runs, where it had to be repaired: every place in its events is a place in it."""
    repairs: tuple[SaidRepair, ...]


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """How a run stood when the order was handed on."""

    id: str
    state: RunState
    held: Held | None


@dataclass(frozen=True, slots=True)
class HealthAnswer(SandboxHealth):
    """Whether programs can be run, and how well they are sealed."""


@dataclass(frozen=True, slots=True)
class RecipeAnswer:
    """A program, and every choice it was written for."""

    source: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class DevicesAnswer:
    devices: tuple[Device, ...]


def answer_for(
    trace: Trace, picture: Picture, asked: PictureFormat, language: Language, program: Program | None = None
) -> EvaluateAnswer:
    graph = picture.graph
    return EvaluateAnswer(
        outcome=_outcome(trace.outcome, language),
        device=trace.device,
        tensors=tuple(_tensor(record, language) for record in trace.tensors),
        result=trace.result,
        displays=trace.displays,
        cells=trace.cells,
        output=trace.output,
        warnings=trace.warnings,
        figures=trace.figures,
        watched=trace.watched,
        steps=trace.steps,
        graph=_graph(graph, picture, asked) if graph and asked != "none" else None,
        graphs=tuple(map(_summary, trace.graphs)),
        backward=graph.backward if graph else None,
        picture=_picture(picture, asked),
        modules=trace.modules,
        static_graphs=tuple(say_static(each, language) for each in trace.static_graphs),
        curves=trace.curves,
        predictions=trace.predictions,
        ribbons=trace.ribbons,
        stand_ins=tuple(
            SaidStandIn(each.name, language.say(each.sentence), each.span) for each in trace.stand_ins
        ),
        notes=tuple(language.say(note) for note in (*trace.notes, *picture.notes)),
        limits=trace.cuts,
        versions=trace.versions,
        timings=trace.timings,
        source=repaired_source(program.repaired if program else None),
        repairs=say_repairs(program.repaired if program else None, language),
        advice=say_advice(open_advice(program.advice if program else (), trace), trace.outcome, language),
    )


def write_answer(
    trace: Trace, picture: Picture, asked: PictureFormat, language: Language, program: Program | None = None
) -> bytes:
    return write_json(answer_for(trace, picture, asked, language, program))


def run_answer(
    status: RunStatus, failure: Failure | None, trace: EvaluateAnswer | None, language: Language
) -> RunAnswer:
    return RunAnswer(
        id=status.id,
        state=status.state,
        place=status.place,
        events=f"/api/v1/runs/{status.id}/events",
        seconds=round(status.seconds, 3),
        held=status.held,
        curves=status.curves,
        ribbons=status.ribbons,
        progress=status.progress,
        reason=status.reason,
        error=failure,
        trace=trace,
        source=repaired_source(status.program.repaired),
        repairs=say_repairs(status.program.repaired, language),
    )


def health_answer(health: SandboxHealth) -> HealthAnswer:
    return HealthAnswer(**_values(health))


def _values(instance: Any) -> dict[str, Any]:
    return {name: getattr(instance, name) for name in instance.__dataclass_fields__}


def _outcome(outcome: Outcome, language: Language) -> Completed | RaisedAnswer | Stopped | Crashed:
    if not isinstance(outcome, Raised):
        return outcome
    hint, again = (language.say(each) if each else None for each in (outcome.hint, outcome.restated))
    told = outcome.explanation and _explanation(outcome.explanation, language)
    return RaisedAnswer(**_values(outcome) | {"hint": hint, "restated": again, "explanation": told})


def _explanation(told: Explanation, language: Language) -> ExplanationAnswer:
    sentence, remedy = (language.say(each) if each else None for each in (told.sentence, told.remedy))
    began = tuple(BeginningAnswer(language.say(each.sentence), each.span) for each in told.beginnings)
    table = None if told.table is None else _table(told.table, language)
    return ExplanationAnswer(told.code, sentence, remedy, told.operands, table, began, told.fixes)


def _table(table: Alignment, language: Language) -> AlignmentAnswer:
    return AlignmentAnswer(
        tuple(ColumnAnswer(language.say(each.label), each.clash) for each in table.columns),
        tuple(RowAnswer(language.say(each.label), each.sizes) for each in table.rows),
    )


def _tensor(record: TensorRecord, language: Language) -> TensorAnswer:
    why = tuple(WhyAnswer(**_values(each) | {"sentence": language.say(each.sentence)}) for each in record.why)
    return TensorAnswer(**_values(record) | {"why": why})


def _graph(graph: AutogradGraph, picture: Picture, asked: PictureFormat) -> GraphAnswer:
    texts = {name: getattr(picture, name) for name in ("svg", "dot", "mermaid", "model_explorer")}
    return GraphAnswer(**_values(graph), style=picture.style, format=asked, **texts)


def _picture(picture: Picture, asked: PictureFormat) -> PictureAnswer | None:
    return None if picture.other is None else PictureAnswer(picture.style, asked, picture.other)


def diff_answer(
    union: AutogradGraph, picture: Picture, asked: PictureFormat, language: Language
) -> DiffAnswer:
    summary = language.say(summarise_changes(union))
    return DiffAnswer(*count_changes(union), summary, _graph(union, picture, asked))


def _summary(graph: AutogradGraph) -> GraphSummary:
    roots = graph.backward.roots if graph.backward else ()
    counts = len(graph.nodes), len(graph.edges)
    return GraphSummary(roots, *counts, graph.nodes_left_out, graph.occurrence, graph.backward)


Answer = (
    EvaluateAnswer
    | DiffAnswer
    | RunAnswer
    | ControlAnswer
    | RecipeAnswer
    | FailureAnswer
    | HealthAnswer
    | DevicesAnswer
)


@cache
def writers() -> Mapping[type[Answer], TypeAdapter[Any]]:
    """pydantic's writer of each answer; building one costs as much as a thousand answers."""
    return {kind: TypeAdapter(kind) for kind in get_args(Answer)}


def write_json(answer: Answer) -> bytes:
    return writers()[type(answer)].dump_json(answer, warnings=False)
