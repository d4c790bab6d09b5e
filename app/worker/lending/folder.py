"""The program's own folder: its files live in memory, as long as the run does; nothing reaches a disk.

They are called by relative names, by absolute ones below TOP or where notebooks have theirs, and below TEMPORARY for
what asks for a temporary file.
Above TOP a relative name does not climb: `../../data` is a folder beside the program's own at most.
The memory limit of the run bounds what they hold. `ways.py` says which functions of Python lead here.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Self

from app.vocabulary.values import Text

TOP = "/playground"
HOME = f"{TOP}/program"
"""Where a run begins. Tutorials keep their data beside it: `../data`."""
TEMPORARY = "/tmp"
NOTEBOOKS = ("/content", "/kaggle")
"""Where Colab and Kaggle begin, and what lies there: pasted programs read and write by these names."""
LYING_THERE = ("/content/drive", "/content/drive/MyDrive", "/kaggle/input", "/kaggle/working")
ROOTS = (TOP, TEMPORARY, *NOTEBOOKS)
INSTALLED = tuple(
    f"{path.rstrip('/')}/"
    for path in {sys.prefix, sys.base_prefix, *sys.path}
    if posixpath.normpath(path) not in ("/", *ROOTS) and path.startswith(ROOTS)
)
"""Where Python and the packages lie, should that be below our roots: a package reads its own files from the disk."""
MOST_NAMED = 8
"""Files a note names."""


class MemoryFile(io.BytesIO):
    """Open file; what it holds when it is closed or flushed is the file's content."""

    def __init__(self, name: str, content: bytes | bytearray, keep: Callable[[bytes], None] | None) -> None:
        super().__init__(content)
        self.name = name
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


