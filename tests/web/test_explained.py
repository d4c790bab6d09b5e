"""An explained exception on the page, in the API and in a terminal: the same facts, in the reader's language."""

from __future__ import annotations

import pytest

from app.advice.advise import fixed, key_of_edit
from app.source import SourceText
from app.terminal import describe_explanation
from app.vocabulary.editing import Edit, Fix
from app.vocabulary.explanation import AlignedColumn, AlignedRow, Alignment, Beginning, Explanation, Involved
from app.vocabulary.trace import Raised
from app.vocabulary.values import Span, Text
from app.web.answers import _outcome
from app.web.languages import load_languages
from app.web.panels import show_outcome

SOURCE = SourceText.of("a = torch.ones(2, 3)\nb = torch.ones(4)\nc = a + b\n")
TABLE = Alignment(
    (
        AlignedColumn(Text("dim {index}", {"index": -2}), False),
        AlignedColumn(Text("dim {index}", {"index": -1}), True),
    ),
    (AlignedRow(Text("{name}", {"name": "a"}), (2, 3)), AlignedRow(Text("{name}", {"name": "b"}), (None, 4))),
)
TOLD = Explanation(
    "broadcast",
    Text("The shapes do not broadcast: counted from the last dimension, sizes must be equal or 1."),
    Text("Only floating point and complex tensors can have gradients."),
    (Involved("a", (2, 3), "float32", "cpu", False), Involved("b", (4,), "float64", "cpu", True, ("dtype",))),
    TABLE,
    (
        Beginning(
            Text("`{call}` (line {line}) wrote into `{name}`.", {"call": "f()", "line": 2, "name": "b"}),
            Span(2, 4, 2, 17),
        ),
    ),
)
RAISED = Raised("TypeError", "division by zero", Span(3, 4, 3, 9), (), None, TOLD, Text("division by zero"))
ENGLISH, CHINESE = (load_languages("en").by_code[code] for code in ("en", "zh"))


def test_the_page_marks_the_column_and_its_cells() -> None:
    (notice,) = show_outcome(RAISED, SOURCE, ENGLISH)
    assert notice.explained is not None
    table = notice.explained.table
    assert table is not None
    assert [column.clash for column in table.columns] == [False, True]
    assert [[(cell.text, cell.clash) for cell in row.cells] for row in table.rows] == [
        [("2", False), ("3", True)],
        [("", False), ("4", True)],
    ]
    assert [row.label for row in table.rows] == ["a", "b"]
    (began,) = notice.explained.beginnings
    assert began.place is not None
    assert (began.place.line, began.place.marked) == (2, "torch.ones(4)")


def test_the_message_is_said_again_only_where_it_differs() -> None:
    assert [show_outcome(RAISED, SOURCE, each)[0].restated for each in (ENGLISH, CHINESE)] == [None, "除以零"]
    assert show_outcome(RAISED, SOURCE, CHINESE)[0].message == "division by zero"


def test_the_api_says_every_sentence() -> None:
    answer = _outcome(RAISED, CHINESE)
    assert isinstance(answer, Raised)
    assert answer.restated == "除以零"
    assert answer.explanation is not None
    table = answer.explanation.table
    assert table is not None
    assert [column.label for column in table.columns] == ["维度 -2", "维度 -1"]
    assert [row.sizes for row in table.rows] == [(2, 3), (None, 4)]
    assert answer.explanation.beginnings[0].sentence == "`f()`（第 2 行）改写了 `b`。"


def test_the_terminal_shows_the_table_with_marks() -> None:
    lines = list(describe_explanation(TOLD))
    assert lines[1:5] == [
        "     dim -2  dim -1",
        "  a       2       3",
        "  b               4",
        "                  !",
    ]
    assert lines[5] == "began: `f()` (line 2) wrote into `b`."
    assert lines[-1] == "  b  float64 (4,)  cpu"


def test_the_page_offers_the_edit_that_a_child_told() -> None:
    text = "x = torch.tensr([1])"
    fix = Fix("tensor", (Edit(Span(1, 10, 1, 15), "tensor"),))
    raised = Raised("AttributeError", "", Span(1, 4, 1, 15), (), None, Explanation("misspelt", fixes=(fix,)))
    (notice,) = show_outcome(raised, SourceText.of(text), ENGLISH)
    assert notice.explained is not None
    (offer,) = notice.explained.fixes
    assert offer.label == "tensor"
    assert fixed(text, offer.key) == "x = torch.tensor([1])"


def test_a_line_can_be_put_in() -> None:
    text = "def f():\n    return 1"
    key = key_of_edit(text, Edit(Span(2, 4, 2, 4), "g()\n    "))
    assert fixed(text, key.replace("\n", "\r\n")) == "def f():\n    g()\n    return 1"
    assert fixed(text + " + 1", key) == text + " + 1"


@pytest.mark.parametrize("text", ["x = torch.tensor([1])", "", "x = torch.ones(1)"])
def test_an_edit_of_an_earlier_text_is_not_made(text: str) -> None:
    key = key_of_edit("x = torch.tensr([1])", Edit(Span(1, 10, 1, 15), "tensor"))
    assert fixed(text, key) == text
    assert fixed(text, "edit:1:2") == text
