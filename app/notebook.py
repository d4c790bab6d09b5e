"""Program text in cells: `# %%` lines cut it, a notebook's JSON becomes such a text. Nothing here runs anything.

The cells of a program stay one text with one count of lines, so that every place in it means what it always means.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from app.vocabulary.cells import Cell, CellState
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.values import Problem, Span, Text

T = TypeVar("T")
MARKER = re.compile(r"#[ \t]*(?:%%(?=[\s\[]|$)(?P<said>.*)|In ?\[[ \d]*\]:?[ \t]*$)")
"""`# %%`, `# %% a title`, `# %% [markdown]`; and `# In[3]:`, as notebooks are saved by others."""
WORDS = re.compile(r"\[(?:markdown|md|raw)\]", re.IGNORECASE)
MAGIC = re.compile(r"[ \t]*(?:%%?[A-Za-z]|!|\?+\w|[\w.]+\?+[ \t]*$)")
QUIETED = re.compile(r"[ \t]*(?:pass  )?# (?:%%?[A-Za-z]\w*|!\w)")
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Those whose cell is Python all the same."""
START = "start"
"""As `tensor_playground` in a cell's metadata: it holds what every program is given, added when it was saved."""
MOST_TRIES = 20
"""Cells before a broken one that are looked through for one that is whole."""
MOST_MAGICS = 50
"""In one cell; each costs reading the cell once more."""


# ------------------------------------------------------------------------------------------ text -> cells


def split_cells(source: str, tree: ast.Module) -> tuple[Cell, ...]:
    """The cells of a program that parses; none where no line marks one."""
    lines = source.split("\n")
    marks = [number for number in _marked_lines(lines) if not _inside(number, tree.body)]
    if not marks:
        return ()
    ends = [*(mark - 1 for mark in marks), len(lines)]
    cells: list[Cell] = []
    for mark, end in zip([0, *marks], ends, strict=True):
        cell = _cell(lines, mark, end, tree.body)
        if cell is not None:
            turn = 1 + sum(each.number is not None for each in cells)
            cells.append(replace(cell, number=turn) if cell.kind == "code" else cell)
    return tuple(cells)


def parse_start(source: str, parse: Callable[[str], T]) -> tuple[T, SyntaxError | None]:
    """What `parse` makes of a program; where a cell is broken, of the cells before it, and what is wrong with it.

    So far a notebook comes that is run from top to bottom. SyntaxError where no code stands before the broken cell.
    """
    try:
        return parse(source), None
    except SyntaxError as found:
        error = found
    lines = source.split("\n")
    marks = [number for number in _marked_lines(lines) if number <= (error.lineno or 0)]
    for mark in reversed(marks[-MOST_TRIES:]):
        start = lines[: mark - 1]
        if not any(line.strip() and not line.startswith("#") for line in start):
            break
        try:
            return parse("\n".join(start)), error
        except SyntaxError as earlier:
            error = earlier
    raise error


def broken_cell(cells: Sequence[Cell], error: SyntaxError) -> int | None:
    """Which cell an error is in; None for one in no cell of code."""
    begun = [at for at, cell in enumerate(cells) if cell.span.line <= (error.lineno or 0)]
    return begun[-1] if begun and cells[begun[-1]].kind == "code" else None


def _marked_lines(lines: Sequence[str]) -> Iterator[int]:
    yield from (number for number, line in enumerate(lines, 1) if MARKER.match(line))


def _inside(line: int, body: Sequence[ast.stmt]) -> bool:
    """Whether a line belongs to a statement that began before it: it stands in a string, or within a block."""
    return any(first_line(each) < line <= (each.end_lineno or each.lineno) for each in body)


