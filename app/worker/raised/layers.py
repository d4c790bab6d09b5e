"""What layers and losses ask of their input: channels, features, batch sizes, classes, dtypes, devices."""

from __future__ import annotations

import re
from dataclasses import replace

import torch
from torch import Tensor, nn

from app.vocabulary.editing import Edit, Fix
from app.vocabulary.values import Span, Text
from app.worker.graphs.cuts import last_word
from app.worker.raised.alignment import (
    Row,
    align,
    align_left,
    dimension,
    mark_missing,
    may_differ,
    must_equal,
)
from app.worker.raised.carried import why_rows
from app.worker.raised.history import made_by
from app.worker.raised.scene import Scene
from app.worker.raised.shapes import is_there, row
from app.worker.raised.told import Rule, Told, numbers_in
from app.worker.recording.tensors import dtype_name
from app.worker.why.facts import Words


def owner(scene: Scene) -> str:
    """The layer's name in the program, else the function's."""
    return scene.module_name() or scene.call.op


def given_to(scene: Scene) -> Tensor | None:
    """The first tensor of the call: a layer's input."""
    return scene.operands[0] if scene.operands else None


def expected_at(scene: Scene, tensor: Tensor, at: int, size: int, code: str, role: Text) -> Told | None:
    """A table of an input beside the one size a layer expects of it."""
    if not -tensor.dim() <= at < tensor.dim():
        return None
    at %= tensor.dim()
    columns = [
        (role if each == at else dimension(each), must_equal if each == at else may_differ)
        for each in range(tensor.dim())
    ]
    wanted: Row = (
        Text("`{name}` expects", {"name": owner(scene)}),
        tuple(size if each == at else None for each in range(tensor.dim())),
    )
    words: Words = {"name": owner(scene), "expected": size, "got": tensor.shape[at], "dim": at}
    sentence = Text("`{name}` takes {expected} in dimension {dim}; it was given {got}.", words)
    return Told(code, sentence, align(columns, [row(scene, tensor), wanted]))


# ---------------------------------------------------------------------------------------------- layers


