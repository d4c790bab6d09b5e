"""The vocabulary of data that stands in for what cannot be downloaded here: which sets have one, and what it is.

Nothing is ever replaced unasked: a program is told that there is a stand-in, and a request has to ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.vocabulary.values import Span, Text


@dataclass(frozen=True, slots=True)
class StandIn:
    """A set of data that was put in the place of another, and the line that first asked for it."""

    name: str
    sentence: Text
    span: Span | None


SETS: Mapping[str, Text] = {
    "MNIST": Text("Stand-in for MNIST: 1,000 of scikit-learn's handwritten digits, enlarged to 28 × 28."),
    "FashionMNIST": Text(
        "Stand-in for FashionMNIST: 4,000 drawn outlines of the ten kinds of clothes, 28 × 28."
    ),
    "CIFAR10": Text(
        "Stand-in for CIFAR10: 1,000 drawn pictures, 32 × 32 in colour; each class is one geometric shape."
    ),
    "CIFAR100": Text(
        "Stand-in for CIFAR100: 2,000 drawn pictures, 32 × 32 in colour; each class is a geometric shape in one colour."
    ),
    "mnist_784": Text(
        "Stand-in for mnist_784: scikit-learn's 1,797 handwritten digits, enlarged to rows of 784 pixels."
    ),
    "boston": Text(
        "Stand-in for the Boston housing set: 506 made-up rows with its 13 columns; the prices follow a rule and noise."
    ),
    "california_housing": Text(
        "Stand-in for the California housing set: 2,000 made-up rows with its 8 columns; "
        "the prices follow a rule and noise."
    ),
    "iris": Text("Stand-in for the file: scikit-learn's own copy of the 150 iris flowers."),
    "titanic": Text(
        "Stand-in for the Titanic file: 891 made-up passengers with its columns; who survives follows a rule and noise."
    ),
    "pima": Text(
        "Stand-in for the Pima diabetes file: 768 made-up rows with its 9 columns; the last follows a rule and noise."
    ),
}
"""What each stand-in is."""
CALLS: Mapping[str, str] = {
    **{f"torchvision.datasets.{name}": name for name in ("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100")},
    "d2l.torch.load_data_fashion_mnist": "FashionMNIST",
    "sklearn.datasets.load_boston": "boston",
    "sklearn.datasets.fetch_california_housing": "california_housing",
}
"""The calls that have one."""
OPENML = "sklearn.datasets.fetch_openml"
FILE_READERS = ("pandas.read_csv", "numpy.loadtxt", "numpy.genfromtxt")
FILES: Mapping[str, str] = {
    r"iris[\w.-]*\.(csv|data|txt)": "iris",
    r"[\w.-]*titanic[\w.-]*\.csv": "titanic",
    r"pima[\w.-]*\.(csv|data|txt)": "pima",
    r"(boston[\w.-]*|housing)\.(csv|data)": "boston",
}
"""What the last part of a file's name or an address says it is."""


def set_called(call: str, asked: str | None) -> str | None:
    """The set that a call asks for, with its first argument where that is a text; None where none stands in."""
    if call == OPENML:
        return asked if asked in ("mnist_784", "boston", "titanic") else None
    if call in FILE_READERS and asked is not None:
        return set_in_file(asked)
    return CALLS.get(call)


def set_in_file(path: str) -> str | None:
    name = path.lower().split("?")[0].replace("\\", "/").rpartition("/")[2]
    return next((found for pattern, found in FILES.items() if re.fullmatch(pattern, name)), None)
