"""A `Recipe` -> the program a tutorial would show for it, with comments in the reader's language. Pure.

What is written imports what it uses and nothing else, so that it runs elsewhere as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.recipes.recipe import SIDE, Data, Loss, Optimiser, Recipe
from app.vocabulary.values import Text

Say = Callable[[Text], str]
Lines = Iterator[str]

MADE_BY: Mapping[Data, str] = {"circles": "make_circles", "moons": "make_moons", "digits": "load_digits"}
"""What scikit-learn makes these data with; the others are written out."""
ABOUT_DATA: Mapping[Data, Text] = {
    "linear": Text("points along a line"),
    "parabola": Text("points along a parabola"),
    "spirals": Text("two spirals wound around each other"),
    "circles": Text("a small circle inside a large one"),
    "moons": Text("two half moons that reach into each other"),
    "xor": Text("class 1 where the two coordinates have different signs"),
    "digits": Text("1,797 pictures of handwritten digits, 8 by 8 pixels from 0 to 16"),
}
ABOUT_LOSS: Mapping[Loss, Text] = {
    "MSELoss": Text("mean of the squared errors"),
    "L1Loss": Text("mean of the absolute errors"),
    "HuberLoss": Text("errors squared while they are small, absolute when they are large"),
    "CrossEntropyLoss": Text("takes the raw scores: the softmax is part of it"),
    "BCEWithLogitsLoss": Text("takes the raw score: the sigmoid is part of it"),
}
OPTIMISERS: Mapping[Optimiser, tuple[str, str]] = {
    "SGD": ("SGD", ""),
    "SGD with momentum": ("SGD", ", momentum=0.9"),
    "Adam": ("Adam", ""),
    "AdamW": ("AdamW", ""),
    "RMSprop": ("RMSprop", ""),
    "Adagrad": ("Adagrad", ""),
}

SEEDED = Text("the same random numbers in every run")
ASIDE = Text("{percent} % of the samples are kept aside: the model never trains on them.")
SHUFFLED = Text("mini-batches, shuffled anew in every epoch")
FLOATS = Text("this loss compares numbers of one shape")
ONE_CHANNEL = Text("one channel of grey")
DROPOUT = Text("dropout is on")
NO_DROPOUT = Text("dropout is off")
FORGET = Text("forget the gradients of the last step")
FORWARD = Text("forward pass: how wrong is the model?")
BACKWARD = Text("backward pass: a gradient for every parameter")
STEP = Text("move every parameter a little against its gradient")


def write_program(recipe: Recipe, say: Say) -> str:
    """The program's text, with a last newline."""
    parts = (imports, data, split, model, loss_and_optimizer, loop)
    return "\n".join("".join(f"{line}\n" for line in part(recipe, say)) for part in parts).replace(
        "\n\n\n", "\n\n"
    )


def imports(recipe: Recipe, say: Say) -> Lines:
    yield "import torch"
    if recipe.data in MADE_BY:
        yield f"from sklearn.datasets import {MADE_BY[recipe.data]}"
    yield "from torch import nn"
    if recipe.batch:
        yield "from torch.utils.data import DataLoader, TensorDataset"
    yield ""
    yield f"torch.manual_seed(0)  # {say(SEEDED)}"


# ------------------------------------------------------------------------------------------------------ the data


def data(recipe: Recipe, say: Say) -> Lines:
    yield f"# {say(ABOUT_DATA[recipe.data])}"
    match recipe.data:
        case "linear" | "parabola":
            yield from _curve(recipe)
        case "spirals":
            yield from _spirals(recipe)
        case "xor":
            yield f"x = 2 * torch.rand({recipe.samples}, 2) - 1"
            yield "y = (x[:, 0] * x[:, 1] < 0).long()"
            yield from _noise(recipe)
        case "digits":
            yield from _digits(recipe, say)
        case _:
            size = ", factor=0.5" if recipe.data == "circles" else ""
            called = f"{MADE_BY[recipe.data]}({recipe.samples}, noise={recipe.noise}{size}, random_state=0)"
            yield f"points, labels = {called}"
            yield "x = torch.tensor(points, dtype=torch.float32)"
            yield "y = torch.tensor(labels)"
    if recipe.loss == "BCEWithLogitsLoss":
        yield f"y = y.float().unsqueeze(1)  # {say(FLOATS)}"


def _curve(recipe: Recipe) -> Lines:
    yield f"x = torch.linspace(-1, 1, {recipe.samples}).unsqueeze(1)"
    formula = "2 * x + 0.5" if recipe.data == "linear" else "x**2"
    noise = f" + {recipe.noise} * torch.randn_like(x)" if recipe.noise else ""
    yield f"y = {formula}{noise}"


def _spirals(recipe: Recipe) -> Lines:
    yield f"y = torch.arange({recipe.samples}) % 2"
    yield f"radius = torch.rand({recipe.samples}).sqrt()"
    yield "angle = 3 * torch.pi * radius + torch.pi * y"
    yield "x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)"
    yield from _noise(recipe)


def _digits(recipe: Recipe, say: Say) -> Lines:
    yield "digits = load_digits()"
    if recipe.model == "cnn":
        pictures = "torch.tensor(digits.images, dtype=torch.float32)"
        yield f"x = {pictures}.unsqueeze(1) / 16  # {say(ONE_CHANNEL)}"
    else:
        yield "x = torch.tensor(digits.data, dtype=torch.float32) / 16"
    yield "y = torch.tensor(digits.target)"


