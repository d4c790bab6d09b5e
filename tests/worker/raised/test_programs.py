"""Every failing program of the table is explained: cause, exact text, clashing columns, the line it began at."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.advice.advise import make_edits
from app.source import SourceText
from app.vocabulary.explanation import Explanation
from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Raised
from app.vocabulary.values import Text
from app.web.languages import load_languages
from app.words import GAP
from tests.worker.running import run

PROGRAMS = tomllib.loads(Path(__file__).with_name("programs.toml").read_text("utf-8"))["program"]
LANGUAGES = load_languages("en").by_code


def explained(source: str, limits: Limits | None = None) -> tuple[Raised, Explanation]:
    outcome = run(source, limits).outcome
    assert isinstance(outcome, Raised)
    assert outcome.explanation is not None, outcome.message
    return outcome, outcome.explanation


def sentences(told: Explanation) -> list[Text]:
    said = [text for text in (told.sentence, told.remedy) if text is not None]
    if told.table is not None:
        said += [each.label for each in told.table.columns]
        said += [each.label for each in told.table.rows]
    return [*said, *(each.sentence for each in told.beginnings)]


def test_the_table_is_long() -> None:
    assert len(PROGRAMS) >= 80


@pytest.mark.parametrize(
    "program", PROGRAMS, ids=lambda each: f"{each['code']}: {each['text'].splitlines()[-1]}"
)
def test_program_is_explained(program: dict[str, Any]) -> None:
    source = program["text"].rstrip("\n")
    outcome, told = explained(source)
    assert told.code == program["code"], outcome.message
    assert outcome.span is not None
    assert SourceText.of(source).text(outcome.span) == program["span"]
    marked = None if told.table is None else [at for at, each in enumerate(told.table.columns) if each.clash]
    assert marked == program.get("clashes")
    assert [each.span.line for each in told.beginnings if each.span] == program.get("lines", [])
    assert [each.name for each in told.operands] == program["operands"]
    assert [fix.label for fix in told.fixes] == program.get("fixes", [])
    for text in sentences(told):
        for language in LANGUAGES.values():
            assert not GAP.search(language.say(text)), text
            assert text.template in language.messages


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("a, b = torch.ones(2, 3), torch.ones(4)\na + b", "broadcast"),
        ("a, b = torch.ones(2, 3), torch.ones(4, 5)\na @ b", "matmul"),
        ("a, b = torch.ones(2, 3), torch.ones(4, 5)\ntorch.cat([a, b])", "cat"),
        ("x = torch.arange(12)\nx.view(5, 2)", "reshape"),
        ("x = torch.ones(3)\nx[5]", "index"),
    ],
)
def test_a_call_nobody_recorded_is_explained_from_its_text(source: str, code: str) -> None:
    early = "for i in range(5):\n    torch.ones(1) + 1\n"
    _, told = explained(early + source, replace(Limits(), steps=2))
    assert told.code == code
    assert told.operands


def test_operands_of_a_library_call_have_the_programs_names() -> None:
    source = "net = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 1))\nnet(torch.ones(2, 3))"
    _, told = explained(source)
    assert [(each.name, each.shape) for each in told.operands][:2] == [
        ("net.0(…)", (2, 4)),
        ("net.1.weight", (1, 5)),
    ]


def test_explaining_runs_nothing_of_the_programs_own() -> None:
    source = (
        "class Odd:\n    @property\n    def x(self):\n        print('ran')\n        return torch.ones(2)\n"
        "odd = Odd()\nfor i in range(5):\n    torch.ones(1) + 1\nprint('before')\nodd.x + torch.ones(3)"
    )
    trace = run(source, replace(Limits(), steps=2))
    assert "".join(each.text for each in trace.output).count("ran") == 1


def test_explaining_is_not_recorded() -> None:
    steps = [step.op for step in run("e = nn.Embedding(3, 2)\ne(torch.tensor([7]))").steps]
    assert "torch.Tensor.min" not in steps


def test_a_name_of_any_length_is_told_in_bounds() -> None:
    name = "x" * 5_000
    _, told = explained(f"{name} = torch.ones(3)\n{name} + torch.ones(2)")
    assert told.code == "broadcast"
    assert len(told.operands[0].name) <= 200


def test_edit_that_chooses_the_device_lets_the_whole_program_run() -> None:
    source = "\n".join(
        [
            "device = torch.device('cuda:0')",
            "net = nn.Linear(2, 2).cuda().to(device)",
            "net(torch.ones(1, 2, device='cuda'))",
            "if device.type == 'cuda': raise ValueError",
        ]
    )
    (fix,) = explained(source)[1].fixes
    assert isinstance(run(make_edits(source, fix.edits)).outcome, Completed)
