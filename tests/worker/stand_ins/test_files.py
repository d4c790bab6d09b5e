"""Files of well-known lessons in a run that asks for stand-ins: found where the lesson looks, and told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

from app.vocabulary.trace import Completed, Raised
from app.worker.forking.libraries import import_torchvision
from app.worker.stand_ins.files import pictures_in
from app.worker.stand_ins.texts import SURNAMES, TEXTS
from tests.worker.running import run

LESSONS: tuple[tuple[str, str, str], ...] = (
    ("english_text", "text = open('data/input.txt', encoding='utf-8').read()", "'HAMLET:\\nTo be' in text"),
    (
        "english_text",
        "import os, requests\npath = os.path.join(os.path.dirname(__file__), 'input.txt')\n"
        "if not os.path.exists(path):\n"
        "    open(path, 'w').write(requests.get('https://example.org/tinyshakespeare/input.txt').text)",
        "len(open(path).read()) > 10_000",
    ),
    (
        "english_text",
        "import requests",
        "requests.get('https://example.org/input.txt').text[:7] == 'HAMLET:'",
    ),
    (
        "first_names",
        "import urllib.request\nurllib.request.urlretrieve('https://example.org/names.txt', 'n.txt')",
        "open('n.txt').read().split()[:2] == ['emma', 'olivia']",
    ),
    (
        "first_names",
        "import urllib.request",
        "urllib.request.urlopen('https://example.org/names.txt').read()[:5] == b'emma\\n'",
    ),
    ("translations", "a, b = 'eng', 'fra'", "open('data/%s-%s.txt' % (a, b)).readline() == 'Go.\\tVa !\\n'"),
    ("poems", "", "open('poetry.txt').readline().startswith('静夜思:床前明月光')"),
    ("surnames", "import glob", "sorted(glob.glob('data/names/*.txt'))[0] == 'data/names/Arabic.txt'"),
    ("surnames", "", "'Dvorak' in open('data/names/Czech.txt').read().split('\\n')"),
    (
        "surnames",
        "from pathlib import Path",
        "len([*Path('data/names').glob('*.txt')]) == 18 == len(__import__('os').listdir('data/names'))",
    ),
    (
        "MNIST",
        "import gzip, pickle, requests\nfrom pathlib import Path\npath = Path('data') / 'mnist.pkl.gz'\n"
        "path.parent.mkdir()\n"
        "path.write_bytes(requests.get('https://example.org/mnist.pkl.gz').content)\n"
        "with gzip.open(path.as_posix(), 'rb') as f:\n"
        "    ((x, y), (x_valid, y_valid), _) = pickle.load(f, encoding='latin-1')",
        "(x.shape, x.dtype, float(x.max()), y.dtype, len(y_valid)) == ((800, 784), 'float32', 1.0, 'int64', 200)",
    ),
    ("pima", "import csv", "next(csv.reader(open('diabetes.csv')))[-1] == 'Outcome'"),
    (
        "picture",
        "from PIL import Image",
        "(Image.open('dog.jpg').size, Image.open('dog.jpg').mode) == ((256, 256), 'RGB')",
    ),
    (
        "pictures",
        "from torchvision import datasets\ndata = datasets.ImageFolder('data/hymenoptera_data/val')",
        "(len(data), data.classes, data[0][0].size, data[9][1]) == (16, ['ants', 'bees'], (256, 256), 1)",
    ),
    (
        "pictures",
        "from torchvision import datasets\ndata = datasets.ImageFolder('/content/my/train')",
        "(len(data), data.classes) == (40, ['disc', 'square'])",
    ),
)


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> Iterator[ModuleType]:
    """As the server has it before any run, and so has it `requests`."""
    kept = (import_torchvision(), import_module("requests"))
    yield sys.modules["torchvision.datasets"]
    del kept


@pytest.mark.parametrize(("name", "source", "check"), LESSONS)
def test_a_lesson_finds_its_files(name: str, source: str, check: str) -> None:
    trace = run(f"{source}\n{check}", stand_ins=True)
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "True"
    assert [each.name for each in trace.stand_ins] == [name]


@pytest.mark.parametrize("source", ["open('input.txt')", "import os\nos.listdir('data/names')"])
def test_unasked_a_missing_file_is_missing(source: str) -> None:
    outcome = run(source).outcome
    assert isinstance(outcome, Raised)
    assert outcome.exception == "FileNotFoundError"


def test_what_the_program_writes_comes_first() -> None:
    source = "import os\nopen('input.txt', 'w').write('mine')\nos.makedirs('data/names')\n"
    trace = run(f"{source}open('input.txt').read(), os.listdir('data/names')", stand_ins=True)
    assert trace.result is not None
    assert (trace.result.text, trace.stand_ins) == ("('mine', [])", ())


def test_a_picture_that_is_written_needs_no_stand_in() -> None:
    source = "from PIL import Image\nImage.new('L', (2, 2)).save('own.png')\nImage.open('own.png').size"
    trace = run(source, stand_ins=True)
    assert trace.result is not None
    assert (trace.result.text, trace.stand_ins) == ("(2, 2)", ())


def test_lent_files_are_no_files_of_the_run() -> None:
    trace = run("open('names.txt').read()\nopen('own.txt', 'w').close()", stand_ins=True)
    (note,) = trace.notes
    assert note.values["files"] == "own.txt (0)"


def test_texts_are_what_lessons_expect() -> None:
    assert len(TEXTS["english_text"]) > 13_000
    assert all(line.count("\t") == 1 for line in TEXTS["translations"].splitlines())
    assert all(line.count(":") == 1 for line in TEXTS["poems"].splitlines())
    assert [len(names.split()) for _, names in SURNAMES].count(25) == len(SURNAMES) - 1


def test_pictures_are_the_same_in_every_run() -> None:
    assert [*pictures_in("/a/flowers/val")] == [*pictures_in("/a/flowers/val")]