def tell_channels(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    if tensor is None:
        return None
    spatial, wanted = len(numbers_in(match["weight"])) - 2, int(match["expected"])
    told = expected_at(scene, tensor, -spatial - 1, wanted, "channels", Text("channels"))
    if told is None or tensor.shape[-1] != wanted:
        return told
    order = [
        *range(tensor.dim() - spatial - 1),
        tensor.dim() - 1,
        *range(tensor.dim() - spatial - 1, tensor.dim() - 1),
    ]
    remedy = Text(
        "The channels stand last; torch wants them before height and width: `{name}.permute({order})`.",
        {"name": scene.name(tensor), "order": ", ".join(map(str, order))},
    )
    return replace(told, remedy=remedy)


def tell_dimensions(scene: Scene, match: re.Match[str]) -> Told | None:
    """An input of another number of dimensions: told with what the layer's own class expects."""
    tensor = given_to(scene)
    if tensor is None or not tensor.dim():
        return None
    words: Words = {"name": owner(scene), "dims": tensor.dim()}
    sentence = Text("`{name}` does not take an input of {dims} dimensions.", words)
    remedy = Text("`unsqueeze` adds a dimension of size 1: a batch of one, or one channel.")
    return Told("input_dimensions", sentence, align_left([row(scene, tensor)], may_differ), remedy)


def tell_kernel(scene: Scene, match: re.Match[str]) -> Told:
    padded, kernel = numbers_in(match["padded"]), numbers_in(match["kernel"])
    rows: list[Row] = [(Text("the padded input"), tuple(padded)), (Text("the kernel"), tuple(kernel))]
    table = align([(dimension(each - len(padded)), kernel_too_large) for each in range(len(padded))], rows)
    sentence = Text("The kernel is larger than what it slides over.")
    return Told("kernel", sentence, table, Text("Pool less before it, or add `padding`."))


def kernel_too_large(sizes: list[int]) -> bool:
    return len(sizes) == 2 and sizes[1] > sizes[0]


def tell_batch_norm(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    expected = int(match["expected"])
    return (
        None if tensor is None else expected_at(scene, tensor, 1, expected, "features", Text("num_features"))
    )


def tell_one_value(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    if tensor is None:
        return None
    words: Words = {"name": owner(scene)}
    sentence = Text(
        "`{name}` has one value per channel: there is no spread to normalise by while training.", words
    )
    remedy = Text("Use a batch of two or more, or `.eval()`.")
    columns = [(dimension(each), may_differ if each == 1 else is_there) for each in range(tensor.dim())]
    return Told("one_value", sentence, align(columns, [row(scene, tensor)]), remedy)


def tell_layer_norm(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor, wanted = given_to(scene), numbers_in(match["normalized"])
    if tensor is None:
        return None
    width = max(tensor.dim(), len(wanted))
    blank = width - len(wanted)
    columns = [(dimension(each - width), must_equal) for each in range(width)]
    label, sizes = row(scene, tensor)
    rows: list[Row] = [
        (label, (*(None,) * (width - len(sizes)), *sizes)),
        (Text("`{name}` expects", {"name": owner(scene)}), (*(None,) * blank, *wanted)),
    ]
    return Told(
        "normalized_shape", Text("Layer normalisation fits the last dimensions only."), align(columns, rows)
    )


def tell_embedding(scene: Scene, match: re.Match[str]) -> Told | None:
    """The indices were beyond the table: which of them, as they stand."""
    tensors = scene.operands
    table = next((each for each in tensors if each.is_floating_point()), None)
    indices = next((each for each in tensors if not each.is_floating_point()), None)
    if table is None or indices is None or not indices.numel():
        return None
    low, high = int(indices.min()), int(indices.max())
    worst = low if low < 0 else high
    words: Words = {"name": owner(scene), "size": table.shape[0], "last": table.shape[0] - 1, "index": worst}
    sentence = Text("`{name}` has {size} rows, 0 to {last}; it was asked for row {index}.", words)
    rows: list[Row] = [row(scene, table), (Text("the index"), (worst, *(None,) * (table.dim() - 1)))]
    columns = [(dimension(each), may_differ if each else is_there) for each in range(table.dim())]
    return Told(
        "embedding",
        sentence,
        align(columns, rows),
        Text("Make `num_embeddings` larger than the largest index."),
    )


def tell_input_size(scene: Scene, match: re.Match[str]) -> Told | None:
    tensor = given_to(scene)
    expected = int(match["expected"] or match["cell"])
    return (
        None if tensor is None else expected_at(scene, tensor, -1, expected, "input_size", Text("input_size"))
    )


def tell_hidden(scene: Scene, match: re.Match[str]) -> Told:
    wanted, got = numbers_in(match["wanted"]), numbers_in(match["got"])
    rows = [(Text("`{name}` expects", {"name": owner(scene)}), wanted), (Text("the hidden state"), got)]
    sentence = Text("The hidden state is (layers, batch, hidden size).")
    return Told("hidden", sentence, align_left(rows, must_equal))


# ---------------------------------------------------------------------------------------------- losses


def tell_target(scene: Scene, match: re.Match[str]) -> Told | None:
    """Output and target side by side; which of their dimensions have to agree depends on the loss."""
    if len(scene.operands) < 2:
        return None
    output, target = scene.operands[:2]
    table = mark_missing(align_left([row(scene, output), row(scene, target)]))
    sentence = Text("Output and target need the same shape.")
    return Told("target_shape", sentence, table, Text("`squeeze(1)` or `unsqueeze(1)` on one of them."))


def tell_batch(scene: Scene, match: re.Match[str]) -> Told | None:
    if len(scene.operands) < 2:
        return None
    output, target = scene.operands[:2]
    width = max(output.dim(), target.dim(), 1)
    columns = [(Text("batch") if each == 0 else dimension(each), may_differ) for each in range(width)]
    columns[0] = (columns[0][0], must_equal)
    rows: list[Row] = [
        (label, (*sizes, *(None,) * (width - len(sizes))))
        for label, sizes in (row(scene, output), row(scene, target))
    ]
    began = why_rows(scene, output, target)
    remedy = Text("Keep the batch as it is: `.flatten(1)`, or `.view(x.size(0), -1)`.") if began else None
    sentence = Text("There must be one target for each row of the output.")
    return Told("batch_size", sentence, align(columns, rows), remedy, began=began)


def tell_class(scene: Scene, match: re.Match[str]) -> Told | None:
    if len(scene.operands) < 2:
        return None
    output = scene.operands[0]
    at, target = (1 if output.dim() > 1 else 0), int(match["target"])
    words: Words = {"target": target, "classes": output.shape[at], "last": output.shape[at] - 1}
    sentence = Text("The output has {classes} classes, 0 to {last}; a target says {target}.", words)
    rows: list[Row] = [
        row(scene, output),
        (
            Text("the target's class"),
            tuple(target if each == at else None for each in range(output.dim())),
        ),
    ]
    columns = [
        (Text("classes") if each == at else dimension(each), is_there if each == at else may_differ)
        for each in range(output.dim())
    ]
    return Told("class", sentence, align(columns, rows))


def tell_multi_target(scene: Scene, match: re.Match[str]) -> Told | None:
    if len(scene.operands) < 2:
        return None
    sentence = Text("The target has a dimension too many: one class number for each row is wanted.")
    rows = [row(scene, each) for each in scene.operands[:2]]
    return Told(
        "target_dimensions", sentence, align_left(rows, may_differ), Text("`target.squeeze(1)` removes it.")
    )


# ---------------------------------------------------------------------------------------------- dtypes, devices


def tell_dtype(scene: Scene, match: re.Match[str]) -> Told | None:
    kinds = list(dict.fromkeys(dtype_name(each.dtype) for each in scene.operands))
    if len(kinds) < 2:
        return None
    floating = list(
        dict.fromkeys(dtype_name(each.dtype) for each in scene.operands if each.is_floating_point())
    )
    wanted = floating[0] if len(floating) == 1 else kinds[-1]
    words: Words = {"dtypes": ", ".join(kinds), "dtype": wanted}
    sentence = Text("These tensors must have one dtype, and have several: {dtypes}.", words)
    remedy = Text("Convert one of them: `.to(torch.{dtype})`.", words)
    for tensor in scene.operands:
        made = scene.facts.made.get(scene.facts.number(tensor))
        place = scene.facts.place(made.call) if made is not None else None
        if made is None or place is None or last_word(made.call) not in FROM_NUMPY:
            continue
        if wanted == "float32" and tensor.dtype != torch.float32:
            end = Span(place.end_line, place.end_column, place.end_line, place.end_column)
            fix = Fix(f"{scene.source.text(place)}.float()", (Edit(end, ".float()"),))
            return Told("dtype", sentence, None, remedy, "dtype", made_by(scene, tensor), (fix,))
    return Told("dtype", sentence, None, remedy, "dtype")


def tell_class_dtype(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    own = [each for each in scene.operands if not isinstance(each, nn.Parameter)]
    tensor = (own or scene.operands)[-1]
    words: Words = {"name": scene.name(tensor), "dtype": dtype_name(tensor.dtype)}
    sentence = Text("`{name}` is {dtype}, which this call does not take there.", words)
    remedy = Text("`.long()` makes whole numbers, `.float()` floating point ones.")
    if "target with class probabilities" in scene.message:
        sentence = Text(
            "`{name}` has the shape of the output, so it is taken for probabilities; it is {dtype}.", words
        )
        remedy = Text("`.argmax(1)` makes class numbers of one-hot rows; `.float()` makes probabilities.")
    elif scene.call.op in CLASSIFYING and tensor.is_floating_point():
        sentence = Text("`{name}` holds class numbers, which are whole; it is {dtype}.", words)
        remedy = Text("`{name}.long()` makes them whole.", words)
    return Told("dtype_kind", sentence, None, remedy, "dtype")


def tell_unsupported(scene: Scene, match: re.Match[str]) -> Told | None:
    if not scene.operands:
        return None
    kinds = ", ".join(dict.fromkeys(dtype_name(each.dtype) for each in scene.operands))
    sentence = Text("`{op}` is not written for {dtypes}.", {"op": scene.call.op, "dtypes": kinds})
    return Told("dtype_unsupported", sentence, None, Text("Convert first: `.float()`."), "dtype")


def tell_cast(scene: Scene, match: re.Match[str]) -> Told | None:
    words: Words = {"result": match["result"], "held": match["held"]}
    sentence = Text("The result is {result}; an in-place call cannot put it into a tensor of {held}.", words)
    return Told(
        "in_place_dtype",
        sentence,
        None,
        Text("Write `x = x + y` in place of `x += y`, or convert first."),
        "dtype",
    )


def tell_device(scene: Scene, match: re.Match[str]) -> Told | None:
    devices = list(dict.fromkeys(str(each.device) for each in scene.operands))
    if len(devices) < 2:
        return None
    words: Words = {"devices": ", ".join(devices), "device": devices[0]}
    sentence = Text("These tensors lie on several devices: {devices}.", words)
    return Told("device", sentence, None, Text("Bring them together: `.to('{device}')`.", words), "device")


FROM_NUMPY = frozenset({"tensor", "from_numpy", "as_tensor"})
"""Calls that keep the dtype of what they are given."""
CLASSIFYING = frozenset({"cross_entropy", "cross_entropy_loss", "nll_loss"})
SHAPE = r"\[[-\d, *]*\]"
RULES = (
    Rule(
        rf"weight of size (?P<weight>{SHAPE}), expected input.*to have (?P<expected>\d+) channels",
        tell_channels,
    ),
    Rule(
        r"padded input size per channel: (?P<padded>\([\dx ]+\)). Kernel size: (?P<kernel>\([\dx "
        r"]+\))",
        tell_kernel,
    ),
    Rule(r"running_mean should contain \d+ elements not (?P<expected>\d+)", tell_batch_norm),
    Rule(r"more than 1 (?:value per channel|spatial element) when training", tell_one_value),
    Rule(r"normalized_shape=(?P<normalized>\[[\d, ]+\])", tell_layer_norm),
    Rule(r"index out of range in self", tell_embedding),
    Rule(
        r"must be equal to input_size. Expected (?P<expected>\d+)|[Ii]nput has inconsistent "
        r"input_size: got \d+,? expected (?P<cell>\d+)",
        tell_input_size,
    ),
    Rule(
        r"Expected hidden(?:\[\d\])? size (?P<wanted>\([\d, ]+\)), got (?P<got>[\[(][\d, ]+[\])])",
        tell_hidden,
    ),
    Rule(
        r"[Ee]xpected (?:input to be )?\d(?:D|-D)?.*(?:got|but got)|Expected input to be",
        tell_dimensions,
    ),
    Rule(
        r"target size \(.*\) (?:that is different to the input size|must be the same as input "
        r"size)|must be the same as input size",
        tell_target,
    ),
    Rule(r"Expected input batch_size \(\d+\) to match target batch_size", tell_batch),
    Rule(r"Target (?P<target>-?\d+) is out of bounds", tell_class),
    Rule(r"multi-target not supported", tell_multi_target),
    Rule(
        r"same dtype|[Ff]ound dtype \w+ but expected|"
        r"expected scalar type \w+ but found|should be the same|must have the same "
        r"dtype|Index put requires the source and destination dtypes match",
        tell_dtype,
    ),
    Rule(
        r"result type (?P<result>\w+) can't be cast to the desired output type (?P<held>\w+)",
        tell_cast,
    ),
    Rule(
        r"to (?:be|have) one of the following (?:scalar )?types|expected target dtype to be|"
        r"expected scalar type \w+|Expected floating "
        r"point type for target|must be long, int, byte or bool|tensors used as indices|"
        r"Expected dtype int(?:32/int)?64 for index",
        tell_class_dtype,
    ),
    Rule(
        r"not implemented for '\w+'|Input dtype must be either a floating point or complex|only "
        r"supports floating-point",
        tell_unsupported,
    ),
    Rule(
        r"Expected all tensors to be on the same device|is not on the expected device|is on (?:cpu|meta|cuda)",
        tell_device,
    ),
)
