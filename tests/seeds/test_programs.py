"""Every seed program shows what its reader expects: values, shapes, gradients, graphs, errors, output, figures."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from app.program import parse_program
from app.vocabulary.errors import ProgramRefused
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Raised, Trace
from tests.worker.running import run

Fact = dict[str, Any]
PROGRAMS: tuple[dict[str, Any], ...] = tuple(
    json.loads((Path(__file__).parent / "programs.json").read_text(encoding="utf-8"))
)
PLAIN = "(lambda v: v.tolist() if hasattr(v, 'tolist') else v)({})"
EXPRESSIONS = {
    "value": PLAIN,
    "shape": "list(({}).shape)",
    "dtype": "str(({}).dtype)",
    "requires_grad": "({}).requires_grad",
    "grad": "None if ({0}).grad is None else ({0}).grad.tolist()",
    "grad_fn": "None if ({0}).grad_fn is None else type(({0}).grad_fn).__name__",
    "less_than": "float({})",
}
"""Facts that are the value of an expression over the program's names."""
NO_DRIVER: Fact = {"type": "RuntimeError", "match": "NVIDIA driver"}
"""What a torch built for CUDA says where there is no GPU, of programs whose facts are those of a torch for CPUs."""


@pytest.mark.parametrize("program", PROGRAMS, ids=[program["id"] for program in PROGRAMS])
def test_program_shows_what_its_reader_expects(program: dict[str, Any]) -> None:
    facts: list[Fact] = program["expect"]
    raised = next((fact for fact in facts if fact["kind"] == "raises"), None)
    if raised is not None and raised["type"] in ("SyntaxError", "IndentationError"):
        assert_refused(program["code"], raised)
        return
    if "on a CPU build" in program["section"] and torch.version.cuda:
        raised = None if torch.cuda.is_available() else NO_DRIVER
    asked = [fact for fact in facts if fact["kind"] in EXPRESSIONS]
    watch = tuple(EXPRESSIONS[fact["kind"]].format(fact["name"]) for fact in asked)
    trace = run(program["code"], watch=watch)
    assert_outcome(trace, raised)
    for fact, watched in zip(asked, trace.watched, strict=True):
        assert watched.error is None, (fact, watched.error)
        assert watched.text is not None
        assert_fact(fact, ast.literal_eval(watched.text))
    for fact in facts:
        if fact["kind"] not in EXPRESSIONS and fact["kind"] != "raises":
            CHECKS[fact["kind"]](trace, fact)


def assert_refused(source: str, fact: Fact) -> None:
    with pytest.raises(ProgramRefused) as refused:
        parse_program(source, Limits())
    (problem,) = refused.value.problems
    assert problem.code == fact["type"]
    assert re.search(fact["match"], str(problem.sentence.values["message"]))


def assert_outcome(trace: Trace, raised: Fact | None) -> None:
    if raised is None:
        assert isinstance(trace.outcome, Completed), trace.outcome
        return
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.exception == raised["type"]
    assert re.search(raised["match"], trace.outcome.message)
    assert trace.outcome.span is not None
    told = trace.outcome.explanation
    assert trace.outcome.hint is not None or (told is not None and told.fixes)


def assert_fact(fact: Fact, found: Any) -> None:
    if fact["kind"] == "less_than":
        assert found < fact["than"]
    elif "tol" in fact and not isinstance(fact["value"], str) and fact["value"] is not None:
        assert_close(found, fact["value"], fact["tol"])
    else:
        assert found == fact["value"]


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for part, other in zip(found, expected, strict=True):
            assert_close(part, other, tolerance)
    elif isinstance(expected, str):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=tolerance)


def check_stdout(trace: Trace, fact: Fact) -> None:
    text = "".join(chunk.text for chunk in trace.output if chunk.stream == "stdout")
    for part in fact["contains"]:
        assert part in text


def check_graph_ops(trace: Trace, fact: Fact) -> None:
    drawn = [{node.op for node in graph.nodes} for graph in trace.graphs]
    assert any(set(fact["contains"]) <= ops for ops in drawn), drawn


def check_shares_storage(trace: Trace, fact: Fact) -> None:
    storages = {name: record.storage for record in trace.tensors for name in (record.name, *record.aliases)}
    assert (storages[fact["name"]] == storages[fact["other"]]) is fact["value"]


def check_figure_count(trace: Trace, fact: Fact) -> None:
    assert len(trace.figures) == fact["value"]


def check_figure(trace: Trace, fact: Fact) -> None:
    figure = trace.figures[fact["index"]]
    found = {"title": figure.title, "xlabel": figure.xlabel, "lines": figure.lines, "bars": figure.bars}
    found |= {"scatter": figure.scatters, "legend": list(figure.legend)}
    asked = {key: value for key, value in fact.items() if key in found}
    assert {key: found[key] for key in asked} == asked
    assert "<svg" in figure.svg


def check_loss_points(trace: Trace, fact: Fact) -> None:
    assert fact["source"] == "backward"
    dropped = sum(cut.dropped or 0 for cut in trace.cuts if cut.limit == "backward_passes")
    assert len(trace.graphs) + dropped >= fact["min"]
    assert all(graph.backward and graph.backward.roots == (fact["name"],) for graph in trace.graphs)


CHECKS = {
    "stdout": check_stdout,
    "graph_ops": check_graph_ops,
    "shares_storage": check_shares_storage,
    "figure_count": check_figure_count,
    "figure": check_figure,
    "loss_points": check_loss_points,
}
