"""Shapes that do not go together: broadcasting, products, joining, reshaping, indexing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from app.vocabulary.editing import Fix
from app.vocabulary.explanation import Alignment
from app.vocabulary.values import Text
from app.worker.raised.alignment import (
    Row,
    align,
    align_elements,
    align_left,
    align_matmul,
    align_right,
    clashes,
    dimension,
    mark_missing,
    may_differ,
    must_broadcast,
    must_equal,
    named,
)
from app.worker.raised.misspelt import one_edit
from app.worker.raised.scene import Scene
from app.worker.raised.told import Rule, Told, numbers_in
from app.worker.recording.recorder import tensors_in
from app.worker.recording.tensors import shape_of
from app.worker.why.facts import Words

PRODUCTS = frozenset({"matmul", "mm", "bmm", "mv", "dot", "linear", "addmm", "baddbmm", "vdot", "inner"})


DIMENSIONS: Mapping[str, tuple[int, int]] = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


def row(scene: Scene, tensor: Tensor) -> tuple[Text, tuple[int, ...]]:
    return named(scene.name(tensor)), shape_of(tensor)


# ---------------------------------------------------------------------------------------------- broadcasting


def tell_broadcast(scene: Scene, match: re.Match[str]) -> Told | None:
    if scene.call.op in PRODUCTS:
        return tell_product(scene, match)
    if len(scene.operands) < 2:
        return None
    table = align_right([row(scene, each) for each in scene.operands])
    return _broadcast(table) if clashes(table) else None


def _broadcast(table: Alignment) -> Told:
    return Told(
        "broadcast",
        Text("The shapes do not broadcast: counted from the last dimension, sizes must be equal or 1."),
        table,
        Text("Give one of them a dimension of size 1 there: `unsqueeze`, `reshape`, or `keepdim=True`."),
    )


def tell_two_shapes(scene: Scene, match: re.Match[str]) -> Told | None:
    """The message itself says both shapes: the value's, and that of the place it should go to."""
    first, second = numbers_in(match["first"]), numbers_in(match["second"])
    if not first and not second:
        return None
    return _tell_does_not_fit(first, second)


def _tell_does_not_fit(value: list[int], place: list[int]) -> Told:
    table = align_right([(Text("the value"), value), (Text("the place it goes to"), place)], must_expand)
    sentence = Text("The value does not fit where it is written: only a size of 1 may be stretched.")
    return Told("does_not_fit", sentence, table)


def tell_output(scene: Scene, match: re.Match[str]) -> Told:
    held, result = numbers_in(match["held"]), numbers_in(match["result"])
    rows: list[tuple[Text, list[int]]] = [(Text("the tensor written to"), held), (Text("the result"), result)]
    table = mark_missing(align_right(rows, must_equal))
    sentence = Text(
        "The result is larger than the tensor it is written into: an in-place call cannot change a shape."
    )
    return Told("in_place_shape", sentence, table, Text("Write `x = x + y` in place of `x += y`."))


def tell_expand(scene: Scene, match: re.Match[str]) -> Told:
    target, sizes = numbers_in(match["target"]), numbers_in(match["sizes"])
    if scene.call.op in ("setitem", "set", "copy"):
        return _tell_does_not_fit(sizes, target)
    table = align_right([(Text("the tensor"), sizes), (Text("the size asked for"), target)], must_expand)
    return Told("expand", Text("Only dimensions of size 1 can be stretched to another size."), table)


def must_expand(sizes: list[int]) -> bool:
    return len(sizes) == 2 and sizes[0] != 1 and sizes[1] >= 0 and sizes[0] != sizes[1]


def tell_mask(scene: Scene, match: re.Match[str]) -> Told:
    mask, tensor = numbers_in(match["mask"]), numbers_in(match["tensor"])
    rows: list[tuple[Text, list[int]]] = [(Text("the mask"), mask), (Text("the tensor"), tensor)]
    width = max(len(mask), len(tensor))
    padded: list[Row] = [(label, (*sizes, *(None,) * (width - len(sizes)))) for label, sizes in rows]
    table = align([(dimension(index), must_equal) for index in range(width)], padded)
    return Told("mask", Text("A mask needs the sizes of the dimensions it picks from."), table)


# ---------------------------------------------------------------------------------------------- products


def tell_product(scene: Scene, match: re.Match[str]) -> Told | None:
    call, pair = scene.call, scene.operands
    if call.op in ("addmm", "baddbmm"):
        pair = [each for each in call.args[1:3] if isinstance(each, Tensor)]
    elif call.op == "linear":
        return _tell_linear(scene)
    elif len(pair) == 1:
        pair = pair * 2  # one tensor may be both
    if len(pair) < 2:
        return None
    if call.op in DIMENSIONS and tuple(each.dim() for each in pair[:2]) != DIMENSIONS[call.op]:
        return _tell_product_dimensions(scene, pair)
    batched = must_equal if call.op in ("bmm", "baddbmm") else must_broadcast
    table = align_matmul(row(scene, pair[0]), row(scene, pair[1]), batched)
    sentence = Text("A matrix product needs the same size on both inner sides: (n, k) @ (k, m).")
    if not clashes(table):
        return _tell_product_dimensions(scene, pair)
    remedy = Text("Transpose or reshape one of the two: `.T`, `.mT`, `reshape`.")
    return Told("matmul", sentence, table, remedy)