class Entry:
    """What `os.scandir` tells of a file or folder."""

    def __init__(self, folder: Folder, above: str, name: str) -> None:
        self.name = posixpath.basename(name)
        self.path = posixpath.join(above, self.name)
        self._folder = folder
        self._full = name

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._folder.is_folder(self._full)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._folder.stat(self._full)

    def inode(self) -> int:
        return self.stat().st_ino

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class Entries:
    """What `os.scandir` gives: to be run through, and closed."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


class Folder:
    """The files and folders of one run, by their full names. Its methods are those of `os`, for names of ours only."""

    def __init__(self) -> None:
        self._files: dict[str, bytes | bytearray] = {}
        self._changed: dict[str, int] = {}
        """When each file was written, in nanoseconds."""
        self._folders: set[str] = {*ROOTS, HOME, *LYING_THERE}
        self._here = HOME
        self._began = time.time_ns()
        self._lent: set[str] = set()
        self.missing: Callable[[str], None] = lambda name: None
        """Told of a name that is asked for and not there, before that is said: it may still lend it."""

    def notes(self) -> Iterator[Text]:
        """What there is to say of the files that were written."""
        kept = {
            name: content
            for name, content in self._files.items()
            if not is_within(name, TEMPORARY) and name not in self._lent
        }
        if not kept:
            return
        named = list(kept.items())[:MOST_NAMED]
        shown = ", ".join(f"{as_said(name)} ({len(content)})" for name, content in named)
        more = " …" if len(kept) > MOST_NAMED else ""
        yield Text(
            "Files of this run, in memory only and gone when it is over (bytes): {files}.",
            {"files": shown + more},
        )

    def name_of(self, path: Any) -> str | None:
        """The full name of what is ours; None for any other file."""
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        text = os.fsdecode(path)
        full = self._full(text) if text else ""
        ours = any(full == root or full.startswith(f"{root}/") for root in ROOTS)
        return full if ours and not full.startswith(INSTALLED) else None

    def _full(self, text: str) -> str:
        if posixpath.isabs(text) or not is_within(self._here, TOP):
            return posixpath.normpath(posixpath.join(self._here, text))
        inside = posixpath.normpath(f"/{self._here.removeprefix(TOP)}/{text}").lstrip("/")
        return f"{TOP}/{inside}" if inside else TOP

    def is_folder(self, name: str) -> bool:
        return name in self._folders

    def exists(self, name: str) -> bool:
        if not self._has(name):
            self.missing(name)
        return self._has(name)

    def _has(self, name: str) -> bool:
        return name in self._files or name in self._folders

    def lend(self, name: str, content: bytes) -> None:
        """A file the program did not write, and the folders above it."""
        above = posixpath.dirname(name)
        while above not in self._folders:
            self._folders.add(above)
            above = posixpath.dirname(above)
        self._files[name] = content
        self._lent.add(name)

    # ------------------------------------------------------------------------------------------ files

    def open(
        self,
        name: str,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        if len(set("rwax") & set(mode)) != 1:
            raise ValueError(f"invalid mode: {mode!r}")
        raw = self._open(name, mode)
        if "b" in mode:
            return raw
        return io.TextIOWrapper(raw, encoding or "utf-8", errors, newline, write_through=True)

    def _open(self, name: str, mode: str) -> MemoryFile:
        if "r" in mode:
            self.exists(name)
        if name in self._folders:
            raise failed(errno.EISDIR, name)
        self._check_parent(name)
        if "x" in mode and name in self._files:
            raise failed(errno.EEXIST, name)
        if "r" in mode and name not in self._files:
            raise failed(errno.ENOENT, name)
        content = b"" if "w" in mode else self._files.get(name, b"")

        def keep(data: bytes | bytearray) -> None:
            self._files[name] = data
            self._lent.discard(name)
            self._changed[name] = time.time_ns()

        writes = any(letter in mode for letter in "wax+")
        if writes:
            keep(content)
        opened = MemoryFile(name, content, keep if writes else None)
        if "a" in mode:
            opened.seek(0, io.SEEK_END)
        return opened

    def map(self, name: str, size: int | None = None) -> bytearray:
        """A file's bytes, to be written into. Given a size it is made where it is not there, and grows up to that."""
        if name not in self._files:
            self._open(name, "r" if size is None else "a").close()
        content = self._files[name]
        if not isinstance(content, bytearray) or len(content) < (size or 0):
            content = bytearray(content)
            content.extend(bytes(max(0, (size or 0) - len(content))))
            self._files[name] = content
        return content

    def touch(self, name: str) -> None:
        if not self._has(name):
            self._open(name, "a").close()

    def remove(self, name: str) -> None:
        self._check_there(name)
        if name in self._folders:
            raise failed(errno.EISDIR, name)
        del self._files[name]

    def rename(self, name: str, new: str) -> None:
        self._check_there(name)
        self._check_parent(new)
        if name in self._files:
            self._files[new] = self._files.pop(name)
            return
        for old in [each for each in self._folders if is_within(each, name)]:
            self._folders.remove(old)
            self._folders.add(new + old[len(name) :])
        for old in [each for each in self._files if is_within(each, name)]:
            self._files[new + old[len(name) :]] = self._files.pop(old)

    def stat(self, name: str) -> os.stat_result:
        self._check_there(name)
        folder = name in self._folders
        kind = stat.S_IFDIR | 0o700 if folder else stat.S_IFREG | 0o600
        size = 0 if folder else len(self._files[name])
        changed = self._changed.get(name, self._began)
        seconds, exact = (changed // 10**9,) * 3, (changed / 1e9,) * 3
        number = zlib.crc32(name.encode())
        return os.stat_result((kind, number, 1, 1, 0, 0, size, *seconds, *exact, *(changed,) * 3))

    # ------------------------------------------------------------------------------------------ folders

    def listdir(self, name: str) -> list[str]:
        self._check_folder(name)
        there = (*self._files, *self._folders)
        return sorted(posixpath.basename(each) for each in there if posixpath.dirname(each) == name)

    def scandir(self, name: str, said: str) -> Entries:
        return Entries([Entry(self, said, posixpath.join(name, each)) for each in self.listdir(name)])

    def mkdir(self, name: str) -> None:
        if self._has(name):
            raise failed(errno.EEXIST, name)
        self._check_parent(name)
        self._folders.add(name)

    def rmdir(self, name: str) -> None:
        if self.listdir(name):
            raise failed(errno.ENOTEMPTY, name)
        self._folders.remove(name)

    def remove_tree(self, name: str) -> None:
        self._check_folder(name)
        self._folders = {
            each for each in self._folders if not is_within(each, name) or each in (*ROOTS, HOME)
        }
        self._files = {each: data for each, data in self._files.items() if not is_within(each, name)}

    def enter(self, name: str) -> None:
        self._check_folder(name)
        self._here = name

    @property
    def here(self) -> str:
        return self._here

    def _check_there(self, name: str) -> None:
        if not self.exists(name):
            raise failed(errno.ENOENT, name)

    def _check_folder(self, name: str) -> None:
        self._check_there(name)
        if name not in self._folders:
            raise failed(errno.ENOTDIR, name)

    def _check_parent(self, name: str) -> None:
        parent = posixpath.dirname(name)
        if parent not in self._folders:
            raise failed(errno.ENOTDIR if parent in self._files else errno.ENOENT, name)


def is_within(name: str, folder: str) -> bool:
    return name == folder or name.startswith(f"{folder}/")


def as_said(name: str) -> str:
    """As a program would call it: one in its own folder or beside it by a relative name."""
    return posixpath.relpath(name, HOME) if is_within(name, TOP) else name


def failed(number: int, name: str) -> OSError:
    """What Python raises."""
    return OSError(number, os.strerror(number), as_said(name))
