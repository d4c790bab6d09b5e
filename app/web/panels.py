"""A trace -> what the page shows of it. Pure: no request, no markup, nothing is run.

The trace may come from a child that was taken over, so every span is looked up with its numbers clamped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from app.drawing.numerals import show_shape
from app.source import SourceText
from app.vocabulary.frames import Tensors
from app.vocabulary.graph import BackwardPass
from app.vocabulary.trace import Crashed, Cut, Operand, Outcome, Raised, Step, Stopped, TensorRecord, Trace
from app.vocabulary.values import Real, Statistics, StorageId, TensorValue, Text
from app.web.cells import show_cells
from app.web.contexts import (
    Frame,
    Notice,
    Reason,
    ResultPanel,
    Status,
    StepRow,
    TensorCard,
    ValueBox,
)
from app.web.curves import show_trained, show_watched
from app.web.explained import say_again, say_remedy, show_explanation
from app.web.graph_contexts import GraphPanel
from app.web.languages import Language
from app.web.module_tables import show_modules
from app.web.outputs import Outputs, is_long, show_items, show_warnings, sort_outputs
from app.web.places import locate
from app.web.problems import Failure
from app.web.values import MatrixView, histogram, show_number, view_value

SHOWN_STEPS = 200
MOST_CARDS = 64
MOST_CELLS = 12_000
"""Elements the tensors of one page show; later ones are summed up in their statistics."""
OUTCOMES: Mapping[str, Text] = {
    "completed": Text("Completed"),
    "raised": Text("The program raised an exception"),
    "stopped": Text("Stopped by a limit"),
    "crashed": Text("The program ended its own process"),
}
CUTS: Mapping[str, Text] = {
    "steps": Text("recorded calls"),
    "tensors": Text("tensors"),
    "graph_nodes": Text("graph nodes"),
    "graph_edges": Text("graph edges"),
    "graph_values": Text("values in graphs"),
    "backward_passes": Text("backward passes"),
    "figures": Text("figures"),
    "displays": Text("values shown"),
    "warnings": Text("warnings"),
    "curves": Text("curves"),
}
STOPPED: Mapping[str, Text] = {
    "seconds": Text("It ran longer than the {allowed} seconds that are allowed."),
    "cpu_seconds": Text("It used more than the {allowed} seconds of processor time that are allowed."),
    "held_seconds": Text(
        "It was paused or slowed down for more than the {allowed} seconds that are allowed."
    ),
    "memory": Text("It needed more than the {allowed} MiB of memory that are allowed."),
    "output": Text("It printed more than the {allowed} bytes that are allowed."),
}


def show_status(trace: Trace, language: Language) -> Status:
    facts = (
        f"{trace.timings.total * 1000:.0f} ms",
        language.gettext("calls: {count}", count=len(trace.steps)),
        trace.device,
    )
    return Status(trace.outcome.kind, language.say(OUTCOMES[trace.outcome.kind]), facts)


def show_failure_notices(failure: Failure, source: SourceText) -> tuple[Notice, ...]:
    """A refusal's problems, or the refusal itself where it names none."""
    if not failure.problems:
        return (Notice("", failure.message),)
    return tuple(
        Notice("", each.message, locate(source, each.span), name=each.name) for each in failure.problems
    )


def show_outcome(outcome: Outcome, source: SourceText, language: Language) -> tuple[Notice, ...]:
    """What went wrong in the program; nothing for a completed one."""
    title = language.say(OUTCOMES[outcome.kind])
    match outcome:
        case Raised():
            frames = tuple(Frame(each.function, locate(source, each.span)) for each in outcome.frames)
            place, restated = locate(source, outcome.span), say_again(outcome, language)
            explained = show_explanation(outcome.explanation, source, language)
            hint = say_remedy(outcome, language)
            notice = Notice(
                outcome.exception, outcome.message, place, frames, hint, None, restated, explained
            )
            return (notice,)
        case Stopped(limit=limit, allowed=allowed, span=span):
            shown = allowed / 2**20 if limit == "memory" else allowed
            message = language.say(Text(STOPPED[limit].template, {"allowed": float(shown)}))
            return (Notice(title, message, locate(source, span)),)
        case Crashed(signal=signal):
            message = language.gettext("It ended with {signal}.", signal=signal or "?")
            return (Notice(title, message),)
    return ()


def show_result(
    trace: Trace, source: SourceText, graph: GraphPanel | None, language: Language
) -> ResultPanel:
    outputs = sort_outputs(trace).get(None, Outputs())
    return ResultPanel(
        notes=tuple(map(language.say, trace.notes)),
        cuts=(*(show_cut(cut, language) for cut in trace.cuts), *unshown(trace, language)),
        cells=show_cells(trace, source, language),
        items=show_items(outputs, language),
        warnings=show_warnings(outputs, source),
        graph=graph,
        modules=show_modules(trace.modules, source, language) if trace.modules else None,
        tensors=show_tensors(trace.tensors[:MOST_CARDS], source, language),
        steps=tuple(show_step(step, source) for step in trace.steps[:SHOWN_STEPS]),
        trained=show_trained(trace, language) if trace.curves else None,
        watched=tuple(show_watched(each, language) for each in trace.watched),
        stand_ins=tuple(
            Reason(language.say(each.sentence), locate(source, each.span)) for each in trace.stand_ins
        ),
    )