def _tell_product_dimensions(scene: Scene, pair: Sequence[Tensor]) -> Told:
    rows = [row(scene, each) for each in pair[:2]]
    table = align_left(rows, may_differ) if any(sizes for _, sizes in rows) else None
    sentence = Text("`{op}` takes tensors of another number of dimensions.", {"op": scene.call.op})
    remedy = Text("`@` and `torch.matmul` take vectors, matrices and batches of them.")
    return Told("product_dimensions", sentence, table, remedy)


def _tell_linear(scene: Scene) -> Told | None:
    given, weight = scene.call.given(0, "input"), scene.call.given(1, "weight")
    if not isinstance(given, Tensor) or not isinstance(weight, Tensor) or weight.dim() != 2:
        return None
    name = scene.module_name() or scene.name(weight)
    expects = Text("`{name}` expects", {"name": name})
    columns = [(dimension(index), may_differ) for index in range(given.dim() - 1)]
    columns.append((Text("in_features"), must_equal))
    rows: list[Row] = [
        row(scene, given),
        (expects, (*(None,) * (given.dim() - 1), weight.shape[1])),
    ]
    sentence = Text(
        "`{name}` takes a last dimension of {expected}; it was given {got}.",
        {"name": name, "expected": weight.shape[1], "got": given.shape[-1] if given.dim() else 0},
    )
    remedy = Text(
        "Make `in_features` {got}, or bring the input to it: `flatten(1)`, `reshape`.", dict(sentence.values)
    )
    if given.dim() == 1 and weight.shape[1] == 1:
        remedy = Text("`unsqueeze(1)` makes each number a row of its own.")
    return Told("linear", sentence, align(columns, rows), remedy)


# ---------------------------------------------------------------------------------------------- joining


def tell_cat(scene: Scene, match: re.Match[str]) -> Told | None:
    tensors = tensors_in(scene.call.args) or tensors_in(tuple(scene.call.kwargs.values()))
    if len(tensors) < 2:
        return None
    joined = scene.call.given(1, "dim") or 0
    free = None
    if scene.call.op in ("cat", "concat", "concatenate") and isinstance(joined, int):
        free = joined % max(max(each.dim() for each in tensors), 1)
    table = mark_missing(align_left([row(scene, each) for each in tensors[:8]], free=free))
    if free is None:
        sentence = Text("Tensors that are stacked must all have the same shape.")
        remedy = Text("`torch.cat` joins tensors that differ along one dimension.")
        if any(frame.f_code.co_name == "default_collate" for frame in scene.frames):
            sentence = Text("A batch stacks its samples, which must all have the same shape.")
            remedy = Text(
                "A `collate_fn` pads them: `torch.nn.utils.rnn.pad_sequence`; pictures take a `Resize`."
            )
        return Told("stack", sentence, table, remedy)
    sentence = Text("Tensors that are joined may differ along dimension {dim} alone.", {"dim": free})
    return Told("cat", sentence, table)


# ---------------------------------------------------------------------------------------------- reshaping


