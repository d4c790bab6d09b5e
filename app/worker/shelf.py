"""What outputs held when they were made, kept within a budget until a graph wants to show it.

A few numbers are kept as a list. More are kept as an alias: it costs half a microsecond, and its version counter tells
whether it still holds what it held. The recorder says before a call writes somewhere: then a copy is made first.
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
"""Larger outputs are not kept at all."""
PLAIN_TYPES = frozenset(
    {
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    }
)


class Kept:
    """A list, or a tensor that holds what it held while its version stands; a copy's version is not asked."""

    __slots__ = ("bytes", "data", "version")

    def __init__(self, data: Any, version: int | None, size: int) -> None:
        self.data = data
        self.version = version
        self.bytes = size

    def read(self) -> Any:
        """The list or tensor, or None where it was given up or overwritten since."""
        if self.version is not None and self.data._version != self.version:
            return None
        return self.data

    def copy(self) -> None:
        """Become independent of what the program does to the tensor."""
        if self.version is not None and self.data._version == self.version:
            self.data, self.version = self.data.clone(), None


class Shelf:
    """Gives up the oldest when the budget is used up."""

    def __init__(self, allowed_bytes: int) -> None:
        self._room = allowed_bytes
        self._order: deque[Kept] = deque()
        self._by_address: dict[int, list[Kept]] = {}

    def keep(self, tensor: Tensor) -> Kept | None:
        """Keep what a plain tensor holds now; None for one that cannot be read, or is too large."""
        if tensor.dtype not in PLAIN_TYPES or tensor.layout is not torch.strided or tensor.is_nested:
            return None
        count = tensor.numel()
        if count <= FEW and tensor.is_cpu:
            return Kept(tensor.tolist(), None, 0)
        size = count * tensor.itemsize
        if size > ALIAS_BYTES or tensor.is_meta or tensor.is_inference():
            return None
        alias = tensor.detach()
        kept = Kept(alias, alias._version, size)
        self._order.append(kept)
        self._by_address.setdefault(alias.data_ptr(), []).append(kept)
        self._room -= size
        while self._room < 0:
            self._give_up()
        return kept

    def _give_up(self) -> None:
        oldest = self._order.popleft()
        self._room += oldest.bytes
        same = self._by_address.get(oldest.data.data_ptr())
        if same is not None and oldest in same:
            same.remove(oldest)
            if not same:
                del self._by_address[oldest.data.data_ptr()]
        oldest.data, oldest.version = None, None

    def save_from(self, write: Tensor) -> None:
        """Copy what is kept of this memory, or of the memory it is a view of: a call is about to write there."""
        base = write._base
        for target in (write,) if base is None else (write, base):
            if target.layout is torch.strided:
                for kept in self._by_address.pop(target.data_ptr(), ()):
                    kept.copy()
