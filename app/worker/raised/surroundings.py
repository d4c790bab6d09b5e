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
    if posixpath.isabs(folder) and WRITING & set(str(scene.local("mode") or "")):
        return foreign(scene, folder)
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


def tell_foreign(scene: Scene, match: re.Match[str]) -> Told | None:
    """A folder of the computer the program was written on, which is to be written into."""
    path = match["folder"] or match["said"] or match["made"]
    return foreign(scene, path) if posixpath.isabs(path) else None


def foreign(scene: Scene, folder: str) -> Told:
    sentence = Text(
        "`{folder}` is a folder of another computer; a program here writes into its own, by names without it.",
        {"folder": folder[:NAME_CHARS]},
    )
    edits = tuple(edits_without(scene, folder.rstrip("/")))
    return Told("foreign_folder", sentence, fixes=(Fix(edits[0].text, edits),) if edits else ())


def edits_without(scene: Scene, folder: str) -> Iterator[Edit]:
    """Every text that names the folder, without it."""
    joined = [node for node in ast.walk(scene.program) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in joined for part in ast.walk(node)}
    for node in ast.walk(scene.program):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            name = node.value.removeprefix(folder)
            if name != node.value and name[:1] in ("", "/"):
                yield Edit(scene.source.span_of(node), repr(name.lstrip("/") or "."))


def tell_whole_objects(scene: Scene, match: re.Match[str]) -> Told:
    """A whole model was saved, and `torch.load` reads tensors alone unless it is told otherwise."""
    sentence = Text(
        "Since PyTorch 2.6 `torch.load` reads tensors alone, and this file holds other objects: a whole model, say."
    )
    remedy = Text(
        "`weights_only=False` reads them, from a file that you trust. A `state_dict()` needs none of it."
    )
    for call in scene.nodes(ast.Call):
        text, span = scene.source.text(scene.source.span_of(call)), scene.source.span_of(call)
        given = {each.arg: each.value for each in call.keywords}
        if isinstance(call.func, ast.Attribute) and call.func.attr == "load" and text.endswith(")"):
            if "weights_only" in given:
                fix = one_edit(scene.source.span_of(given["weights_only"]), "False")
            else:
                end = Span(span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
                fix = Fix("weights_only=False", (Edit(end, ", weights_only=False"),))
            return Told("whole_objects", sentence, None, remedy, fixes=(fix,))
    return Told("whole_objects", sentence, None, remedy)


def tell_hub(scene: Scene, match: re.Match[str]) -> Told | None:
    """It asks on the keyboard whether a repository is trusted, and would then fetch its code."""
    repository = scene.local("repo_or_dir")
    if not any(frame.f_globals.get("__name__") == "torch.hub" for frame in scene.frames):
        return None
    sentence = Text(
        "`torch.hub.load` fetches the code of `{name}` over the network, which a program here does not have.",
        {"name": str(repository)[:NAME_CHARS]},
    )
    remedy = Text(
        "`torchvision.models` has many models of pictures, and `torch.nn` the layers of all others."
    )
    return Told("no_hub", sentence, None, remedy)


def tell_book(scene: Scene, match: re.Match[str]) -> Told:
    """The textbook's two editions have packages of the same name."""
    sentence = Text(
        "`d2l` is here as the first edition of Dive into Deep Learning has it; `{name}` is of the second.",
        {"name": match["name"]},
    )
    remedy = Text(
        "An `nn.Module` and a training loop do what `d2l.Module` and `d2l.Trainer` do; `d2l.train_ch6` is such a loop."
    )
    return Told("other_edition", sentence, None, remedy)


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
    Rule(
        r"EOF when reading a line|no internet connection and the repo|urlopen error|not permitted", tell_hub
    ),
    Rule(
        r"^Parent directory (?P<folder>.+) does not exist|non-existent directory: '(?P<said>[^']+)'|"
        r"Operation not permitted: (?:PosixPath\()?'(?P<made>[^']+)'",
        tell_foreign,
    ),
    Rule(r"^Weights only load failed", tell_whole_objects),
    Rule(r"^module 'd2l\.torch' has no attribute '(?P<name>\w+)'", tell_book),
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
