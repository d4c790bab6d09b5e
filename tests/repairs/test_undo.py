"""Undoing a repair brings back what was pasted, and what the reader typed since stays."""

from __future__ import annotations

from app.repairs.repair import repair
from app.repairs.undo import resume
from tests.repairs.damages import DAMAGES
from tests.repairs.test_repair import PROGRAMS

PASTED = "```python\n1 x = （1）\n2 y = 2\n```"
REPAIRED = "x = (1)\ny = 2"


def test_undone_repair_brings_the_pasted_text_back() -> None:
    for name, damage in DAMAGES.items():
        for program in PROGRAMS[::5]:
            repaired = repair(damage(program))
            for each in repaired.repairs:
                undone = resume(repaired.source, repaired.original, frozenset(), each.kind)
                assert len(repaired.repairs) > 1 or undone.source == repaired.original, name
                again = resume(undone.source, undone.original, undone.kept, each.kind)
                assert again.source == repaired.source


def test_each_repair_is_undone_on_its_own() -> None:
    assert repair(PASTED).source == REPAIRED
    assert resume(REPAIRED, PASTED, frozenset(), "punctuation").source == "x = （1）\ny = 2"
    assert resume(REPAIRED, PASTED, frozenset(), "gutter").source == "1 x = (1)\n2 y = 2"


def test_what_was_typed_since_stays() -> None:
    edited = f"{REPAIRED}\nz = 3"
    assert resume(edited, PASTED).source == edited
    assert [each.kind for each in resume(edited, PASTED).repairs] == ["fences", "gutter", "punctuation"]
    undone = resume(edited, PASTED, frozenset(), "punctuation")
    assert undone.source == "x = （1）\ny = 2\nz = 3"
    assert undone.kept == {"punctuation"}
    assert resume(undone.source, undone.original, undone.kept).source == undone.source


def test_another_text_starts_anew() -> None:
    fresh = resume(">>> a = 1", PASTED, frozenset({"prompts"}))
    assert (fresh.source, fresh.kept) == ("a = 1", frozenset())


def test_text_pasted_into_a_repaired_one_is_repaired_too() -> None:
    assert resume("x = (1)\nz = （2）\ny = 2", PASTED).source == "x = (1)\nz = (2)\ny = 2"


def test_unknown_kinds_change_nothing() -> None:
    assert resume(REPAIRED, PASTED, frozenset({"nonsense"}), "nonsense").source == REPAIRED