def _noise(recipe: Recipe) -> Lines:
    if recipe.noise:
        yield f"x += {recipe.noise} * torch.randn_like(x)"


def split(recipe: Recipe, say: Say) -> Lines:
    if recipe.test:
        yield f"# {say(Text(ASIDE.template, {'percent': recipe.test}))}"
        yield "order = torch.randperm(len(x))"
        yield f"train, test = order[:{recipe.trained_on}], order[{recipe.trained_on}:]"
        yield "x_train, y_train = x[train], y[train]"
        yield "x_test, y_test = x[test], y[test]"
    if recipe.batch:
        dataset = f"TensorDataset({', '.join(_trained(recipe))})"
        if recipe.test:
            yield ""
        yield f"# {say(SHUFFLED)}"
        yield f"loader = DataLoader({dataset}, batch_size={recipe.batch}, shuffle=True)"


def _trained(recipe: Recipe) -> tuple[str, str]:
    return ("x_train", "y_train") if recipe.test else ("x", "y")


# ----------------------------------------------------------------------------------------------------- the model


def model(recipe: Recipe, say: Say) -> Lines:
    layers = {"linear": _linear, "mlp": _mlp, "cnn": _cnn}[recipe.model](recipe)
    if recipe.model == "linear":
        yield f"model = nn.{next(layers)}"
        return
    yield "model = nn.Sequential("
    yield from (f"    nn.{layer}," for layer in layers)
    yield ")"


def _linear(recipe: Recipe) -> Lines:
    yield f"Linear({recipe.inputs}, {recipe.outputs})"


def _mlp(recipe: Recipe) -> Lines:
    width = recipe.inputs
    for wider in recipe.widths:
        yield f"Linear({width}, {wider})"
        yield f"{recipe.activation}()"
        if recipe.dropout:
            yield f"Dropout({recipe.dropout})"
        width = wider
    yield f"Linear({width}, {recipe.outputs})"


def _cnn(recipe: Recipe) -> Lines:
    channels, side = 1, SIDE
    for more in recipe.channels:
        yield f"Conv2d({channels}, {more}, kernel_size=3, padding=1)"
        yield f"{recipe.activation}()"
        yield "MaxPool2d(2)"
        channels, side = more, side // 2
    yield "Flatten()"
    if recipe.dropout:
        yield f"Dropout({recipe.dropout})"
    yield f"Linear({channels * side * side}, {recipe.outputs})"


def loss_and_optimizer(recipe: Recipe, say: Say) -> Lines:
    yield f"criterion = nn.{recipe.loss}()  # {say(ABOUT_LOSS[recipe.loss])}"
    name, more = OPTIMISERS[recipe.optimiser]
    # AdamW has a decay of its own where none is given.
    if recipe.weight_decay or recipe.optimiser == "AdamW":
        more += f", weight_decay={recipe.weight_decay}"
    yield f"optimizer = torch.optim.{name}(model.parameters(), lr={recipe.lr}{more})"


# ------------------------------------------------------------------------------------------------------ the loop


def loop(recipe: Recipe, say: Say) -> Lines:
    yield f"for epoch in range(1, {recipe.epochs + 1}):"
    if recipe.evaluates:
        yield "    model.train()" + (f"  # {say(DROPOUT)}" if recipe.dropout else "")
    if recipe.batch:
        yield "    for xb, yb in loader:"
    names = ("xb", "yb") if recipe.batch else _trained(recipe)
    indent = "        " if recipe.batch else "    "
    yield from (f"{indent}{line}" for line in _step(*names, say))
    yield ""
    yield from (f"    {line}" for line in _evaluation(recipe, say))
    yield from (f"    {line}" for line in _report(recipe))


def _step(x: str, y: str, say: Say) -> Lines:
    yield f"optimizer.zero_grad()  # {say(FORGET)}"
    yield f"loss = criterion(model({x}), {y})  # {say(FORWARD)}"
    yield f"loss.backward()  # {say(BACKWARD)}"
    yield f"optimizer.step()  # {say(STEP)}"


def _evaluation(recipe: Recipe, say: Say) -> Lines:
    """How good it is on the samples kept aside; where there are none, how many classes it gets right."""
    if not recipe.evaluates:
        return
    x, y, prefix = ("x_test", "y_test", "test_") if recipe.test else ("x", "y", "")
    yield "model.eval()" + (f"  # {say(NO_DROPOUT)}" if recipe.dropout else "")
    yield "with torch.no_grad():"
    yield f"    output = model({x})"
    if recipe.test:
        yield f"    test_loss = criterion(output, {y}).item()"
    if recipe.classifies:
        right = "output.argmax(dim=1)" if recipe.outputs > 1 else "(output > 0)"
        yield f"    {prefix}accuracy = ({right} == {y}).float().mean().item()"


def _report(recipe: Recipe) -> Lines:
    told = ["loss {loss:.4f}"]
    if recipe.test:
        told.append("test loss {test_loss:.4f}")
    if recipe.classifies:
        told.append(f"accuracy {{{'test_' if recipe.test else ''}accuracy:.0%}}")
    yield f"if epoch % {max(1, recipe.epochs // 10)} == 0:"
    yield f'    print(f"epoch {{epoch}}: {", ".join(told)}")'
