"""Source to `Program`: which names are inputs, and what is refused, with its place."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.program import FreeName, Program, missing_inputs, parse_program
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.values import Problem, Span, Text

LIMITS = Limits()


def parse(source: str) -> Program:
    return parse_program(source, LIMITS)


def refusals(source: str, limits: Limits = LIMITS) -> tuple[Problem, ...]:
    with pytest.raises(ProgramRefused) as refused:
        parse_program(source, limits)
    return refused.value.problems


# ------------------------------------------------------------------------------------------------- free names

FREE = {
    "y = x*w + b": "x w b",
    "x\nx\nx": "x",
    "x = 1\nx": "",
    "x += 1": "",
    "(y, *z), w.attribute, v[0] = u": "w v u",
    "del x": "",
    "x: int = 1\nx": "",
    "x: Kind": "Kind",
    "from __future__ import annotations\nx: Kind = 1": "",
    "def f(a: Kind, b=default) -> Result: pass": "Kind default Result",
    "def f(a, *b, c=1, **d):\n    e = a\n    return a, b, c, d, e, free\nf": "free",
    "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    return x": "",
    "def g():\n    global h\n    h = 1\nh": "",
    "def g():\n    global h\n    return h\ng()": "h",
    "async def f(a):\n    async for b in a:\n        await c\nf": "c",
    "def nobody_calls(x):\n    return x * nobody_calls(w)": "",
    "def f(x):\n    return x * w\nw": "w",
    "def f(x=default):\n    return 1": "default",
    "try:\n    w\nexcept NameError: pass": "",
    "try:\n    w\nexcept (ValueError, Exception): v": "v",
    "try:\n    w\nexcept ValueError: pass": "w",
    "def f(n): return f(n - 1)": "",
    "later()\ndef later(): pass": "",
    "lambda a, b=c: a + b + d": "c d",
    "class A(Base, metaclass=Meta):\n    x = 1\n    y = x + z\n    def f(self): return __class__, super()": (
        "Base Meta z"
    ),
    "class A:\n    print(__qualname__, __module__)": "",
    "[a for a in b if c]": "b c",
    "{a: d for a, d in b.items()}, {e for e in f}, (g for g in h)": "b f h",
    "[w for v in u if (w := v)]\nw": "u",
    "(n := m)\nn": "m",
    "for i in a: pass\nelse: i": "a",
    "with open_(x) as f: f": "open_ x",
    "try: pass\nexcept E as e: e": "E",
    "import a.b, c as d\nfrom e import f as g\na, d, g": "",
    "from math import *\nanything": "",
    "match p:\n    case [q, *r]: q, r\n    case {'k': s, **t}: s, t\n    case Point(x=0) | None: pass": "p Point",
    "print(len(range(3)), True, None, __name__, __file__, __annotations__, __doc__)": "",
    "torch, nn, F, optim, np, plt, math": "",
    "@decorate\ndef f(): pass": "decorate",
    "f'{x!r:>{width}}'": "x width",
    "'x'; b'y' # z": "",
    "权重 * 输入": "权重 输入",
    "ﬁ = 1\nfi": "",
    "": "",
    "# only a comment\n   # and another": "",
    "\n\n\n": "",
    "...": "",
}


@pytest.mark.parametrize("source", FREE)
def test_free_names_are_what_the_program_reads_and_never_binds(source: str) -> None:
    assert [free.name for free in parse(source).free_names] == FREE[source].split()


@pytest.mark.parametrize(
    ("source", "span"),
    [
        ("y = x", Span(1, 4, 1, 5)),
        ("def f(x):\n    return x\ny = x", Span(3, 4, 3, 5)),
        ("z = [x for x in [1]]; lambda x: x; x", Span(1, 35, 1, 36)),
        ("def f():\n    return x\nf, x", Span(2, 11, 2, 12)),
        ("'中文🙂'; x", Span(1, 7, 1, 8)),
        ("if 1:\n\tx", Span(2, 1, 2, 2)),
        ("f'中{x}'", Span(1, 4, 1, 5)),
    ],
)
def test_free_name_is_shown_where_it_is_first_read(source: str, span: Span) -> None:
    assert parse(source).free_names == (FreeName("x", span),)


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        ("x = 1", "x"),
        ("def f(): x = 1", "f"),
        ("class A:\n    x = 1", "A"),
        ("import a.b, c as d", "a d"),
        ("def f():\n    global g\n    g = 1", "f g"),
        ("for i, (j, *k) in y: (w := i)", "i j k w"),
    ],
)
def test_bound_names_are_those_of_the_top_level(source: str, bound: str) -> None:
    assert parse(source).bound_names == frozenset(bound.split())


# -------------------------------------------------------------------------------------------------- the text itself


@pytest.mark.parametrize(
    ("source", "normalised"),
    [
        ("a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n"),
        ("a = 1\rb = 2", "a = 1\nb = 2"),
        ("\ufeffa = 1", "a = 1"),
        ("\ufeff# -*- coding: gbk -*-\r\n张量 = '🙂'", "# -*- coding: gbk -*-\n张量 = '🙂'"),
        ("if True:\n\ta = '\t'", "if True:\n\ta = '\t'"),
        ("a = 1 # \x0c\u2028\u2029\x85", "a = 1 # \x0c\u2028\u2029\x85"),
    ],
)
def test_text_is_normalised(source: str, normalised: str) -> None:
    assert parse(source).source == normalised


def test_docstring_the_compiler_cannot_encode_is_refused_at_its_place() -> None:
    """Since Python 3.13 it cannot where half a surrogate pair is escaped; before, such a program runs."""
    source = "def f():\n    '中\\ud800'"
    try:
        compile(source, "<test>", "exec")
    except UnicodeEncodeError:
        assert [problem.span for problem in refusals(source)] == [Span(2, 4, 2, 13)]
    else:
        assert parse(source).source == source


@pytest.mark.parametrize(
    ("source", "code", "span"),
    [
        ("x = 1\n\0", "bad_character", Span(2, 0, 2, 1)),
        ("x = '\ud800'", "bad_character", Span(1, 5, 1, 6)),
        ("中 \udfff", "bad_character", Span(1, 2, 1, 3)),
        ("y = (1,", "SyntaxError", Span(1, 4, 1, 5)),
        ("a = 1 +", "SyntaxError", Span(1, 7, 1, 8)),
        ("if 真:\nx", "IndentationError", Span(2, 0, 2, 1)),
        ("x = 1\n  y = 2", "IndentationError", Span(2, 1, 2, 2)),
        ("if 1:\n\tx=1\n        y=2", "TabError", Span(3, 0, 3, 1)),
        ("中文 = 1; 文 = $", "SyntaxError", Span(1, 12, 1, 13)),
        ("中文 = 1; return 中文", "SyntaxError", Span(1, 8, 1, 17)),
        ("def f(中, 中): pass", "SyntaxError", Span(1, 9, 1, 10)),
        ("def f():\n    '🙂'; nonlocal y", "SyntaxError", Span(2, 9, 2, 19)),
        ("'中' = 3", "SyntaxError", Span(1, 0, 1, 3)),
        ("await x", "SyntaxError", Span(1, 0, 1, 7)),
        ("from __future__ import nope", "SyntaxError", Span(1, 0, 1, 1)),
        ("\\", "SyntaxError", Span(1, 1, 1, 2)),
        ("print 3", "SyntaxError", Span(1, 0, 1, 7)),
        ("x = " + "1" * 5000, "SyntaxError", Span(1, 0, 1, 1)),
        ("(" * 50_000, "SyntaxError", Span(1, 200, 1, 201)),
    ],
)
def test_unreadable_program_is_refused_with_its_place(source: str, code: str, span: Span) -> None:
    (problem,) = refusals(source)
    assert (problem.code, problem.span) == (code, span)


def test_every_line_with_a_bad_character_is_named() -> None:
    assert [problem.span for problem in refusals("\0\0\nx\n\ud800")] == [Span(1, 0, 1, 1), Span(3, 0, 3, 1)]


@pytest.mark.parametrize(
    "source", ["-" * 60_000 + "1", "a" + "+a" * 20_000, "a" + ".b" * 20_000, "f" + "()" * 20_000]
)
def test_deep_nesting_is_refused(source: str) -> None:
    assert [problem.code for problem in refusals(source)] == ["too_deep"]


def test_size_is_counted_in_bytes() -> None:
    limits = replace(LIMITS, source_bytes=30)
    parse_program("'" + "中" * 9 + "'", limits)
    (problem,) = refusals("'" + "中" * 10 + "'", limits)
    assert (problem.code, problem.sentence.values) == ("source_too_large", {"size": 32, "allowed": 30})


# Every cased edge of Python's lexer in a small alphabet finds more than random Unicode does.
SNIPPETS = st.lists(
    st.sampled_from(
        [*"xy中🙂 \t\n\\\r\0()[]{}:=.,'\"#@;*-1e_\x0c\ufeff", "def ", "class ", "if ", "lambda ", "await "]
    )
).map("".join)


@given(st.text() | SNIPPETS)
@example("f'{")
@example("'\\N{")
@example("\ufeff\ufeff")
@example("def f(x, x):\n\treturn '中' 中")
def test_any_text_is_parsed_or_refused_with_a_place_in_it(source: str) -> None:
    try:
        program = parse(source)
    except ProgramRefused as refused:
        lines = len(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        for problem in refused.problems:
            assert problem.span is not None
            assert 1 <= problem.span.line <= problem.span.end_line <= lines + 1
            assert (problem.span.line, problem.span.column) < (problem.span.end_line, problem.span.end_column)
            assert problem.sentence.template.format(**problem.sentence.values)
    else:
        assert not any(character in program.source for character in "\r\0")


# ------------------------------------------------------------------------------------------------- missing inputs


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("weight = 1\nwieght", "weight"),
        ("torhc.ones(2)", "torch"),
        ("pritn(1)", "print"),
        ("completely_unlike", None),
        ("wx = 1\nwy", None),
    ],
)
def test_missing_input_says_what_was_perhaps_meant(source: str, near: str | None) -> None:
    program = parse(source)
    (problem,) = missing_inputs(program, ())
    assert problem.sentence.values.get("near") == near
    assert problem.name == program.free_names[0].name
    assert problem.span == program.free_names[0].span
    assert filled(problem.sentence)


def test_few_spellings_are_guessed_however_many_names_are_missing() -> None:
    bound = "\n".join(f"weight_matrix_{number} = 1" for number in range(600))
    free = "\n".join(f"weight_matirx_{number}" for number in range(600))
    program = parse(f"{bound}\n{free}\n{'long' * 5_000}")
    began = time.process_time()
    problems = list(missing_inputs(program, ()))
    assert time.process_time() - began < 1.0
    assert len(problems) == 601
    assert 0 < sum("near" in problem.sentence.values for problem in problems) <= 5


def test_only_so_many_problems_are_named() -> None:
    with pytest.raises(ProgramRefused) as refused:
        parse("\0\n" * 1_000)
    problems = refused.value.problems
    assert len(problems) == 20
    assert (problems[-1].code, problems[-1].sentence.values) == ("more_problems", {"count": 981})


def filled(sentence: Text) -> str:
    """KeyError for a gap that nothing fills."""
    return sentence.template.format(**sentence.values)


def test_program_with_a_broken_cell_is_run_up_to_it() -> None:
    program = parse_program("# %%\na = x\n# %%\nb = y +\n# %%\nc = z", LIMITS)
    assert [free.name for free in program.free_names] == ["x"]
    assert [(each.span.line, each.number) for each in program.cells] == [(2, 1), (4, 2), (6, 3)]


@pytest.mark.parametrize(
    "source",
    ["# %%\n1 +\n# %%\n2", "# %% [markdown]\n# words\n# %%\n1 +", "# %%\n1\n# %% [markdown]\nno code"],
)
def test_program_whose_first_cell_is_broken_is_refused(source: str) -> None:
    with pytest.raises(ProgramRefused) as refused:
        parse_program(source, LIMITS)
    assert refused.value.problems[0].code == "SyntaxError"
