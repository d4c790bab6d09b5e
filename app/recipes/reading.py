"""Texts, as a form or an address holds them, to a `Recipe`; what cannot be read or does not fit is a sentence.

The sentence names the remedy. A text that is missing or empty takes what is usual for the other choices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeVar, get_args

from app.recipes.recipe import (
    BATCHES,
    DATA,
    LEARNING_RATES,
    LOSSES,
    MODELS,
    MOST_CHANNELS,
    MOST_EPOCHS,
    MOST_SAMPLES,
    MOST_WIDTHS,
    TESTS,
    WIDEST,
    Activation,
    Recipe,
    usual_epochs,
    usual_loss,
)
from app.vocabulary.values import Gaps, Problem, Text

T = TypeVar("T")

NAMES = tuple(Recipe.__dataclass_fields__)
LONGEST = 80
"""Characters of a text that are told again."""
MOST_STRANGE = 8
"""Names that are none of a choice, told at once."""
NO_PICTURES = Text(
    "A CNN looks at pictures, and these data are points: choose the MLP, or the handwritten digits."
)
NO_HIDDEN_LAYER = Text(
    "A linear model has no hidden layer to drop from: set dropout to 0, or choose the MLP."
)
NO_CLASSES = Text("{loss} compares classes, and these data have a number to predict. Choose from: {fitting}.")
NO_NUMBERS = Text(
    "{loss} compares numbers, and these data have classes to tell apart. Choose from: {fitting}."
)
TEN_CLASSES = Text("{loss} tells two classes apart, and there are ten digits. Choose {fitting}.")


class _Reader:
    """Reads the texts one by one and keeps what is wrong with them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._texts = texts

    def choice(self, name: str, choices: tuple[T, ...], usual: T) -> T:
        text = self._texts.get(name, "").strip()
        if not text:
            return usual
        for each in choices:
            if str(each) == text:
                return each
        listed = ", ".join(map(str, choices))
        self.refuse(name, Text("“{text}” is no choice of `{name}`; these are: {listed}.", {"listed": listed}))
        return usual

    def number(self, name: str, low: float, high: float, usual: float) -> float:
        text = self._texts.get(name, "").strip()
        if not text:
            return usual
        number = as_number(text)
        if number is None or not low <= number <= high:
            bounds: Gaps = {"low": low, "high": high}
            self.refuse(name, Text("“{text}” is no number from {low} to {high} (`{name}`).", bounds))
            return usual
        return number

    def whole(self, name: str, low: int, high: int, usual: int) -> int:
        number = self.number(name, low, high, usual)
        if number != int(number):
            self.refuse(name, Text("“{text}” is no whole number (`{name}`)."))
            return usual
        return int(number)

    def sizes(self, name: str, most: int, usual: tuple[int, ...]) -> tuple[int, ...]:
        words = self._texts.get(name, "").replace(",", " ").replace("，", " ").split()
        if not words:
            return usual
        sizes = [as_number(word) for word in words]
        if len(sizes) <= most and all(
            size is not None and size == int(size) and 1 <= size <= WIDEST for size in sizes
        ):
            return tuple(int(size) for size in sizes if size is not None)
        bounds: Gaps = {"most": most, "widest": WIDEST}
        sentence = Text(
            "“{text}”: write 1 to {most} whole numbers up to {widest}, such as 16, 32 (`{name}`).", bounds
        )
        self.refuse(name, sentence)
        return usual

    def refuse(self, name: str, sentence: Text) -> None:
        text, name = self._texts.get(name, "").strip()[:LONGEST], name[:LONGEST]
        values = {**sentence.values, "name": name, "text": text}
        self.problems.append(Problem("bad_choice", Text(sentence.template, values), None, name))


def read_recipe(texts: Mapping[str, str]) -> tuple[Recipe, tuple[Problem, ...]]:
    """The recipe of these texts, and what is wrong with them; it can be written if nothing is."""
    reader, usual = _Reader(texts), Recipe()
    for name in sorted(texts.keys() - set(NAMES))[:MOST_STRANGE]:
        reader.refuse(name, Text("There is no choice named `{name}`."))
    data = reader.choice("data", DATA, usual.data)
    optimiser = reader.choice("optimiser", tuple(LEARNING_RATES), usual.optimiser)
    batch = reader.choice("batch", BATCHES, usual.batch)
    recipe = Recipe(
        data=data,
        samples=reader.whole("samples", 20, MOST_SAMPLES, usual.samples),
        noise=reader.number("noise", 0, 1, usual.noise),
        test=reader.choice("test", TESTS, usual.test),
        model=reader.choice("model", tuple(MODELS), usual.model),
        widths=reader.sizes("widths", MOST_WIDTHS, usual.widths),
        channels=reader.sizes("channels", MOST_CHANNELS, usual.channels),
        activation=reader.choice("activation", get_args(Activation), usual.activation),
        dropout=reader.number("dropout", 0, 0.9, usual.dropout),
        loss=reader.choice("loss", tuple(LOSSES), usual_loss(data)),
        optimiser=optimiser,
        lr=reader.number("lr", 1e-6, 10, LEARNING_RATES[optimiser]),
        weight_decay=reader.number("weight_decay", 0, 1, usual.weight_decay),
        batch=batch,
        epochs=reader.whole("epochs", 1, MOST_EPOCHS, usual_epochs(data, batch)),
    )
    return recipe, (*reader.problems, *check_fit(recipe))


def check_fit(recipe: Recipe) -> Iterator[Problem]:
    """What does not go together, with what would."""
    if recipe.data not in MODELS[recipe.model]:
        yield Problem("model_misfit", NO_PICTURES, None, "model")
    if recipe.data not in LOSSES[recipe.loss]:
        fitting = ", ".join(loss for loss, data in LOSSES.items() if recipe.data in data)
        sentence = Text(why_unfit(recipe).template, {"loss": recipe.loss, "fitting": fitting})
        yield Problem("loss_misfit", sentence, None, "loss")
    if recipe.model == "linear" and recipe.dropout:
        yield Problem("dropout_misfit", NO_HIDDEN_LAYER, None, "dropout")


def why_unfit(recipe: Recipe) -> Text:
    """Why the loss does not fit the data."""
    if not recipe.classifies:
        return NO_CLASSES
    return TEN_CLASSES if recipe.loss == "BCEWithLogitsLoss" else NO_NUMBERS


def as_number(text: str) -> float | None:
    try:
        number = float(text[:LONGEST])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
