"""The training panel as the page shows it: every option with the data it is for, so that only what fits is offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import get_args

from app.program import normalise_source
from app.recipes.reading import read_recipe
from app.recipes.recipe import (
    BATCHES,
    DATA,
    LEARNING_RATES,
    LOSSES,
    MODELS,
    TESTS,
    Activation,
    Data,
    Model,
    Recipe,
)
from app.vocabulary.values import Text
from app.web.forms import MOST_PROGRAMS, Form
from app.web.languages import Language

DATA_WORDS: Mapping[Data, Text] = {
    "linear": Text("line"),
    "parabola": Text("parabola"),
    "spirals": Text("spirals"),
    "circles": Text("circles"),
    "moons": Text("moons"),
    "xor": Text("XOR"),
    "digits": Text("digits"),
}
MODEL_WORDS: Mapping[Model, Text] = {
    "linear": Text("linear"),
    "mlp": Text("MLP"),
    "cnn": Text("CNN"),
}
WHOLE_SET = Text("whole set")
MOMENTUM = Text("SGD with momentum")
USUAL = ("lr", "epochs")
"""What is usual depends on other choices: an empty text stands for it."""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    data: tuple[Data, ...] = DATA
    """The data it is for."""


@dataclass(frozen=True, slots=True)
class RecipePanel:
    """`values` are texts as typed, or what is taken for them; `usual` is what an empty text stands for."""

    values: Mapping[str, str]
    usual: Mapping[str, str]
    options: Mapping[str, tuple[Option, ...]]
    made_up: tuple[Data, ...]
    """Data that are made up, so that their number and noise can be chosen."""
    wrong: frozenset[str]
    problems: tuple[str, ...]
    earlier: tuple[str, ...]
    """Programs that stood in the editor before, the latest last."""
    written: str
    """The mark of the program this panel wrote last."""
    open: bool


def show_recipe(form: Form, language: Language) -> RecipePanel:
    texts = form.recipe
    recipe, problems = read_recipe(texts)
    taken = dict(spell_recipe(recipe))
    return RecipePanel(
        values={name: texts.get(name, "" if name in USUAL else text) for name, text in taken.items()},
        usual=taken,
        options=list_options(language),
        made_up=tuple(each for each in DATA if each != "digits"),
        wrong=frozenset(each.name for each in problems if each.name),
        problems=tuple(language.say(each.sentence) for each in problems),
        earlier=form.earlier,
        written=form.written,
        open=form.recipe_open,
    )


def spell_recipe(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Its choices as the fields of a form hold them."""
    for name, value in asdict(recipe).items():
        match value:
            case tuple():
                yield name, ", ".join(map(str, value))
            case float():
                yield name, f"{value:g}"
            case _:
                yield name, str(value)


def list_options(language: Language) -> dict[str, tuple[Option, ...]]:
    say = language.say
    optimisers = {name: say(MOMENTUM) if name == MOMENTUM.template else name for name in LEARNING_RATES}
    return {
        "data": tuple(Option(each, say(DATA_WORDS[each])) for each in DATA),
        "test": tuple(Option(f"{each}", f"{each} %") for each in TESTS),
        "model": tuple(Option(each, say(MODEL_WORDS[each]), data) for each, data in MODELS.items()),
        "activation": tuple(Option(each, each) for each in get_args(Activation)),
        "loss": tuple(Option(each, each, data) for each, data in LOSSES.items()),
        "optimiser": tuple(Option(name, label) for name, label in optimisers.items()),
        "batch": tuple(Option(f"{each}", f"{each}" if each else say(WHOLE_SET)) for each in BATCHES),
    }


def mark_of(source: str) -> str:
    return sha256(normalise_source(source).strip().encode("utf-8", "replace")).hexdigest()[:32]


def keep_earlier(earlier: tuple[str, ...], source: str, written: str) -> tuple[str, ...]:
    """Earlier programs and the one in the editor, unless the panel wrote that: it can write it again."""
    if not source.strip() or mark_of(source) == written:
        return earlier
    return (*(each for each in earlier if each != source), source)[-MOST_PROGRAMS:]
