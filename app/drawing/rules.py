"""The rules of autograd's nodes: one table, `rules.toml`, read once; each formula in it is tested against torch.

A rule says for each operand of a node what the node gives back for the gradient `g` that arrived. A node without a
rule is honest about it: what it computes is torch's own.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from app.drawing.formula import read
from app.vocabulary.values import Text

TABLE = Path(__file__).with_name("rules.toml")
Named = tuple[tuple[str, ast.expr], ...]
ForComplex = Literal["", "same", "conjugate"]

NOTES: Mapping[str, Text] = {
    "normal": Text("Φ is the normal distribution, φ its density."),
    "no zeros": Text(
        "As written it holds where no factor is 0; with zeros torch multiplies the other factors."
    ),
    "invertible": Text("As written it holds where the matrix has an inverse."),
    "adds up": Text("An element that was read more than once gets the sum."),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """`grads` has the operands in the order of `next_functions`; `each` is there instead for a list of tensors."""

    op: str
    grads: Named
    each: ast.expr | None = None
    forward: ast.expr | None = None
    lets: Named = ()
    when: tuple[tuple[str, str], ...] = ()
    defaults: Named = ()
    renamed: tuple[tuple[str, str], ...] = ()
    for_complex: ForComplex = ""
    note: Text | None = None

    def holds(self, saved: Mapping[str, str]) -> bool:
        return all(saved.get(name) == text for name, text in self.when)

    def grad_of(self, input_nr: int) -> tuple[str, ast.expr] | None:
        """The operand's name, and its gradient."""
        if self.each is not None:
            return "tensor", self.each
        return self.grads[input_nr] if 0 <= input_nr < len(self.grads) else None


@cache
def all_rules() -> Mapping[str, tuple[Rule, ...]]:
    """By node, in the order in which they are to be tried."""
    with TABLE.open("rb") as file:
        table = tomllib.load(file)
    return {op: tuple(_read(op, each) for each in _listed(entry)) for op, entry in table.items()}


def find_rule(op: str, saved: Mapping[str, str]) -> Rule | None:
    """The rule of a node that saved these plain values, as text; None where none is written down."""
    return next((rule for rule in all_rules().get(op, ()) if rule.holds(saved)), None)


def is_custom(op: str) -> bool:
    """Whether a node is of a Function written in Python: torch numbers its own."""
    return op.endswith("Backward")


def _listed(entry: Any) -> list[dict[str, Any]]:
    return entry if isinstance(entry, list) else [entry]


def _read(op: str, entry: dict[str, Any]) -> Rule:
    return Rule(
        op=op,
        grads=_read_all(entry.get("grad", {})),
        each=read(entry["each"]) if "each" in entry else None,
        forward=read(entry["forward"]) if "forward" in entry else None,
        lets=_read_all(entry.get("let", {})),
        when=tuple(entry.get("when", {}).items()),
        defaults=_read_all(entry.get("default", {})),
        renamed=tuple(entry.get("rename", {}).items()),
        for_complex=entry.get("complex", ""),
        note=NOTES[entry["note"]] if "note" in entry else None,
    )


def _read_all(entries: dict[str, str]) -> Named:
    return tuple((name, read(text)) for name, text in entries.items())
