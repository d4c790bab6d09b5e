"""Names that are none: the nearest true ones, and the edit that writes them. Nothing is guessed beyond spelling.

What an object has is read from its own tables and its class; no code of the program runs.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import torch
from pandas import DataFrame
from torch import Tensor, nn

from app.vocabulary.editing import Edit, Fix
from app.vocabulary.spelling import nearest, plain
from app.vocabulary.values import Span, Text
from app.worker.raised.scene import Scene
from app.worker.raised.told import Rule, Told
from app.worker.why.facts import Words, one_line

ELSEWHERE: Mapping[str, str] = {
    "astype": "to",
    "copy": "clone",
    "array": "tensor",
    "asarray": "as_tensor",
    "expand_dims": "unsqueeze",
    "reduce_mean": "mean",
    "reduce_sum": "sum",
    "power": "pow",
}
"""What NumPy and TensorFlow call it, and what torch does."""
ABBREVIATED: Mapping[str, str] = {
    "learning_rate": "lr",
    "lr_rate": "lr",
    "learning_r": "lr",
    "n_iter": "max_iter",
    "wd": "weight_decay",
}
"""The same of keywords."""
KEYWORD = re.compile(r"\b([a-z]\w*)(?==|,|\)|\])")
UNSAID = frozenset({"self", "cls", "args", "kwargs", "kwds"})
NAME_CHARS = 80
SHORTEST = 4
"""Letters of a package's name that can be a misspelling: `six` and `gym` are packages that are not here."""
PACKAGES = frozenset(
    {"timm", "thop", "flax", "nltk", "onnx", "keras", "gensim", "spacy", "jieba", "wandb", "visdom"}
)
"""Longer ones that may not be here either, and are spelled as they should be."""


def tell_attribute(scene: Scene, match: re.Match[str]) -> Told | None:
    """`torch.fron_numpy`: whose name it should be, the exception says itself."""
    name, owner = getattr(scene.error, "name", None), getattr(scene.error, "obj", None)
    found = [
        node
        for node in scene.nodes(ast.Attribute, around=True)
        if node.attr == name and ends_there(scene, node)
    ]
    if not isinstance(name, str) or owner is None or not found:
        return None
    near = nearest(name, attributes_of(owner))
    other = ELSEWHERE.get(name)
    if other is not None and (isinstance(owner, Tensor) or owner is torch):
        near = (other,)
    return tell_near(name, near, last_part(scene, found[0]), ast.unparse(found[0].value))


def tell_name(scene: Scene, match: re.Match[str]) -> Told | None:
    """A name of the program's own, of Python's, or one every program has."""
    name, frames = match["name"], scene.program_frames[:1]
    known = [*(each for frame in frames for each in (*frame.f_locals, *frame.f_globals)), *vars(builtins)]
    found = [node for node in scene.nodes(ast.Name) if node.id == name]
    return tell_near(name, nearest(name, known), scene.source.span_of(found[0])) if found else None


def tell_import(scene: Scene, match: re.Match[str]) -> Told | None:
    """`from torch.nn import Liner`: what the module has, and what lies within it."""
    name, path = match["name"], match["module"]
    module = sys.modules.get(path)
    names = [*(vars(module) if module is not None else ()), *modules_in(path)]
    for node in scene.nodes(ast.ImportFrom):
        for alias in node.names:
            if node.module == path and alias.name == name:
                return tell_near(name, nearest(name, names), first_part(scene, alias, name), path)
    return None


def tell_module(scene: Scene, match: re.Match[str]) -> Told | None:
    """`import trch`, `from torch.utils.date import DataLoader`: what lies beside it."""
    above, _, name = match["name"].rpartition(".")
    place = next(imports_of(scene, match["name"]), None)
    near = nearest(name, modules_in(above))
    if place is None or (not above and (len(name) < SHORTEST or name in PACKAGES)):
        return None
    end = Span(place.line, place.end_column - len(name), place.line, place.end_column)
    return tell_near(name, near, end, above)


