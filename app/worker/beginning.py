"""What a program finds when it begins: where new tensors are made, and which random numbers come."""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def place_on(device: str) -> str:
    """Make the device the default for new tensors; its full name."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu":
        torch.set_default_device(device)
    return device


def seed_everything(seed: int | None) -> None:
    """A fork shares its parent's random state: start afresh, from `seed` if there is one."""
    number = int.from_bytes(os.urandom(8)) if seed is None else seed
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(number)
    random.seed(number)
    np.random.seed(number % 2**32)
