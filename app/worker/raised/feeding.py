"""What a layer or a loader was fed with that is no tensor: tuples, lists, arrays, numbers, pictures; with the edit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from app.vocabulary.values import Span, Text
from app.worker.raised.misspelt import one_edit
from app.worker.raised.scene import Scene
from app.worker.raised.told import Rule, Told
from app.worker.why.facts import Reason, Words, one_line


def tell_no_tensor(scene: Scene, match: re.Match[str]) -> Told | None:
    """A layer was given a tuple, a list, an array, or another layer: which expression it was."""
    kind = match["kind"].rpartition(".")[2]
    in_row = tell_row_of_layers(scene) if kind == "tuple" else None
    if in_row is not None:
        return in_row
    for node, found in fed(scene, kind):
        text, place = ast.unparse(node), scene.source.span_of(node)
        words: Words = {"text": one_line(text), "kind": kind}
        if kind == "tuple":
            return tell_tuple(scene, text, place, found)
        if isinstance(found, nn.Module):
            sentence = Text(
                "`{text}` is a layer ({kind}), and a tensor is wanted: it was made, and not called.", words
            )
            return Told("not_a_tensor", sentence)
        if kind in ("list", "ndarray", "DataFrame", "Series"):
            sentence = Text(
                "`{text}` is of Python's or NumPy's kind ({kind}): a tensor has to be made of it.", words
            )
            inner = text if kind in ("list", "ndarray") else f"{text}.to_numpy()"
            fix = one_edit(place, f"torch.as_tensor({inner}, dtype=torch.float32)")
            return Told("not_a_tensor", sentence, fixes=(fix,))
    return None


def tell_row_of_layers(scene: Scene) -> Told | None:
    """`nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1))`: a layer that returns several before one that takes one."""
    inner = scene.module
    for frame in reversed(scene.frames):
        row = frame.f_locals.get("self")
        if isinstance(row, nn.Sequential) and frame.f_code.co_name == "forward":
            break
    else:
        return None
    before = [each for each, after in pairwise(row) if after is inner]
    if not before:
        return None
    words: Words = {"kind": type(before[0]).__name__, "count": 2}
    sentence = Text(
        "`{kind}` returns {count} things, and `nn.Sequential` hands both to the next layer.", words
    )
    remedy = Text("Write a module whose `forward` takes what it needs: `output, _ = self.rnn(x)`.")
    return Told("a_tuple", sentence, None, remedy)


def fed(scene: Scene, kind: str) -> Iterator[tuple[ast.expr, Any]]:
    """Arguments of that kind, as far as names tell; and what a layer got alone."""
    calls = list(scene.nodes(ast.Call))
    for node in (each for call in calls for each in call.args):
        found = scene.find(node)
        if type(found).__name__ == kind and not isinstance(node, ast.List):
            yield node, found
    for call in calls:
        if (
            len(call.args) == 1
            and isinstance(scene.find(call.func), nn.Module)
            and scene.find(call.args[0]) is None
        ) or (len(call.args) == 1 and isinstance(call.args[0], ast.List) and kind == "list"):
            yield call.args[0], None


def tell_tuple(scene: Scene, text: str, place: Span, found: Any) -> Told:
    words: Words = {"text": one_line(text), "count": len(found) if isinstance(found, tuple) else 2}
    sentence = Text(
        "`{text}` is a tuple of {count}, not a tensor: recurrent and attention layers return several.", words
    )
    first = found[0] if isinstance(found, tuple) and found else None
    began: tuple[Reason, ...] = ()
    if isinstance(first, Tensor) and (made := scene.facts.made.get(scene.facts.number(first))):
        gaps = scene.facts.words(made.call, name=one_line(text))
        began = (Reason("made", Text("`{name}` was made by `{call}` (line {line}).", gaps), made.call),)
    return Told("a_tuple", sentence, began=began, fixes=(one_edit(place, f"{text}[0]"),))


def tell_attribute(scene: Scene, match: re.Match[str]) -> Told | None:
    """A tuple, list or number that is used as a tensor."""
    for node in scene.nodes(ast.Attribute):
        if node.attr != match["name"] or not hasattr(Tensor, node.attr):
            continue
        found, place = scene.find(node.value), scene.source.span_of(node.value)
        text = ast.unparse(node.value)
        if match["kind"] == "tuple":
            return tell_tuple(scene, text, place, found)
        words: Words = {"text": one_line(text), "kind": match["kind"]}
        if match["kind"] in ("float", "int"):
            sentence = Text(
                "`{text}` is a plain number: `.item()` took it out of the graph, or it never was in it.",
                words,
            )
            return Told("plain_number", sentence, None, Text("Keep the tensor; `.item()` is for printing."))
        sentence = Text(
            "`{text}` is of Python's or NumPy's kind ({kind}): a tensor has to be made of it.", words
        )
        return Told("not_a_tensor", sentence, fixes=(one_edit(place, f"torch.tensor({text})"),))
    return None


def tell_unpacked(scene: Scene, match: re.Match[str]) -> Told | None:
    """`output, h, c = lstm(x)`"""
    for node in scene.nodes(ast.Assign, around=True):
        called = scene.find(node.value.func) if isinstance(node.value, ast.Call) else None
        if isinstance(called, nn.LSTM):
            text = ast.unparse(node.value)
            sentence = Text(
                "`{text}` gives two things: the outputs, and a tuple of the last states.",
                {"text": one_line(text)},
            )
            return Told("unpacked", sentence, None, Text("Write `output, (h, c) = …`."))
    return None


def tell_list_wanted(scene: Scene, match: re.Match[str]) -> Told | None:
    for call in scene.nodes(ast.Call):
        tensors = [each for each in call.args if not isinstance(each, ast.Constant)]
        if getattr(call.func, "attr", "") == match["function"] and tensors:
            first, last = scene.source.span_of(tensors[0]), scene.source.span_of(tensors[-1])
            place = Span(first.line, first.column, last.end_line, last.end_column)
            fix = one_edit(place, f"[{scene.source.text(place)}]")
            sentence = Text("`{op}` takes one list of tensors.", {"op": match["function"]})
            return Told("list_wanted", sentence, fixes=(fix,))
    return None


def tell_collate(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text(
        "A batch is made of tensors, arrays and numbers; the data set gives {kind}.", {"kind": match["kind"]}
    )
    remedy = (
        Text("`transform=transforms.ToTensor()` makes a tensor of each picture.")
        if "PIL" in match["kind"]
        else None
    )
    return Told("collate", sentence, None, remedy)


def tell_no_length(scene: Scene, match: re.Match[str]) -> Told | None:
    for node in ast.walk(scene.program):
        if isinstance(node, ast.ClassDef) and node.name == match["kind"]:
            own = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            if "__getitem__" in own:
                sentence = Text(
                    "`{kind}` does not say how many samples it has: `__len__` does.", {"kind": node.name}
                )
                return Told("no_length", sentence)
    return None


RULES = (
    Rule(r"argument '\w+' \(position \d+\) must be Tensor, not (?P<kind>[\w.]+)", tell_no_tensor),
    Rule(
        r"^'(?P<kind>tuple|list|float|int|ndarray)' object has no attribute '(?P<name>\w+)'", tell_attribute
    ),
    Rule(r"values to unpack \(expected", tell_unpacked),
    Rule(
        r"^(?P<function>\w+)\(\): argument 'tensors' \(position 1\) must be tuple of Tensors, not Tensor",
        tell_list_wanted,
    ),
    Rule(r"batch must contain tensors.*found <class '(?P<kind>[\w.]+)'>", tell_collate),
    Rule(r"^object of type '(?P<kind>\w+)' has no len\(\)", tell_no_length),
)
