"""Laws of lettering: widths in columns, cuts between graphemes, nothing that cannot be shown."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.drawing.lettering import clean, columns, graphemes, shorten, shorten_path
from app.vocabulary.values import Text
from app.words import in_english

WIDTHS = [
    ("", 0),
    ("abc", 3),
    ("é", 1),
    ("e\u0301", 1),
    ("中文", 4),
    ("x * 权重", 8),
    ("한글", 4),
    ("😀", 2),
    ("👩‍🔬", 2),
    ("👍🏽", 2),
    ("🇨🇳", 2),
    ("❤️", 2),
    ("λx→y", 4),
]

CUTS = [
    ("abcdef", 6, "abcdef"),
    ("abcdef", 5, "abcd…"),
    ("权重偏置", 8, "权重偏置"),
    ("权重偏置", 7, "权重偏…"),
    ("权重偏置", 6, "权重…"),
    ("ae\u0301o\u0301u", 3, "ae\u0301…"),
    ("ab👩‍🔬cd", 4, "ab…"),
    ("ab👩‍🔬cd", 5, "ab👩‍🔬…"),
    ("🇨🇳🇺🇸🇫🇷", 5, "🇨🇳🇺🇸…"),
]


@pytest.mark.parametrize(("text", "width"), WIDTHS)
def test_width_is_counted_in_columns(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(("text", "most", "short"), CUTS)
def test_text_is_cut_between_graphemes(text: str, most: int, short: str) -> None:
    assert shorten(text, most) == short


@given(st.text(), st.integers(1, 40))
def test_shortened_text_fits(text: str, most: int) -> None:
    assert columns(shorten(clean(text), most)) <= most


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("net.fc1.weight", "net.fc1.weight"),
        ("net.layers.0.self_attn.in_proj_weight", "….self_attn.in_proj_weight"),
        ("net.layers.0.self_attn.in_proj_bias", "….0.self_attn.in_proj_bias"),
        ("net.a_single_part_of_very_great_length", "…part_of_very_great_length"),
        ("self.out_proj(torch.relu(self.fc(x)))", "self.out_proj(torch.relu(…"),
        ("权重" * 20, "权重" * 6 + "…"),
    ],
)
def test_long_path_keeps_its_end(text: str, shown: str) -> None:
    assert shorten_path(text, 26) == shown
    assert columns(shown) <= 26


@given(st.text())
def test_graphemes_join_to_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text


@given(st.text())
def test_clean_text_is_one_line_any_xml_parser_takes(text: str) -> None:
    cleaned = clean(text)
    assert ElementTree.fromstring(f"<a>{escape(cleaned)}</a>").text in (cleaned, None)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in cleaned)


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("f(\n    x,\n)", "f( x, )"),
        ("a\x00b", "a\ufffdb"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("evil\u202etxt", "eviltxt"),
        ("a\ud800b", "a\ufffdb"),
        ("\ufeffx", "x"),
    ],
)
def test_what_cannot_be_shown_is_replaced_or_removed(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_gaps_are_filled_once_and_never_formatted() -> None:
    text = Text("{a} and {b}", {"a": "{b}", "b": "{a.__class__}"})
    assert in_english(text) == "{b} and {a.__class__}"