def tell_reshape(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor, wanted = scene.operands[0], numbers_in(match["target"])
    table = align_elements(row(scene, tensor), (Text("the shape asked for"), wanted))
    words: Words = {"name": scene.name(tensor), "count": tensor.numel()}
    sentence = Text("`{name}` has {count} elements, which do not fill the shape asked for.", words)
    if tensor.dim() > 2 and len(wanted) == 2 and wanted[0] in (-1, tensor.shape[0]) and wanted[1] > 0:
        words |= {"rows": tensor.shape[0], "each": tensor[:1].numel()}
        remedy = Text(
            "Each of its {rows} rows holds {each}: `{name}.flatten(1)` keeps the rows, and the layer that follows "
            "takes {each}.",
            words,
        )
        return Told("reshape", sentence, table, remedy, fixes=tuple(flattened(scene)))
    return Told("reshape", sentence, table, Text("One size may be -1: torch then works it out."))


def flattened(scene: Scene) -> Iterator[Fix]:
    """`x.view(-1, 2048)` as `x.flatten(1)`."""
    for call in scene.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("view", "reshape"):
            text = f"{scene.source.text(scene.source.span_of(call.func.value))}.flatten(1)"
            yield one_edit(scene.source.span_of(call), text)
            return


def tell_view(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    rows: list[Row] = [row(scene, tensor)]
    if not tensor.is_sparse:
        rows.append((Text("stride"), tuple(tensor.stride())))
    columns = [(dimension(index), may_differ) for index in range(tensor.dim())]
    sentence = Text("A view cannot merge dimensions whose elements do not lie next to each other in memory.")
    return Told(
        "view",
        sentence,
        align(columns, rows),
        Text("`reshape` copies where it must; so does `.contiguous()`."),
    )


# ---------------------------------------------------------------------------------------------- indexing


def tell_index(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    index, dim, size = int(match["index"]), int(match["dim"]), int(match["size"])
    at = dim if dim >= 0 else tensor.dim() + dim
    if not 0 <= at < tensor.dim():
        return None
    rows: list[Row] = [
        row(scene, tensor),
        (Text("the index"), tuple(index if each == at else None for each in range(tensor.dim()))),
    ]
    clash = [(dimension(each), is_there if each == at else may_differ) for each in range(tensor.dim())]
    words: Words = {"dim": at, "size": size, "last": size - 1, "index": index}
    if size == 0:
        sentence = Text("Dimension {dim} has no elements: every index is outside.", words)
    else:
        sentence = Text(
            "Dimension {dim} has {size} elements: its indices go from 0 to {last}, or from -{size} to -1.",
            words,
        )
    return Told("index", sentence, align(clash, rows))


def is_there(sizes: list[int]) -> bool:
    return True


def tell_too_many(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    tensor = scene.operands[0]
    words: Words = {"name": scene.name(tensor), "dims": tensor.dim()}
    sentence = Text("`{name}` has {dims} dimensions: it takes at most as many indices.", words)
    return Told(
        "too_many_indices", sentence, align_left([row(scene, tensor)], may_differ) if tensor.dim() else None
    )


def tell_dimension(scene: Scene, match: re.Match[str]) -> Told | None:
    low, high, got = int(match["low"]), int(match["high"]), int(match["got"])
    table = None
    if scene.operands and scene.operands[0].dim():
        table = align_left([row(scene, scene.operands[0])], may_differ)
    words: Words = {"low": low, "high": high, "got": got}
    sentence = Text("There is no dimension {got}: they count from 0 to {high}, or from {low} to -1.", words)
    return Told("dimension", sentence, table)


def tell_zero_dim(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text("A tensor without dimensions is one number: there is nothing to count through.")
    return Told("zero_dim", sentence, None, Text("`.item()` gives the number itself."))


SHAPE = r"\[[-\d, ]*\]"
RULES = (
    Rule(
        r"size of tensor a \(\d+\) must match the size of tensor b|Attempting to broadcast a "
        r"dimension",
        tell_broadcast,
    ),
    Rule(
        r"are not broadcastable|[Ss]hape mismatch: objects cannot be broadcast|not aligned",
        tell_broadcast,
    ),
    Rule(
        rf"value tensor of shape (?P<first>{SHAPE}) cannot be broadcast to indexing result of "
        rf"shape (?P<second>{SHAPE})",
        tell_two_shapes,
    ),
    Rule(
        rf"output with shape (?P<held>{SHAPE}) doesn't match the broadcast shape "
        rf"(?P<result>{SHAPE})",
        tell_output,
    ),
    Rule(
        rf"(?:expanded size of the tensor|expand\().*?Target sizes: (?P<target>{SHAPE})\.\s+Tensor "
        rf"sizes: (?P<sizes>{SHAPE})",
        tell_expand,
    ),
    Rule(
        rf"shape of the mask (?P<mask>{SHAPE}) at index \d+ does not match the shape of the "
        rf"indexed tensor (?P<tensor>{SHAPE})",
        tell_mask,
    ),
    Rule(
        r"shapes cannot be multiplied|size mismatch, got input|inconsistent tensor size|size for "
        r"first two dimensions of batch2|must be a (?:2D|3D|1D) ?\w* ?(?:tensor|matrix)|self must "
        r"be a matrix|both arguments to (?:linear|matmul)|(?:1D|vector|2D) tensors? expected|vec.*"
        r"mat|Expected .* tensors? to (?:be|have) .*(?:1D|2D|3D)",
        tell_product,
    ),
    Rule(
        r"Sizes of tensors must match except|must have same number of dimensions|expects each "
        r"tensor to be equal size|must be equal size|zero-dimensional tensor.* cannot be "
        r"concatenated",
        tell_cat,
    ),
    Rule(rf"shape '(?P<target>{SHAPE})' is invalid for input of size \d+", tell_reshape),
    Rule(r"view size is not compatible with input tensor's size and stride", tell_view),
    Rule(
        r"index (?P<index>-?\d+) is out of bounds for dimension (?P<dim>-?\d+) with size "
        r"(?P<size>\d+)",
        tell_index,
    ),
    Rule(r"too many indices for tensor of dimension", tell_too_many),
    Rule(
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+), "
        r"(?P<high>-?\d+)\], but got (?P<got>-?\d+)\)",
        tell_dimension,
    ),
    Rule(
        r"invalid index of a 0-dim tensor|iteration over a 0-d tensor|len\(\) of a 0-d tensor|"
        r"0-dim.*cannot be indexed|slice\(\) cannot be applied to a 0-dim",
        tell_zero_dim,
    ),
)
