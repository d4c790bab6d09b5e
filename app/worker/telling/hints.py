"""Hints: what an error means and what helps. Facts in, sentences out."""

from __future__ import annotations

import re

from app.vocabulary.values import Text

HINTS: tuple[tuple[str, str, Text], ...] = (
    (
        "RuntimeError",
        r"grad can be implicitly created only for scalar outputs",
        Text("backward starts from one number. Call `.sum().backward()`, or give `.backward(gradient=...)`."),
    ),
    (
        "RuntimeError",
        r"backward through the graph a second time",
        Text(
            "The first backward freed the graph. Pass `retain_graph=True` to it, or compute the result again."
        ),
    ),
    (
        "RuntimeError",
        r"does not require grad and does not have a grad_fn",
        Text("Nothing on the way to this tensor requires grad. Create a leaf with `requires_grad=True`."),
    ),
    (
        "RuntimeError",
        r"mat1 and mat2 shapes cannot be multiplied",
        Text(
            "The inner sizes differ: (n, k) @ (k, m) needs the same k on both sides. Transpose or reshape one."
        ),
    ),
    (
        "RuntimeError",
        r"must match the size of tensor b",
        Text("The shapes do not broadcast: counted from the right, sizes must be equal or one of them 1."),
    ),
    (
        "RuntimeError",
        r"modified by an inplace operation",
        Text("A tensor that backward needs was changed in place. Write `x = x + 1` in place of `x += 1`."),
    ),
    (
        "RuntimeError",
        r"Only Tensors of floating point|could not infer output dtype|mean\(\): could not|Input dtype must be either",
        Text("The tensor holds whole numbers. Make it floating point first: `.float()`."),
    ),
    (
        "IndexError",
        r"invalid index of a 0-dim tensor",
        Text("A 0-dimensional tensor has no element 0. `loss.item()` replaces `loss.data[0]`."),
    ),
    (
        "TypeError",
        r"linspace\(\)",
        Text("linspace needs the number of points: `steps=100` was once the default."),
    ),
    (
        "ValueError",
        r"Using a target size .* that is different to the input size",
        Text("Output and target need the same shape: `out.squeeze(1)`, or `y.view(-1, 1)`."),
    ),
    (
        "AssertionError|RuntimeError",
        r"Torch not compiled with CUDA enabled|Found no NVIDIA driver|No CUDA GPUs are available",
        Text(
            "There is no GPU here. Use `device='cpu'`, or `.to(device)` with a device chosen by what is there."
        ),
    ),
    (
        "ModuleNotFoundError",
        r"No module named",
        Text("This package is not installed here, and nothing can be installed from within a program."),
    ),
    (
        "PermissionError|FileNotFoundError|BlockingIOError",
        r"",
        Text(
            "Files with relative names live in memory during the run; a program here has no other files, no network "
            "and no processes of its own."
        ),
    ),
    (
        "RuntimeError|URLError|ConnectionError",
        r"Error downloading|Dataset not found|urlopen error|Max retries exceeded",
        Text(
            "There is no network here: what would be downloaded has to be in the program, or have a stand-in."
        ),
    ),
    (
        "EOFError",
        r"EOF when reading a line",
        Text("There is no keyboard here: give `input()`'s answer in the program itself."),
    ),
)


def hint_for(exception: str, message: str) -> Text | None:
    """What helps with an exception, where we know."""
    for kinds, pattern, text in HINTS:
        if re.fullmatch(kinds, exception) and re.search(pattern, message):
            return text
    return None
