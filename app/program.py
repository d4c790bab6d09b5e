"""Source text to `Program`: syntax, free names, and friendly refusals before anything runs.

Knows Python's grammar and which names a program is given; never imports torch, never runs anything. Every problem
is reported at once, with its place and its remedy.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.limits import Limits
from app.trace import RunRequest, Span

PROVIDED = ("torch", "nn", "F", "optim", "np", "plt", "math")
"""Names every program has without importing them."""


@dataclass(frozen=True, slots=True)
class FreeName:
    """A name the program reads and never binds: an input. `span` is its first use."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Program:
    source: str
    """Normalised: no BOM, newlines are \\n."""
    free_names: tuple[FreeName, ...]


def parse_program(source: str, limits: Limits) -> Program:
    """Parse; raise ProgramRefused with every problem."""
    raise RuntimeError("being written")


def check_request(program: Program, request: RunRequest, limits: Limits) -> None:
    """Raise ProgramRefused for each free name without an input, and for each input that makes no tensor."""
    raise RuntimeError("being written")
