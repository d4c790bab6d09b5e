"""What goes wrong around modules: how they are made, called, fed, saved and handed to an optimiser; with the edit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from app.vocabulary.editing import Edit, Fix
from app.vocabulary.spelling import nearest
from app.vocabulary.values import Span, Text
from app.worker.raised.alignment import align_left, must_equal
from app.worker.raised.misspelt import one_edit
from app.worker.raised.scene import Scene
from app.worker.raised.told import Rule, Told, numbers_in
from app.worker.why.facts import Words, one_line

Method = tuple[ast.ClassDef | ast.FunctionDef, ast.FunctionDef]
MISMATCH = re.compile(
    r"size mismatch for (\S+): copying a param with shape (\S+ ?\[.*?\]|.*?\)) from checkpoint, .* is (.*?)\.(?:\n|$)"
)


# ------------------------------------------------------------------------------------------ how it is written


def methods(scene: Scene, name: str) -> Iterator[Method]:
    """Functions of a name with what they stand in."""
    for node in ast.walk(scene.program):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from (
                (node, each) for each in node.body if isinstance(each, ast.FunctionDef) and each.name == name
            )


def tell_no_super(scene: Scene, match: re.Match[str]) -> Told | None:
    sentence = Text(
        "`super().__init__()` has to come first: it makes the tables in which a module keeps its parts."
    )
    for _, method in methods(scene, "__init__"):
        if scene.span is not None and method.lineno <= scene.span.line <= (method.end_lineno or 0):
            first = scene.source.span_of(method.body[0])
            place = Span(first.line, first.column, first.line, first.column)
            fix = Fix("super().__init__()", (Edit(place, "super().__init__()\n" + " " * first.column),))
            return Told("no_super_init", sentence, fixes=(fix,))
    return Told("no_super_init", sentence)


def tell_no_forward(scene: Scene, match: re.Match[str]) -> Told:
    """It may be misspelt, or stand inside `__init__`."""
    kind = match["kind"]
    words: Words = {"kind": kind}
    for inside, _ in methods(scene, "forward"):
        if isinstance(inside, ast.FunctionDef):
            words["method"] = inside.name
            sentence = Text(
                "`forward` stands inside `{method}`: it is indented too far to be `{kind}`'s own.", words
            )
            return Told("no_forward", sentence)
    for node in ast.walk(scene.program):
        if isinstance(node, ast.ClassDef) and node.name == kind:
            own = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
            near = nearest("forward", own, most=1)
            if near:
                place = name_of(scene, own[near[0]])
                sentence = Text(
                    "`{kind}` has no method `forward`; `{near}` is near.", {"kind": kind, "near": near[0]}
                )
                return Told("no_forward", sentence, fixes=(one_edit(place, "forward"),))
    return Told(
        "no_forward", Text("`{kind}` has no method `forward`: what it computes when it is called.", words)
    )


def name_of(scene: Scene, node: ast.FunctionDef) -> Span:
    """Where a function's name stands."""
    start = node.col_offset + len("def ")
    return scene.source.span(node.lineno, start, node.lineno, start + len(node.name.encode()))


def tell_arguments(scene: Scene, match: re.Match[str]) -> Told | None:
    owner, _, name = match["function"].rpartition(".")
    for inside, method in methods(scene, name):
        if not isinstance(inside, ast.ClassDef) or inside.name != owner:
            continue
        given = [each.arg for each in (*method.args.posonlyargs, *method.args.args)]
        if method.decorator_list:
            return None
        if not given or given[0] not in ("self", "cls"):
            words: Words = {"function": match["function"]}
            sentence = Text("A method gets its object first: `{function}` is written without `self`.", words)
            return Told("no_self", sentence, fixes=tuple(add_self(scene, method)))
        words = {
            "function": match["function"],
            "names": ", ".join(given[1:]) or "–",
            "count": int(match["given"]) - 1,
        }
        sentence = Text("`{function}` takes besides `self`: {names}. It was given {count}.", words)
        return Told("arguments", sentence)
    return None


