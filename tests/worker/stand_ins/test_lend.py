"""What a run that asks for stand-ins finds: the types of the true sets, labelled wherever they show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas
import pytest
import sklearn.datasets
from numpy.typing import NDArray

from app.source import SourceText
from app.vocabulary.stand_ins import SETS
from app.vocabulary.trace import Completed, Trace
from app.worker.forking.libraries import import_torchvision
from app.worker.stand_ins import images
from app.worker.stand_ins.tables import MADE
from tests.worker.running import run

FIRST = "from torchvision import datasets, transforms\n"


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> Iterator[ModuleType]:
    names = import_torchvision()
    yield sys.modules["torchvision.datasets"]
    del names


def lent(source: str) -> Trace:
    trace = run(source, stand_ins=True)
    assert isinstance(trace.outcome, Completed), trace.outcome
    return trace


def shown(trace: Trace) -> str:
    assert trace.result is not None
    return trace.result.text


@pytest.mark.parametrize(("name", "count"), [("MNIST", 800), ("FashionMNIST", 3_200)])
def test_digits_and_clothes_have_the_types_of_their_classes(name: str, count: int) -> None:
    kinds = (
        "image, label = data[3]\n"
        "(image.mode, image.size, type(label).__name__, data.data.dtype, tuple(data.data.shape), data.targets.dtype)"
    )
    trace = lent(f"{FIRST}data = datasets.{name}('data', download=True)\n{kinds}")
    assert shown(trace) == f"('L', (28, 28), 'int', torch.uint8, ({count}, 28, 28), torch.int64)"


@pytest.mark.parametrize(("name", "classes", "count"), [("CIFAR10", 10, 200), ("CIFAR100", 100, 400)])
def test_pictures_have_the_types_of_their_classes(name: str, classes: int, count: int) -> None:
    kinds = (
        "image, label = data[3]\n"
        "(image.mode, image.size, type(label).__name__, data.data.shape, len(data.classes), len(data.class_to_idx))"
    )
    trace = lent(f"{FIRST}data = datasets.{name}('data', train=False, download=True)\n{kinds}")
    assert shown(trace) == f"('RGB', (32, 32), 'int', ({count}, 32, 32, 3), {classes}, {classes})"


def test_a_stand_in_is_told_once_and_labelled_where_it_shows() -> None:
    source = f"{FIRST}a = datasets.MNIST('.')\nb = datasets.MNIST('.', train=False)\nprint(a)"
    trace = lent(source)
    (told,) = trace.stand_ins
    assert (told.name, told.sentence) == ("MNIST", SETS["MNIST"])
    assert told.span is not None
    assert SourceText.of(source).text(told.span) == "datasets.MNIST('.')"
    said = "".join(each.text for each in trace.output)
    assert said.count("Stand-in for MNIST") == 2  # when it was first used, and in print(a)


def test_making_a_stand_in_is_no_call_of_the_program_and_draws_none_of_its_numbers() -> None:
    numbers = "torch.manual_seed(0); np.random.seed(0)\n{}(torch.rand(1).item(), np.random.rand())"
    trace = lent(FIRST + numbers.format("datasets.FashionMNIST('.')\n"))
    assert shown(trace) == shown(lent(numbers.format("")))
    assert [step.op for step in trace.steps] == ["torch.rand"]


def test_classes_made_of_mnists_are_left_alone() -> None:
    source = (
        f"{FIRST}class Mine(datasets.MNIST):\n    pass\n"
        "try:\n    datasets.QMNIST('.')\nexcept RuntimeError as error:\n    print(error)\nlen(Mine('.'))"
    )
    trace = lent(source)
    assert shown(trace) == "800"
    assert "Dataset not found" in "".join(each.text for each in trace.output)


def test_afterwards_all_is_as_it_was(torchvision: ModuleType) -> None:
    before = (torchvision.MNIST.__init__, pandas.read_csv, sklearn.datasets.fetch_openml)
    lent("x = 1")
    assert (torchvision.MNIST.__init__, pandas.read_csv, sklearn.datasets.fetch_openml) == before
    assert "load_boston" not in vars(sklearn.datasets)
    assert "__init__" not in vars(torchvision.FashionMNIST)


def test_each_class_is_labelled_with_its_own_stand_in() -> None:
    trace = lent(f"{FIRST}str(datasets.FashionMNIST('.')).count('Stand-in')")
    assert shown(trace) == "1"


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        ("from sklearn.datasets import load_boston\nload_boston().data.shape", "(506, 13)"),
        (
            "from sklearn import datasets\ndatasets.fetch_california_housing(return_X_y=True)[0].shape",
            "(2000, 8)",
        ),
        (
            "from sklearn.datasets import fetch_california_housing\n"
            "fetch_california_housing(as_frame=True).frame.shape",
            "(2000, 9)",
        ),
        (
            "from sklearn.datasets import fetch_openml\n"
            "X, y = fetch_openml('mnist_784', version=1, return_X_y=True, as_frame=False)\nX.shape, y[0]",
            "((1797, 784), '0')",
        ),
        ("import pandas as pd\npd.read_csv('https://example.org/iris.csv').shape", "(150, 5)"),
        ("import pandas as pd\npd.read_csv('http://example.org/iris.data', header=None).shape", "(150, 5)"),
        ("import pandas as pd\npd.read_csv(filepath_or_buffer='data/iris.csv').shape", "(150, 5)"),
        ("import pandas as pd\npd.read_csv('titanic.csv')['Sex'].nunique()", "2"),
        ("import pandas as pd\npd.read_csv('/content/wine.data', header=None).shape", "(178, 14)"),
        ("import pandas as pd\npd.read_csv('winequality-red.csv', sep=';').shape", "(1599, 12)"),
        ("import pandas as pd\npd.read_csv('https://example.org/wdbc.data', header=None).shape", "(569, 32)"),
        ("import pandas as pd\npd.read_csv('airline-passengers.csv')['Passengers'].shape", "(144,)"),
        ("import pandas as pd\npd.read_csv('AAPL.csv', parse_dates=['Date'])['Close'].shape", "(1000,)"),
        ("np.loadtxt('pima-indians-diabetes.data.csv', delimiter=',').shape", "(768, 9)"),
    ],
)
def test_tables_have_the_shape_of_the_true_ones(source: str, shape: str) -> None:
    trace = lent(source)
    assert shown(trace) == shape
    assert len(trace.stand_ins) == 1


def test_a_file_the_program_wrote_comes_first() -> None:
    source = "import pandas as pd\npd.DataFrame({'a': [1]}).to_csv('iris.csv')\npd.read_csv('iris.csv').shape"
    trace = lent(source)
    assert (shown(trace), trace.stand_ins) == ("(1, 2)", ())


def near_middles(train: images.Labelled, test: images.Labelled) -> float:
    """How often the class whose mean picture is nearest is the right one."""
    (pictures, labels), (others, wanted) = train, test
    flat: NDArray[np.float64] = pictures.reshape(len(pictures), -1) / 255
    middles = np.stack([flat[np.array(labels) == label].mean(0) for label in range(10)])
    apart = ((others.reshape(len(others), 1, -1) / 255 - middles) ** 2).sum(-1)
    return float((apart.argmin(1) == np.array(wanted)).mean())


def test_there_is_something_to_learn() -> None:
    assert near_middles(images.handwritten(True), images.handwritten(False)) > 0.8
    assert near_middles(images.clothes(True), images.clothes(False)) > 0.6
    for name in ("boston", "california_housing", "pima"):
        rows = MADE[name]()
        strength = rows.corr(numeric_only=True).iloc[:-1, -1].abs().max()
        assert 0.3 < strength < 0.95, name
