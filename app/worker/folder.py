"""The program's own folder: files with relative names live in memory, as long as the run does; nothing reaches a disk.

Only Python's own ways to a file lead here (`open`, `os`, `pathlib`, and what is built on them). What a library opens by
itself, in C, meets the seal; so do absolute names. The memory limit of the run bounds what the files hold.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import torch

from app.values import Text

MOST_NAMED = 8
"""Files a note names."""


class MemoryFile(io.BytesIO):
    """Open file; what it holds when it is closed or flushed is the file's content."""

    def __init__(self, content: bytes, keep: Callable[[bytes], None] | None) -> None:
        super().__init__(content)
        self._keep = keep

    def writable(self) -> bool:
        return self._keep is not None

    def write(self, data: Any, /) -> int:
        if self._keep is None:
            raise io.UnsupportedOperation("not writable")
        return super().write(data)

    def flush(self) -> None:
        if self._keep is not None and not self.closed:
            self._keep(self.getvalue())

    def close(self) -> None:
        self.flush()
        super().close()


class Folder:
    """The files and folders of one run, by their names."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._folders: set[str] = set()
        self._open = io.open
        self._stat = os.stat
        self._listdir = os.listdir
        self._save = torch.save

    def notes(self) -> Iterator[Text]:
        """What there is to say of the files that were written."""
        if not self._files:
            return
        shown = ", ".join(
            f"{name} ({len(content)})" for name, content in list(self._files.items())[:MOST_NAMED]
        )
        more = " …" if len(self._files) > MOST_NAMED else ""
        yield Text(
            "Files of this run, in memory only and gone when it is over (bytes): {files}.",
            {"files": shown + more},
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile relative names mean files of this folder."""
        changed: dict[str, Callable[..., Any]] = {
            "stat": self.stat,
            "listdir": self.listdir,
            "mkdir": self.mkdir,
            "remove": self.remove,
            "unlink": self.remove,
            "rmdir": self.rmdir,
            "rename": self.rename,
            "replace": self.rename,
        }
        with ExitStack() as stack:
            for module in (builtins, io):
                stack.enter_context(replaced(module, "open", self.open))
            for name, function in changed.items():
                stack.enter_context(replaced(os, name, function))
            stack.enter_context(replaced(torch, "save", self.save))
            yield

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
        name = name_of(file)
        writes = any(letter in mode for letter in "wax+")
        if name is None or not (writes or name in self._files):
            return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = self._open_here(name, mode, writes)
        if "b" in mode:
            return raw
        return io.TextIOWrapper(raw, encoding or "utf-8", errors, newline, write_through=True)

    def _open_here(self, name: str, mode: str, writes: bool) -> MemoryFile:
        if name in self._folders or name == ".":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        self._check_parent(name)
        if "x" in mode and name in self._files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        if "r" in mode and name not in self._files:
            raise missing(name)
        content = b"" if "w" in mode else self._files.get(name, b"")

        def keep(data: bytes) -> None:
            self._files[name] = data

        if writes:
            keep(content)
        opened = MemoryFile(content, keep if writes else None)
        if "a" in mode:
            opened.seek(0, io.SEEK_END)
        return opened

    def save(self, obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        """`torch.save` opens files in C; here it gets an open one."""
        if name_of(f) is None:
            self._save(obj, f, *args, **kwargs)
            return
        with self.open(f, "wb") as file:
            self._save(obj, file, *args, **kwargs)

    def stat(self, path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        name = name_of(path)
        if name in self._files:
            return os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, 0, 0, len(self._files[name]), 0, 0, 0))
        if name in self._folders:
            return os.stat_result((stat.S_IFDIR | 0o700, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        return self._stat(path, *args, **kwargs)

    def listdir(self, path: Any = ".") -> list[Any]:
        name = name_of(path)
        if name is None or not (name == "." or name in self._folders):
            return self._listdir(path)
        return sorted(
            posixpath.basename(each)
            for each in (*self._files, *self._folders)
            if (posixpath.dirname(each) or ".") == name
        )

    def mkdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        name = self._own(path)
        if name in self._files or name in self._folders or name == ".":
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        self._check_parent(name)
        self._folders.add(name)

    def remove(self, path: Any, *args: Any, **kwargs: Any) -> None:
        name = self._own(path)
        if name not in self._files:
            raise missing(name)
        del self._files[name]

    def rmdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        name = self._own(path)
        if name not in self._folders:
            raise missing(name)
        if self.listdir(name):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)
        self._folders.remove(name)

    def rename(self, source: Any, target: Any, *args: Any, **kwargs: Any) -> None:
        name, new = self._own(source), self._own(target)
        if name not in self._files:
            raise missing(name)
        self._check_parent(new)
        self._files[new] = self._files.pop(name)

    def _check_parent(self, name: str) -> None:
        parent = posixpath.dirname(name)
        if parent and parent not in self._folders:
            raise missing(name)

    def _own(self, path: Any) -> str:
        """The name of a file of ours; the seal's own refusal for any other."""
        name = name_of(path)
        if name is None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        return name


@contextmanager
def replaced(holder: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    kept = getattr(holder, name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        setattr(holder, name, kept)


def name_of(path: Any) -> str | None:
    """The plain form of a relative name; None for what is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    name = posixpath.normpath(text) if text else ""
    return None if not name or name.startswith(("/", "..")) else name


def missing(name: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
