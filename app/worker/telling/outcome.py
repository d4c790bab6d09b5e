"""A failed run told plainly: which exception or limit, where in the program, through which of its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from app.program import FILENAME, say_syntax_error
from app.source import SourceText
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Outcome, Raised
from app.vocabulary.values import Span
from app.worker.limit import as_limit
from app.worker.recording.places import Places, program_frames
from app.worker.telling.hints import hint_for
from app.worker.telling.python_words import restate
from app.worker.telling.report import Report
from app.worker.wording import message_of, plain_text

MOST_FRAMES = 50
OVERRULING = frozenset(
    {"carried_over", "foreign_folder", "no_file", "no_hub", "whole_objects", "written_in_place"}
)
"""Explanations that tell better what to do than the hint does."""


def outcome_of(
    error: BaseException, places: Places, limits: Limits, report: Callable[[Limits], Report]
) -> Outcome:
    frames = program_frames(error.__traceback__, places)
    span = frames[-1].span if frames else syntax_span(error, places.source)
    stopped = as_limit(error, limits)
    if stopped is not None:
        return type(stopped)(stopped.limit, stopped.allowed, span)
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return Completed()
    exception, message = plain_text(str(type(error).__name__)), own_message(error)[: limits.text_chars]
    hint, explanation = hint_for(exception, message), report(limits).explain_raised(error, message, span)
    if explanation is not None and (explanation.fixes or explanation.code in OVERRULING):
        hint = None  # what helps this program says more than what helps most
    frames = frames[-MOST_FRAMES:]
    restated = say_syntax_error(error) if is_own_syntax_error(error) else restate(exception, message)
    return Raised(exception, message, span, tuple(frames), hint, explanation, restated)


def is_own_syntax_error(error: BaseException) -> TypeGuard[SyntaxError]:
    """Whether the program itself is no Python; one that compiles texts may raise others."""
    return isinstance(error, SyntaxError) and error.filename == FILENAME


def own_message(error: BaseException) -> str:
    """The exception's text, without a file and a line that are told beside it."""
    return plain_text(str(error.msg)) if is_own_syntax_error(error) else message_of(error)


def syntax_span(error: BaseException, source: SourceText) -> Span | None:
    if is_own_syntax_error(error) and error.lineno:
        column = max((error.offset or 1) - 1, 0)
        inside = error.end_lineno == error.lineno and (error.end_offset or 0) - 1 > column
        return Span(error.lineno, column, error.lineno, (error.end_offset or 0) - 1 if inside else column + 1)
    return None
