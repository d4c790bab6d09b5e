"""A piece of advice at its place: the line it is about, and the name, are always among what its sentence is told."""

from __future__ import annotations

import ast

from app.advice.names import Names
from app.vocabulary.editing import Advice
from app.vocabulary.values import Text


def say(names: Names, code: str, sentence: Text, node: ast.expr | ast.stmt, name: str, **more: str) -> Advice:
    values: dict[str, str | int | float] = {"line": node.lineno, "name": name, **more}
    return Advice(code, Text(sentence.template, values), names.span(node))
