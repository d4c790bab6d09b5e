"""What numpy and torch open by themselves, in C: for names of the run's folder done with open files or bytes instead.

A mapped file is the folder's own bytes: what is written into the array is in the file at once.
"""

from __future__ import annotations

import ctypes
import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.jit._script import RecursiveScriptModule, ScriptModule

from app.worker.lending.folder import Folder, MemoryFile

BY_FILE = (
    *((torch, "save", 1, "wb"), (torch.jit, "save", 1, "wb"), (torch.jit, "load", 0, "rb")),
    *((torch.export, "save", 1, "wb"), (torch.export, "load", 0, "rb")),
)
"""torch's functions that take an open file as well as a name: which argument it is, and how it is opened."""
READONLY, COPYING, GROWING = ("r", "readonly"), ("c", "copyonwrite"), ("w+", "write", "r+", "readwrite")
"""Modes of `np.memmap`."""


class Openers:
    """`open` is the one that knows the folder."""

    def __init__(self, folder: Folder, open_file: Callable[..., Any]) -> None:
        self._folder = folder
        self._open = open_file
        self._load = torch.load
        self._from_file = torch.from_file
        self._fromfile = np.fromfile
        self._tofile = np.ndarray.tofile

    def changes(self) -> Iterator[tuple[Any, str, Any]]:
        """Who holds it, what it is called there, and what stands there meanwhile."""
        for holder, name, at, mode in BY_FILE:
            yield holder, name, self._by_file(getattr(holder, name), at, mode)
        for kind in (ScriptModule, RecursiveScriptModule):  # what was traced, and what was scripted or loaded
            yield kind, "save", self._make_save()
        yield torch, "load", self.load
        yield torch, "from_file", self.from_file
        yield np, "fromfile", self.fromfile
        yield np, "memmap", self._make_memmap()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """`tofile` is a method of arrays, whose type lets nobody set one: it is changed in the type's own table."""
        methods = gc.get_referents(np.ndarray.__dict__)[0]
        kept = methods["tofile"]
        methods["tofile"] = self._make_tofile()
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))
        try:
            yield
        finally:
            methods["tofile"] = kept
            ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))

    def _by_file(self, original: Callable[..., Any], at: int, mode: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            path = args[at] if at < len(args) else kwargs.get("f")
            if self._folder.name_of(path) is None:
                return original(*args, **kwargs)
            with self._open(path, mode) as file:
                if at < len(args):
                    return original(*args[:at], file, *args[at + 1 :], **kwargs)
                return original(*args, **{**kwargs, "f": file})

        return call

    def _make_save(self) -> Callable[..., None]:
        original: Callable[..., None] = RecursiveScriptModule.save

        def save(module: Any, f: Any, **kwargs: Any) -> None:
            if self._folder.name_of(f) is None:
                original(module, f, **kwargs)
                return
            with self._open(f, "wb") as file:
                file.write(module.save_to_buffer(**kwargs))

        return save

    def load(self, f: Any, *args: Any, **kwargs: Any) -> Any:
        """A file in memory need not be mapped into it."""
        if self._folder.name_of(f) is not None:
            kwargs.pop("mmap", None)
        return self._load(f, *args, **kwargs)

    # ------------------------------------------------------------------------------------------ numbers alone

    def _make_tofile(self) -> Callable[..., None]:
        folder, open_file, original = self._folder, self._open, self._tofile

        def tofile(self: Any, fid: Any, sep: str = "", format: str = "%s") -> None:
            if folder.name_of(fid) is not None:
                with open_file(fid, "wb") as file:
                    tofile(self, file, sep, format)
            elif not isinstance(fid, MemoryFile):
                original(self, fid, sep, format)
            elif sep:
                fid.write(sep.join(format % item for item in self.ravel().tolist()).encode())
            else:
                fid.write(self.tobytes())

        return tofile

    def fromfile(
        self, file: Any, dtype: Any = float, count: int = -1, sep: str = "", offset: int = 0, **kwargs: Any
    ) -> Any:
        if self._folder.name_of(file) is not None:
            with self._open(file, "rb") as opened:
                return self.fromfile(opened, dtype, count, sep, offset)
        if not isinstance(file, MemoryFile):
            return self._fromfile(file, dtype, count, sep, offset, **kwargs)
        if sep:
            return np.fromstring(file.read(), dtype, count, sep=sep)
        kind = np.dtype(dtype)
        file.seek(offset, 1)
        there = (len(file.getbuffer()) - file.tell()) // kind.itemsize
        wanted = there if count < 0 else min(count, there)
        return np.frombuffer(file.read(wanted * kind.itemsize), kind, wanted).copy()

    def from_file(
        self, filename: str, shared: bool | None = None, size: int | None = 0, **options: Any
    ) -> torch.Tensor:
        name = self._folder.name_of(filename)
        if name is None:
            return self._from_file(filename, shared, size, **options)
        dtype = options.get("dtype") or torch.get_default_dtype()
        needed = (size or 0) * dtype.itemsize
        content = self._folder.map(name, needed if shared else None)
        if len(content) < needed:
            # torch's own words
            raise RuntimeError(
                f"file <{filename}> size <{len(content)}> is smaller than the required mapping size <{needed}>"
            )
        if not needed:
            return torch.empty(0, dtype=dtype, requires_grad=bool(options.get("requires_grad")))
        buffer = content if shared else bytearray(content[:needed])
        tensor = torch.frombuffer(buffer, dtype=dtype, count=size or 0)
        return tensor.requires_grad_(bool(options.get("requires_grad")))

    def _make_memmap(self) -> type[Any]:
        folder, original = self._folder, np.memmap

        class memmap(np.memmap[Any, Any]):
            """numpy's, but that files of the run's folder are mapped there."""

            _mmap: Any  # numpy sets it, and its types leave it out

            def __new__(cls, filename: Any, *args: Any, **kwargs: Any) -> Any:
                name = folder.name_of(filename)
                if name is None:
                    return original.__new__(cls, filename, *args, **kwargs)
                asked = Mapping(*args, **kwargs)
                buffer, sizes = asked.read(folder, name)
                array = np.ndarray.__new__(cls, sizes, asked.dtype, buffer, asked.offset, order=asked.order)
                array.flags.writeable = asked.mode not in READONLY
                array._mmap, array.offset, array.mode, array.filename = (
                    None,
                    asked.offset,
                    asked.mode,
                    filename,
                )
                return array

            def flush(self) -> None:
                """What is written is there already."""

        memmap.__module__, memmap.__qualname__ = "numpy", "memmap"
        return memmap


class Mapping:
    """What `np.memmap` is asked for."""

    def __init__(
        self, dtype: Any = np.uint8, mode: str = "r+", offset: int = 0, shape: Any = None, order: Any = "C"
    ) -> None:
        if mode == "w+" and shape is None:
            raise ValueError("shape must be given if mode == 'w+'")
        self.dtype = np.dtype(dtype)
        self.mode = mode
        self.offset = offset
        self.order = order
        self._sizes = None if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)

    def read(self, folder: Folder, name: str) -> tuple[bytearray, tuple[int, ...]]:
        """The bytes of the file, or a copy of them, and the shape of what they hold."""
        if self.mode == "w+":
            folder.open(name, "wb").close()
        needed = 0 if self._sizes is None else self.offset + math.prod(self._sizes) * self.dtype.itemsize
        content = folder.map(name, needed if self.mode in GROWING and folder.exists(name) else None)
        if len(content) < needed:
            raise ValueError("mmap length is greater than filesize")
        sizes = self._sizes
        if sizes is None:
            count, rest = divmod(len(content) - self.offset, self.dtype.itemsize)
            if rest:
                raise ValueError("Size of available data is not a multiple of the data-type size.")
            sizes = (count,)
        return bytearray(content) if self.mode in COPYING else content, sizes
