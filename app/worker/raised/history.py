"""What autograd refuses, and the line where the cause began: from the recorded calls, versions and passes."""

from __future__ import annotations

import ast
import re
from typing import Any

from torch import Tensor, nn

from app.vocabulary.trace import TensorKind
from app.vocabulary.values import Text
from app.worker.graphs.autograd import nodes_before
from app.worker.graphs.passes import RawPass
from app.worker.raised.alignment import align_left, may_differ
from app.worker.raised.carried import replaced_leaf, tell_carried
from app.worker.raised.scene import Scene
from app.worker.raised.shapes import row
from app.worker.raised.told import Rule, Told, numbers_in
from app.worker.recording.anchors import node_sequence
from app.worker.recording.calls import Call
from app.worker.recording.ops import is_in_place
from app.worker.recording.recorder import tensors_in
from app.worker.recording.tensors import dtype_name, shape_of
from app.worker.why.absent import why_absent, why_not_required, why_outside
from app.worker.why.broken import Origins, why_value_broken
from app.worker.why.facts import Reason, Words

UPDATE = Text(
    "An update writes into the leaf itself: `with torch.no_grad(): {name} -= …`. `{name} = {name} - …` makes a new "
    "tensor, which is no leaf."
)
NUMPY = frozenset({"numpy", "from_numpy"})


def roots_of(scene: Scene) -> list[Tensor]:
    """What backward was to start from."""
    return scene.operands or tensors_in((scene.local("roots"),))


def words_for(scene: Scene, tensor: Tensor) -> Words:
    shape = ", ".join(map(str, shape_of(tensor)))
    return {"name": scene.name(tensor), "dtype": dtype_name(tensor.dtype), "shape": f"({shape})"}


def made_by(scene: Scene, tensor: Tensor) -> tuple[Reason, ...]:
    """The line that made a tensor, where a recorded call did."""
    made = scene.facts.made.get(scene.facts.number(tensor))
    if made is None:
        return ()
    words = scene.facts.words(made.call, **words_for(scene, tensor))
    if words["name"] == words["call"]:
        return ()
    return (Reason("made", Text("`{name}` was made by `{call}` (line {line}).", words), made.call),)


# ---------------------------------------------------------------------------------------------- before backward


def tell_no_history(scene: Scene, match: re.Match[str]) -> Told | None:
    root = next((each for each in roots_of(scene) if not each.requires_grad), None)
    if root is None:
        return None
    words = words_for(scene, root)
    reason = why_not_required(scene.facts, scene.facts.number(root), words)
    sentence = Text("`{name}` has no history: nothing it was computed from requires grad any more.", words)
    began = (reason,) if reason.at is not None else ()
    if not began:
        sentence = Text("`{name}` has no history: nothing it was computed from requires grad.", words)
    through = any(isinstance(node, ast.Attribute) and node.attr in NUMPY for node in ast.walk(scene.program))
    remedy = Text("What went through NumPy has left the graph: compute it with torch.") if through else None
    return Told(reason.code, sentence, None, remedy, began=began)


def tell_not_scalar(scene: Scene, match: re.Match[str]) -> Told | None:
    root = next((each for each in roots_of(scene) if each.numel() != 1), None)
    if root is None:
        return None
    words = words_for(scene, root)
    sentence = Text(
        "`{name}` has the shape {shape}: there is no single number to start backward from.", words
    )
    table = align_left([row(scene, root)], may_differ) if root.dim() else None
    return Told("not_scalar", sentence, table, began=made_by(scene, root))