def tell_keyword(scene: Scene, match: re.Match[str]) -> Told | None:
    """`optim.SGD(p, lr_rate=0.1)`: what it takes, as its signature, its docstring or the message tell."""
    wrong = match.groupdict().get("name")
    for call in scene.nodes(ast.Call):
        called = find_called(scene, call.func)
        names = set(KEYWORD.findall(scene.message.partition("expected one of:")[2])) or parameters_of(called)
        for each in call.keywords:
            if each.arg is None or each.arg in names or (wrong or each.arg) != each.arg:
                continue
            place = first_part(scene, each, each.arg)
            other = ABBREVIATED.get(each.arg)
            near = (other,) if other in names and other is not None else nearest(each.arg, names - UNSAID)
            told = tell_near(each.arg, near, place, ast.unparse(call.func), TAKES)
            if told is not None:
                return told
    return None


def tell_key(scene: Scene, match: re.Match[str]) -> Told | None:
    """`row["lable"]`: the keys of a plain dict, the columns of a table."""
    for node in scene.nodes(ast.Subscript):
        held = scene.find(node.value)
        keys = list(held) if type(held) in (dict, OrderedDict, DataFrame) else []
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) and keys:
            name, place = node.slice.value, scene.source.span_of(node.slice)
            near = nearest(name, (each for each in keys if isinstance(each, str)))
            if name not in keys:
                return tell_near(name, near, place, ast.unparse(node.value), written=repr)
    return None


def tell_not_callable(scene: Scene, match: re.Match[str]) -> Told | None:
    """`optim.adam(...)` is a module; the class beside it has the same letters."""
    for call in scene.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute):
            name, owner = call.func.attr, scene.find(call.func.value)
            if isinstance(owner, ModuleType) and isinstance(vars(owner).get(name), ModuleType):
                alike = (each for each in vars(owner) if plain(each) == plain(name))
                same = tuple(each for each in alike if callable(vars(owner)[each]))
                return tell_near(name, same, last_part(scene, call.func), ast.unparse(call.func), A_MODULE)
    return None


def tell_used_as_method(scene: Scene, match: re.Match[str]) -> Told | None:
    """`x.shape()` and `x.size[0]`: a value that is called, a method that is not."""
    kinds: tuple[tuple[type[ast.Call | ast.Subscript], str, str, Text], ...] = (
        (ast.Call, "shape", "shape", Text("`{text}` is a value, no method: it is not called.")),
        (ast.Subscript, "size", "shape", Text("`{text}` is a method: `shape` holds the sizes.")),
    )
    for kind, wrong, right, sentence in kinds:
        for node in scene.nodes(kind):
            part = node.func if isinstance(node, ast.Call) else node.value
            if isinstance(part, ast.Attribute) and part.attr == wrong:
                text = f"{ast.unparse(part.value)}.{right}"
                whole = part if isinstance(node, ast.Subscript) or node.args else node
                words = Text(sentence.template, {"text": one_line(ast.unparse(part))})
                return Told("not_a_method", words, fixes=(one_edit(scene.source.span_of(whole), text),))
    return None


# ------------------------------------------------------------------------------------------ what is said

HAS = Text("`{text}` has no `{name}`. Nearest to it: {names}.")
HERE = Text("There is no `{name}` here. Nearest to it: {names}.")
TAKES = Text("`{text}` takes no `{name}`. Nearest to it: {names}.")
A_MODULE = Text("`{text}` is a module; what can be called is {names}.")


def tell_near(
    name: str,
    near: tuple[str, ...],
    place: Span,
    owner: str = "",
    sentence: Text = HAS,
    written: Callable[[str], str] = str,
) -> Told | None:
    """None where nothing is near; else one edit for each name that is."""
    if not near:
        return None
    names = ", ".join(f"`{each[:NAME_CHARS]}`" for each in near)
    words: Words = {"name": name[:NAME_CHARS], "text": one_line(owner), "names": names}
    fixes = tuple(one_edit(place, written(each)) for each in near)
    return Told("misspelt", Text((sentence if owner else HERE).template, words), fixes=fixes)


