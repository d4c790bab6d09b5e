"""What goes wrong on the way in, and one table that says what it means in HTTP.

Everything the API refuses has one shape: `{"error": {"code", "message", "problems", "retry_after"}}`. A failing
program is not here: it is an outcome inside a 200.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.vocabulary.errors import (
    DrawingFailed,
    PlaygroundError,
    ProgramRefused,
    RunNotFound,
    SandboxBusy,
    WireError,
    WorkerFailed,
    WorkerLost,
)
from app.vocabulary.values import Problem, Span, Text
from app.web.languages import Language
from app.web.repairs import SaidAdvice, SaidRepair, repaired_source, say_advice, say_repairs


class RequestRefused(Exception):
    """The request cannot be read: every reason at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.sentence.template for problem in problems))
        self.problems = problems


class BodyTooLarge(Exception):
    def __init__(self, allowed: int) -> None:
        super().__init__(f"body larger than {allowed} bytes")
        self.allowed = allowed


class RateExceeded(Exception):
    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many runs; retry after {retry_after:g} s")
        self.retry_after = retry_after


class TooManyAtOnce(RateExceeded):
    """So many of the client's programs are running that others would be left without a place."""


class OriginRefused(Exception):
    """A page of another site sent this request."""


class HostRefused(Exception):
    """The request was meant for a name that is not this machine's own."""


class NotJson(Exception):
    """The body does not say it is JSON, as a page of another site could not."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a class of failure is in HTTP: status, code, and the sentence for the reader."""

    status: int
    code: str
    sentence: Text


MEANINGS: Mapping[type[Exception], Meaning] = MappingProxyType(
    {
        ProgramRefused: Meaning(422, "program_refused", Text("The program cannot be run as it was sent.")),
        RequestRefused: Meaning(422, "request_refused", Text("The request cannot be read.")),
        BodyTooLarge: Meaning(
            413, "body_too_large", Text("The request is larger than the {allowed} bytes that are allowed.")
        ),
        RateExceeded: Meaning(
            429, "too_many_runs", Text("Too many runs in a short time. Try again in {seconds} seconds.")
        ),
        TooManyAtOnce: Meaning(
            429,
            "too_many_at_once",
            Text("Too many of your programs are running at the same time. Try again in {seconds} seconds."),
        ),
        OriginRefused: Meaning(
            403, "other_origin", Text("A page of another site sent this request, so it was refused.")
        ),
        HostRefused: Meaning(
            421,
            "wrong_host",
            Text("This server answers only under the names of its own machine, like localhost."),
        ),
        NotJson: Meaning(415, "not_json", Text("The body must be sent as Content-Type: application/json.")),
        RunNotFound: Meaning(
            404, "run_not_found", Text("There is no run of this name, or nothing of it is kept any more.")
        ),
        SandboxBusy: Meaning(
            503,
            "sandbox_busy",
            Text("All places are taken by running programs. Try again in {seconds} seconds."),
        ),
        WorkerLost: Meaning(
            503,
            "worker_lost",
            Text("The process that ran the program was ended from outside. Send it again."),
        ),
        WorkerFailed: Meaning(
            500,
            "worker_failed",
            Text("The server failed while it ran this program. Sending it again will not help."),
        ),
        WireError: Meaning(
            500, "wire_error", Text("The run gave an answer that cannot be trusted, so it was thrown away.")
        ),
        DrawingFailed: Meaning(500, "drawing_failed", Text("Graphviz could not draw this graph in time.")),
        PlaygroundError: Meaning(500, "internal_error", Text("Something went wrong on the server.")),
    }
)
HTTP_MEANINGS: Mapping[int, Meaning] = MappingProxyType(
    {
        404: Meaning(404, "not_found", Text("There is nothing at this address.")),
        405: Meaning(405, "method_not_allowed", Text("This address does not take this method.")),
    }
)
UNKNOWN = Meaning(500, "internal_error", Text("Something went wrong on the server."))
TOO_LARGE = Meaning(413, "source_too_large", Text("The program is larger than is allowed."))


def meaning_of(error: Exception) -> Meaning:
    """Look a failure up by its class, nearest base first."""
    if isinstance(error, ProgramRefused) and any(each.code == "source_too_large" for each in error.problems):
        return TOO_LARGE
    return next((MEANINGS[each] for each in type(error).__mro__ if each in MEANINGS), UNKNOWN)


@dataclass(frozen=True, slots=True)
class SaidProblem:
    """One thing that is wrong, said in the reader's language."""

    code: str
    message: str
    span: Span | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Everything the API says about a request it does not answer."""

    code: str
    message: str
    problems: tuple[SaidProblem, ...] = ()
    retry_after: int | None = None
    source: str | None = None
    """The text the problems are about, where it had to be repaired."""
    repairs: tuple[SaidRepair, ...] = ()
    advice: tuple[SaidAdvice, ...] = ()
    """What the program's text foretells."""


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    error: Failure


@dataclass(frozen=True, slots=True)
class Reply:
    """A failure with its status, ready to be written as JSON or as a page."""

    status: int
    failure: Failure

    @property
    def headers(self) -> dict[str, str]:
        retry_after = self.failure.retry_after
        return {} if retry_after is None else {"Retry-After": str(retry_after)}


def reply_to(error: Exception, language: Language) -> Reply:
    """What the reader is told about a failure."""
    meaning = meaning_of(error)
    problems: tuple[Problem, ...] = ()
    retry_after: int | None = None
    values: dict[str, str | int | float] = {}
    match error:
        case ProgramRefused() | RequestRefused():
            problems = error.problems
        case BodyTooLarge():
            values = {"allowed": error.allowed}
        case RateExceeded() | SandboxBusy():
            retry_after = max(1, math.ceil(error.retry_after))
            values = {"seconds": retry_after}
        case WorkerLost():
            retry_after = 1
    message = language.say(Text(meaning.sentence.template, values))
    said = tuple(
        SaidProblem(each.code, language.say(each.sentence), each.span, each.name) for each in problems
    )
    repaired = error.repaired if isinstance(error, ProgramRefused) else None
    advice = error.advice if isinstance(error, ProgramRefused) else ()
    told = repaired_source(repaired), say_repairs(repaired, language), say_advice(advice, None, language)
    return Reply(meaning.status, Failure(meaning.code, message, said, retry_after, *told))


def reply_to_status(status: int, language: Language) -> Reply:
    """What the reader is told where only an HTTP status is known."""
    meaning = HTTP_MEANINGS.get(status) or Meaning(status, "http_error", Text("The request was refused."))
    return Reply(status, Failure(meaning.code, language.say(meaning.sentence)))
