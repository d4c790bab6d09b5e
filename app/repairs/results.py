"""Lines that are what a program printed, not what it says: told by forms that no program has, never by likelihood."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from app.repairs.reading import open_lines, parse

NUMBER = r"(?:[-+]?(?:\d[\d.]*|\.\d+)(?:e[-+]?\d+)?j?|-?nan|-?inf|True|False)"
PRINTED = re.compile(
    rf"""
    (?:tensor|array) \( [^<>]* < \w+ > [^<>]*                      # tensor(1., grad_fn=<AddBackward0>)
    | (?:Parameter|Variable)\ containing: .*
    | < (?= [^<>]*? (?:object|function|module|class|method|Backward|generator)) [^<>]*+ >  # <object at 0x7f>
    | [\[\s]* {NUMBER} (?: [\[\]\s]+ {NUMBER} )+ [\]\s]*           # [[1. 2. 3.]], 99 0.25
    | \[torch\.\w*Tensor\ of\ size\ [^\]]*\]
    | [A-Z]\w*\( \n (?: [ \t]* \(\w+\):\ [^\n]*\n | [ \t]*\)\n )* [ \t]*\)  # Sequential( (0): Linear(...) )
    | \[? (?i:epoch|step|iter|iteration|loss)\b (?=[^\n]*?\d) [^=()'"]*+    # Epoch 3/10, loss: 0.52
    | \d+%\s*\|.*                                                 # a progress bar
    """,
    re.VERBOSE | re.DOTALL,
)
MAKERS = ("tensor", "array", "Parameter")
"""Calls a repr is written as, though no program here has these names unless it binds them."""
TORCH_REPRS = re.compile(r"torch\.(?:Size\(.*\)|u?int\d+|b?float\d+|bool|complex\d+)", re.DOTALL)
CLAUSE = re.compile(r"(?:else|elif|except|finally)\b[^\n]*:$")


def comment(line: str) -> str:
    return f"# {line}".rstrip()


def comment_results(lines: Sequence[str], known: frozenset[str]) -> list[str | None]:
    """Printed results that stand between a program's lines."""
    changed: list[str | None] = list(lines)
    for first, last in statements(lines):
        chunk = lines[first : last + 1]
        if is_printed("\n".join(chunk), known):
            changed[first : last + 1] = map(comment, chunk)
    return changed


def statements(lines: Sequence[str]) -> list[tuple[int, int]]:
    """First and last line of what belongs together by its brackets and quotes, blank lines left out."""
    inside = open_lines(lines)
    starts = [number for number, line in enumerate(lines) if line.strip() and not inside[number]]
    found = []
    for start, following in zip(starts, [*starts[1:], len(lines)], strict=False):
        last = following - 1
        while last > start and not lines[last].strip():
            last -= 1
        found.append((start, last))
    return found


def is_printed(chunk: str, known: frozenset[str]) -> bool:
    """Whether no program says this: a repr of something, or a form that is no Python at all."""
    match parse(chunk.strip()):
        case None:
            return PRINTED.fullmatch(chunk.strip()) is not None
        case ast.Module(body=[ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call)]):
            return name in MAKERS and name not in known and _literal_arguments(call)
    return False


def _literal_arguments(call: ast.Call) -> bool:
    """Nothing is computed in a repr; its names are `inf`, `nan` and dtypes."""
    return not any(
        isinstance(node, ast.Call | ast.BinOp | ast.Subscript)
        for each in call.args
        for node in ast.walk(each)
    )


def is_answer(chunk: str, known: frozenset[str]) -> bool:
    """Whether a chunk after a prompt's line, itself without one, was printed rather than said."""
    text = chunk.strip()
    tree = parse(f"{text}\n    pass" if text.endswith(":") else text)
    if CLAUSE.match(text) or text.startswith("@"):
        return False
    if tree is None or is_printed(text, known) or TORCH_REPRS.fullmatch(text):
        return True
    match tree.body:
        case [ast.Expr(value=value)]:
            names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
            return not any(name in known or name == "torch" for name in names)
        case [ast.AnnAssign(value=None)]:
            return True
    return False
