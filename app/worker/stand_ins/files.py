"""Files and folders that are not here: what stands in for one is put into the run's folder where it is asked for."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from app.vocabulary.stand_ins import ALIASES, is_picture, set_in_file
from app.worker.lending.folder import TOP, Folder
from app.worker.lending.textbook import PACKAGE
from app.worker.stand_ins import images
from app.worker.stand_ins.tables import MADE, text_of
from app.worker.stand_ins.texts import files_at

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("hymenoptera|ants|bees", ("ants", "bees")),
    ("cats?|dogs?", ("cat", "dog")),
    ("flowers?", ("daisy", "dandelion", "roses", "sunflowers", "tulips")),
    ("", ("disc", "square")),
)
"""What the classes of a folder of pictures are called, as its name has it."""
FOR_TESTING = r"(.*/)?(val|valid|validation|test|testing|eval)"
SIDE = 256


class Files:
    """`tell` is told the name of each set that is used."""

    def __init__(self, folder: Folder, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell

    def put(self, path: str) -> None:
        """The file of that full name, or the folder, where it is one of a set."""
        name = set_in_file(path)
        if name is not None:
            self._tell(name)
            for each, content in files_of(name, path).items():
                self._folder.lend(each, content)
        elif is_picture(path):
            self._tell("picture")
            drawn, _ = images.shapes(True, images.SHAPES)
            self._folder.lend(path, encoded(drawn[0], "PNG" if path.lower().endswith("png") else "JPEG"))

    def changes(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """Who holds it, what it is called there, and what stands there meanwhile."""
        requests, book = sys.modules.get("requests"), sys.modules.get(PACKAGE)
        vision = sys.modules.get("torchvision.datasets")
        if requests is not None:
            yield requests, "get", self._answering(requests.get, respond)
        yield urllib.request, "urlopen", self._answering(urllib.request.urlopen, open_bytes)
        for holder, name in ((urllib.request, "urlretrieve"), (torch.hub, "download_url_to_file")):
            yield holder, name, self._answering(getattr(holder, name), self._keep)
        if book is not None:
            yield book, "download_extract", extracted(vars(book)["download_extract"])
        yield Image.Image, "save", self._lending_nothing(Image.Image.save)
        if vision is not None:
            yield vision.ImageFolder, "__init__", self._picture_folder(vision.ImageFolder.__init__)

    def _answering(self, original: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
        def fetch(url: Any, *args: Any, **kwargs: Any) -> Any:
            name = set_in_file(url) if isinstance(url, str) else None
            if name is None or name == "surnames":
                return original(url, *args, **kwargs)
            self._tell(name)
            return answer(url, files_of(name, url)[url], *args, **kwargs)

        return fetch

    def _keep(
        self, url: str, content: bytes, filename: Any = None, *args: Any, **kwargs: Any
    ) -> tuple[Any, None]:
        """The fetched file in the folder, as the program calls it or as its address does."""
        path = filename or kwargs.get("dst") or url.rpartition("/")[2]
        Path(path).write_bytes(content)
        return path, None

    def _lending_nothing(self, save: Callable[..., None]) -> Callable[..., None]:
        """PIL asks whether a file is there before it writes it; what is about to be written needs no stand-in."""

        def write(*args: Any, **kwargs: Any) -> None:
            put, self._folder.missing = self._folder.missing, lambda name: None
            try:
                save(*args, **kwargs)
            finally:
                self._folder.missing = put

        return write

    def _picture_folder(self, begin: Callable[..., None]) -> Callable[..., None]:
        def __init__(dataset: Any, root: Any, *args: Any, **kwargs: Any) -> None:
            path = os.fspath(root)
            if self._folder.name_of(path) is None:
                path = f"{TOP}/{path.lstrip('/')}"
            name = self._folder.name_of(path)
            if name is not None and not self._folder.exists(name):
                self._tell("pictures")
                for each, content in pictures_in(name):
                    self._folder.lend(each, content)
            begin(dataset, path, *args, **kwargs)

        return __init__


def files_of(name: str, path: str) -> Mapping[str, bytes]:
    """The files of a set by their names, for the one that was asked for."""
    if name == "MNIST":
        content = images.pickled_digits()
        return {path: gzip.compress(content) if path.endswith(".gz") else content}
    texts = {path: text_of(name, path)} if name in MADE else files_at(name, path)
    return {each: text.encode() for each, text in texts.items()}


def respond(url: str, content: bytes, *args: Any, **kwargs: Any) -> Any:
    """As `requests` answers."""
    response = sys.modules["requests"].Response()
    response.url, response.status_code, response.reason, response.encoding = url, 200, "OK", "utf-8"
    response._content, response._content_consumed = content, True
    return response


def open_bytes(url: str, content: bytes, *args: Any, **kwargs: Any) -> io.BytesIO:
    return io.BytesIO(content)


def extracted(original: Callable[..., Any]) -> Callable[..., Any]:
    """The textbook's archives: the folder of one whose files stand in."""

    def download_extract(name: str, folder: str | None = None) -> Any:
        return f"../data/{name}" if name in ALIASES else original(name, folder)

    return download_extract


def pictures_in(folder: str) -> Iterator[tuple[str, bytes]]:
    """Full names and JPEG bytes, each class in a folder of its own, the larger part for training."""
    classes = next(found for words, found in KINDS if re.search(words, folder.lower()))
    testing = re.fullmatch(FOR_TESTING, folder.lower()) is not None
    drawn, labels = images.shapes(not testing, images.SHAPES)
    for number, name in enumerate(classes):
        chosen = [picture for picture, label in zip(drawn, labels, strict=True) if label == number]
        for at, picture in enumerate(chosen[: 8 if testing else 20]):
            yield f"{folder}/{name}/{at:03}.jpg", encoded(picture, "JPEG")


def encoded(picture: images.Pictures, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()
