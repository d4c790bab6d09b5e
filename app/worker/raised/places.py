"""Subscripts, dimensions and indices that do not fit: einsum, permute, gather, square matrices, values out of range."""

from __future__ import annotations

import ast
import re

from torch import Tensor

from app.vocabulary.explanation import AlignedColumn, Alignment
from app.vocabulary.values import Text
from app.worker.raised.alignment import (
    Row,
    align,
    align_left,
    mark_missing,
    may_differ,
    must_broadcast,
    must_equal,
    named,
)
from app.worker.raised.layers import expected_at, given_to
from app.worker.raised.scene import Scene
from app.worker.raised.shapes import is_there, row
from app.worker.raised.told import Rule, Told
from app.worker.recording.tensors import shape_of
from app.worker.why.facts import Words


def subscripts(scene: Scene) -> list[tuple[str, Tensor]]:
    """Each tensor of an einsum with the letters of its dimensions; none where an ellipsis stands for some."""
    equation = next((each for each in scene.call.args if isinstance(each, str)), "")
    parts = equation.replace(" ", "").partition("->")[0].split(",")
    tensors = [each for each in scene.call.args if isinstance(each, Tensor)]
    return [] if "." in equation or len(parts) != len(tensors) else list(zip(parts, tensors, strict=True))


def tell_einsum(scene: Scene, match: re.Match[str]) -> Told | None:
    terms = subscripts(scene)
    if any(len(letters) != tensor.dim() for letters, tensor in terms) or not terms:
        return None
    order = list(dict.fromkeys("".join(letters for letters, _ in terms)))
    rows: list[Row] = []
    for letters, tensor in terms:
        sizes = dict(zip(letters, shape_of(tensor), strict=True))
        rows.append((row(scene, tensor)[0], tuple(sizes.get(letter) for letter in order)))
    columns = [(named(letter), must_broadcast) for letter in order]
    words: Words = {"letter": match["letter"], "size": int(match["size"]), "seen": int(match["seen"])}
    sentence = Text(
        "The subscript `{letter}` stands for {seen} elements in one place and {size} in another.", words
    )
    return Told("einsum", sentence, align(columns, rows))


def tell_einsum_count(scene: Scene, match: re.Match[str]) -> Told | None:
    terms, at = subscripts(scene), int(match["operand"])
    if at >= len(terms):
        return None
    letters, tensor = terms[at]
    words: Words = {
        "letters": letters,
        "count": len(letters),
        "name": scene.name(tensor),
        "dims": tensor.dim(),
    }
    sentence = Text("`{letters}` names {count} dimensions; `{name}` has {dims}.", words)
    table = align_left([row(scene, tensor)], may_differ) if tensor.dim() else None
    return Told("einsum_dimensions", sentence, table)


