"""For a run that asks for it: the calls that would download find small built-in data, and each first use is told."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
import torch
from sklearn.utils import Bunch

from app.program import FILENAME
from app.vocabulary.stand_ins import CALLS, FILE_READERS, OPENML, SETS, StandIn, set_called, set_in_file
from app.vocabulary.values import Span
from app.words import in_english
from app.worker.lending.folder import Folder
from app.worker.recording.functions import silenced
from app.worker.recording.places import Places
from app.worker.recording.recorder import Recorder
from app.worker.stand_ins import images
from app.worker.stand_ins.files import Files
from app.worker.stand_ins.models import untrained_models
from app.worker.stand_ins.tables import MADE, text_of

ADDRESS = "://"
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Lender:
    """What was lent in one run."""

    def __init__(self, recorder: Recorder, folder: Folder, places: Places) -> None:
        self._recorder = recorder
        self._folder = folder
        self._places = places
        self._lent: dict[str, StandIn] = {}
        self._files = Files(folder, self._tell)

    def told(self) -> tuple[StandIn, ...]:
        return tuple(self._lent.values())

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Meanwhile what would be downloaded stands in."""
        # all of them, before the first is made: classes inherit from one another
        changes = [*self._changes(), *self._files.changes(), *untrained_models(self._folder, self._tell)]
        self._folder.missing = self._files.put
        with ExitStack() as stack:
            for holder, name, function in changes:
                stack.enter_context(put(holder, name, function))
            yield

    def _changes(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """Who holds it, what it is called there, and what stands there meanwhile."""
        vision = sys.modules.get("torchvision.datasets")
        for call, name in CALLS.items():
            module, _, called = call.rpartition(".")
            if vision is not None and call == f"torchvision.datasets.{name}":
                for attribute, function in self._pictures(vision, name).items():
                    yield getattr(vision, name), attribute, function
            elif module == "sklearn.datasets":
                yield sklearn.datasets, called, self._table(name)
        yield sklearn.datasets, OPENML.rpartition(".")[2], self._openml()
        for call in FILE_READERS:
            module, _, called = call.rpartition(".")
            reader = pd if module == "pandas" else np
            yield reader, called, self._file(getattr(reader, called))

    def _tell(self, name: str) -> None:
        """The first use of a set: in the trace with its place, and in the output where it happened."""
        if name not in self._lent:
            sentence = SETS[name]
            self._lent[name] = StandIn(name, sentence, self._caller())
            sys.stderr.write(in_english(sentence) + "\n")

    def _caller(self) -> Span | None:
        frame = sys._getframe()
        while frame.f_back is not None and frame.f_code.co_filename != FILENAME:
            frame = frame.f_back
        return (
            self._places.span(frame.f_code, frame.f_lasti) if frame.f_code.co_filename == FILENAME else None
        )

    # ------------------------------------------------------------------------------------------ pictures

    def _pictures(self, vision: ModuleType, name: str) -> dict[str, Callable[..., Any]]:
        """A class of torchvision whose objects hold made pictures; all else of it is as it was."""
        kind = getattr(vision, name)
        begin, describe = kind.__init__, kind.extra_repr

        def __init__(
            dataset: Any,
            root: Any = None,
            train: bool = True,
            transform: Any = None,
            target_transform: Any = None,
            download: bool = False,
        ) -> None:
            nearest = next(
                (each for each in type(dataset).__mro__ if each.__module__.startswith("torchvision.")), None
            )
            if nearest is not kind:  # EMNIST and others are made of MNIST's class
                begin(dataset, root, train, transform, target_transform, download)
                return
            vision.VisionDataset.__init__(
                dataset, root, transform=transform, target_transform=target_transform
            )
            dataset.train = train
            self._tell(name)
            with silenced(self._recorder):
                fill(dataset, name, train)

        def extra_repr(dataset: Any) -> str:
            return f"{describe(dataset)}\n{in_english(SETS[name])}"

        return {"__init__": __init__, "extra_repr": extra_repr}

    # ------------------------------------------------------------------------------------------ tables

    def _table(self, name: str) -> Callable[..., Any]:
        def load(*args: Any, return_X_y: bool = False, as_frame: bool = False, **others: Any) -> Any:
            self._tell(name)
            rows = MADE[name]()
            return bunch(rows.iloc[:, :-1], rows.iloc[:, -1], name, return_X_y, as_frame)

        return load

    def _openml(self) -> Callable[..., Any]:
        fetch = sklearn.datasets.fetch_openml

        def fetch_openml(
            name: Any = None,
            *args: Any,
            return_X_y: bool = False,
            as_frame: bool | str = "auto",
            **others: Any,
        ) -> Any:
            known = set_called(OPENML, name if isinstance(name, str) else None)
            if known is None:
                return fetch(name, *args, return_X_y=return_X_y, as_frame=as_frame, **others)
            self._tell(known)
            if known == "mnist_784":
                pictures, labels = images.handwritten(None)
                flat = pictures.reshape(len(pictures), -1).astype(np.int64)
                data = pd.DataFrame(
                    flat, columns=[f"pixel{number}" for number in range(1, flat.shape[1] + 1)]
                )
                target = pd.Series([str(label) for label in labels], name="class").astype("category")
            else:
                rows = MADE[known]()
                wanted = "Survived" if known == "titanic" else rows.columns[-1]
                data, target = rows.drop(columns=wanted), rows[wanted]
            return bunch(data, target, known, return_X_y, bool(as_frame))

        return fetch_openml

    def _file(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def read_file(*args: Any, **kwargs: Any) -> Any:
            """A file of the run's folder is read there; what is elsewhere, or at an address, stands in here."""
            keyword = next((each for each in ("filepath_or_buffer", "fname") if each in kwargs), "")
            path = args[0] if args else kwargs.get(keyword)
            path = os.fspath(path) if isinstance(path, os.PathLike) else path
            foreign = isinstance(path, str) and (self._folder.name_of(path) is None or ADDRESS in path)
            name = set_in_file(str(path)) if foreign else None
            if name is None or name not in MADE:
                return read(*args, **kwargs)
            self._tell(name)
            others = {key: value for key, value in kwargs.items() if key != keyword}
            return read(io.StringIO(text_of(name, str(path))), *args[1:], **others)

        return read_file


@contextmanager
def put(holder: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Meanwhile it stands there; afterwards what the holder itself had, or nothing."""
    held = vars(holder)
    kept = held.get(name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        if kept is None:
            delattr(holder, name)
        else:
            setattr(holder, name, kept)


def fill(dataset: Any, name: str, train: bool) -> None:
    """Pictures and labels of the types the class has: tensors in MNIST's, an array and a list in CIFAR's."""
    if name in ("MNIST", "FashionMNIST"):
        pictures, labels = images.handwritten(train) if name == "MNIST" else images.clothes(train)
        dataset.data, dataset.targets = torch.from_numpy(pictures), torch.tensor(labels)
        return
    classes = 10 if name == "CIFAR10" else 100
    dataset.data, dataset.targets = images.shapes(train, classes)
    dataset.classes = list(CIFAR10) if classes == 10 else [f"class {number}" for number in range(classes)]
    dataset.class_to_idx = {each: number for number, each in enumerate(dataset.classes)}


def bunch(data: Any, target: Any, name: str, pair: bool, as_frame: bool) -> Any:
    """What scikit-learn's loaders give, as arrays or as tables."""
    columns, frame = list(data.columns), pd.concat([data, target], axis=1) if as_frame else None
    if not as_frame:
        data, target = np.array(data), np.array(target)  # copies: a table's own values cannot be written to
    if pair:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=columns,
        target_names=["target"],
        DESCR=in_english(SETS[name]),
    )
