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
    "wine": Text("Stand-in for the file: scikit-learn's own copy of the 178 wines."),
    "wine_quality": Text(
        "Stand-in for the wine quality file: 1,599 made-up rows with its 12 columns; "
        "the quality follows a rule and noise."
    ),
    "breast_cancer": Text("Stand-in for the file: scikit-learn's own copy of the 569 breast cancer rows."),
    "passengers": Text(
        "Stand-in for the airline passengers file: 144 made-up months; they grow, with a season, and noise."
    ),
    "prices": Text("Stand-in for the file of prices: 1,000 made-up days of a share that nobody ever traded."),
    "english_text": Text(
        "Stand-in for the text: well-known passages of Shakespeare, 13,600 characters; "
        "a large text teaches a model more."
    ),
    "poems": Text("Stand-in for the text: 50 poems of the Tang dynasty, one to a line as title:poem."),
    "first_names": Text("Stand-in for names.txt: 419 first names in small letters, one to a line."),
    "surnames": Text(
        "Stand-in for the lists of names: 25 or 50 common surnames of each of the 18 languages."
    ),
    "translations": Text(
        "Stand-in for the pairs of sentences: 266 short ones made here, English and French."
    ),
    "pictures": Text(
        "Stand-in for the folder of pictures: drawn shapes, 256 × 256 in colour, of one kind in each class."
    ),
    "picture": Text("Stand-in for the picture: a drawn shape, 256 × 256 in colour."),
    "weights": Text(
        "Stand-in for trained weights: none. The model begins with random ones, so it knows nothing until you train it."
    ),
}
"""What each stand-in is."""
CALLS: Mapping[str, str] = {
    **{f"torchvision.datasets.{name}": name for name in ("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100")},
    "d2l.torch.load_data_fashion_mnist": "FashionMNIST",
    "sklearn.datasets.load_boston": "boston",
    "sklearn.datasets.fetch_california_housing": "california_housing",
    "torchvision.datasets.ImageFolder": "pictures",
    "d2l.torch.load_data_time_machine": "english_text",
    "d2l.torch.read_time_machine": "english_text",
    "d2l.torch.load_corpus_time_machine": "english_text",
    "d2l.torch.load_data_nmt": "translations",
    "d2l.torch.read_data_nmt": "translations",
}
"""The calls that have one."""
OPENML = "sklearn.datasets.fetch_openml"
FILE_READERS = ("pandas.read_csv", "numpy.loadtxt", "numpy.genfromtxt")
FETCHERS = (
    *("requests.get", "urllib.request.urlopen", "urllib.request.urlretrieve"),
    *("torch.hub.download_url_to_file", "d2l.torch.download", "d2l.torch.download_extract"),
)
"""What is asked for a file by its address."""
FILES: Mapping[str, str] = {
    r"iris[\w.-]*\.(csv|data|txt)": "iris",
    r"[\w.-]*titanic[\w.-]*\.csv": "titanic",
    r"(pima[\w.-]*\.(csv|data|txt)|(data-03-)?diabetes\.csv)": "pima",
    r"(boston[\w.-]*|housing)\.(csv|data)": "boston",
    r"wine\.(csv|data)": "wine",
    r"winequality[\w.-]*\.csv": "wine_quality",
    r"(wdbc\.data|(breast[-_]?cancer|wdbc)[\w.-]*\.csv)": "breast_cancer",
    r"(international-)?air(line)?[-_]?passengers\.csv": "passengers",
    r"(aapl|amzn|goog|googl|msft|tsla|nflx|spy|stocks?|stock[-_]?(data|prices?))[\w.-]*\.csv": "prices",
    r"(input|time_?machine|alice[\w.-]*|[\w.-]*shakespeare[\w.-]*|ptb\.[\w.]+|wiki\.[\w.]+)\.txt": "english_text",
    r"(poe(try|ms?)|tang[\w.-]*|唐诗\w*|jaychou_lyrics)\.txt": "poems",
    r"names\.txt": "first_names",
    r"mnist\.pkl(\.gz)?": "MNIST",
    r"(eng-fra|fra-eng|fra|%s-%s)\.txt": "translations",
}
"""What the last part of a file's name or an address says it is."""
CHECKPOINT = r".+\.(pth|pt|ckpt|pth\.tar)"
"""A file of trained weights."""
PICTURE = r".+\.(jpe?g|png)"
PICTURE_READERS = ("PIL.Image.open", "matplotlib.pyplot.imread")
LISTS_OF_NAMES = r"(.*/)?(data/names/?|names/[\w*]+\.txt)"
"""The folder of a lesson that tells languages by their names, and a file in it."""
ALIASES: Mapping[str, str] = {"time_machine": "english_text", "fra-eng": "translations"}
"""What the textbook calls them."""


def set_called(call: str, asked: str | None) -> str | None:
    """The set that a call asks for, with its first argument where that is a text; None where none stands in."""
    if call == OPENML:
        return asked if asked in ("mnist_784", "boston", "titanic") else None
    if call == "torch.hub.load":
        return "weights" if asked is not None and asked.startswith("pytorch/vision") else None
    if call in (*FILE_READERS, *FETCHERS, "open") and asked is not None:
        return ALIASES.get(asked) or set_in_file(asked)
    if call == "torch.load" and asked is not None:
        return "weights" if re.fullmatch(CHECKPOINT, asked.lower()) else None
    if call in PICTURE_READERS and asked is not None and "://" not in asked:
        return "picture" if is_picture(asked) else None
    return CALLS.get(call)


def is_picture(path: str) -> bool:
    return re.fullmatch(PICTURE, path.lower()) is not None


def set_in_file(path: str) -> str | None:
    whole = path.lower().split("?")[0].replace("\\", "/")
    if re.fullmatch(LISTS_OF_NAMES, whole):
        return "surnames"
    name = whole.rpartition("/")[2]
    return next((found for pattern, found in FILES.items() if re.fullmatch(pattern, name)), None)