def add_self(scene: Scene, method: ast.FunctionDef) -> Iterator[Fix]:
    """`self` behind the opening parenthesis."""
    after = name_of(scene, method)
    line = scene.source.text(Span(after.end_line, after.end_column, after.end_line, 10_000))
    if line.startswith("("):
        at = after.end_column + 1
        more = ", " if method.args.args or method.args.vararg else ""
        yield Fix("self", (Edit(Span(after.line, at, after.line, at), f"self{more}"),))


def tell_class(scene: Scene, match: re.Match[str]) -> Told | None:
    """`nn.Sequential(nn.Linear(2, 3), nn.ReLU)`"""
    for call in scene.nodes(ast.Call):
        for each in call.args:
            found = scene.find(each)
            if isinstance(found, type) and issubclass(found, nn.Module):
                text = ast.unparse(each)
                sentence = Text(
                    "`{text}` is the class; `{text}()` makes a layer of it.", {"text": one_line(text)}
                )
                return Told(
                    "class_for_layer", sentence, fixes=(one_edit(scene.source.span_of(each), f"{text}()"),)
                )
    return None


def tell_loss_made(scene: Scene, match: re.Match[str]) -> Told | None:
    """`nn.MSELoss(output, target)`: the tensors are taken for options."""
    for call in scene.nodes(ast.Call):
        kind = scene.find(call.func)
        if isinstance(kind, type) and issubclass(kind, nn.Module) and call.args:
            text = ast.unparse(call.func)
            words: Words = {"text": one_line(text)}
            sentence = Text(
                "`{text}` is made first, with its options; what it works on goes into its call.", words
            )
            place = scene.source.span_of(call.func)
            return Told("made_not_called", sentence, fixes=(one_edit(place, f"{text}()"),))
    return None


def tell_no_init(scene: Scene, match: re.Match[str]) -> Told | None:
    """`def _init_(self)`: Python never calls it, and what it would have made is missing."""
    for node in ast.walk(scene.program):
        if not isinstance(node, ast.ClassDef) or node.name != match["kind"]:
            continue
        own = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        near = next((each for each in own if plain_init(each)), None)
        if near is not None and "__init__" not in own:
            words: Words = {"kind": node.name, "near": near}
            sentence = Text(
                "Python calls `__init__` when a `{kind}` is made; its method `{near}` is never called.", words
            )
            return Told("no_init", sentence, fixes=(one_edit(name_of(scene, own[near]), "__init__"),))
    return None


def plain_init(name: str) -> bool:
    """`_init_`, `__int__`, `init`, `__inti__`: the letters of `init`, in whatever order, one perhaps missing."""
    return name.strip("_").lower() in ("init", "int", "inti", "iint", "ini", "intit", "initial")


# ------------------------------------------------------------------------------------------ what it is trained with


def tell_no_optimiser(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text("A scheduler changes an optimiser's learning rate, so the optimiser goes in first.")
    return Told("scheduler", sentence)


def tell_no_parameters(scene: Scene, match: re.Match[str]) -> Told:
    """Modules in a plain list are not seen: which attribute that is."""
    for node in scene.nodes(ast.Attribute):
        module = scene.find(node.value) if node.attr == "parameters" else None
        for name, held in vars(module).items() if isinstance(module, nn.Module) else ():
            inside = held.values() if type(held) is dict else held if type(held) in (list, tuple) else ()
            if not name.startswith("_") and any(isinstance(each, nn.Module) for each in inside):
                words: Words = {"text": f"{ast.unparse(node.value)}.{name}", "kind": type(held).__name__}
                sentence = Text("`{text}` is a plain {kind}: the layers in it are not seen.", words)
                return Told(
                    "no_parameters", sentence, None, Text("`nn.ModuleList` and `nn.ModuleDict` are seen.")
                )
    sentence = Text("There is nothing to train: what was given holds no parameters.")
    return Told("no_parameters", sentence, None, Text("Parameters are made by layers, or by `nn.Parameter`."))


def tell_not_parameters(scene: Scene, match: re.Match[str]) -> Told | None:
    """`optim.SGD(net)` and `optim.SGD(w)`."""
    for call in scene.nodes(ast.Call):
        kind = scene.find(call.func)
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)) or not call.args:
            continue
        found, text = scene.find(call.args[0]), ast.unparse(call.args[0])
        place = scene.source.span_of(call.args[0])
        if isinstance(found, nn.Module):
            sentence = Text(
                "An optimiser takes parameters; `{text}` is the module that has them.",
                {"text": one_line(text)},
            )
            return Told("parameters", sentence, fixes=(one_edit(place, f"{text}.parameters()"),))
        if isinstance(found, Tensor):
            sentence = Text(
                "An optimiser takes a list of parameters; `{text}` is a single one.", {"text": one_line(text)}
            )
            return Told("parameters", sentence, fixes=(one_edit(place, f"[{text}]"),))
    return None


