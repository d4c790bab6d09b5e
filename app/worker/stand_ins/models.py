"""Trained weights would be downloaded: in a run that asks for stand-ins a model keeps the random ones it began with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.modules.module import _IncompatibleKeys

from app.vocabulary.stand_ins import set_called
from app.worker.lending.folder import Folder

VISION = "pytorch/vision"
HUB_WORDS = frozenset({"source", "trust_repo", "force_reload", "verbose", "skip_validation"})
"""What `torch.hub.load` is told beside what the model is."""


class Untrained(dict[str, Any]):
    """What stands where a file of weights would: no weight at all, nor in any part of a checkpoint."""

    def __missing__(self, key: str) -> Untrained:
        return Untrained()


def untrained_models(
    folder: Folder, tell: Callable[[str], None]
) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Who holds it, what it is called there, and what stands there meanwhile."""
    load: Callable[..., Any] = torch.nn.Module.load_state_dict
    hub_load: Callable[..., Any] = torch.hub.load
    load_file: Callable[..., Any] = torch.load
    load_optimiser: Callable[..., Any] = torch.optim.Optimizer.load_state_dict
    models = sys.modules.get("torchvision.models")

    def fetch(*args: Any, **kwargs: Any) -> Untrained:
        tell("weights")
        return Untrained()

    def load_state_dict(module: Any, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(state_dict, Untrained):
            return _IncompatibleKeys([], [])
        return load(module, state_dict, *args, **kwargs)

    def load_optimiser_state(optimiser: Any, state_dict: Any) -> None:
        if not isinstance(state_dict, Untrained):
            load_optimiser(optimiser, state_dict)

    def load_checkpoint(f: Any, *args: Any, **kwargs: Any) -> Any:
        path = os.fspath(f) if isinstance(f, os.PathLike) else f
        name = folder.name_of(path) if isinstance(path, str) else None
        there = not isinstance(path, str) or (name is not None and folder.exists(name))
        if there or set_called("torch.load", path) is None:
            return load_file(f, *args, **kwargs)
        return fetch()

    def load_model(repo_or_dir: Any, model: str, *args: Any, **kwargs: Any) -> Any:
        if models is None or not str(repo_or_dir).startswith(VISION):
            return hub_load(repo_or_dir, model, *args, **kwargs)
        tell("weights")
        return getattr(models, model)(
            *args, **{name: each for name, each in kwargs.items() if name not in HUB_WORDS}
        )

    yield torch.nn.Module, "load_state_dict", load_state_dict
    yield torch.optim.Optimizer, "load_state_dict", load_optimiser_state
    yield torch, "load", load_checkpoint
    yield torch.hub, "load", load_model
    yield torch.hub, "load_state_dict_from_url", fetch
    if models is not None:
        yield models._api.WeightsEnum, "get_state_dict", fetch
