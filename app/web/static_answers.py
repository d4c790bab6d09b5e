"""Static graphs as the API answers them: as they are, with their sentences said in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from app.vocabulary.static_graph import CannotTrace, Lost, StaticGraph
from app.web.languages import Language


@dataclass(frozen=True, slots=True)
class LostAnswer(Lost):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class CannotTraceAnswer(CannotTrace):
    remedy: str | None = None  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class StaticAnswer(StaticGraph):
    lost: tuple[LostAnswer, ...] = ()
    error: CannotTraceAnswer | None = None


def say_static(graph: StaticGraph, language: Language) -> StaticAnswer:
    lost = tuple(LostAnswer(each.kind, language.say(each.sentence), each.span) for each in graph.lost)
    error = None
    if graph.error is not None:
        remedy = None if graph.error.remedy is None else language.say(graph.error.remedy)
        error = CannotTraceAnswer(**values_of(graph.error) | {"remedy": remedy})
    return StaticAnswer(**values_of(graph) | {"lost": lost, "error": error})


def values_of(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in fields(instance)}