def tell_assigned(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text(
        "`{name}` is a parameter: only an `nn.Parameter` or `None` can take its place.",
        {"name": match["name"]},
    )
    remedy = Text("Under `torch.no_grad()`, `copy_` changes what it holds.")
    return Told("assigned_parameter", sentence, None, remedy)


# ------------------------------------------------------------------------------------------ what was saved


def tell_state(scene: Scene, match: re.Match[str]) -> Told:
    """The first parameter of another size, else the keys that only one side has."""
    mismatch = MISMATCH.search(scene.message)
    if mismatch is not None:
        name, saved, present = mismatch[1], *(numbers_in(mismatch[each]) for each in (2, 3))
        rows: list[tuple[Text, list[int]]] = [(Text("what was saved"), saved), (Text("the model"), present)]
        sentence = Text("`{name}` was saved with another shape than the model has.", {"name": name[:80]})
        return Told(
            "state_size",
            sentence,
            align_left(rows, must_equal),
            Text("Build the model as it was when it was saved."),
        )
    missing, unexpected = (
        re.findall(r'"([^"]+)"', keys_after(scene.message, each)) for each in ("Missing", "Unexpected")
    )
    words: Words = {"lacks": len(missing), "more": len(unexpected)}
    prefix = next(
        (each[: -len(wanted)] for wanted in missing[:1] for each in unexpected if each.endswith(wanted)), ""
    )
    if prefix and [prefix + each for each in missing] == unexpected:
        words["prefix"] = prefix[:80]
        sentence = Text("The keys differ by `{prefix}`, with which all that was saved begins.", words)
        remedy = Text("Take `{prefix}` off each key before loading.", words)
        return Told("state_keys", sentence, None, remedy)
    words["first"] = next(iter((*missing, *unexpected)), "")[:80]
    sentence = Text(
        "{lacks} keys of the model were not saved, and {more} that were saved are not its own: first `{first}`.",
        words,
    )
    remedy = Text("Build the model as it was when it was saved; `strict=False` loads what fits.")
    return Told("state_keys", sentence, None, remedy)


def keys_after(message: str, head: str) -> str:
    return message.partition(f"{head} key(s) in state_dict:")[2].partition("\n")[0]


RULES = (
    Rule(r"cannot assign (?:module|parameters?) before Module\.__init__\(\) call", tell_no_super),
    Rule(
        r"^'(?P<kind>\w+)' object has no attribute",
        tell_no_init,
    ),
    Rule(r'^Module \[(?P<kind>\w+)\] is missing the required "forward"', tell_no_forward),
    Rule(
        r"^(?P<function>[\w.]+)\(\) takes \d+ positional arguments? but (?P<given>\d+) (?:was|were) given",
        tell_arguments,
    ),
    Rule(r"is not a Module subclass", tell_class),
    Rule(r"Boolean value of Tensor with more than one value", tell_loss_made),
    Rule(r"is not an Optimizer$", tell_no_optimiser),
    Rule(r"optimizer got an empty parameter list", tell_no_parameters),
    Rule(
        r"object is not iterable|params argument given to the optimizer should be an iterable",
        tell_not_parameters,
    ),
    Rule(r"cannot assign '.*' as parameter '(?P<name>\w+)'", tell_assigned),
    Rule(r"^Error\(s\) in loading state_dict for", tell_state),
)
