"""Lines that are what a program printed, not what it says: told by forms that no program has, never by likelihood."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Sequence

from app.repairs.reading import open_lines, parse
from app.vocabulary.spelling import nearest

NUMBER = r"(?:[-+]?(?:\d[\d.]*|\.\d+)(?:e[-+]?\d+)?j?|-?nan|-?inf|True|False)"
VALUE = rf"(?:torch\.Size\(\[[\d,\ ]*+\]\)|torch\.\w++|{NUMBER}(?!\w))"
PRINTED = re.compile(
    rf"""
    [\[(]* (?:tensor|array) \( (?: [^<>]*+ < \w++ > )+ [^<>]*+      # tensor(1., grad_fn=<AddBackward0>)
    | [\[(]* (?:Parameter|Variable)\ containing: .*
    | \[? < (?= [^<>]*? (?:object|function|module|class|method|Backward|generator|at\ 0x|Figure|Axes|keys\ matched))
      [^<>]*+ > \]?                                                # <object at 0x7f>
    | [\[\s]* {NUMBER} (?: [\[\]\s]+ {NUMBER} )+ [\]\s]*           # [[1. 2. 3.]], 99 0.25
    | \[torch\.\w*Tensor\ of\ size\ [^\]]*\]
    | {VALUE} (?: \s+ {VALUE} )+                                    # torch.Size([3, 2]) torch.Size([3])
    | \d [\d.,/%:\s-]*+                                            # 0/ 2000: 3.2870
    | [A-Z]\w*\( \n (?: [ \t]* \(\w+\):\ [^\n]*\n | [ \t]*\)\n )* [ \t]*\)  # Sequential( (0): Linear(...) )
    | \[? (?i:epoch|step|iter|iteration|loss)\b (?=[^\n]*?\d) [^=()'"]*+    # Epoch 3/10, loss: 0.52
    | \[? (?i:epoch|step|iter|iteration) (?: :\s* | \s+:?\s* | \s*\#\s* ) \d [^\n]*+   # Epoch: 3 cost = 0.52
    | (?i:out|outputs?|results?|输出|输出结果|运行结果|结果) (?: \ \([^()\n]*+\) )? \s* :  # what is printed follows
    | [-=_*~+|─━│┼\s]++                                             # a line drawn across
    | [-dl] (?: [-r][-w][-x] ){{3}} \S?\ +\d [^\n]*+ | total\ \d+             # what ls lists
    | (?:Requirement\ already|Collecting|Installing\ collected|Successfully|Looking\ in\ indexes)\ [^\n]*+  # pip
    | \d+%\s*\|.*                                                 # a progress bar
    """,
    re.VERBOSE | re.DOTALL,
)
MAKERS = ("tensor", "array", "Parameter", "Text")
"""Calls a repr is written as, though no program here has these names unless it binds them."""
TORCH_REPRS = re.compile(r"torch\.(?:Size\(.*\)|u?int\d+|b?float\d+|bool|complex\d+)", re.DOTALL)
SAYS = re.compile(
    r"""\bprint[ \t]*\(?[ \t]*[rfuRFU]{0,2}(?:\"{3}|'{3}|["'])(?:\\[nt])*(?P<head>[^"'{%\\\n]{3,60})"""
)
"""The words a text prints before the first value it fills in."""
CODE = re.compile(rf"\s*(?:(?:{'|'.join(keyword.kwlist)})\b|[\w.]+\s*[=(\[.]|[@#])")
CELL = re.compile(r"[-#\w.%:/|]+(?: [-#\w.%:/|]+)*")
"""What stands in one column of a printed table."""
LABELLED = re.compile(r"(?P<words>[^\W\d_]\w*(?: [^\W\d_][\w'-]*)+) ?: ?\S.*")
OWN = frozenset({*keyword.kwlist, "print"})
"""Words that begin a program's lines."""
TRACEBACK = re.compile(r"\s*(?:\w+\s+)?Traceback \(most recent call last\)")
RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning)(?::.*)?")
CLAUSE = re.compile(r"(?:else|elif|except|finally)\b[^\n]*:$")


def comment(line: str) -> str:
    return f"# {line}".rstrip()


def comment_results(lines: Sequence[str], known: frozenset[str]) -> list[str | None]:
    """Printed results that stand between a program's lines, and what Python says of one that failed."""
    heads = [
        found["head"].strip() for found in SAYS.finditer("\n".join(lines)) if not CODE.match(found["head"])
    ]
    changed: list[str | None] = comment_tracebacks(lines)
    for first, last in statements([line or "" for line in changed]):
        chunk = lines[first : last + 1]
        text = "\n".join(chunk)
        if changed[first] == lines[first] and (is_printed(text, known) or is_said(text, heads)):
            changed[first : last + 1] = map(comment, chunk)
    return changed


def comment_tracebacks(lines: Sequence[str]) -> list[str | None]:
    """From `Traceback (most recent call last)` to the exception, whose message may go on, indented."""
    told: list[str | None] = list(lines)
    inside = open_lines(lines)
    ends = [at for at, line in enumerate(lines) if RAISED.fullmatch(line)]
    after = 0
    for at, line in enumerate(lines):
        end = next((each for each in ends if each > at), -1) if TRACEBACK.match(line) else -1
        if end < 0 or at < after or inside[at]:
            continue
        after = end + 1
        while after < len(lines) and lines[after][:1] in ("\t", " ") and lines[after].strip():
            after += 1
        told[at:after] = [comment(each) for each in lines[at:after]]
    return told


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
            text = chunk.strip()
            return PRINTED.fullmatch(text) is not None or is_row(text) or is_labelled(text)
        case ast.Module(body=[ast.Expr(value=value) | ast.AnnAssign(value=None, annotation=value)]):
            return _is_repr(value, known)
    return False


def is_row(line: str) -> bool:
    """A table's row: three columns or more, far apart, of plain words and numbers."""
    cells = re.split(r"\s{2,}|\t", line)
    return len(cells) > 2 and not CODE.match(line) and all(map(CELL.fullmatch, cells))


def is_labelled(line: str) -> bool:
    """`Self CPU time total: 57.5ms`: words side by side, none of them Python's or a misspelling of one, and a colon."""
    found = LABELLED.fullmatch(line)
    words = found["words"].split() if found else []
    return bool(words) and OWN.isdisjoint(words) and (len(words) > 2 or not nearest(words[0], OWN))


def is_said(chunk: str, heads: Sequence[str]) -> bool:
    """Whether what is no Python begins with words that the program prints."""
    text = chunk.strip()
    for head in heads:
        if text.startswith(head) and not CODE.match(text) and parse(text) is None:
            rest = text[len(head) :].lstrip(" :")
            if not re.fullmatch(r"\w+", head) or rest[:1].isdigit() or rest.startswith(("-", "tensor")):
                return True
    return False


def _is_repr(value: ast.expr, known: frozenset[str]) -> bool:
    """A call no program here makes, or several of them side by side."""
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return name in MAKERS and name not in known and _literal_arguments(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            others = [each for each in elements if not isinstance(each, ast.Constant)]
            return bool(others) and all(_is_repr(each, known) for each in others)
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
