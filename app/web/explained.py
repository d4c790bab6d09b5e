"""An exception's explanation -> what the page shows of it, and the same with its sentences said, for the API."""

from __future__ import annotations

from collections.abc import Iterator

from app.advice.advise import key_of_edit
from app.drawing.numerals import show_shape
from app.source import SourceText
from app.vocabulary.explanation import Alignment, Explanation, Involved
from app.vocabulary.trace import Raised
from app.vocabulary.values import Text
from app.web.contexts import Explained, InvolvedRow, Offer, Reason, SizeCell, SizeRow, SizeTable
from app.web.languages import Language
from app.web.places import locate
from app.words import in_english

MOST_COLUMNS, MOST_ROWS = 16, 12
MOST_FIXES, MOST_TEXT = 4, 100


def show_explanation(told: Explanation | None, source: SourceText, language: Language) -> Explained | None:
    if told is None:
        return None
    return Explained(
        language.say(told.sentence) if told.sentence else None,
        tuple(map(show_involved, told.operands)),
        None if told.table is None else show_table(told.table, language),
        tuple(Reason(language.say(each.sentence), locate(source, each.span)) for each in told.beginnings),
        tuple(show_fixes(told, source)),
    )


def show_fixes(told: Explanation, source: SourceText) -> Iterator[Offer]:
    """A button for each edit of one place; a child's own words are not made a longer one."""
    text = "\n".join(source.lines)
    for fix in told.fixes[:MOST_FIXES]:
        if len(fix.edits) == 1 and is_short(fix.label) and is_short(fix.edits[0].text.replace("\n", "")):
            yield Offer(key_of_edit(text, fix.edits[0]), fix.label)


def is_short(text: str) -> bool:
    return 0 < len(text) <= MOST_TEXT and text.isprintable()


def show_involved(operand: Involved) -> InvolvedRow:
    shape = show_shape(operand.shape)
    return InvolvedRow(
        operand.name, shape, operand.dtype, operand.device, operand.requires_grad, operand.clashes
    )


def show_table(table: Alignment, language: Language) -> SizeTable:
    marks = [column.clash for column in table.columns[:MOST_COLUMNS]]
    columns = (SizeCell(language.say(column.label), column.clash) for column in table.columns[:MOST_COLUMNS])
    rows = (
        SizeRow(
            language.say(row.label),
            tuple(SizeCell(show_size(size), clash) for size, clash in zip(row.sizes, marks, strict=False)),
        )
        for row in table.rows[:MOST_ROWS]
    )
    return SizeTable(tuple(columns), tuple(rows))


def show_size(size: int | None) -> str:
    return "" if size is None else str(size)


def say_again(outcome: Raised, language: Language) -> str | None:
    """Python's message in the reader's language; None where that is the message itself."""
    if outcome.restated is None or language.say(outcome.restated) == in_english(outcome.restated):
        return None
    return language.say(outcome.restated)


def say_remedy(outcome: Raised, language: Language) -> str | None:
    """What helps: what the explanation says, else the hint for this kind of message."""
    remedy: Text | None = outcome.hint
    if outcome.explanation is not None and outcome.explanation.remedy is not None:
        remedy = outcome.explanation.remedy
    return language.say(remedy) if remedy is not None else None
