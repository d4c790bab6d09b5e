"""Packages that are not here: what is used instead, and edits after which a program no longer asks for them."""

from __future__ import annotations

import ast

import pytest

from app.advice.advise import advise, fixed, key_of
from app.advice.packages import INSTEAD, NO_PACKAGE

WITHOUT = (
    (
        "from torchinfo import summary\nnet = nn.Linear(1, 1)\nsummary(net,\n    (1, 1))  # all\n",
        "# from torchinfo import summary\nnet = nn.Linear(1, 1)\n# summary(net,\n# (1, 1))  # all\n",
    ),
    (
        "import wandb\nwandb.init(project='a')\nfor i in x:\n    wandb.log({'loss': i})\n",
        "# import wandb\n# wandb.init(project='a')\nfor i in x:\n    pass  # wandb.log({'loss': i})\n",
    ),
    (
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "# from google.colab import drive\n# drive.mount('/content/drive')",
    ),
    (
        "from einops import rearrange\nrearrange(x, 'a b -> b a')",
        "from functorch.einops import rearrange\nrearrange(x, 'a b -> b a')",
    ),
)
NEEDED = (
    "import wandb\nrun = wandb.init()\nrun.log({})",
    "import wandb\nwandb.init(); print(1)",
    "import wandb, os\nwandb.init()",
    "from einops import rearrange, reduce\nreduce(x, 'a b -> a', 'mean')",
    "from google.colab import files\nnames = files.upload()",
    "import cv2\ncv2.imread('a.png')",
)


@pytest.mark.parametrize(("program", "expected"), WITHOUT)
def test_edit_leaves_a_program_that_no_longer_asks_for_the_package(program: str, expected: str) -> None:
    (said,) = (each for each in advise(program) if each.code == "package")
    after = fixed(program, key_of(said))
    assert after == expected
    ast.parse(after)
    assert not [each for each in advise(after) if each.code == "package"]


@pytest.mark.parametrize("program", NEEDED)
def test_package_whose_answers_are_used_is_no_edit(program: str) -> None:
    (said,) = (each for each in advise(program) if each.code == "package")
    assert said.fix is None


def test_each_package_is_told_of_once_with_what_to_use_instead() -> None:
    listed = [name for names, _ in INSTEAD for name in names.split()]
    assert len(listed) == len(set(listed))
    for name in listed:
        said = advise(f"import {name}\nimport {name}.a")
        if said:  # some are installed on some machines
            (one,) = said
            assert one.sentence.template != NO_PACKAGE.template, name
            assert one.span.line == 1
