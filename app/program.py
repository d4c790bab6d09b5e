"""Source text to `Program`: syntax, free names, and friendly refusals before anything runs.

Knows Python's grammar and which names a program is given; never imports torch, never runs anything. Every problem
is reported at once, with its place and its remedy.
"""

from __future__ import annotations

import ast
import builtins
import dis
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import CodeType

from app.notebook import broken_cell, parse_start, split_cells
from app.source import SourceText
from app.vocabulary.cells import Cell
from app.vocabulary.editing import Advice, Repaired
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.spelling import nearest
from app.vocabulary.values import Problem, Span, Text

FILENAME = "<program>"
PROVIDED = ("torch", "nn", "F", "optim", "np", "plt", "math")
"""Names every program has without importing them."""
NOTEBOOKS_GIVE = ("display", "get_ipython")
MOST_PROBLEMS = 20
MOST_GUESSES = 5
"""Missing names a spelling is looked for that was perhaps meant: comparing all with all takes seconds."""
MOST_CANDIDATES = 300
LONGEST_GUESS = 40

MODULE_NAMES = (
    "__name__",
    "__doc__",
    "__builtins__",
    "__file__",
    "__annotations__",
    "__spec__",
    "__loader__",
)
CLASS_NAMES = ("__module__", "__qualname__")
OPTIMISED = 1
"""Flag of a function's code: its plain names are its own variables, not the module's."""
GLOBAL_READS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


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
    bound_names: frozenset[str]
    """Names the program's top level binds."""
    repaired: Repaired | None = None
    """How the text was pasted, where it had to be repaired."""
    cells: tuple[Cell, ...] = ()
    """Where `# %%` lines cut it; none for a program in one piece."""
    advice: tuple[Advice, ...] = ()
    """What its text foretells."""


def normalise_source(source: str) -> str:
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def parse_program(source: str, limits: Limits) -> Program:
    """Parse; raise ProgramRefused with every problem. A broken cell is none: it raises when its turn comes."""
    text = normalise_source(source)
    refuse_unreadable(text, limits)
    try:
        (tree, code), broken = parse_start(text, _parse)
        cells = split_cells(text, tree)
        if broken is not None and broken_cell(cells, broken) is None:
            raise broken
    except SyntaxError as error:
        raise ProgramRefused((_syntax_problem(error),)) from None
    except (RecursionError, MemoryError):
        sentence = Text(
            "The program is nested too deeply to be read. Split the longest expression into steps."
        )
        raise ProgramRefused((Problem("too_deep", sentence),)) from None
    names = _Names.of(tree, code)
    return Program(text, names.free(SourceText.of(text)), frozenset(names.bound), cells=cells)


def refuse_unreadable(text: str, limits: Limits) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.source_bytes:
        sentence = Text(
            "The program is {size} bytes long; {allowed} are allowed. Shorten it or run it in parts.",
            {"size": size, "allowed": limits.source_bytes},
        )
        raise ProgramRefused((Problem("source_too_large", sentence),))
    problems = list_problems(_unreadable_characters(text))
    if problems:
        raise ProgramRefused(problems)


def list_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As many problems as a reader can use; the last one says how many more there are."""
    found = tuple(problems)
    if len(found) <= MOST_PROBLEMS:
        return found
    named = found[: MOST_PROBLEMS - 1]
    sentence = Text("{count} more problems are not named here.", {"count": len(found) - len(named)})
    return (*named, Problem("more_problems", sentence))


def _unreadable_characters(text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line):
            if character == "\0" or "\ud800" <= character <= "\udfff":
                sentence = Text(
                    "Line {line} holds the character U+{code}, which no program may hold. Delete it.",
                    {"line": number, "code": f"{ord(character):04X}"},
                )
                yield Problem("bad_character", sentence, Span(number, column, number, column + 1))
                break


def _parse(text: str) -> tuple[ast.Module, CodeType]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text, FILENAME)
        try:
            code = compile(tree, FILENAME, "exec", dont_inherit=True)  # finds what the grammar alone does not
        except SyntaxError as error:
            raise _in_code_points(error, SourceText.of(text)) from None
        except UnicodeEncodeError as error:
            raise _in_code_points(_unencodable(tree, error), SourceText.of(text)) from None
        return tree, code


def _unencodable(tree: ast.Module, error: UnicodeEncodeError) -> SyntaxError:
    """Since Python 3.13 the compiler refuses docstrings with half a surrogate pair, and does not say where."""
    documented = (node for node in ast.walk(tree) if isinstance(node, DOCUMENTED))
    (place, *_) = [
        node.body[0] for node in documented if SURROGATE.search(ast.get_docstring(node, clean=False) or "")
    ]
    start = (FILENAME, place.lineno, place.col_offset + 1, None)
    return SyntaxError(str(error), (*start, place.end_lineno, (place.end_col_offset or 0) + 1))


def _in_code_points(error: SyntaxError, source: SourceText) -> SyntaxError:
    """The compiler, unlike the parser, counts the columns of its errors in bytes."""
    line, end_line = error.lineno or 1, error.end_lineno or error.lineno or 1
    span = source.span(line, max((error.offset or 1) - 1, 0), end_line, max((error.end_offset or 1) - 1, 0))
    error.offset, error.end_offset = span.column + 1, span.end_column + 1
    return error


def _syntax_problem(error: SyntaxError) -> Problem:
    line = error.lineno or 1
    column = max((error.offset or 1) - 1, 0)
    end_line = error.end_lineno if error.end_lineno and error.end_lineno >= line else line
    end_column = (error.end_offset or 0) - 1
    if end_line == line and end_column <= column:
        end_column = column + 1
    span = Span(line, column, end_line, max(end_column, 0))
    return Problem(type(error).__name__, say_syntax_error(error), span)


def say_syntax_error(error: SyntaxError) -> Text:
    """Python's own message with its place."""
    line, column = error.lineno or 1, max(error.offset or 1, 1)
    return Text(
        "Line {line}, column {column}: {message}.", {"line": line, "column": column, "message": error.msg}
    )


