"""Programs as accidents make them: visible ones with lines lost, doubled, moved and spliced, characters gone astray,

and the damage of a paste. A hypothesis strategy, so that what fails is made small.
"""

from __future__ import annotations

import json
import tokenize
import tomllib
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from tests.repairs.damages import DAMAGES

ROOT = Path(__file__).parents[1]
STRAY = st.sampled_from(
    [*"()[]{}:,.=*@#\\'\"\n\t 0-", "（", "，", "“", "\u00a0", "\u200b", "🔥", ">>> ", "``` ", "%"]
)
WORDS = st.sampled_from(
    [
        "while True:",
        "backward()",
        ".T",
        "None",
        "-1",
        "1e400",
        "10**9",
        "lambda: ",
        "del x",
        "yield",
        "await ",
        "return",
        "import ",
        "torch.",
        "global x",
    ]
)


def read_programs() -> tuple[str, ...]:
    """The seeds, the page's examples and the programs that raise."""
    seeds = json.loads((ROOT / "tests" / "seeds" / "programs.json").read_text(encoding="utf-8"))
    raising = tomllib.loads((ROOT / "tests/worker/raised/programs.toml").read_text(encoding="utf-8"))
    examples = (tomllib.loads(path.read_text("utf-8")) for path in (ROOT / "app/web/examples").glob("*.toml"))
    found = [each["code"] for each in seeds]
    found += [each["text"] for each in raising["program"]]
    found += [each["source"] for each in examples]
    return tuple(sorted(found))


@st.composite
def mutants(draw: st.DrawFn) -> str:
    source = draw(st.sampled_from(PROGRAMS))
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
        source = change(draw, source)
    return source


def lose_a_line(draw: st.DrawFn, source: str) -> str:
    lines, at = _line(draw, source)
    return "\n".join((*lines[:at], *lines[at + 1 :]))


def double_a_line(draw: st.DrawFn, source: str) -> str:
    lines, at = _line(draw, source)
    return "\n".join((*lines[: at + 1], *lines[at:]))


def move_a_line(draw: st.DrawFn, source: str) -> str:
    lines, at = _line(draw, source)
    moved = lines.pop(at)
    lines.insert(draw(st.integers(0, len(lines))), moved)
    return "\n".join(lines)


def indent_a_line(draw: st.DrawFn, source: str) -> str:
    lines, at = _line(draw, source)
    lines[at] = draw(st.sampled_from(["", " ", "    ", "\t"])) + lines[at].lstrip()
    return "\n".join(lines)


def splice(draw: st.DrawFn, source: str) -> str:
    other = draw(st.sampled_from(PROGRAMS)).split("\n")
    lines, at = _line(draw, source)
    return "\n".join((*lines[:at], *other[draw(st.integers(0, len(other))) :]))


def lose_characters(draw: st.DrawFn, source: str) -> str:
    at = draw(st.integers(0, len(source)))
    return source[:at] + source[at + draw(st.integers(1, 6)) :]


def put_in_what_is_astray(draw: st.DrawFn, source: str) -> str:
    at = draw(st.integers(0, len(source)))
    return source[:at] + draw(STRAY | WORDS) + source[at:]


def break_off(draw: st.DrawFn, source: str) -> str:
    return source[: draw(st.integers(0, len(source)))]


def change_a_number(draw: st.DrawFn, source: str) -> str:
    digits = [at for at, character in enumerate(source) if character.isdigit()]
    if not digits:
        return source
    at = draw(st.sampled_from(digits))
    return source[:at] + draw(st.sampled_from(["0", "-1", "7", "99", "0.5", "x"])) + source[at + 1 :]


def damage_as_a_paste_does(draw: st.DrawFn, source: str) -> str:
    damage = DAMAGES[draw(st.sampled_from(sorted(DAMAGES)))]
    try:
        return damage(source)
    except (SyntaxError, tokenize.TokenError):
        return source  # some damages are made by reading the program, which earlier changes broke


def _line(draw: st.DrawFn, source: str) -> tuple[list[str], int]:
    lines = source.split("\n")
    return lines, draw(st.integers(0, len(lines) - 1))


PROGRAMS = read_programs()
CHANGES: tuple[Callable[[st.DrawFn, str], str], ...] = (
    *(lose_a_line, double_a_line, move_a_line, indent_a_line, splice, lose_characters),
    *(put_in_what_is_astray, break_off, change_a_number, damage_as_a_paste_does),
)
