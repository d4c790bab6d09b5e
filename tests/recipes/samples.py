"""Recipes that cover every choice at least once, short enough to be run for real."""

from __future__ import annotations

from app.recipes.reading import read_recipe
from app.recipes.recipe import Recipe

SAMPLES = (
    "data=linear model=linear optimiser=SGD batch=0 test=0 epochs=60",
    "data=linear model=mlp loss=HuberLoss optimiser=Adagrad activation=Sigmoid epochs=8",
    "data=parabola model=mlp loss=L1Loss optimiser=Adam activation=Tanh batch=16 epochs=8",
    "data=parabola model=mlp loss=MSELoss optimiser=RMSprop activation=GELU widths=8,16,8 test=50 epochs=12",
    "data=spirals model=mlp optimiser=AdamW widths=64,64 batch=64 epochs=25",
    "data=spirals model=linear loss=BCEWithLogitsLoss optimiser=Adam batch=0 test=0 epochs=40",
    "data=circles model=mlp loss=BCEWithLogitsLoss optimiser=RMSprop activation=LeakyReLU noise=0 test=0 epochs=8",
    "data=moons model=mlp loss=CrossEntropyLoss optimiser=Adam dropout=0.2 weight_decay=0.001 batch=8 epochs=4",
    "data=xor model=mlp loss=BCEWithLogitsLoss optimiser=Adam dropout=0.1 test=30 batch=256 epochs=40",
    "data=digits model=linear optimiser=AdamW weight_decay=0.01 batch=128 epochs=3",
    "data=digits model=mlp optimiser=Adam widths=32 batch=128 test=0 epochs=3",
    "data=digits model=cnn optimiser=Adam channels=4,8,16 dropout=0.2 batch=128 epochs=3",
)
SGD_WITH_MOMENTUM = {
    "data": "digits",
    "model": "cnn",
    "optimiser": "SGD with momentum",
    "channels": "4",
    "epochs": "2",
}


def texts_of(sample: str) -> dict[str, str]:
    return dict(each.split("=") for each in sample.split())


def recipe_of(texts: dict[str, str]) -> Recipe:
    recipe, problems = read_recipe(texts)
    assert problems == ()
    return recipe


RECIPES = tuple(recipe_of(each) for each in (*map(texts_of, SAMPLES), SGD_WITH_MOMENTUM))
