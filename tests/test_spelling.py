"""Names near to a name that is none."""

from __future__ import annotations

import pytest

from app.vocabulary.spelling import nearest

TORCH = ("tensor", "Tensor", "from_numpy", "no_grad", "zeros", "zero_", "unsqueeze", "unsqueeze_", "_hidden")
NN = ("Linear", "Bilinear", "ReLU", "MSELoss", "Conv1d", "Conv2d", "CrossEntropyLoss")


@pytest.mark.parametrize(
    ("name", "names", "near"),
    [
        ("fron_numpy", TORCH, ("from_numpy",)),
        ("tensr", TORCH, ("tensor", "Tensor")),
        ("no_gard", TORCH, ("no_grad",)),
        ("zero", TORCH, ("zero_", "zeros")),
        ("unsqueze", TORCH, ("unsqueeze",)),
        ("unsqueze_", TORCH, ("unsqueeze_",)),
        ("linear", NN, ("Linear",)),
        ("relu", NN, ("ReLU",)),
        ("MSE", NN, ("MSELoss",)),
        ("CrossEntropy", NN, ("CrossEntropyLoss",)),
        ("hidden", TORCH, ()),
        ("Attention", NN, ()),
        ("x", ("x1", "xs"), ()),
        ("e" * 200, ("e" * 199,), ()),
    ],
)
def test_near_names_come_first(name: str, names: tuple[str, ...], near: tuple[str, ...]) -> None:
    assert nearest(name, names) == near


def test_no_more_are_named_than_asked() -> None:
    assert nearest("Conv", NN, most=1) in (("Conv1d",), ("Conv2d",))
    assert nearest("losss", ("loss", "less"), least=0.9) == ()