def tell_whole_numbers(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = scene.operands[0] if scene.operands else None
    if tensor is None:
        return Told("whole_numbers", Text("Only floating point and complex tensors can have gradients."))
    words = words_for(scene, tensor)
    sentence = Text("`{name}` is {dtype}: only floating point and complex tensors can have gradients.", words)
    return Told("whole_numbers", sentence, clash="dtype", began=made_by(scene, tensor))


# ---------------------------------------------------------------------------------------------- second time


def tell_second_time(scene: Scene, match: re.Match[str]) -> Told:
    """The earlier pass that went through nodes of this graph and freed what they had saved."""
    first = earlier_pass(scene)
    sentence = Text("A backward pass frees what the graph saved; this one needs it again.")
    if first is None:
        return Told("second_time", sentence)
    carried = tell_carried(scene, roots_of(scene), first)
    if carried is not None:
        return carried
    text = Text("The first backward pass through it: `{call}` (line {line}).", scene.facts.words(first))
    return Told("second_time", sentence, began=(Reason("ran_first", text, first),))


def earlier_pass(scene: Scene) -> RawPass | None:
    roots = [root.grad_fn for root in roots_of(scene) if root.grad_fn is not None]
    needed = {node_sequence(node) for root in roots for node in nodes_before(root)} - {None}
    for taken in scene.facts.kept:
        ran = {node.sequence for node in taken.graph.nodes if node.kind == "function"}
        if not taken.failed and not taken.retain_graph and ran & needed and taken.call != "none":
            return taken
    return None


# ---------------------------------------------------------------------------------------------- in-place writes


def tell_written(scene: Scene, match: re.Match[str]) -> Told:
    """The write that took a saved tensor past the version autograd expects."""
    expected, found = int(match["expected"]), int(match["found"])
    write = write_after(scene, tuple(numbers_in(match["shape"])), expected, found)
    words: Words = {"expected": expected, "found": found}
    sentence = Text(
        "Backward needs a tensor as it was at version {expected}; it was written in place since and is at version "
        "{found}.",
        words,
    )
    if write is None:
        return Told("written_in_place", sentence)
    tensor = write.arguments[0].tensor if write.arguments else None
    gaps = scene.facts.words(write, name="?" if tensor is None else name_of(scene, tensor))
    text = Text("`{call}` (line {line}) wrote into `{name}`.", gaps)
    remedy = Text("Step once every backward pass is done, or compute the loss anew after the step.")
    stepped = write.op.endswith(".step")
    return Told(
        "written_in_place", sentence, None, remedy if stepped else None, began=(Reason("write", text, write),)
    )


def name_of(scene: Scene, number: Any) -> str:
    tensor = scene.facts.content(number)
    return scene.name(tensor) if tensor is not None else scene.facts.name(number)


def write_after(scene: Scene, shape: tuple[int, ...], expected: int, found: int) -> Call | None:
    """The first write past the expected version, of a tensor of this shape whose version is now what was found."""
    candidates: list[Call] = []
    for call in scene.facts.calls:
        if call.op.endswith(".step") and call.version is None:
            parameters = [scene.facts.content(argument.tensor) for argument in call.arguments]
            if any(is_at(each, shape, found) for each in parameters):
                candidates.append(call)
        elif is_in_place(call.op) and call.version is not None and expected < call.version <= found:
            written = [scene.facts.content(result.tensor) for result in call.results]
            if any(is_at(each, shape, found) for each in written):
                return call
    return candidates[-1] if candidates else None


def is_at(tensor: Tensor | None, shape: tuple[int, ...], version: int) -> bool:
    if tensor is None or tensor.is_inference():
        return False
    return (
        shape in (shape_of(tensor), shape_of(tensor.T) if tensor.dim() == 2 else ())
        and tensor._version == version
    )


def tell_leaf_written(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    words = words_for(scene, tensor)
    sentence = Text("`{name}` is a leaf that requires grad: autograd would lose what it held.", words)
    if tensor._is_view():
        sentence = Text(
            "`{name}` is a view of a leaf that requires grad: autograd would lose what it held.", words
        )
    remedy = Text("Change it under `with torch.no_grad():`, or compute a new tensor.")
    return Told("leaf_in_place", sentence, None, remedy, began=why_required(scene, tensor))


def why_required(scene: Scene, tensor: Tensor) -> tuple[Reason, ...]:
    """The line that made a tensor require grad."""
    number = scene.facts.number(tensor)
    events = [event for event in scene.facts.events(number, "requires_grad") if event.value]
    if not events:
        return made_by(scene, tensor)
    words = scene.facts.words(events[-1], name=scene.name(tensor))
    return (
        Reason("required", Text("`{call}` (line {line}) made `{name}` require grad.", words), events[-1]),
    )


# ---------------------------------------------------------------------------------------------- numbers, grads


def tell_numpy(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    sentence = Text(
        "`{name}` requires grad: NumPy would compute with it where autograd cannot see.",
        words_for(scene, tensor),
    )
    remedy = Text("`.detach().numpy()` says that this is meant.")
    return Told("numpy_requires_grad", sentence, None, remedy, began=why_required(scene, tensor))


def tell_not_one(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    sentence = Text("`{name}` has the shape {shape}: it is not one number.", words_for(scene, tensor))
    table = align_left([row(scene, tensor)], may_differ) if tensor.dim() else None
    remedy = Text("Make one number of it: `.any()`, `.all()`, `.mean()`, `.sum()`, or pick an element.")
    return Told("not_one_number", sentence, table, remedy)


def tell_unused(scene: Scene, match: re.Match[str]) -> Told | None:
    asked = tensors_in((scene.local("inputs"),))
    roots = [root.grad_fn for root in tensors_in((scene.local("outputs"),)) if root.grad_fn is not None]
    known = {id(getattr(node, "variable", None)) for root in roots for node in nodes_before(root)}
    unused = next((each for each in asked if each.is_leaf and id(each) not in known), None)
    if unused is None:
        return None
    words = words_for(scene, unused)
    reason = why_outside(scene.facts, scene.facts.number(unused), words)
    sentence = Text("`{name}` is not in the graph it was asked for.", words)
    return Told("unused", sentence, None, Text("`allow_unused=True` gives None for it."), began=(reason,))


def tell_not_finite(scene: Scene, match: re.Match[str]) -> Told | None:
    """A value that is NaN or infinite, and the call that made it so."""
    given = scene.operands or tensors_in((scene.local("value"), scene.local("probs"), scene.local("logits")))
    for tensor in given:
        if not tensor.is_floating_point() or bool(tensor.isfinite().all()):
            continue
        words = words_for(scene, tensor)
        number = scene.facts.number(tensor)
        began = why_value_broken(scene.facts, Origins(scene.facts), tensor, number, words)
        return Told("not_finite", Text("`{name}` holds NaN or infinity.", words), began=tuple(began[:1]))
    return None


def tell_none_grad(scene: Scene, match: re.Match[str]) -> Told | None:
    """A `.grad` that is None was computed with: why it is None."""
    for node in ast.walk(scene.tree) if scene.tree is not None else ():
        if isinstance(node, ast.Attribute) and (
            node.attr == "grad" or match.groupdict().get("attribute") == node.attr
        ):
            owner = (
                node.value.value
                if isinstance(node.value, ast.Attribute) and node.value.attr == "grad"
                else node.value
            )
            tensor = scene.find(owner)
            if isinstance(tensor, Tensor) and (tensor.is_leaf or not tensor.retains_grad):
                if tensor.is_leaf and tensor.grad is not None:
                    continue
                name = scene.name(tensor)
                kind: TensorKind = "parameter" if isinstance(tensor, nn.Parameter) else "tensor"
                reason = why_absent(scene.facts, tensor, scene.facts.number(tensor), name, kind)
                sentence = Text("`{name}.grad` is None.", {"name": name})
                replaced = not tensor.is_leaf and replaced_leaf(scene, tensor)
                remedy = Text(UPDATE.template, {"name": name}) if replaced else None
                return Told("grad_is_none", sentence, None, remedy, began=(reason,) if reason else ())
    return None


def tell_uninitialised(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text("A lazy layer has no shapes before its first call.")
    return Told(
        "uninitialised", sentence, None, Text("Call the model once with an example of its input first.")
    )


RULES = (
    Rule(r"does not require grad and does not have a grad_fn", tell_no_history),
    Rule(r"grad can be implicitly created only for scalar outputs", tell_not_scalar),
    Rule(
        r"backward through the graph a second time|Saved intermediate values of the graph are "
        r"freed",
        tell_second_time,
    ),
    Rule(
        r"modified by an inplace operation: \[[\w.]+ \[(?P<shape>[\d, ]*)\]\].*is at version "
        r"(?P<found>\d+); expected version (?P<expected>\d+)",
        tell_written,
    ),
    Rule(
        r"leaf Variable that requires grad is being used in an in-place|leaf Variable that "
        r"requires grad",
        tell_leaf_written,
    ),
    Rule(
        r"[Oo]nly Tensors of floating point|only supported for floating point",
        tell_whole_numbers,
    ),
    Rule(r"Can't call numpy\(\) on Tensor that requires grad", tell_numpy),
    Rule(
        r"Boolean value of Tensor with|cannot be converted to Scalar|only one element tensors can "
        r"be converted|only (?:0-dimensional|length-1|single-element)",
        tell_not_one,
    ),
    Rule(r"appears to not have been used in the graph", tell_unused),
    Rule(
        r"probability tensor contains|to satisfy the constraint|must contain only finite|"
        r"contains? (?:NaN|nan|inf)",
        tell_not_finite,
    ),
    Rule(r"'NoneType'(?: object has no attribute '(?P<attribute>\w+)')?", tell_none_grad),
    Rule(
        r"[Aa]ttempted to use an uninitialized parameter|of an uninitialized parameter",
        tell_uninitialised,
    ),
)
