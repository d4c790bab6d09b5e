"""What outputs held when they were made, kept within a budget until a graph wants to show it.

A few numbers are kept as a list. More are kept as an alias: it costs half a microsecond, and its version counter tells
whether it still holds what it held. The recorder says before a call writes somewhere: then a copy is made first.
An alias keeps all the memory it is a view of, so that is what counts, once for each piece of memory.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

from app.vocabulary.limits import MIB

FEW = 16
"""Up to this many elements a list is cheaper than an alias."""
ALIAS_BYTES = 16 * MIB
"""Larger memory is not kept at all."""
COPY_BYTES = MIB
"""Up to this much of a larger memory is copied, so that the rest of it goes when the program lets it go."""
PLAIN_TYPES = frozenset(
    {
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    }
)


class Kept:
    """A list, or a tensor that holds what it held while its version stands; a copy's version is not asked."""

    __slots__ = ("data", "place", "version")

    def __init__(self, data: Any, version: int | None, place: int) -> None:
        self.data = data
        self.version = version
        self.place = place
        """Where the memory begins that it keeps."""

    def read(self) -> Any:
        """The list or tensor, or None where it was given up or overwritten since."""
        if self.version is not None and self.data._version != self.version:
            return None
        return self.data


class Memory:
    """One piece of memory, and who keeps it."""

    __slots__ = ("bytes", "keepers")

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.keepers: list[Kept] = []


class Shelf:
    """Gives up the oldest when the budget is used up."""

    def __init__(self, allowed_bytes: int) -> None:
        self._room = allowed_bytes
        self._order: deque[Kept] = deque()
        self._memory: dict[int, Memory] = {}
        """By where it begins: it is held, so that no other can begin there."""

    def keep(self, tensor: Tensor) -> Kept | None:
        """Keep what a plain tensor holds now; None for one that cannot be read, or is too large."""
        if tensor.dtype not in PLAIN_TYPES or tensor.layout is not torch.strided or tensor.is_nested:
            return None
        count = tensor.numel()
        if count <= FEW and tensor.is_cpu:
            return Kept(tensor.tolist(), None, 0)
        shown = count * tensor.itemsize  # more than there is, where a view repeats itself
        if shown > ALIAS_BYTES or tensor.is_meta or tensor.is_inference():
            return None
        alias = tensor.detach()
        storage = alias.untyped_storage()
        size = storage.nbytes()
        if size <= ALIAS_BYTES:
            kept = Kept(alias, alias._version, storage.data_ptr())
        elif shown <= COPY_BYTES:
            self._make_room(shown)
            copy, size, place = copy_of(alias)
            kept = Kept(copy, None, place)
        else:
            return None
        self._order.append(kept)
        self._take(kept, size)
        return kept

    def _take(self, kept: Kept, size: int) -> None:
        memory = self._memory.get(kept.place)
        if memory is None:
            memory = self._memory[kept.place] = Memory(size)
            self._room -= size
        memory.keepers.append(kept)
        self._make_room(0)

    def _make_room(self, size: int) -> None:
        while self._room < size and self._order:
            self._give_up()

    def _let_go(self, kept: Kept) -> None:
        memory = self._memory[kept.place]
        memory.keepers.remove(kept)
        if not memory.keepers:
            self._room += memory.bytes
            del self._memory[kept.place]

    def _give_up(self) -> None:
        oldest = self._order.popleft()
        self._let_go(oldest)
        oldest.data, oldest.version = None, None

    def save_from(self, write: Tensor) -> None:
        """Copy what is kept of this memory: a call is about to write there."""
        if write.layout is not torch.strided:
            return
        memory = self._memory.get(write.untyped_storage().data_ptr())
        if memory is not None:
            for kept in tuple(memory.keepers):
                self._save(kept)

    def _save(self, kept: Kept) -> None:
        """Make it independent of what the program does to the tensor, unless it was given up or overwritten before."""
        if kept.data is None or kept.version is None or kept.data._version != kept.version:
            return
        self._make_room(kept.data.numel() * kept.data.itemsize)
        if kept.data is None:
            return  # it was the oldest
        copy, size, place = copy_of(kept.data)
        self._let_go(kept)
        kept.data, kept.version, kept.place = copy, None, place
        self._take(kept, size)


def copy_of(tensor: Tensor) -> tuple[Tensor, int, int]:
    """A copy, the bytes it takes, and where its memory begins."""
    copy = tensor.clone()
    storage = copy.untyped_storage()
    return copy, storage.nbytes(), storage.data_ptr()