def one_edit(place: Span, text: str) -> Fix:
    return Fix(text, (Edit(place, text),))


# ------------------------------------------------------------------------------------------ what there is


def attributes_of(owner: Any) -> Iterable[str]:
    if isinstance(owner, ModuleType):
        return vars(owner)
    tables: list[Iterable[str]] = [type.__dir__(owner if isinstance(owner, type) else type(owner))]
    if isinstance(owner, nn.Module):
        tables += [owner._parameters, owner._buffers, owner._modules]
    with suppress(AttributeError):  # an object of slots
        tables.append(object.__getattribute__(owner, "__dict__"))
    return {each for table in tables for each in table}


def modules_in(path: str) -> Iterator[str]:
    """The names of loaded modules right below another, or of all on top."""
    split = (each.rpartition(".") for each in list(sys.modules))
    return (last for above, _, last in split if above == path)


def find_called(scene: Scene, func: ast.expr) -> Any:
    """What is called, as far as it can be found without running anything."""
    found = scene.find(func)
    if found is None and isinstance(func, ast.Attribute):
        owner = scene.find(func.value)
        found = inspect.getattr_static(type(owner), func.attr, None) if owner is not None else None
    return found


def parameters_of(called: Any) -> set[str]:
    try:
        return set(inspect.signature(called).parameters)
    except (TypeError, ValueError):
        head = str(getattr(called, "__doc__", None) or "").strip().partition("\n")[0]
        return set(KEYWORD.findall(head.partition("(")[2]))


# ------------------------------------------------------------------------------------------ where it stands


def last_part(scene: Scene, node: ast.Attribute) -> Span:
    """The name after an attribute's dot."""
    span = scene.source.span_of(node)
    return Span(span.end_line, span.end_column - len(node.attr), span.end_line, span.end_column)


def ends_there(scene: Scene, node: ast.Attribute) -> bool:
    """Whether an attribute's name is where the program failed."""
    place, failed = last_part(scene, node), scene.span
    start = (place.line, place.column)
    return failed is not None and (failed.line, failed.column) <= start < (failed.end_line, failed.end_column)


def first_part(scene: Scene, node: ast.alias | ast.keyword, name: str) -> Span:
    end = node.col_offset + len(name.encode())
    return scene.source.span(node.lineno, node.col_offset, node.lineno, end)


def imports_of(scene: Scene, path: str) -> Iterator[Span]:
    """The places of a module's dotted name where it is imported."""
    for node in scene.nodes(ast.Import):
        for alias in node.names:
            if alias.name == path or alias.name.startswith(f"{path}."):
                yield first_part(scene, alias, path)
    for each in scene.nodes(ast.ImportFrom):
        if each.module is not None and (each.module == path or each.module.startswith(f"{path}.")):
            span = scene.source.span_of(each)
            start = scene.source.text(span).index(path, len("from"))
            yield Span(span.line, span.column + start, span.line, span.column + start + len(path))


RULES = (
    Rule(r"has no attribute '", tell_attribute),
    Rule(r"^name '(?P<name>\w+)' is not defined", tell_name),
    Rule(r"^cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'", tell_import),
    Rule(r"^No module named '(?P<name>[\w.]+)'", tell_module),
    Rule(
        r"got an unexpected keyword argument '(?P<name>\w+)'|invalid combination of arguments|"
        r"missing \d+ required positional argument",
        tell_keyword,
    ),
    Rule(r"^(?P<quote>['\"]).*(?P=quote)$", tell_key),
    Rule(r"'module' object is not callable", tell_not_callable),
    Rule(r"'torch.Size' object is not callable|is not subscriptable", tell_used_as_method),
)