def show_moving(
    held: Tensors, source: SourceText, graph: GraphPanel | None, language: Language
) -> ResultPanel:
    """The tensors and the graph of a program that is still training."""
    notes = [language.gettext("It trains: this is after backward pass {number}.", number=held.passes)]
    if graph is not None and held.graph is not None and held.stale:
        notes.append(
            language.gettext(
                "The graph's numbers are older, of backward pass {number}: the newest pass had another structure.",
                number=held.graph.occurrence + 1,
            )
        )
    if held.waiting_nodes:
        notes.append(
            language.gettext(
                "The graph has {count} nodes: it is drawn when the run has ended.", count=held.waiting_nodes
            )
        )
    return ResultPanel(
        notes=tuple(notes) if held.passes else (),
        cuts=(),
        items=(),
        warnings=(),
        graph=graph,
        tensors=show_tensors(held.tensors[:MOST_CARDS], source, language),
        steps=(),
    )


def show_cut(cut: Cut, language: Language) -> str:
    if cut.dropped is None:
        return language.gettext(
            "At most {allowed} calls are recorded: of a long loop the first passes, then a few.",
            allowed=cut.allowed,
        )
    what = language.say(CUTS[cut.limit]) if cut.limit in CUTS else cut.limit
    return language.gettext(
        "Left out by a limit: {dropped} {what} (allowed: {allowed}).",
        dropped=cut.dropped,
        what=what,
        allowed=cut.allowed,
    )


def unshown(trace: Trace, language: Language) -> Iterator[str]:
    """What the trace holds and the page leaves out; the API gives all of it."""
    if len(trace.tensors) > MOST_CARDS:
        yield language.gettext(
            "The page shows the first {count} tensors; the API gives all.", count=MOST_CARDS
        )
    if len(trace.steps) > SHOWN_STEPS:
        yield language.gettext(
            "The page shows the first {count} recorded calls; the API gives all.", count=SHOWN_STEPS
        )
    if is_long(trace.output):
        yield language.gettext("The page shows the start of a long output; the API gives all.")


def show_tensors(
    records: tuple[TensorRecord, ...], source: SourceText, language: Language
) -> tuple[TensorCard, ...]:
    sharing: dict[StorageId | None, list[str]] = defaultdict(list)
    for record in records:
        sharing[record.storage].append(record.name)
    cards: list[TensorCard] = []
    room = MOST_CELLS
    for record in records:
        cards.append(_tensor_card(record, tuple(sharing[record.storage]), source, language, room > 0))
        room -= count_cells(cards[-1].value) + count_cells(cards[-1].grad)
    return tuple(cards)


def count_cells(box: ValueBox | None) -> int:
    return box.view.cells if box and isinstance(box.view, MatrixView) else 1


def _tensor_card(
    record: TensorRecord, sharing: tuple[str, ...], source: SourceText, language: Language, room: bool
) -> TensorCard:
    others = tuple(name for name in sharing if name != record.name) if record.storage is not None else ()
    return TensorCard(
        name=record.name,
        aliases=record.aliases,
        kind=record.kind,
        shape=show_shape(record.shape),
        dtype=record.dtype,
        device=record.device,
        requires_grad=record.requires_grad,
        is_leaf=record.is_leaf,
        grad_fn=record.grad_fn,
        facts=_memory_facts(record, language),
        value=show_value_box(record.value, language, room) if record.value else None,
        grad=show_value_box(record.grad, language, room) if record.grad else None,
        why=tuple(Reason(language.say(each.sentence), locate(source, each.span)) for each in record.why),
        shares_with=others,
        place=locate(source, record.span),
    )


def _memory_facts(record: TensorRecord, language: Language) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, str | None]] = [
        (language.gettext("layout"), record.layout if record.layout != "strided" else None),
        (language.gettext("stride"), show_shape(record.stride) if record.stride else None),
        (language.gettext("storage offset"), str(record.storage_offset) if record.storage_offset else None),
        (language.gettext("version"), str(record.version) if record.version else None),
        (language.gettext("bytes"), str(record.bytes)),
    ]
    return tuple((name, text) for name, text in facts if text is not None)


def show_value_box(value: TensorValue, language: Language, room: bool) -> ValueBox:
    statistics = value.statistics
    scalar = not isinstance(value.data, tuple | list)
    return ValueBox(
        view=view_value(value) if room or scalar else None,
        slice=value.index,
        statistics=_statistics(statistics, language) if statistics and not scalar else (),
        alarms=_alarms(statistics) if statistics else (),
        histogram=histogram(value.data),
    )


def _statistics(statistics: Statistics, language: Language) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, Real | None]] = [
        (language.gettext("min"), statistics.minimum),
        (language.gettext("max"), statistics.maximum),
        (language.gettext("mean"), statistics.mean),
        (language.gettext("std"), statistics.std),
        (language.gettext("norm"), statistics.norm),
    ]
    return tuple((name, show_number(number)) for name, number in facts if number is not None)


def _alarms(statistics: Statistics) -> tuple[str, ...]:
    counts = {
        "NaN": statistics.nan,
        "∞": statistics.positive_infinity,
        "−∞": statistics.negative_infinity,
    }
    return tuple(f"{name} × {count}" for name, count in counts.items() if count)


def show_step(step: Step, source: SourceText) -> StepRow:
    shapes = f"{_operands(step.inputs)} → {_operands(step.outputs)}"
    return StepRow(step.id, step.op, step.name, shapes, step.module, locate(source, step.span))


def _operands(operands: tuple[Operand, ...]) -> str:
    return ", ".join(show_shape(each.shape) for each in operands) or "–"


def show_caption(backward: BackwardPass | None, language: Language) -> str:
    """Where the backward pass of the picture started."""
    if backward is None:
        return language.gettext("This graph never ran backward.")
    roots = ", ".join(backward.roots) or "?"
    match backward.seed:
        case "one":
            return language.gettext("backward from {roots}, started with 1", roots=roots)
        case "ones":
            return language.gettext("backward from {roots}, started with ones", roots=roots)
    return language.gettext("backward from {roots}, started with the program's own gradient", roots=roots)
