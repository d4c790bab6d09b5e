"""TensorBoard's writer, as tutorials call it: scalars become curves, pictures and figures are shown. No log is written.

It stands where `torch.utils.tensorboard` and `tensorboardX` are imported from, whether TensorBoard is installed or not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from app.vocabulary.values import Text
from app.worker.recording.functions import silenced
from app.worker.recording.readings import single_number
from app.worker.recording.recorder import Recorder

PLACES = ("torch.utils.tensorboard", "torch.utils.tensorboard.writer", "tensorboardX")
MOST_COLUMNS = 8
MOST_PICTURES = 64
CHANNELS_LAST: Mapping[str, tuple[int, ...]] = {
    "CHW": (1, 2, 0),
    "HWC": (0, 1, 2),
    "NCHW": (0, 2, 3, 1),
    "NHWC": (0, 1, 2, 3),
}
UNSHOWN = (
    *("add_histogram", "add_histogram_raw", "add_graph", "add_text", "add_embedding", "add_pr_curve"),
    *("add_hparams", "add_video", "add_audio", "add_mesh", "add_tensor", "add_custom_scalars"),
)


class Summaries:
    """Where what a writer is told goes: numbers to `follow`, figures to `show`, what cannot be shown to `note`."""

    def __init__(
        self,
        follow: Callable[[str, float], None],
        show: Callable[[Figure], None],
        note: Callable[[Text], None],
        recorder: Recorder,
    ) -> None:
        self.follow = follow
        self.show = show
        self.note = note
        self.recorder = recorder

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile a program that imports a writer gets ours."""
        kept = {name: sys.modules.get(name) for name in PLACES}
        held = vars(torch.utils).get("tensorboard")
        for name in PLACES:
            sys.modules[name] = self._make_module(name)
        vars(torch.utils)["tensorboard"] = sys.modules[PLACES[0]]
        vars(sys.modules[PLACES[0]])["writer"] = sys.modules[PLACES[1]]
        try:
            yield
        finally:
            for name, module in kept.items():
                del sys.modules[name]
                if module is not None:
                    sys.modules[name] = module
            if held is None:
                del vars(torch.utils)["tensorboard"]
            else:
                vars(torch.utils)["tensorboard"] = held

    def _make_module(self, name: str) -> ModuleType:
        module = ModuleType(name)
        module.__path__ = []
        kind = type("SummaryWriter", (Writer,), {"_summaries": self, "__module__": name})
        module.__dict__.update(SummaryWriter=kind, FileWriter=kind)
        return module

    def refuse(self, what: str) -> None:
        words: dict[str, str | int | float] = {"what": what}
        self.note(
            Text(
                "`{what}`: nothing is shown of it here; of a SummaryWriter, scalars, pictures and figures are.",
                words,
            )
        )


class Writer:
    """`SummaryWriter`, with the arguments torch's has."""

    _summaries: Summaries

    def __init__(self, log_dir: Any = None, *more: Any, **options: Any) -> None:
        self.log_dir = str(log_dir or options.get("logdir") or "runs")
        self.logdir = self.log_dir

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name not in UNSHOWN:
            raise AttributeError(f"'SummaryWriter' object has no attribute '{name}'", name=name, obj=self)
        return lambda *args, **options: self._summaries.refuse(name)

    def add_scalar(self, tag: str, scalar_value: Any, *more: Any, **options: Any) -> None:
        with silenced(self._summaries.recorder):
            number = single_number(scalar_value)
        if number is not None:
            self._summaries.follow(str(tag), number)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], *more: Any, **options: Any
    ) -> None:
        for tag, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", value)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: Any = None,
        dataformats: str = "CHW",
    ) -> None:
        with silenced(self._summaries.recorder):
            self._show(tag, global_step, channels_last(img_tensor, dataformats))

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: Any = None,
        dataformats: str = "NCHW",
    ) -> None:
        with silenced(self._summaries.recorder):
            self._show(tag, global_step, side_by_side(channels_last(img_tensor, dataformats)[:MOST_PICTURES]))

    def add_figure(self, tag: str, figure: Any, *more: Any, **options: Any) -> None:
        for each in figure if isinstance(figure, list) else [figure]:
            self._summaries.show(each)

    def flush(self) -> None:
        """Nothing waits to be written."""

    close = flush

    def _show(self, tag: str, step: Any, picture: np.ndarray[Any, Any]) -> None:
        figure = Figure()
        axes = figure.subplots()
        axes.set_title(str(tag) if step is None else f"{tag} ({step})")
        axes.set_axis_off()
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255 if picture.dtype == np.uint8 else 1)
        self._summaries.show(figure)


def channels_last(given: Any, order: str) -> np.ndarray[Any, Any]:
    """A picture, or several, as matplotlib takes them: colours last, whole numbers or from 0 to 1."""
    pixels = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    if pixels.dtype != np.uint8:
        pixels = np.clip(pixels.astype(np.float32), 0.0, 1.0)
    wanted = CHANNELS_LAST.get(order.upper())
    if wanted is not None:
        pixels = pixels.transpose(wanted)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return pixels


def side_by_side(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Several pictures of one size as one, in rows."""
    columns = min(MOST_COLUMNS, len(pictures))
    missing = -len(pictures) % columns
    whole = np.concatenate((pictures, np.zeros((missing, *pictures.shape[1:]), pictures.dtype)))
    rows = [np.concatenate(list(whole[at : at + columns]), axis=1) for at in range(0, len(whole), columns)]
    return np.concatenate(rows)
