"""Every choice the training panel offers is written as a program that can be read, or refused with its remedy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import cycle, product
from typing import get_args

import pytest

from app.program import parse_program
from app.recipes.reading import NAMES, read_recipe
from app.recipes.recipe import (
    BATCHES,
    DATA,
    LEARNING_RATES,
    LOSSES,
    MODELS,
    NUMBERS,
    TESTS,
    Activation,
    Data,
    Loss,
    Model,
    Recipe,
    usual_epochs,
    usual_loss,
)
from app.recipes.writing import write_program
from app.vocabulary.limits import Limits
from app.vocabulary.values import Text
from app.words import in_english
from tests.recipes.samples import RECIPES, texts_of


def every_choice() -> Iterator[dict[str, str]]:
    """The whole product of what changes the program's shape; the activations, names alone, take turns."""
    lists = {
        "data": DATA,
        "model": MODELS,
        "loss": LOSSES,
        "optimiser": LEARNING_RATES,
        "batch": (0, 32),
        "test": (0, 20),
        "dropout": (0, 0.1),
        "weight_decay": (0, 0.01),
    }
    for chosen, activation in zip(product(*lists.values()), cycle(get_args(Activation)), strict=False):
        yield {"activation": activation, **dict(zip(lists, map(str, chosen), strict=True))}


def test_every_combination_is_a_program_or_is_refused() -> None:
    programs: set[str] = set()
    refused: set[tuple[str, Data, Model, Loss]] = set()
    for texts in every_choice():
        recipe, problems = read_recipe(texts)
        if problems:
            refused.update((each.code, recipe.data, recipe.model, recipe.loss) for each in problems)
        else:
            programs.add(write_program(recipe, in_english))
    assert len(programs) > 1_500
    for program in programs:
        compile(program, "program", "exec")
    assert {code for code, *_ in refused} == {"model_misfit", "loss_misfit", "dropout_misfit"}
    assert all(data != "digits" for code, data, *_ in refused if code == "model_misfit")
    assert not [each for each in refused if each[0] == "loss_misfit" and each[1] in LOSSES[each[3]]]


def test_samples_cover_every_choice() -> None:
    for name, choices in (("data", DATA), ("model", MODELS), ("loss", LOSSES), ("optimiser", LEARNING_RATES)):
        assert {getattr(each, name) for each in RECIPES} == set(choices)
    assert {each.activation for each in RECIPES} == set(get_args(Activation))
    assert {each.batch for each in RECIPES} == set(BATCHES)
    assert {each.test for each in RECIPES} >= set(TESTS) - {10}


@pytest.mark.parametrize(
    "recipe", RECIPES, ids=lambda recipe: f"{recipe.data}-{recipe.model}-{recipe.optimiser}"
)
def test_program_needs_no_name_it_does_not_make(recipe: Recipe) -> None:
    source = write_program(recipe, in_english)
    program = parse_program(source, Limits())
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert program.free_names == ()
    assert names <= used
    assert program.advice == ()
    assert max(map(len, source.splitlines())) <= 110


def test_comments_are_in_the_language_that_says_them() -> None:
    def shout(text: Text) -> str:
        return f"«{text.template}»"

    source = write_program(Recipe(dropout=0.5), shout)
    comments = [line.split("# ", 1)[1] for line in source.splitlines() if "# " in line]
    assert len(comments) > 8
    assert all(each.startswith("«") and each.endswith("»") for each in comments)


@pytest.mark.parametrize(
    ("texts", "names", "remedy"),
    [
        ("loss=BCEWithLogitsLoss data=digits", ["loss"], "ten digits. Choose CrossEntropyLoss."),
        ("loss=MSELoss data=moons", ["loss"], "Choose from: CrossEntropyLoss, BCEWithLogitsLoss."),
        ("loss=CrossEntropyLoss data=linear", ["loss"], "Choose from: MSELoss, L1Loss, HuberLoss."),
        ("model=cnn data=moons", ["model"], "choose the MLP, or the handwritten digits."),
        ("model=linear dropout=0.5", ["dropout"], "set dropout to 0, or choose the MLP."),
        ("lr=fast epochs=2.5 widths=1,1000", ["widths", "lr", "epochs"], "numbers up to 256"),
        ("lr=nan noise=-1 data=mnist", ["data", "noise", "lr"], "linear, parabola, spirals"),
        ("channels=1,2,3,4 speed=9", ["speed", "channels"], "no choice named `speed`"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_remedy(texts: str, names: list[str], remedy: str) -> None:
    _, problems = read_recipe(texts_of(texts))
    assert [each.name for each in problems] == names
    assert remedy in in_english(problems[0].sentence)


def test_what_is_not_chosen_is_usual() -> None:
    for data, optimiser, batch in product(DATA, LEARNING_RATES, BATCHES):
        texts = {"data": data, "optimiser": optimiser, "batch": str(batch), "lr": " ", "epochs": ""}
        recipe, problems = read_recipe(texts)
        assert problems == ()
        assert recipe.lr == LEARNING_RATES[optimiser]
        assert (recipe.epochs, recipe.loss) == (usual_epochs(data, batch), usual_loss(data))
        assert recipe.classifies == (data not in NUMBERS)
    assert read_recipe({}) == (Recipe(), ())
    assert set(NAMES) == set(Recipe.__dataclass_fields__)


def test_sizes_may_be_written_with_spaces_or_chinese_commas() -> None:
    for text in ("8, 16", "8 16", "8，16", "8,16"):
        recipe, problems = read_recipe({"widths": text})
        assert (recipe.widths, problems) == ((8, 16), ())
