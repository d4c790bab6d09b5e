"""Code of PyTorch's first years, and of Python 2: what replaced it, and the edit that says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from app.advice.names import Names
from app.vocabulary.editing import Advice, Edit, Fix
from app.vocabulary.values import Span, Text

VARIABLE = Text("Line {line}: `Variable` is no longer needed: since PyTorch 0.4 a tensor is one itself.")
VOLATILE = Text(
    "Line {line}: `volatile` has no effect since PyTorch 0.4. Compute inside `with torch.no_grad():`."
)
DATA_0 = Text(
    "Line {line}: a loss is a 0-dimensional tensor since PyTorch 0.4. `{text}` replaces `.data[0]`."
)
RANGE = Text("Line {line}: `torch.range` includes its end and is deprecated. `{text}` says the same.")
REDUCTION = Text("Line {line}: `size_average` and `reduce` are deprecated. `{text}` says the same.")
FUNCTION = Text(
    "Line {line}: a Function's forward and backward are static methods now, called through `{name}.apply`; "
    "what was `self` is the context that saves tensors."
)
IN_PLACE = Text(
    "Line {line}: `{name}` is deprecated. What it did is called `{name}_` now, for it changes its tensor."
)
STEPS = Text("Line {line}: `linspace` once made 100 points unless told otherwise. Now it wants `steps`.")
PRINT_2 = Text("Line {line}: in Python 3 `print` is a function: what it prints stands in parentheses.")
LOSSES = re.compile(r"torch\.nn\.(?:functional\.)?\w*(?:[lL]oss|entropy|kl_div)\w*")
RENAMED = re.compile(
    r"torch\.nn\.init\.(?:uniform|normal|constant|eye|dirac|orthogonal|sparse|(?:xavier|kaiming)_(?:uniform|normal))"
    r"|torch\.nn\.utils\.clip_grad_norm"
)
PRINTS = re.compile(r"(\s*(?:[^#'\"\n]*:\s+)?)print[ \t]+(?![=(.,])([^\n#]+?)(,?)[ \t]*$")


def find_old(names: Names) -> Iterator[Advice]:
    for call, meaning in names.calls():
        if meaning == "torch.autograd.Variable":
            yield from _variable(names, call)
        elif meaning == "torch.range":
            yield from _range(names, call)
        elif meaning == "torch.linspace":
            yield from _linspace(names, call)
        elif LOSSES.fullmatch(meaning):
            yield from _reduction(names, call)
        elif RENAMED.fullmatch(meaning) and isinstance(call.func, ast.Attribute):
            text = f"{names.text(call.func)}_"
            yield _offer(names, "renamed", IN_PLACE, call.func, text, name=call.func.attr)
    for node in names.nodes:
        match node:
            case ast.Subscript(value=ast.Attribute(value=value, attr="data"), slice=ast.Constant(value=0)):
                yield _offer(names, "data_0", DATA_0, node, f"{names.text(value)}.item()", when_raised=True)
            case ast.ClassDef():
                yield from _function(names, node)


def _offer(
    names: Names,
    code: str,
    sentence: Text,
    node: ast.expr | ast.stmt,
    text: str,
    when_raised: bool = False,
    **more: str,
) -> Advice:
    values: dict[str, str | int | float] = {"line": node.lineno, "text": text[:200], **more}
    fix = Fix(text, (Edit(names.span(node), text),))
    return Advice(code, Text(sentence.template, values), names.span(node), fix, when_raised)


def _variable(names: Names, call: ast.Call) -> Iterator[Advice]:
    given = {each.arg: each.value for each in call.keywords}
    if len(call.args) != 1 or given.keys() - {"requires_grad", "volatile"}:
        return
    argument = call.args[0]
    simple = isinstance(argument, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    text = names.text(argument)
    asked = given.get("requires_grad")
    if isinstance(asked, ast.Constant) and asked.value:
        text = f"{text if simple else f'({text})'}.requires_grad_()"
    elif not simple:
        text = f"({text})"
    yield _offer(names, "variable", VOLATILE if "volatile" in given else VARIABLE, call, text)


def _range(names: Names, call: ast.Call) -> Iterator[Advice]:
    """What an end that is included comes to depends on the step; only whole numbers are sure."""
    match call.args:
        case [ast.Constant(value=int(start)), ast.Constant(value=int(end))] if not call.keywords:
            text = f"{names.text(call.func).removesuffix('range')}arange({start}.0, {end + 1})"
            yield _offer(names, "range", RANGE, call, text)
        case _:
            sentence = Text(
                "Line {line}: `torch.range` includes its end and is deprecated; `torch.arange` does not."
            )
            yield Advice("range", Text(sentence.template, {"line": call.lineno}), names.span(call))


def _linspace(names: Names, call: ast.Call) -> Iterator[Advice]:
    if len(call.args) < 3 and not any(each.arg in ("steps", None) for each in call.keywords) and call.args:
        span = names.span(call)
        last = names.span(call.args[-1])
        edit = Edit(Span(last.end_line, last.end_column, last.end_line, last.end_column), ", steps=100")
        sentence = Text(STEPS.template, {"line": call.lineno})
        yield Advice("steps", sentence, span, Fix("steps=100", (edit,)), when_raised=True)


def _reduction(names: Names, call: ast.Call) -> Iterator[Advice]:
    old = [each for each in call.keywords if each.arg in ("size_average", "reduce")]
    if (
        len(old) != 1
        or not isinstance(old[0].value, ast.Constant)
        or not isinstance(old[0].value.value, bool)
    ):
        return
    wanted = old[0].value.value
    kind = "mean" if wanted else "sum" if old[0].arg == "size_average" else "none"
    text = f"reduction='{kind}'"
    place = old[0]
    span = names.source.span(
        place.lineno, place.col_offset, place.end_lineno or place.lineno, place.end_col_offset or 0
    )
    sentence = Text(REDUCTION.template, {"line": place.lineno, "text": text})
    yield Advice("reduction", sentence, span, Fix(text, (Edit(span, text),)))


def _function(names: Names, node: ast.ClassDef) -> Iterator[Advice]:
    """Methods become static; `f = Relu()` and `Relu()(x)` become `Relu.apply`, which takes what they were given."""
    if not any(
        names.meaning(base) in ("torch.autograd.Function", "torch.autograd.function.Function")
        for base in node.bases
    ):
        return
    methods = [
        each
        for each in node.body
        if isinstance(each, ast.FunctionDef)
        and each.name in ("forward", "backward")
        and not each.decorator_list
    ]
    if not methods:
        return
    edits = []
    for method in methods:
        span = names.span(method)
        start = Span(span.line, span.column, span.line, span.column)
        edits.append(Edit(start, "@staticmethod\n" + " " * span.column))
    for call in names.nodes:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == node.name:
            if call.args or call.keywords:
                edits = []
                break
            edits.append(Edit(names.span(call), f"{node.name}.apply"))
    sentence = Text(FUNCTION.template, {"line": methods[0].lineno, "name": node.name})
    head = names.source.text(Span(methods[0].lineno, 0, methods[0].lineno, 10_000)).strip()
    yield Advice(
        "function",
        sentence,
        Span(node.lineno, 0, methods[0].lineno, len(head)),
        Fix(f"{node.name}.apply", tuple(edits)) if edits else None,
    )


def find_prints(text: str) -> Iterator[Advice]:
    """Statements of Python 2, in a text that is no Python 3: all of them are one edit."""
    edits = []
    for number, line in enumerate(text.split("\n"), 1):
        if found := PRINTS.fullmatch(line):
            ending = ", end=' '" if found[3] else ""
            edits.append(Edit(Span(number, 0, number, len(line)), f"{found[1]}print({found[2]}{ending})"))
    if edits:
        first = edits[0]
        sentence = Text(PRINT_2.template, {"line": first.span.line})
        yield Advice("print", sentence, first.span, Fix(first.text.strip(), tuple(edits)))
