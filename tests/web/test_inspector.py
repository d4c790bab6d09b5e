"""Laws of the inspector's data: every word in the reader's language, every box with its story, all of it plain JSON."""

from __future__ import annotations

import json

import pytest

from app.drawing.graph import GraphView, draw_graph
from app.drawing.study import Study
from app.program import parse_program
from app.vocabulary.limits import Limits
from app.vocabulary.trace import RunRequest
from app.web.inspector import show_seconds, write_inspector
from app.web.languages import load_languages
from app.web.standing import own_nodes
from tests.fakes import line_trace

SOURCE = "y = x*w + b"


def told(language: str) -> dict[str, object]:
    trace = line_trace(parse_program(SOURCE, Limits()), RunRequest())
    (graph,) = trace.graphs
    drawing = draw_graph(graph, GraphView(300))
    said = load_languages("en").by_code[language]
    data = write_inspector(Study(graph), own_nodes(drawing), said)
    again: dict[str, object] = json.loads(json.dumps(data))
    return again


def test_every_box_has_its_story() -> None:
    nodes = told("en")["nodes"]
    assert isinstance(nodes, dict)
    assert set(nodes) == {"n0", "n1", "n2", "n3", "n4"}
    product = nodes["n1"]
    assert product["call"] == "x*w"
    assert product["line"] == "line 1"
    assert product["saved"] == [["other", "None"], ["self", "() float32 = 1 · 4 B"]]
    assert nodes["n4"]["words"] == ["It takes part but does not require grad: no gradient flows into it."]


def test_words_are_the_reader_s() -> None:
    english, chinese = told("en")["words"], told("zh")["words"]
    assert isinstance(english, dict)
    assert isinstance(chinese, dict)
    codes = {"no_grad"}
    assert [name for name in english if name not in codes and english[name] == chinese[name]] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.2e-6, "3.2 µs"),
        (2.1e-4, "210 µs"),
        (0.0042, "4.2 ms"),
        (0.5, "500 ms"),
        (12.34, "12 s"),
        (0.0, "0.0 µs"),
    ],
)
def test_time_is_told_to_two_digits(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text
