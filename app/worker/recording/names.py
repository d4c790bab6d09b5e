"""What the program calls its parameters, looking outwards from where it is now."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from app.worker.recording.frames import names_in_frames


def parameter_names(parameters: list[Tensor]) -> list[str]:
    """The program's names of parameters: `net.0.weight`, `w`; else `parameter 3`."""
    names: dict[int, str] = {}
    for name, value in names_in_frames(sys._getframe(1), object):
        if name.startswith("__"):
            continue
        if isinstance(value, torch.nn.Module):
            for path, parameter in value.named_parameters():
                names.setdefault(id(parameter), f"{name}.{path}")
        elif isinstance(value, Tensor):
            names.setdefault(id(value), name)
    return [names.get(id(parameter), f"parameter {index}") for index, parameter in enumerate(parameters)]
