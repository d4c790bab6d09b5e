"""Repairs and advice as the API tells them and as the page shows them, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from app.advice.advise import key_of, worth_saying
from app.program import normalise_source
from app.vocabulary.editing import Advice, Repair, Repaired
from app.vocabulary.stand_ins import SETS
from app.vocabulary.trace import Outcome, Raised, Trace
from app.vocabulary.values import Text
from app.web.languages import Language

MOST_SHOWN = 40
"""Changed lines of one repair the page shows."""
UNDONE: Mapping[str, Text] = {
    "quotes": Text("Typographic quotes were left."),
    "spaces": Text("Non-breaking spaces were left."),
    "invisible": Text("Invisible characters were left."),
    "fences": Text("The fences around the code were left."),
    "gutter": Text("The column of line numbers was left."),
    "numbers": Text("The line numbers apart from the code were left."),
    "cells": Text("The labels of notebook cells were left."),
    "prompts": Text("The >>> and ... prompts were left."),
    "shell": Text("The lines for a shell or a notebook were left."),
    "punctuation": Text("Full-width punctuation was left."),
    "results": Text("The printed results were left."),
    "sentences": Text("The sentences between the lines were left."),
    "tabs": Text("The mixture of tabs and spaces was left."),
    "margin": Text("The left margin was left."),
    "indentation": Text("The lost indentation was left."),
    "workers": Text("The workers of the DataLoader were left."),
}


@dataclass(frozen=True, slots=True)
class SaidRepair(Repair):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class UndoneRepair:
    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RepairsPanel:
    """What was repaired and can be undone, what was undone, and what the page keeps for that."""

    repairs: tuple[SaidRepair, ...]
    undone: tuple[UndoneRepair, ...]
    original: str
    source: str
    """The text as it is now."""
    changed: bool
    """Whether that is another one than was sent."""
    most: int = MOST_SHOWN


@dataclass(frozen=True, slots=True)
class SaidAdvice(Advice):
    sentence: str  # type: ignore[assignment]  # the sentence itself


@dataclass(frozen=True, slots=True)
class AdviceRow:
    sentence: str
    key: str
    """What the button sends that makes the edit."""
    label: str
    """What the program says then; empty where nothing is offered."""
    stand_in: str = ""
    """What may stand in for what is not here; empty where nothing does."""


@dataclass(frozen=True, slots=True)
class StandInsPanel:
    """For a program that may run with stand-ins: whether it does, and which they are."""

    used: bool
    sentences: tuple[str, ...]


def open_advice(advice: tuple[Advice, ...], trace: Trace) -> tuple[Advice, ...]:
    """What a program's text foretells, but for what a stand-in took the place of."""
    lent = {each.name for each in trace.stand_ins}
    return tuple(each for each in advice if each.stand_in not in lent)


def say_advice(
    advice: tuple[Advice, ...], outcome: Outcome | None, language: Language
) -> tuple[SaidAdvice, ...]:
    said = worth_saying(advice, outcome.span if isinstance(outcome, Raised) else None)
    return tuple(
        SaidAdvice(
            each.code, language.say(each.sentence), each.span, each.fix, each.when_raised, each.stand_in
        )
        for each in said
    )


def show_advice(
    advice: tuple[Advice, ...], outcome: Outcome | None, language: Language, lent: bool = False
) -> tuple[AdviceRow, ...]:
    """What is known of the text; where stand-ins are used, nothing of what they stand in for."""
    return tuple(
        AdviceRow(each.sentence, key_of(each), each.fix.label if each.fix else "", say_set(each, language))
        for each in say_advice(advice, outcome, language)
        if not (lent and each.stand_in)
    )


def say_set(advice: SaidAdvice, language: Language) -> str:
    return language.say(SETS[advice.stand_in]) if advice.stand_in else ""


def show_stand_ins(advice: tuple[Advice, ...], used: bool, language: Language) -> StandInsPanel | None:
    names = dict.fromkeys(each.stand_in for each in advice if each.stand_in)
    return StandInsPanel(used, tuple(language.say(SETS[name]) for name in names)) if names else None


def say_repairs(repaired: Repaired | None, language: Language) -> tuple[SaidRepair, ...]:
    return tuple(_say(each, language) for each in repaired.repairs) if repaired else ()


def _say(repair: Repair, language: Language) -> SaidRepair:
    values = {each.name: getattr(repair, each.name) for each in fields(repair)}
    return SaidRepair(**values | {"sentence": language.say(repair.sentence)})


def repaired_source(repaired: Repaired | None) -> str | None:
    return repaired.source if repaired and repaired.repairs else None


def show_repairs(repaired: Repaired, sent: str, language: Language) -> RepairsPanel:
    """For the page that sent a text; it keeps the original only while there is something to undo."""
    undone = tuple(
        UndoneRepair(kind, language.say(left)) for kind, left in UNDONE.items() if kind in repaired.kept
    )
    repairs = say_repairs(repaired, language)
    original = repaired.original if repairs or undone else ""
    return RepairsPanel(repairs, undone, original, repaired.source, repaired.source != normalise_source(sent))
