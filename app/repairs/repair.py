"""Text as it was pasted -> text as it was meant, and the list of what was repaired.

A text that is Python stays as it is, but for marks no program has. Stages follow one another from the outside in; each
gives back as many lines as it got, so that every change has its place. A stage the reader undid is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.program import normalise_source
from app.repairs import characters, indents, margins, prompts, sentences, workers, wrappings
from app.repairs.reading import CellLines, known_names, parses, split_lines
from app.repairs.results import comment_results
from app.vocabulary.editing import Change, Repair, Repaired
from app.vocabulary.values import Span, Text

Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Stage:
    kind: str
    change: Callable[[Lines], list[str | None]]
    sentence: Text
    unmistakable: bool = False
    """Its marks are looked for even in a text that is Python."""
    must_parse: bool = False
    """Its outcome is taken only where it is Python."""


def comment_answers(lines: Lines) -> list[str | None]:
    return comment_results(lines, known_names("\n".join(lines)))


STAGES = (
    Stage(
        "quotes",
        characters.straighten_quotes,
        Text("Typographic quotes are straight quotes now. Lines: {count}."),
    ),
    Stage(
        "spaces",
        characters.straighten_spaces,
        Text("Non-breaking and wide spaces are plain spaces now. Lines: {count}."),
    ),
    Stage(
        "invisible", characters.drop_invisible, Text("Invisible characters were taken out. Lines: {count}.")
    ),
    Stage(
        "fences", wrappings.unwrap_fences, Text("The fences around the code were taken off. Lines: {count}.")
    ),
    Stage("gutter", margins.strip_column, Text("The column of line numbers was taken off. Lines: {count}.")),
    Stage(
        "numbers",
        margins.drop_blocks,
        Text("Line numbers that stood apart from the code were taken out. Lines: {count}."),
        unmistakable=True,
    ),
    Stage(
        "cells",
        prompts.strip_cells,
        Text(
            "The labels of notebook cells were taken off; what stood under Out is a comment. Lines: {count}."
        ),
        unmistakable=True,
    ),
    Stage(
        "prompts",
        prompts.strip_prompts,
        Text("The >>> and ... prompts were taken off; printed answers are comments. Lines: {count}."),
    ),
    Stage(
        "shell",
        wrappings.comment_shell,
        Text(
            "Lines for a shell or a notebook are comments now: nothing can be installed here. Lines: {count}."
        ),
    ),
    Stage(
        "punctuation",
        characters.narrow_punctuation,
        Text("Full-width punctuation is ASCII punctuation now. Lines: {count}."),
    ),
    Stage(
        "results",
        comment_answers,
        Text("Printed results between the lines are comments now. Lines: {count}."),
        unmistakable=True,
    ),
    Stage(
        "sentences",
        sentences.comment_sentences,
        Text("Sentences between the lines are comments now. Lines: {count}."),
    ),
    Stage(
        "tabs",
        indents.even_tabs,
        Text("Tabs mixed with spaces are spaces now. Lines: {count}."),
        must_parse=True,
    ),
    Stage("margin", indents.shift, Text("The code was shifted to the left margin. Lines: {count}.")),
    Stage(
        "indentation",
        indents.indent_blocks,
        Text("Lost indentation was put back: only one way makes a program. Lines: {count}."),
        must_parse=True,
    ),
    Stage(
        "workers",
        workers.load_alone,
        Text(
            "A program here has one process: its DataLoader has no workers, and loads the same. Lines: {count}."
        ),
        unmistakable=True,
    ),
)
KINDS = tuple(stage.kind for stage in STAGES)


def repair(source: str, kept: frozenset[str] = frozenset()) -> Repaired:
    """Repair a text; `kept` are the kinds the reader wants left as they are."""
    original = normalise_source(source)
    lines = [_Line(number, text) for number, text in enumerate(original.split("\n"))]
    found: list[tuple[Stage, dict[int, tuple[str, str | None]]]] = []
    readable = parses([line.text for line in lines])
    for stage in STAGES:
        if stage.kind in kept or (readable and not stage.unmistakable):
            continue
        before = [line.text for line in lines]
        after = apply(stage, before)
        if after == before:
            continue
        found.append((stage, _changes(lines, after)))
        pairs = zip(lines, after, strict=True)
        lines = [_Line(line.origin, text) for line, text in pairs if text is not None] or [_Line(0, "")]
        readable = parses([line.text for line in lines])
    text = "\n".join(line.text for line in lines)
    places = tuple(line.origin for line in lines)
    repairs = tuple(_tell(stage, changes, places) for stage, changes in found)
    return Repaired(original, text, repairs, places, kept)


def apply(stage: Stage, lines: Lines) -> list[str | None]:
    """The lines as the stage leaves them: all at once or, where that would change what is sound, cell by cell."""
    whole = stage.change(lines)
    cells = list(split_lines(lines))
    marks = [cell.mark for cell in cells[1:]]
    sound = [at for cell in cells if cell.sound and not stage.unmistakable for at in cell.places]
    taken = whole != [*lines] and not (stage.must_parse and not parses(whole))
    if not marks or (taken and all(whole[at] == lines[at] for at in (*marks, *sound))):
        return whole if taken else [*lines]
    return _apply_apart(stage, lines, cells)


def _apply_apart(stage: Stage, lines: Lines, cells: Sequence[CellLines]) -> list[str | None]:
    after: list[str | None] = [*lines]
    for cell in cells:
        if stage.unmistakable or not cell.sound:
            own = [lines[at] for at in cell.places]
            changed = stage.change(own)
            if not stage.must_parse or parses(changed):
                after[cell.places.start : cell.places.stop] = changed
    return after


@dataclass(frozen=True, slots=True)
class _Line:
    origin: int
    """Its place in the original."""
    text: str


def _changes(lines: Sequence[_Line], after: Sequence[str | None]) -> dict[int, tuple[str, str | None]]:
    pairs = zip(lines, after, strict=True)
    return {line.origin: (line.text, text) for line, text in pairs if line.text != text}


def _tell(stage: Stage, changes: dict[int, tuple[str, str | None]], places: Sequence[int]) -> Repair:
    told = tuple(_number(changes, places))
    first = told[0]
    width = len(first.after or "")
    sentence = Text(stage.sentence.template, {"count": len(told)})
    return Repair(stage.kind, sentence, Span(first.line, 0, first.line, width), told)


def _number(changes: dict[int, tuple[str, str | None]], places: Sequence[int]) -> Iterator[Change]:
    """Each change with the number its line, or the one that took its place, has in the repaired text."""
    at = 0
    for origin, (before, after) in changes.items():
        while at < len(places) - 1 and places[at] < origin:
            at += 1
        yield Change(at + 1, before, after)
