"""Names a program reads and never binds: a spelling that was perhaps meant, an import that was left out.

They are its inputs, and most often that is what they are meant to be: only a close spelling, or a well-known name used
as what it is known for, is worth a word.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping

from app.advice.names import GIVEN, Names
from app.vocabulary.editing import Advice, Edit, Fix
from app.vocabulary.spelling import nearest
from app.vocabulary.values import Span, Text

SPELLING = Text("Line {line}: `{name}` is read and never assigned. Was `{near}` meant?")
IMPORT = Text("Line {line}: `{name}` is used and never imported.")
ATTRIBUTE = Text(
    "Line {line}: a tensor takes any attribute, so `.{name} = ` does nothing more. Was `.{near}` meant?"
)
FROM: Mapping[str, str] = {
    "torch.utils.data": "DataLoader Dataset TensorDataset IterableDataset random_split",
    "torch.autograd": "Variable",
    "torch.utils.tensorboard": "SummaryWriter",
    "torch.nn": "Module Linear Sequential Conv2d MaxPool2d ReLU Dropout Parameter CrossEntropyLoss MSELoss",
    "torch.optim": "SGD Adam AdamW",
    "torchvision": "transforms datasets",
    "torchvision.transforms": "ToTensor Compose Normalize",
    "sklearn.model_selection": "train_test_split",
    "sklearn.preprocessing": "StandardScaler MinMaxScaler",
    "sklearn.datasets": "load_iris load_digits load_wine load_diabetes load_breast_cancer make_moons make_blobs",
    "collections": "OrderedDict defaultdict Counter namedtuple deque",
    "copy": "deepcopy",
    "functools": "partial",
    "pathlib": "Path",
    "PIL": "Image",
}
"""Where names come from that tutorials import, and a piece of one leaves out."""
MODULES: Mapping[str, str] = {
    "pd": "import pandas as pd",
    "numpy": "import numpy",
    "matplotlib": "import matplotlib",
    "sklearn": "import sklearn",
    "torchvision": "import torchvision",
    **{
        name: f"import {name}"
        for name in ["time", "random", "os", "sys", "copy", "json", "itertools", "collections", "re", "io"]
    },
}
LONG_ENOUGH = 4
NEAR_ENOUGH = 0.8
WRITTEN = ("requires_grad",)
"""Attributes of tensors that programs assign to."""


def find_unbound(names: Names) -> Iterator[Advice]:
    uses: dict[str, list[ast.Name]] = {}
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in names.nodes):
        return  # what the star brings is known only when it runs
    bound = names.bound
    for node in names.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in bound and name not in GIVEN:
                if not hasattr(builtins, name) and not name.startswith("__"):
                    uses.setdefault(name, []).append(node)
    used = _used(names) if uses else {}
    for name, places in uses.items():
        advice = _import(names, name, places[0], used.get(name, set())) or _spelling(
            names, name, places, bound
        )
        if advice is not None:
            yield advice
    yield from _attributes(names)


def _used(names: Names) -> dict[str, set[str]]:
    """For each name that is called or has an attribute read which ones; an empty text is a call or a base class."""
    found: dict[str, set[str]] = {}
    for node in names.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                found.setdefault(name, set()).add(attribute)
            case ast.Call(func=ast.Name(id=name)):
                found.setdefault(name, set()).add("")
            case ast.ClassDef(bases=[ast.Name(id=name), *_]):
                found.setdefault(name, set()).add("")
    return found


def _import(names: Names, name: str, place: ast.Name, used: set[str]) -> Advice | None:
    line = next((f"from {path} import {name}" for path, listed in FROM.items() if name in listed.split()), "")
    if name in MODULES and used - {""}:
        known = sys.modules.get(name)
        line = MODULES[name] if known is None or any(hasattr(known, each) for each in used if each) else ""
    if not line or not used:
        return None
    first = next((each.lineno for each in names.tree.body if not _stands_first(each)), 1)
    edit = Edit(Span(first, 0, first, 0), f"{line}\n")
    values: dict[str, str | int | float] = {"line": place.lineno, "name": name}
    return Advice("import", Text(IMPORT.template, values), names.span(place), Fix(line, (edit,)))


def _stands_first(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) | ast.ImportFrom(module="__future__"):
            return True
    return False


def _spelling(names: Names, name: str, places: list[ast.Name], bound: frozenset[str]) -> Advice | None:
    """`lss` where there is `loss`; `w1` is not taken for `w2`, nor `x` for `xs`."""
    letters = [each for each in bound if each.strip("_0123456789") != name.strip("_0123456789")]
    near = nearest(name, letters, most=1, least=NEAR_ENOUGH) if len(name) >= LONG_ENOUGH else ()
    if not near:
        return None
    edits = tuple(Edit(names.span(each), near[0]) for each in places)
    values: dict[str, str | int | float] = {"line": places[0].lineno, "name": name, "near": near[0]}
    return Advice(
        "misspelt", Text(SPELLING.template, values), names.span(places[0]), Fix(near[0], edits), False
    )


def _attributes(names: Names) -> Iterator[Advice]:
    """`x.requires_gard = True` raises nothing: the tensor has one attribute more."""
    for node in names.nodes:
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store(), value=ast.Name(id=owner)) if owner != "self":
                near = nearest(name, WRITTEN, least=NEAR_ENOUGH)
                if near:
                    span = names.span(node)
                    place = Span(span.end_line, span.end_column - len(name), span.end_line, span.end_column)
                    values: dict[str, str | int | float] = {
                        "line": span.line,
                        "name": name,
                        "near": near[0],
                    }
                    sentence = Text(ATTRIBUTE.template, values)
                    yield Advice("misspelt", sentence, span, Fix(near[0], (Edit(place, near[0]),)))
