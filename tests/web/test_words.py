"""Both catalogues hold every message, translated, with the gaps of the original; and no other words."""

from __future__ import annotations

import pytest
from babel.messages.pofile import read_po

from app.drawing.graph import GraphView, draw_graph
from app.drawing.lettering import columns
from app.vocabulary.values import Text
from app.web.catalogues import extract_messages, gaps
from app.web.examples import load_examples
from app.web.languages import TAGS, catalogue_path, load_languages
from tests.drawing.graphs import loop_graph


@pytest.mark.parametrize("code", TAGS)
def test_catalogue_is_complete(code: str) -> None:
    with catalogue_path(code).open("rb") as file:
        catalogue = read_po(file, locale=code)
    entries = {str(each.id): each for each in catalogue if each.id}
    messages = extract_messages()
    assert len(messages) > 100
    assert sorted(set(messages) - set(entries)) == [], "run `python -m app.web.catalogues`, then translate"
    assert sorted(set(entries) - set(messages)) == [], "run `python -m app.web.catalogues`"
    assert [message for message, each in entries.items() if not each.string or each.fuzzy] == []
    assert [message for message, each in entries.items() if gaps(message) != gaps(str(each.string))] == []


DRAWN = {f"app/drawing/{name}.py" for name in ("faces", "group_names", "module_tree", "static_graph")}


@pytest.mark.parametrize("code", TAGS)
def test_drawn_words_fit_the_boxes_that_english_ones_make(code: str) -> None:
    """A box is as wide as its English lines, with room for one column more."""
    with catalogue_path(code).open("rb") as file:
        said = [each for each in read_po(file) if DRAWN & {place for place, _ in each.locations}]
    wide = [each.id for each in said if columns(str(each.string)) > columns(str(each.id)) + 1]
    assert len(said) > 20
    assert wide == []


def test_english_says_what_the_code_says() -> None:
    english = load_languages("en").by_code["en"]
    assert [message for message, said in english.messages.items() if message != said] == []


def test_examples_have_a_title_in_every_language() -> None:
    assert [example.slug for example in load_examples() if set(example.titles) != set(TAGS)] == []


def test_groups_are_named_in_the_sentences_language() -> None:
    """In a box, on a line, and step by step."""
    chinese = load_languages("en").by_code["zh"]
    drawing = draw_graph(loop_graph(1_000, lines=(12,)), GraphView(10))
    said = [chinese.say(box.face.sentence) for box in drawing.boxes if box.group]
    said += [chinese.say(edge.sentence) for edge in drawing.edges]
    said += [chinese.say(stage.sentence) for stage in drawing.stages.stages]
    assert [sentence for sentence in said if "line 12" in sentence or "calls " in sentence] == []
    assert any("第 12 行" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,zh;q=0.5,en;q=0.4", "zh"),
        ("de", "en"),
        ("*", "en"),
        ("zh;q=0", "en"),
        ("zh;q=banana, en;q=0.1", "en"),
        ("z" * 100_000, "en"),
    ],
)
def test_accept_language(header: str, code: str) -> None:
    assert load_languages("en").accepted(header).code == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (Text("{a} and {b}", {"a": 1, "b": 2.5}), "1 and 2.5"),
        (Text("{missing}", {}), "{missing}"),
        (
            Text("{a.__class__} {a[0]} {a:>1000000000} {}", {"a": 1}),
            "{a.__class__} {a[0]} {a:>1000000000} {}",
        ),
        (Text("{a}", {"a": "{b}", "b": "no"}), "{b}"),
        (Text("{message} {self}", {"message": "m", "self": "s"}), "m s"),
        (Text("", {}), ""),
    ],
)
def test_hostile_templates_are_only_text(text: Text, said: str) -> None:
    assert load_languages("en").default.say(text) == said


def test_python_says_its_syntax_errors_in_the_readers_language() -> None:
    chinese = load_languages("zh").default
    text = Text(
        "Line {line}, column {column}: {message}.",
        {"line": 1, "column": 2, "message": "'(' was never closed"},
    )
    assert chinese.say(text) == "第 1 行第 2 列：'(' 没有闭合。"
