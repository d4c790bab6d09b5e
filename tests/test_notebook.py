"""Cells: where `# %%` lines cut a program, and what of a notebook's JSON becomes one."""

from __future__ import annotations

import ast
import json

import pytest

from app.notebook import (
    MOST_MAGICS,
    looks_like_notebook,
    magic_lines,
    quiet_magics,
    read_notebook,
    split_cells,
)
from app.program import parse_program
from app.source import SourceText
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits

ALLOWED = 1_000


def cells_of(source: str) -> list[tuple[str, str, str, int | None]]:
    cells = split_cells(source, ast.parse(source))
    return [(each.kind, each.title, each.source, each.number) for each in cells]


def code(source: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def refusal_of(book: object) -> str:
    with pytest.raises(ProgramRefused) as refused:
        read_notebook(book, ALLOWED)
    return refused.value.problems[0].sentence.template


def test_program_without_marks_has_no_cells() -> None:
    assert cells_of("x = 1\n# %%time\n#%matplotlib\nx") == []


def test_marks_cut_a_program_into_numbered_cells() -> None:
    source = "# %% first\nx = 1\n\n#%%\nx\n\n\n# %%\n\n# In[7]:\nx + 1\n"
    assert cells_of(source) == [
        ("code", "first", "x = 1", 1),
        ("code", "", "x", 2),
        ("code", "", "x + 1", 3),
    ]


def test_marks_inside_strings_and_blocks_cut_nothing() -> None:
    source = '# %%\ns = """\n# %% no\n"""\ndef f():\n    a = 1\n# %% no\n    return a\n@f\n# %% no\ndef g(): pass\n'
    assert len(cells_of(source)) == 1


def test_text_cells_hold_words_and_no_number() -> None:
    source = "# by someone\n\n# %% [markdown] intro\n# # Title\n# *words*\n# %% [md]\n"
    source += "'''in a string'''\n# %% [markdown]\nx = 1\n"
    assert cells_of(source) == [
        ("text", "", "by someone", None),
        ("text", "intro", "# Title\n*words*", None),
        ("text", "", "in a string", None),
        ("code", "", "x = 1", 1),
    ]


def test_span_of_a_cell_covers_its_source() -> None:
    source = "# %%\n\nx = '中'\n# %%\ny = (1 +\n     2)\n\n"
    text = SourceText.of(source)
    cells = parse_program(source, Limits()).cells
    assert (
        [text.text(each.span) for each in cells]
        == [each.source for each in cells]
        == ["x = '中'", "y = (1 +\n     2)"]
    )


def test_notebook_becomes_a_text_in_the_same_cells() -> None:
    book = {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "\n", "words"], "metadata": {}},
            code(["x = 1\n", "x"]),
            code("  \n"),
            {**code("y = x"), "metadata": {"title": "last\none"}},
            {"cell_type": "raw", "source": "as it is", "metadata": {}},
        ],
    }
    assert cells_of(read_notebook(book, ALLOWED)) == [
        ("text", "", "# Title\n\nwords", None),
        ("code", "", "x = 1\nx", 1),
        ("code", "last one", "y = x", 2),
        ("text", "", "as it is", None),
    ]


@pytest.mark.parametrize(
    ("book", "words"),
    [
        ([], "no list of cells"),
        ({"cells": {}}, "no list of cells"),
        ({"nbformat": 3, "worksheets": []}, "has format"),
        ({"cells": [], "metadata": {"kernelspec": {"language": "R"}}}, "not in Python"),
        ({"cells": [code("x"), 5]}, "cannot be read"),
        ({"cells": [code([1])]}, "cannot be read"),
        ({"cells": [{"cell_type": "sound", "source": ""}]}, "cannot be read"),
        ({"cells": [code("x" * ALLOWED), code("y")]}, "are allowed"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(book: object, words: str) -> None:
    assert words in refusal_of(book)


@pytest.mark.parametrize(
    ("cell", "quiet"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("import a\n!pip install 'a>=2'\na?", "import a\n# !pip install 'a>=2'\n# a?"),
        ("%%time\nx = 1", "# %%time\nx = 1"),
        ("%%bash\nls | wc", "# %%bash\n# ls | wc"),
        ("if x:\n    !ls\nelse:\n    y = 1", "if x:\n    pass  # !ls\nelse:\n    y = 1"),
        ("y = (5\n% 3)", "y = (5\n% 3)"),
        ('s = """\n%magic\n"""', 's = """\n%magic\n"""'),
        ("x = !ls", "x = !ls"),
    ],
)
def test_magics_become_comments_and_nothing_else_does(cell: str, quiet: str) -> None:
    assert quiet_magics(cell) == quiet


def test_magic_lines_are_found_again() -> None:
    assert magic_lines(quiet_magics("%time x\nif x:\n    !ls\n# plain\ny")) == (1, 3)


def test_so_many_magics_that_reading_them_takes_long_are_left() -> None:
    quiet = quiet_magics("%a\n" * (MOST_MAGICS + 5) + "x")
    assert quiet.count("# %a") == MOST_MAGICS


def test_notebook_json_is_told_from_a_program() -> None:
    assert looks_like_notebook(f"\ufeff {json.dumps({'cells': []})}\n")
    assert not looks_like_notebook("{1: 2}")
    assert not looks_like_notebook('x = {"cells": 1}')