Place = tuple[int, int, int, int]
"""line, column, end line, end column; columns in bytes"""
Position = tuple[int, int]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)
SURROGATE = re.compile("[\ud800-\udfff]")
NAME_ERRORS = frozenset({"NameError", "Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class _Names:
    """What the bytecode says of the module's names; it says the same on every Python, unlike its symbol tables."""

    tree: ast.Module
    bound: set[str]
    reads: list[tuple[Place, str]]

    @classmethod
    def of(cls, tree: ast.Module, module: CodeType) -> _Names:
        names = cls(tree, set(), [])
        codes = [module]
        while codes:
            code = codes.pop()
            codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
            names._note(code, code is module)
        return names

    def _note(self, code: CodeType, is_module: bool) -> None:
        instructions = list(dis.get_instructions(code))
        stored = {each.argval for each in instructions if each.opname == "STORE_NAME"}
        self.bound.update(each.argval for each in instructions if each.opname == "STORE_GLOBAL")
        if is_module:
            self.bound.update(stored)
        own = set() if is_module or code.co_flags & OPTIMISED else stored  # a class body's names are its own
        for each in instructions:
            place = each.positions
            if each.opname in GLOBAL_READS and each.argval not in own and place and place.lineno:
                end_line = place.end_lineno or place.lineno
                span = (place.lineno, place.col_offset or 0, end_line, place.end_col_offset or 0)
                self.reads.append((span, each.argval))

    def free(self, source: SourceText) -> tuple[FreeName, ...]:
        if self._imports_star():
            return ()  # what the star brings is known only when it runs
        given = {*PROVIDED, *NOTEBOOKS_GIVE, *MODULE_NAMES, *CLASS_NAMES, *dir(builtins), *self.bound}
        excused = list(self._excused())
        first: dict[str, Place] = {}
        for place, name in sorted(self.reads):
            if name not in given and not any(start <= place[:2] < end for start, end in excused):
                first.setdefault(name, place)
        return tuple(FreeName(name, source.span(*place)) for name, place in first.items())

    def _excused(self) -> Iterator[tuple[Position, Position]]:
        """Where a name may stay undefined: in functions nobody mentions, and where a NameError is awaited."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Try(body=body, handlers=handlers) if any(map(_awaits_name_error, handlers)):
                    yield _extent(body)
        for node in self.tree.body:
            if isinstance(node, FUNCTIONS) and not node.decorator_list:
                start, end = _extent(node.body)
                if not any(name == node.name and not start <= at[:2] < end for at, name in self.reads):
                    yield start, end

    def _imports_star(self) -> bool:
        imports = (node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom))
        return any(alias.name == "*" for node in imports for alias in node.names)


def _awaits_name_error(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or (isinstance(each, ast.Name) and each.id in NAME_ERRORS) for each in caught)


def _extent(body: list[ast.stmt]) -> tuple[Position, Position]:
    last = body[-1]
    return (body[0].lineno, body[0].col_offset), (last.end_lineno or last.lineno, last.end_col_offset or 0)


def missing_inputs(program: Program, given: Iterable[str]) -> Iterator[Problem]:
    """The problem each free name without an input is; the first ones with a spelling that was perhaps meant."""
    named = frozenset(given)
    missing = [free for free in program.free_names if free.name not in named]
    if not missing:
        return
    known = [*PROVIDED, *(name for name in dir(builtins) if name[0] != "_"), *sorted(program.bound_names)]
    candidates = list(islice((name for name in known if len(name) <= LONGEST_GUESS), MOST_CANDIDATES))
    for free in missing[:MOST_GUESSES]:
        yield _missing_input(free, _guess(free.name, candidates))
    for free in missing[MOST_GUESSES:]:
        yield _missing_input(free, None)


def _guess(name: str, candidates: list[str]) -> str | None:
    if not 2 < len(name) <= LONGEST_GUESS:
        return None
    return next(iter(nearest(name, candidates, most=1)), None)


def _missing_input(free: FreeName, near: str | None) -> Problem:
    values: dict[str, str | int | float] = {"name": free.name, "line": free.span.line}
    if near is not None:
        values["near"] = near
        sentence = Text("Line {line}: `{name}` is not defined. Did you mean `{near}`?", values)
    else:
        sentence = Text(
            "Line {line}: `{name}` is not defined. Give it a value as an input, or assign it before this line.",
            values,
        )
    return Problem("input_missing", sentence, free.span, free.name)
