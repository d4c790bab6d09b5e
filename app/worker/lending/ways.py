"""Python's own ways to a file lead to the run's folder: `open`, `os`, and what is built on them, for names of ours.

What numpy and torch open by themselves, in C, `openers` serves; what others do, and all other names, meets the seal.
"""

from __future__ import annotations

import builtins
import errno
import glob
import io
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import IO, Any

import numpy as np

from app.worker.lending.folder import TEMPORARY, Folder
from app.worker.lending.openers import Openers


class Ways:
    """The functions that stand in for Python's while a program runs."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._numbers = count()
        self._kept = {name: getattr(os, name) for name in ("chdir", "getcwd", "listdir", "scandir")}
        self._open = io.open
        self._openers = Openers(folder, self.open)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile relative names mean files of the folder."""
        # numpy's readers keep the `open` of their import
        openers = vars(vars(np.lib._datasource)["_file_openers"])["_file_openers"]
        kept, opener = [], openers[None]
        for holder, name, function in self._changes():
            kept.append((holder, name, getattr(holder, name)))
            setattr(holder, name, function)
        openers[None] = self.open
        try:
            with self._openers.watching():
                yield
        finally:
            openers[None] = opener
            for holder, name, function in reversed(kept):
                setattr(holder, name, function)

    def _changes(self) -> Iterator[tuple[Any, str, Any]]:
        """Who holds it, what it is called there, and what stands there meanwhile."""
        folder = self._folder
        yield from ((module, "open", self.open) for module in (builtins, io))
        for name in ("stat", "lstat"):
            yield os, name, self._for_ours(folder.stat, getattr(os, name))
        for name, answer in (("access", True), ("chmod", None), ("utime", None), ("listxattr", [])):
            yield os, name, self._for_ours(self._checked(answer), getattr(os, name))
        for name, change in (("mkdir", folder.mkdir), ("rmdir", folder.rmdir), ("remove", folder.remove)):
            yield os, name, self._for_ours(change, refuse)
        yield os, "unlink", self._for_ours(folder.remove, refuse)
        for name in ("rename", "replace"):
            yield os, name, self.rename
        for name in ("listdir", "scandir", "chdir", "getcwd"):
            yield os, name, getattr(self, name)
        if keeper := getattr(
            glob, "_StringGlobber", None
        ):  # since 3.13 `pathlib` keeps functions of its import
            yield keeper, "lstat", staticmethod(os.lstat)
            yield keeper, "scandir", staticmethod(self.scandir)
        yield shutil, "rmtree", self.rmtree
        if hasattr(tempfile, "_rmtree"):  # Debian's keeps the function of its import
            yield tempfile, "_rmtree", self.rmtree
        yield from self._openers.changes()
        yield pathlib.Path, "touch", self._make_touch()
        yield tempfile, "tempdir", TEMPORARY
        yield tempfile, "NamedTemporaryFile", self.temporary_file
        yield tempfile, "TemporaryFile", self.temporary_file

    def _for_ours(self, ours: Callable[[str], Any], other: Callable[..., Any]) -> Callable[..., Any]:
        """A function that takes a path first: `ours` for names of ours, else the `other`."""

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            name = self._folder.name_of(path)
            return other(path, *args, **kwargs) if name is None else ours(name)

        return call

    def _checked(self, answer: Any) -> Callable[[str], Any]:
        def ask(name: str) -> Any:
            if answer is True:
                return self._folder.exists(name)
            self._folder.stat(name)
            return answer

        return ask

    # ------------------------------------------------------------------------------------------ what is called

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> IO[Any]:
        name = self._folder.name_of(file)
        if name is None:
            return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        return self._folder.open(name, mode, buffering, encoding, errors, newline)

    def rename(self, source: Any, target: Any, *args: Any, **kwargs: Any) -> None:
        name, new = self._folder.name_of(source), self._folder.name_of(target)
        if name is None or new is None:
            refuse(source if name is None else target)
        else:
            self._folder.rename(name, new)

    def listdir(self, path: Any = ".") -> list[Any]:
        name = self._folder.name_of(path)
        return self._folder.listdir(name) if name is not None else self._kept["listdir"](path)

    def scandir(self, path: Any = ".") -> Any:
        name = self._folder.name_of(path)
        if name is None:
            return self._kept["scandir"](path)
        return self._folder.scandir(name, os.fsdecode(path))

    def chdir(self, path: Any) -> None:
        name = self._folder.name_of(path)
        if name is None:
            self._kept["chdir"](path)
        else:
            self._folder.enter(name)

    def getcwd(self) -> str:
        return self._folder.here

    def rmtree(self, path: Any, ignore_errors: bool = False, *args: Any, **kwargs: Any) -> None:
        name = self._folder.name_of(path)
        if name is None:
            refuse(path)
        elif not ignore_errors or self._folder.is_folder(name):
            self._folder.remove_tree(name)

    def _make_touch(self) -> Callable[..., None]:
        """A plain function, which becomes a method of paths."""

        def touch(path: pathlib.Path, mode: int = 0o666, exist_ok: bool = True) -> None:
            name = self._folder.name_of(path)
            if name is None:
                refuse(path)
            elif not exist_ok and self._folder.exists(name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            else:
                self._folder.touch(name)

        return touch

    def temporary_file(self, mode: str = "w+b", *args: Any, **options: Any) -> Any:
        """A file of the folder; its name is good for as long as the run."""
        suffix, prefix = options.get("suffix") or "", options.get("prefix") or "tmp"
        name = f"{options.get('dir') or TEMPORARY}/{prefix}{next(self._numbers)}{suffix}"
        return self.open(
            name, mode, -1, options.get("encoding"), options.get("errors"), options.get("newline")
        )


def refuse(path: Any, *args: Any, **kwargs: Any) -> None:
    """What the seal would answer, where the host's own files were to be changed."""
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)


@contextmanager
def replaced(holder: Any, name: str, function: Any) -> Iterator[None]:
    """Meanwhile a holder has another thing under a name."""
    kept = getattr(holder, name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        setattr(holder, name, kept)
