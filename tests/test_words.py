"""Sentences filled by plain replacement: bounded whatever they are made of, and harmless to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vocabulary.values import Text
from app.words import LONGEST, UNSEEN, fill_gaps, for_terminal, in_english


@pytest.mark.parametrize(
    ("template", "values", "said"),
    [
        ("{a} and {b}", {"a": 1, "b": 2.5}, "1 and 2.5"),
        ("{missing} {}", {}, "{missing} {}"),
        ("{a.__class__} {a[0]} {a:>1000000000}", {"a": 1}, "{a.__class__} {a[0]} {a:>1000000000}"),
        ("{a}", {"a": "{b}", "b": "no"}, "{b}"),
        ("{{{a}", {"a": 1}, "{{1"),
        ("{a}", {"a": True}, "True"),
        ("", {}, ""),
    ],
)
def test_gaps_are_replaced_and_nothing_else(
    template: str, values: dict[str, str | int | float], said: str
) -> None:
    assert fill_gaps(template, values) == said


@pytest.mark.parametrize(
    "text",
    [
        Text("a" * 1_000_000),
        Text("{a}" * 1_000, {"a": "x" * 1_000_000}),
        Text("{a}", {"a": "x" * 1_000_000}),
        Text("{a" * 1_000_000, {"a": "x"}),
    ],
)
def test_sentences_have_a_longest_length(text: Text) -> None:
    said = in_english(text)
    assert len(said) == LONGEST
    assert said.endswith("…")


def test_numbers_python_refuses_to_write_are_said_all_the_same() -> None:
    assert in_english(Text("{a}", {"a": 10**5_000})).startswith("0x")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ttwo\nthree", "one\ttwo\nthree"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]52;c;aGk=\x1b\\text", "text"),
        ("\x1bc\x9b2J\x08\x00\x7f", "c2J"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\u202eb\u2066c\ud800d", "abcd"),
        ("张量 😀 é", "张量 😀 é"),
    ],
)
def test_terminal_shows_text_and_obeys_none(text: str, shown: str) -> None:
    assert for_terminal(text) == shown


@given(st.text(alphabet="\x1b[]0;m\x07\\\x9b\r\na\u202e") | st.text())
def test_nothing_a_terminal_obeys_comes_through(text: str) -> None:
    assert not UNSEEN.search(for_terminal(text))
