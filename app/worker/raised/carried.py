"""What came over from an earlier pass of the program: a tensor with its history, a batch that was reshaped, a leaf that
an update has replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from torch import Tensor

from app.vocabulary.editing import Edit, Fix
from app.vocabulary.values import Span, Text
from app.worker.graphs.autograd import nodes_before
from app.worker.graphs.cuts import last_word
from app.worker.graphs.passes import RawPass
from app.worker.raised.scene import Scene
from app.worker.raised.told import Told
from app.worker.recording.anchors import node_sequence
from app.worker.recording.calls import Call
from app.worker.why.facts import Reason, Words

RESHAPING = frozenset({"view", "reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "t"})
CLEARED = Text("Cut it off between the passes: `{edit}`.")
MOST_CALLS = 200


def tell_carried(scene: Scene, roots: list[Tensor], first: RawPass) -> Told | None:
    """A second backward pass goes through a tensor that was computed before the first one."""
    starts = [root.grad_fn for root in roots if root.grad_fn is not None]
    needed = {node_sequence(node) for start in starts for node in nodes_before(start)} - {None}
    before = {id(result) for call in scene.facts.calls[: first.at] for result in call.results}
    for call in scene.facts.calls[first.at :]:
        for argument in call.arguments:
            made = argument.made_by
            if made is not None and id(made) in before and made.sequence in needed:
                return _tell_carried(scene, call, first)
    return None


def _tell_carried(scene: Scene, call: Call, first: RawPass) -> Told | None:
    name = name_given(scene, call)
    if not name:  # made once, before the loop: what is to be done then is another thing
        return None
    edit = cut_off(scene, name)
    words: Words = {"name": name, "edit": edit}
    sentence = Text(
        "A backward pass frees what the graph saved; `{name}` still hangs on the graph of an earlier pass.",
        words,
    )
    used = Text(
        "`{call}` (line {line}) takes `{name}` with all its history.", scene.facts.words(call, **words)
    )
    ran = Text("The first backward pass through it: `{call}` (line {line}).", scene.facts.words(first))
    began = (Reason("ran_first", ran, first), Reason("used", used, call))
    remedy = Text(CLEARED.template, words)
    return Told(
        "carried_over", sentence, None, remedy, began=began, fixes=tuple(after_pass(scene, name, edit))
    )


def cut_off(scene: Scene, name: str) -> str:
    """An LSTM's state is two tensors."""
    if type(next((f.f_locals[name] for f in scene.program_frames if name in f.f_locals), None)) is tuple:
        return f"{name} = tuple(each.detach() for each in {name})"
    return f"{name} = {name}.detach()"


def after_pass(scene: Scene, name: str, edit: str) -> Iterator[Fix]:
    """A line below `loss.backward()`, where the name is the same one."""
    failed = next(scene.nodes(ast.Expr, around=True), None)
    if failed is None or name not in scene.program_frames[0].f_locals:
        return
    span = scene.source.span_of(failed)
    line = scene.source.lines[span.line - 1]
    if (
        not line[: span.column].strip()
        and not scene.source.lines[span.end_line - 1][span.end_column :].strip()
    ):
        end = Span(span.end_line, span.end_column, span.end_line, span.end_column)
        yield Fix(edit, (Edit(end, f"\n{line[: span.column]}{edit}"),))


def name_given(scene: Scene, call: Call) -> str:
    """Of the names in a call's text, the one that the same statement, or a later one, binds anew."""
    place = scene.facts.place(call)
    if place is None:
        return ""
    for node in ast.walk(scene.program):
        if not isinstance(node, ast.Call) or (node.lineno, node.end_lineno) != (place.line, place.end_line):
            continue
        given = [each.id for part in node.args for each in ast.walk(part) if isinstance(each, ast.Name)]
        bound = {
            each.id
            for each in ast.walk(scene.program)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno >= node.lineno
        }
        return next((each for each in given if each in bound), "")
    return ""


def why_rows(scene: Scene, output: Tensor, target: Tensor) -> tuple[Reason, ...]:
    """The call on the way to an output that made another number of rows of the batch."""
    made = scene.facts.made.get(scene.facts.number(output))
    for _ in range(MOST_CALLS):
        given = next((each for each in made.call.arguments if each.shape), None) if made is not None else None
        if made is None or given is None or not made.shape:
            return ()
        if given.shape[0] != made.shape[0] and last_word(made.call) in RESHAPING:
            if given.shape[0] != target.shape[0]:
                return ()
            words = scene.facts.words(made.call, rows=given.shape[0], got=made.shape[0])
            text = Text("`{call}` (line {line}) made {got} rows of a batch of {rows}.", words)
            return (Reason("rows", text, made.call),)
        made = given.made_by
    return ()


def replaced_leaf(scene: Scene, tensor: Tensor) -> bool:
    """Whether `w = w - lr * w.grad` made it: the update of a leaf that gave a new tensor instead."""
    made = scene.facts.made.get(scene.facts.number(tensor))
    place = None if made is None else scene.facts.place(made.call)
    for node in ast.walk(scene.program) if place is not None else ():
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.BinOp(left=ast.Name(id=same), op=ast.Sub() | ast.Add())
            ) if name == same and place is not None and node.lineno == place.line:
                return any(isinstance(each, ast.Attribute) and each.attr == "grad" for each in ast.walk(node))
    return False
