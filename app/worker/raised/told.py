"""What one rule finds out about an exception: its code, the cause in words, a table, where it began."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.vocabulary.editing import Fix
from app.vocabulary.explanation import Alignment, Fact
from app.vocabulary.values import Text
from app.worker.graphs.passes import RawPass
from app.worker.raised.scene import Scene
from app.worker.recording.calls import Call, Event
from app.worker.why.facts import Reason

Place = Call | Event | RawPass


@dataclass(frozen=True, slots=True)
class Told:
    code: str
    sentence: Text | None = None
    table: Alignment | None = None
    remedy: Text | None = None
    clash: Fact | None = None
    """What about the operands does not go together; shown where it differs."""
    began: tuple[Reason, ...] = ()
    fixes: tuple[Fix, ...] = ()
    """Edits that are offered; one of them is made, or none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An exception whose message matches is looked into; `tell` returns None where the facts do not bear it out."""

    pattern: str
    tell: Callable[[Scene, re.Match[str]], Told | None]


def numbers_in(text: str) -> list[int]:
    """The sizes of a shape as a message writes it: `[2, 3]`, `2x3`, `(2 x 3)`."""
    return [int(each) for each in re.findall(r"-?\d+", text)]