def first_line(statement: ast.stmt) -> int:
    """Where a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _cell(lines: Sequence[str], mark: int, end: int, body: Sequence[ast.stmt]) -> Cell | None:
    """The cell behind line `mark` (0: before all marks) up to line `end`; None for one that holds nothing."""
    filled = [number for number in range(mark + 1, end + 1) if lines[number - 1].strip()]
    if not filled:
        return None
    first, last = filled[0], filled[-1]
    match = MARKER.match(lines[mark - 1]) if mark else None
    said = ((match["said"] or "") if match else "").strip()
    inside = [each for each in body if first <= each.lineno <= last]
    text = "\n".join(lines[first - 1 : last])
    span = Span(first, 0, last, len(lines[last - 1]))
    words = _words(text, inside) if WORDS.match(said) or not mark else None
    title = WORDS.sub("", said).strip()
    if words is not None:
        return Cell("text", title, words, span, None)
    return Cell("code", title, text, span, 0)


def _words(text: str, statements: Sequence[ast.stmt]) -> str | None:
    """What a text cell says, in comments or in one string; None for a cell that holds code."""
    match statements:
        case []:
            return re.sub(r"(?m)^[ \t]*# ?", "", text)
        case [ast.Expr(ast.Constant(value=str(said)))]:
            return said.strip("\n")
    return None


def mark_cells(cells: Sequence[Cell], begun: int | None, ended: bool) -> tuple[Cell, ...]:
    """The cells after a run: `begun` is the last that began, and whether the program `ended` there before its time."""
    return tuple(
        replace(each, state=_state(place, begun, ended)) if each.kind == "code" else each
        for place, each in enumerate(cells)
    )


def _state(place: int, begun: int | None, ended: bool) -> CellState:
    if begun is None or place > begun:
        return "not_run"
    return "ended" if ended and place == begun else "ran"


# ------------------------------------------------------------------------------------------ notebook -> text


def looks_like_notebook(text: str) -> bool:
    """Whether a text is the JSON of a notebook: no program begins so and ends so."""
    inner = text.lstrip("\ufeff \t\r\n")
    return inner.startswith("{") and '"cells"' in inner and inner.rstrip().endswith("}")


def read_notebook(book: object, allowed: int) -> str:
    """The program text of a notebook's parsed JSON; ProgramRefused for what is none, or over `allowed` characters."""
    match book:
        case {"nbformat": int(version)} if version < 4:
            raise _refused(
                Text(
                    "This notebook has format {version}; open it in Jupyter and save it once.",
                    {"version": version},
                )
            )
        case {"cells": [*cells], **rest}:
            _check_language(rest.get("metadata"))
            told = [_read_cell(cell, at) for at, cell in enumerate(cells) if not _is_start(cell)]
        case _:
            raise _refused(Text("This is no notebook: it has no list of cells."))
    size = sum(len(text) for _, text, _ in told)
    if size > allowed:
        raise _refused(
            Text(
                "The notebook's cells hold {size} characters; {allowed} are allowed. Run it in parts.",
                {"size": size, "allowed": allowed},
            )
        )
    return "\n\n".join(_cell_text(kind, text, title) for kind, text, title in told if text.strip()) + "\n"


def _check_language(metadata: object) -> None:
    match metadata:
        case {"language_info": {"name": str(name)}} | {"kernelspec": {"language": str(name)}}:
            if name.lower() not in ("python", "python3", "ipython"):
                raise _refused(
                    Text("This notebook is written in {name}, not in Python.", {"name": name[:40]})
                )


def _is_start(cell: object) -> bool:
    match cell:
        case {"metadata": {"tensor_playground": str(role)}}:
            return role == START
    return False


def _read_cell(cell: object, at: int) -> tuple[str, str, str]:
    """Kind, text and title of a cell."""
    match cell:
        case {"cell_type": "code" | "markdown" | "raw" as kind, "source": str() | [*_] as source, **rest}:
            text = source if isinstance(source, str) else "".join(_strings(source, at))
            return kind, text.replace("\r\n", "\n").strip("\n"), _title(rest.get("metadata"))
    raise _broken(at)


def _cell_text(kind: str, text: str, title: str) -> str:
    if kind == "code":
        return f"# %% {title}".rstrip() + f"\n{quiet_magics(text)}"
    words = "\n".join(f"# {line}".rstrip() for line in text.split("\n"))
    return f"# %% [{kind}] {title}".rstrip() + f"\n{words}"


def _strings(lines: Sequence[object], at: int) -> Iterator[str]:
    for line in lines:
        if not isinstance(line, str):
            raise _broken(at)
        yield line


def _title(metadata: object) -> str:
    title = metadata.get("title") if isinstance(metadata, Mapping) else None
    return " ".join(title.split())[:200] if isinstance(title, str) else ""


def _broken(at: int) -> ProgramRefused:
    return _refused(Text("Cell {number} of the notebook cannot be read.", {"number": at + 1}))


def _refused(sentence: Text) -> ProgramRefused:
    return ProgramRefused((Problem("bad_notebook", sentence),))


# ------------------------------------------------------------------------------------------ magics


def quiet_magics(cell: str) -> str:
    """A notebook's cell with its magic and shell lines as comments: they are no Python, and stay to be seen."""
    lines = cell.split("\n")
    first = next(line for line in lines if line.strip()).strip()
    if first.startswith("%%") and first.split()[0] not in PYTHON_MAGICS:
        return "\n".join(f"# {line}".rstrip() for line in lines)
    for _ in range(MOST_MAGICS):
        at = _magic_line(lines)
        if at is None:
            break
        code = lines[at].lstrip()
        indent = lines[at][: -len(code)]
        lines[at] = f"{indent}pass  # {code}" if indent else f"# {code}"
    return "\n".join(lines)


def _magic_line(lines: Sequence[str]) -> int | None:
    """The line at which the cell is no Python, where that is because of a magic."""
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        at = (error.lineno or 1) - 1
        return at if at < len(lines) and MAGIC.match(lines[at]) else None
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def magic_lines(source: str) -> tuple[int, ...]:
    """The lines of a program where a magic stands as a comment."""
    return tuple(number for number, line in enumerate(source.split("\n"), 1) if QUIETED.match(line))