def tell_permute(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    if tensor is None:
        return None
    words: Words = {"name": scene.name(tensor), "dims": tensor.dim(), "given": int(match["given"])}
    sentence = Text(
        "`{name}` has {dims} dimensions; `permute` names each of them once, and {given} are named.", words
    )
    table = align_left([row(scene, tensor)], may_differ) if tensor.dim() else None
    return Told("permute", sentence, table, Text("`transpose` swaps two dimensions and leaves the others."))


def tell_repeated(scene: Scene, match: re.Match[str]) -> Told:
    return Told("repeated_dimension", Text("A dimension is named twice; each may stand only once."))


def tell_gather(scene: Scene, match: re.Match[str]) -> Told | None:
    if len(scene.operands) < 2:
        return None
    tensor, index = scene.operands[:2]
    dim = scene.call.given(1, "dim")
    free = dim % tensor.dim() if isinstance(dim, int) and tensor.dim() else None
    table = mark_missing(align_left([row(scene, tensor), row(scene, index)], no_larger, free))
    if tensor.dim() != index.dim():
        words: Words = {"dims": tensor.dim()}
        sentence = Text("The index needs as many dimensions as the tensor: {dims}.", words)
        return Told("gather", sentence, table, Text("`unsqueeze` gives it one more."))
    sentence = Text("The index may be larger than the tensor in the dimension it picks from alone.")
    return Told("gather", sentence, table)


def no_larger(sizes: list[int]) -> bool:
    return len(sizes) == 2 and sizes[1] > sizes[0]


def tell_square(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    if tensor is None or tensor.dim() < 2:
        return None
    labels = [Text("batch {index}", {"index": at}) for at in range(-tensor.dim() + 2, 0)]
    columns = [(label, may_differ) for label in labels]
    columns += [(Text("rows"), is_there), (Text("columns"), is_there)]
    sentence = Text("`{op}` takes square matrices: as many rows as columns.", {"op": scene.call.op})
    return Told("not_square", sentence, align(columns, [row(scene, tensor)]))


def tell_singular(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text("The matrix has no inverse: its rows depend on each other.")
    return Told(
        "singular", sentence, None, Text("`torch.linalg.pinv` and `torch.linalg.lstsq` do without one.")
    )


def tell_group_norm(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor, expected = given_to(scene), int(match["expected"])
    return None if tensor is None else expected_at(scene, tensor, 1, expected, "channels", Text("channels"))


def tell_embedded(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor, expected = given_to(scene), int(match["expected"])
    return None if tensor is None else expected_at(scene, tensor, -1, expected, "features", Text("embed_dim"))


def tell_not_divisible(scene: Scene, match: re.Match[str]) -> Told | None:
    whole, parts = (scene.local(match[each]) for each in ("whole", "parts"))
    if not isinstance(whole, int) or not isinstance(parts, int) or whole < 1:
        return None
    fitting = ", ".join(str(each) for each in range(1, whole + 1) if whole % each == 0)[:80]
    words: Words = {
        "whole": whole,
        "of": match["whole"],
        "parts": parts,
        "into": match["parts"],
        "fitting": fitting,
    }
    sentence = Text("`{of}` is {whole}, which {parts} does not divide: `{into}` may be {fitting}.", words)
    return Told("not_divisible", sentence)


def tell_probability(scene: Scene, match: re.Match[str]) -> Told | None:
    at = 1 if match["which"] == "target" else 0
    if len(scene.operands) <= at or not scene.operands[at].numel():
        return None
    tensor = scene.operands[at].detach()
    words: Words = {"name": scene.name(scene.operands[at])}
    words |= {"low": float(tensor.min()), "high": float(tensor.max())}
    sentence = Text("`{name}` goes from {low} to {high}; this loss takes probabilities, from 0 to 1.", words)
    remedy = Text("`torch.sigmoid` makes probabilities; `nn.BCEWithLogitsLoss` takes what comes before it.")
    return Told("not_probability", sentence, None, remedy)


def tell_two_open(scene: Scene, match: re.Match[str]) -> Told:
    return Told("reshape", Text("Only one size may be -1: torch works it out from the others."))


def tell_index_kind(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text(
        "A tensor is indexed by whole numbers, slices, `None`, `...`, and tensors of whole numbers or bools."
    )
    return Told("index_kind", sentence)


def tell_ragged(scene: Scene, match: re.Match[str]) -> Told:
    words: Words = {key: int(match[key]) for key in ("expected", "dim", "got")}
    sentence = Text(
        "A tensor has no rows of different lengths: in dimension {dim} one has {expected} elements, another {got}.",
        words,
    )
    remedy = Text("`torch.nn.utils.rnn.pad_sequence` fills up the shorter ones.")
    return Told("ragged", sentence, None, remedy)


def tell_text(scene: Scene, match: re.Match[str]) -> Told:
    sentence = Text("A tensor holds numbers, and this is text or a mixture.")
    return Told("not_numbers", sentence, None, Text("Give every word or class a number of its own first."))


def tell_dataset(scene: Scene, match: re.Match[str]) -> Told | None:
    tensors = [each for each in scene.local("tensors") or () if isinstance(each, Tensor)]
    if len(tensors) < 2:
        return None
    rows = [row(scene, each) for each in tensors[:8]]
    width = max(len(sizes) for _, sizes in rows)
    columns = [(Text("samples") if at == 0 else Text("dim {index}", {"index": at})) for at in range(width)]
    table = align(
        [(label, must_equal if at == 0 else may_differ) for at, label in enumerate(columns)],
        [(label, (*sizes, *(None,) * (width - len(sizes)))) for label, sizes in rows],
    )
    return Told("dataset_sizes", Text("Every tensor of the data set needs one row for each sample."), table)


def tell_split(scene: Scene, match: re.Match[str]) -> Told | None:
    lengths, data = scene.local("lengths"), scene.local("dataset")
    if not isinstance(lengths, list | tuple) or not all(isinstance(each, int) for each in lengths):
        return None
    if type(data).__module__ == "__main__":
        return None  # how long it is, its own code says
    words: Words = {"sum": sum(lengths), "count": len(data)}
    sentence = Text("The lengths sum to {sum}; the data set has {count} samples.", words)
    return Told("split_lengths", sentence, None, Text("Shares that sum to 1 do as well: `[0.8, 0.2]`."))


def tell_sizes(scene: Scene, match: re.Match[str]) -> Told | None:
    """`x.shape[2]` of a matrix."""
    for node in scene.nodes(ast.Subscript):
        held = node.value.func if isinstance(node.value, ast.Call) else node.value
        found = (
            scene.find(held.value)
            if isinstance(held, ast.Attribute) and held.attr in ("shape", "size")
            else None
        )
        if isinstance(found, Tensor):
            words: Words = {"name": scene.name(found), "dims": found.dim()}
            sentence = Text("`{name}` has {dims} dimensions, and as many sizes.", words)
            table = align_left([row(scene, found)], may_differ) if found.dim() else None
            return Told("dimension", sentence, table)
    return None


def tell_transformer(scene: Scene, match: re.Match[str]) -> Told | None:
    tensors = [each for each in map(scene.local, ("src", "tgt")) if isinstance(each, Tensor)]
    if len(tensors) < 2 or any(each.dim() != 3 for each in tensors):
        return None
    first = bool(getattr(scene.module, "batch_first", False))
    at = 2 if match["what"] == "feature" else 0 if first else 1
    table = align_left([row(scene, each) for each in tensors], may_differ)
    columns = tuple(AlignedColumn(each.label, number == at) for number, each in enumerate(table.columns))
    sentence = Text("The two inputs of a transformer must agree in dimension {dim}.", {"dim": at})
    remedy = None if first or at == 2 else Text("With `batch_first=True` dimension 0 is the batch.")
    return Told("transformer", sentence, Alignment(columns, table.rows), remedy)


RULES = (
    Rule(
        r"subscript (?P<letter>\w) has size (?P<size>\d+) for operand \d+ which does not broadcast with previously "
        r"seen size (?P<seen>\d+)",
        tell_einsum,
    ),
    Rule(
        r"number of subscripts in the equation \(\d+\) does not match the number of dimensions \(\d+\) for operand "
        r"(?P<operand>\d+)",
        tell_einsum_count,
    ),
    Rule(r"input\.dim\(\) = \d+ is not equal to len\(dims\) = (?P<given>\d+)", tell_permute),
    Rule(r"duplicate dims|appears multiple times in the list of dims|repeated dim", tell_repeated),
    Rule(
        r"Index tensor must have the same number of dimensions as|to be no larger than (?:self|src|input)",
        tell_gather,
    ),
    Rule(r"must be batches of square matrices", tell_square),
    Rule(r"matrix is singular|singular matrix", tell_singular),
    Rule(r"number of channels in input, but got weight of shape \[(?P<expected>\d+)\]", tell_group_norm),
    Rule(r"expecting embedding dimension of (?P<expected>\d+)", tell_embedded),
    Rule(
        r"^(?P<whole>num_channels|embed_dim|in_channels|out_channels)(?: \(\d+\))? must be divisible by "
        r"(?P<parts>num_groups|num_heads|groups)",
        tell_not_divisible,
    ),
    Rule(r"all elements of (?P<which>input|target) should be between 0 and 1", tell_probability),
    Rule(r"only one dimension can be inferred", tell_two_open),
    Rule(r"are valid indices \(got|new\(\): invalid data type 'str'", tell_index_kind),
    Rule(
        r"expected sequence of length (?P<expected>\d+) at dim (?P<dim>\d+) \(got (?P<got>\d+)\)",
        tell_ragged,
    ),
    Rule(r"too many dimensions 'str'|can't convert np.ndarray of type numpy.object_", tell_text),
    Rule(r"tuple index out of range", tell_sizes),
    Rule(r"Size mismatch between tensors", tell_dataset),
    Rule(r"Sum of input lengths does not equal", tell_split),
    Rule(r"the (?P<what>batch|feature) number of src and tgt must be equal", tell_transformer),
)
