"""What a training panel chooses, and which choices fit together: one table each, for whoever reads or writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Data = Literal["linear", "parabola", "spirals", "circles", "moons", "xor", "digits"]
Model = Literal["linear", "mlp", "cnn"]
Activation = Literal["ReLU", "LeakyReLU", "GELU", "Tanh", "Sigmoid"]
Loss = Literal["MSELoss", "L1Loss", "HuberLoss", "CrossEntropyLoss", "BCEWithLogitsLoss"]
Optimiser = Literal["SGD", "SGD with momentum", "Adam", "AdamW", "RMSprop", "Adagrad"]

DATA: tuple[Data, ...] = get_args(Data)
NUMBERS: tuple[Data, ...] = ("linear", "parabola")
"""Data with a number to predict; all others have classes."""
PAIRS: tuple[Data, ...] = ("spirals", "circles", "moons", "xor")
"""Data with two classes of points in a plane."""
MODELS: Mapping[Model, tuple[Data, ...]] = {"mlp": DATA, "linear": DATA, "cnn": ("digits",)}
"""Which data a model is for."""
LOSSES: Mapping[Loss, tuple[Data, ...]] = {
    "MSELoss": NUMBERS,
    "L1Loss": NUMBERS,
    "HuberLoss": NUMBERS,
    "CrossEntropyLoss": (*PAIRS, "digits"),
    "BCEWithLogitsLoss": PAIRS,
}
"""Which data a loss is for."""
LEARNING_RATES: Mapping[Optimiser, float] = {
    "SGD": 0.2,
    "SGD with momentum": 0.02,
    "Adam": 0.01,
    "AdamW": 0.01,
    "RMSprop": 0.003,
    "Adagrad": 0.1,
}
"""Each optimiser with the learning rate that is taken where none is given."""
TESTS = (0, 10, 20, 30, 50)
"""Per cent of the samples kept aside."""
BATCHES = (0, 8, 16, 32, 64, 128, 256)
"""0 is the whole training set."""

MOST_SAMPLES = 2_000
MOST_EPOCHS = 5_000
MOST_WIDTHS, WIDEST = 6, 256
MOST_CHANNELS = 3
"""Of the layers of a CNN: each halves a picture of 8 by 8 pixels."""
DIGITS = 1_797
"""Pictures in scikit-learn's set."""
SIDE = 8
"""Pixels of a picture's side."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training; `samples` and `noise` are those of made-up points, `widths` are an MLP's and `channels` a CNN's."""

    data: Data = "spirals"
    samples: int = 400
    noise: float = 0.05
    test: int = 20
    model: Model = "mlp"
    widths: tuple[int, ...] = (32, 32)
    channels: tuple[int, ...] = (16, 32)
    activation: Activation = "ReLU"
    dropout: float = 0.0
    loss: Loss = "CrossEntropyLoss"
    optimiser: Optimiser = "Adam"
    lr: float = LEARNING_RATES["Adam"]
    weight_decay: float = 0.0
    batch: int = 32
    epochs: int = 100

    @property
    def size(self) -> int:
        """Samples in all."""
        return DIGITS if self.data == "digits" else self.samples

    @property
    def trained_on(self) -> int:
        """Samples of the training set."""
        return self.size - self.size * self.test // 100

    @property
    def classifies(self) -> bool:
        return self.data not in NUMBERS

    @property
    def evaluates(self) -> bool:
        """Whether there is anything to measure after an epoch but the loss."""
        return bool(self.test) or self.classifies

    @property
    def inputs(self) -> int:
        """Numbers of one sample."""
        return SIDE * SIDE if self.data == "digits" else 2 if self.data in PAIRS else 1

    @property
    def outputs(self) -> int:
        """Numbers the model gives for one sample."""
        if self.loss != "CrossEntropyLoss":
            return 1
        return 10 if self.data == "digits" else 2


def usual_loss(data: Data) -> Loss:
    return next(loss for loss, fitting in LOSSES.items() if data in fitting)


def usual_epochs(data: Data, batch: int) -> int:
    """Enough to see it learn, and few enough to wait for."""
    if data == "digits":
        return 10 if batch else 100
    return 100 if batch else 500
