"""Ways in which pages and programs mangle code, as functions from a whole program to what a reader copies."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping

ANSWER = ("tensor([[1., 2.],", "        [3., 4.]], grad_fn=<AddBackward0>)")
WIDE = str.maketrans(",():;=[]{}+*/<>%", "，（）：；＝［］｛｝＋＊／＜＞％")
BENT: Mapping[str, tuple[str, str]] = {'"': ("\u201c", "\u201d"), "'": ("\u2018", "\u2019")}


def numbered(form: str) -> Callable[[str], str]:
    """Each line behind its number, as the form has it."""

    def damage(code: str) -> str:
        lines = code.rstrip("\n").split("\n")
        width = len(str(len(lines)))
        return "\n".join(
            form.format(at=at, line=line, width=width).rstrip() for at, line in enumerate(lines, 1)
        )

    return damage


def number_block(code: str) -> str:
    lines = code.rstrip("\n").split("\n")
    return "\n".join([*map(str, range(1, len(lines) + 1)), code])


def inner_lines(code: str) -> set[int]:
    """Numbers of the lines that go on with a statement begun above them."""
    inner = set()
    for node in ast.parse(code).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        inner |= set(range(first + 1, (node.end_lineno or first) + 1))
    return inner


def session(
    begins: str, goes_on: str, answer: tuple[str, ...] = (), every: bool = False
) -> Callable[[str], str]:
    """A session at a prompt, with an answer after every statement where one is given."""

    def damage(code: str) -> str:
        lines, inner, told, count = code.rstrip("\n").split("\n"), inner_lines(code), [], 0
        for at, line in enumerate(lines, 1):
            count += every or at not in inner
            told.append((goes_on if at in inner and not every else begins.format(count)) + line)
            if answer and at + 1 not in inner:
                told.extend(each.format(count) for each in answer)
        return "\n".join(told)

    return damage


def replace_tokens(code: str, changes: Mapping[int, Callable[[str], str]]) -> str:
    lines = code.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        (row, start), (end_row, end) = token.start, token.end
        if token.type in changes and row == end_row:
            line = lines[row - 1]
            lines[row - 1] = line[:start] + changes[token.type](token.string) + line[end:]
    return "".join(lines)


def widen(code: str) -> str:
    return replace_tokens(code, {tokenize.OP: _widen})


def bend_quotes(code: str) -> str:
    return replace_tokens(code, {tokenize.STRING: _bend})


def widen_and_bend(code: str) -> str:
    return replace_tokens(code, {tokenize.OP: _widen, tokenize.STRING: _bend})


def _widen(text: str) -> str:
    return text.translate(WIDE)


def _bend(text: str) -> str:
    quote = text[-1]
    prefix, _, rest = text.partition(quote)
    inner = rest[:-1]
    if text.endswith(quote * 3) or quote in inner or any(bent in inner for bent in BENT[quote]):
        return text
    opening, closing = BENT[quote]
    return f"{prefix}{opening}{inner}{closing}"


def in_front(prefix: str) -> Callable[[str], str]:
    return lambda code: prefix + code


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda code: code.replace(old, new)


DAMAGES: Mapping[str, Callable[[str], str]] = {
    "gutter": numbered("{at} {line}"),
    "gutter on the right": numbered("{at:>{width}}  {line}"),
    "gutter on the left": numbered("{at:<{width}} {line}"),
    "gutter with colons": numbered("{at:3}: {line}"),
    "gutter with tabs": numbered("{at}\t{line}"),
    "gutter without space": numbered("{at}{line}"),
    "numbers in a block": number_block,
    "prompts": session(">>> ", "... "),
    "prompts and answers": session(">>> ", "... ", ANSWER),
    "one prompt": in_front(">>> "),
    "cells": session("In [{}]: ", "   ...: "),
    "cells and answers": session("In [{}]: ", "   ...: ", ("Out[{}]: 3.5", "")),
    "a label on every line": session("In [{}]: ", "", every=True),
    "one cell": lambda code: f"In [3]:\n{code}\nOut[3]:\n" + "\n".join(ANSWER),
    "label before the first line": in_front("In [3]: "),
    "fences": lambda code: f"```python\n{code}```\n",
    "fences among words": lambda code: f"Here's how it's done:\n\n```python\n{code}```\nThat's it.",
    "wide punctuation": widen,
    "bent quotes": bend_quotes,
    "wide punctuation and bent quotes": widen_and_bend,
    "non-breaking spaces": swap(" ", "\u00a0"),
    "non-breaking indents": swap("    ", "\u00a0" * 4),
    "ideographic spaces": swap(" ", "\u3000"),
    "zero-width spaces": swap("=", "\u200b="),
    "CRLF and tabs": lambda code: code.replace("    ", "\t").replace("\n", "\r\n"),
    "CRLF and tabs among spaces": lambda code: code.replace("        ", "\t").replace("\n", "\r\n"),
    "BOM": in_front("\ufeff"),
    "shifted": lambda code: "\n".join(f"    {line}" for line in code.split("\n")),
    "shell lines": in_front(
        "!pip install torch\n%matplotlib inline\n$ pip install numpy\npip install torch\n"
    ),
    "a printed result": lambda code: f"{code}\n" + "\n".join(ANSWER),
}
