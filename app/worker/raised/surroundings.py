"""What a program expects around itself and does not find: a file, a folder, a command line, a GPU."""

from __future__ import annotations

import ast
import errno
import posixpath
import re
from collections.abc import Iterator

from app.vocabulary.editing import Edit, Fix
from app.vocabulary.values import Span, Text
from app.worker.raised.misspelt import one_edit
from app.worker.raised.scene import Scene
from app.worker.raised.told import Rule, Told

NAME_CHARS = 120
WRITING = frozenset("wax")


def tell_no_file(scene: Scene, match: re.Match[str]) -> Told | None:
    """The folder a file should be written into is missing; or the program begins with no file of that name."""
    error = scene.error
    if not isinstance(error, OSError) or error.errno not in (errno.ENOENT, None):
        return None
    path = str(error.filename or match["said"] or match["read"] or "")
    if not path:
        return None
    folder = posixpath.dirname(path)
    if folder and WRITING & set(str(scene.local("mode") or "")):
        words: dict[str, str | int | float] = {"folder": folder[:NAME_CHARS]}
        sentence = Text("The folder `{folder}` is not there, so no file can be written into it.", words)
        made = f"os.makedirs({folder!r}, exist_ok=True)"
        fix = Fix(made, (Edit(first_place(scene), f"import os\n{made}\n"),))
        return Told("no_folder", sentence, fixes=(fix,))
    sentence = Text(
        "`{file}` is not here: a run begins with an empty folder, and files of your computer are not seen.",
        {"file": path[:NAME_CHARS]},
    )
    remedy = Text(
        "Write it at the top of the program, `open('name.txt', 'w').write('…')`, or make data of that shape "
        "with `torch.randn`."
    )
    return Told("no_file", sentence, None, remedy)


def first_place(scene: Scene) -> Span:
    """Before the program's first statement that is neither its docstring nor `from __future__`."""
    for each in scene.program.body:
        match each:
            case ast.Expr(value=ast.Constant(value=str())) | ast.ImportFrom(module="__future__"):
                continue
        return Span(each.lineno, 0, each.lineno, 0)
    return Span(1, 0, 1, 0)


def tell_command_line(scene: Scene, match: re.Match[str]) -> Told | None:
    """argparse printed what it misses, and ended the program."""
    if not isinstance(scene.error, SystemExit) or not parses(scene):
        return None
    sentence = Text("The program reads options from a command line; it was started without any.")
    remedy = Text("Give what it asks for in the call itself: `parse_args(['--name', 'value'])`.")
    return Told("command_line", sentence, None, remedy)


def parses(scene: Scene) -> bool:
    return any(
        isinstance(node.func, ast.Attribute) and node.func.attr.startswith("parse_")
        for node in scene.nodes(ast.Call, around=True)
    )


def tell_numeric(scene: Scene, match: re.Match[str]) -> Told | None:
    """Since pandas 2 a table's `mean` no longer passes columns of texts over."""
    sentence = Text("Some columns hold texts: pandas no longer leaves them out by itself.")
    for call in scene.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in NUMERIC and not call.keywords:
            text = scene.source.text(scene.source.span_of(call))
            if text.endswith("()"):
                fix = one_edit(scene.source.span_of(call), f"{text[:-1]}numeric_only=True)")
                return Told("texts_in_table", sentence, fixes=(fix,))
    return Told("texts_in_table", sentence, None, Text("`numeric_only=True` leaves them out."))


def tell_no_gpu(scene: Scene, match: re.Match[str]) -> Told:
    """One edit for the whole program: every place that insists on a GPU takes one where there is one."""
    sentence = Text("There is no GPU here. A device that is chosen by what is there suits every machine.")
    edits = tuple(device_edits(scene))
    return Told("no_gpu", sentence, fixes=(Fix(ANY_DEVICE, edits),) if edits else ())


def device_edits(scene: Scene) -> Iterator[Edit]:
    for node in ast.walk(scene.program):
        for value in values_in(node):
            if isinstance(value, ast.Constant) and re.fullmatch(r"cuda(?::\d+)?", str(value.value)):
                yield Edit(scene.source.span_of(value), ANY_DEVICE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cuda":
            before, whole = scene.source.span_of(node.func.value), scene.source.span_of(node)
            place = Span(before.end_line, before.end_column, whole.end_line, whole.end_column)
            yield Edit(place, f".to({ANY_DEVICE})")


def values_in(node: ast.AST) -> list[ast.expr]:
    """What a call is given, and what is assigned: there, a condition needs no parentheses."""
    match node:
        case ast.Call(args=args, keywords=keywords):
            return [*args, *(each.value for each in keywords)]
        case ast.Assign(value=value):
            return [value]
    return []


ANY_DEVICE = '"cuda" if torch.cuda.is_available() else "cpu"'
NUMERIC = frozenset({"mean", "std", "var", "median", "sum", "min", "max", "sem", "skew", "corr", "cov"})
RULES = (
    Rule(
        r"No such file or directory(?:: '(?P<said>[^']+)')?|^(?P<read>\S.*) not found\.$",
        tell_no_file,
    ),
    Rule(r"^2$", tell_command_line),
    Rule(
        r"Torch not compiled with CUDA enabled|No CUDA GPUs are available|Found no NVIDIA driver", tell_no_gpu
    ),
    Rule(
        r"Could not convert .* to numeric|Cannot perform reduction '\w+' with string dtype|"
        r"does not support (?:reduction|operation) '\w+'|could not convert string to float",
        tell_numeric,
    ),
)
