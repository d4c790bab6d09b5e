"""Mangled programs mean again what they meant; what is Python, or may be meant, is left alone."""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.repairs.repair import KINDS, repair
from app.web.repairs import UNDONE
from tests.repairs.damages import DAMAGES

SEEDS = json.loads((Path(__file__).parent.parent / "seeds" / "programs.json").read_text(encoding="utf-8"))
PROGRAMS = tuple(repair(seed["code"]).source for seed in SEEDS)  # one of them has lost its indentation


def meaning(text: str) -> str:
    return ast.dump(ast.parse(text))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_seeds_mean_the_same_after_repair(damage: str) -> None:
    for program in PROGRAMS:
        damaged = DAMAGES[damage](program)
        repaired = repair(damaged)
        whole = damage != "numbers in a block" or program.count("\n") > 2  # a lone 1 may be meant
        assert not whole or meaning(repaired.source) == meaning(program), damaged
        assert repair(repaired.source).repairs == ()


def test_programs_are_left_as_they_are() -> None:
    for program in PROGRAMS:
        assert repair(program).source == program


UNTOUCHED = (
    "1 + 2\n3 + 4",
    "1\n2\n3",
    "x = [\n1,\n2,\n3]",
    "x = (5\n% 3)",
    "...",
    'def f():\n    """\n    >>> f(2)\n    4\n    """\n    return (',
    'x = """\n```\nIn [3]: y\n1 a\n"""\ny = (',
    'print("\u201chello\u201d，\u00a0\u200b") # ，',
    "tensor = max\ntensor([1, 2])",
    "In = {}\nIn[1]: int = 3",
    "def f():\n\treturn 1",
    "x = 3\nprint x",
    "x = 1 +\ny = 2",
    "a b c",
    "for i in range(3):\nprint(i)\nprint(2)",
    "if x:\na = 1\nelse:\nb = 2\nc = 3",
    'x = \u201csay "no"\u201d',
    "improt torch\nx = 1",
    "x = 1\nretrun x",
    "fro i in x: y",
    'print("for i")\nfor i in range(3)',
    'print("loss", 3)\nloss backward()',
    "import torch\nfrom torch inport nn",
    "if x is y:",
    "1 x = 3\ny = 2",
)
"""Python, or no Python with no certain way to become some."""


@pytest.mark.parametrize("text", UNTOUCHED)
def test_nothing_is_guessed(text: str) -> None:
    assert repair(text).source == text


REPAIRED = (
    ("fullwidth comment", "x：int＝3　＃ 注释：，", "x:int=3 # 注释：，"),
    ("apostrophe inside bent quotes", "print(\u2018it\u2019s\u2019)", "print('it\u2019s')"),
    ("wide text inside bent quotes", "print(\u201c你好，（x）\u201d）", 'print("你好，（x）")'),
    ("minus sign", "x = 3 \u2212 2", "x = 3 - 2"),
    ("answer that binds", ">>> l = 1\n>>> print(l)\nl = 3", "l = 1\nprint(l)\n# l = 3"),
    ("docstring at a prompt", ">>> x = '''a\n... >>> b\n... '''", "x = '''a\n>>> b\n'''"),
    ("cells without labels' words", "[1]:\nx = 3\n[2]:\nx\n[2]:\n3", "x = 3\nx\n3"),
    (
        "console",
        "In [1]: for i in (0, 1):\n   ...:     print(i)\n   ...:\n0\n1",
        "for i in (0, 1):\n    print(i)\n\n# 0\n# 1",
    ),
    ("interleaved numbers", "1\nimport torch\n2\nx = 3\n3\nx", "import torch\nx = 3\nx"),
    (
        "magics",
        "%matplotlib inline\n%time y = 3\nif y:\n    !ls",
        "# %matplotlib inline\ny = 3\nif y:\n    pass  # !ls",
    ),
    ("numpy's print", "[1. 2. 3.]\nx = 1", "# [1. 2. 3.]\nx = 1"),
    (
        "a module's print",
        "Net(\n  (fc): Linear(in=2)\n)\nx = 1",
        "# Net(\n#   (fc): Linear(in=2)\n# )\nx = 1",
    ),
    ("log lines", "epoch 1 loss 0.5\nx = 1", "# epoch 1 loss 0.5\nx = 1"),
    ("result that parses", "import torch\ntensor([1., 2.])", "import torch\n# tensor([1., 2.])"),
    (
        "words of a print",
        "print('step', 3, 'of')\nstep 3 of\nx = 1",
        "print('step', 3, 'of')\n# step 3 of\nx = 1",
    ),
    (
        "a print's beginning",
        "print(f'Saved in: {x}')\nSaved in: a/1b",
        "print(f'Saved in: {x}')\n# Saved in: a/1b",
    ),
    ("a labelled print", "x = 1\nSelf time total: 5.5ms", "x = 1\n# Self time total: 5.5ms"),
    ("a log line with signs", "Epoch: 01 cost = 1.7 (x)\nx = 1", "# Epoch: 01 cost = 1.7 (x)\nx = 1"),
    (
        "two shapes",
        "torch.Size([3, 2]) torch.Size([3])\nx = 1",
        "# torch.Size([3, 2]) torch.Size([3])\nx = 1",
    ),
    ("several results", "x = 1\n(tensor([9]), tensor([2]))", "x = 1\n# (tensor([9]), tensor([2]))"),
    ("a labelled result", "x = 1\nlabel: tensor([5.2])", "x = 1\n# label: tensor([5.2])"),
    (
        "a table",
        "x = 1\n---  ---\n  Name    CPU    Calls\nmm  1.5ms  2",
        "x = 1\n# ---  ---\n#   Name    CPU    Calls\n# mm  1.5ms  2",
    ),
    (
        "a traceback",
        'x = 1\nTraceback (most recent call last):\n  File "a.py", line 3\n    x(\nTypeError: no\n\tmore\ny = 2',
        "x = 1\n# Traceback (most recent call last):\n"
        '#   File "a.py", line 3\n#     x(\n# TypeError: no\n# \tmore\ny = 2',
    ),
    (
        "a console that printed code",
        "In [1]: print(f.code)\n   ...: x = 1\ndef g(x):\n  return x\n\ndef h():\n  pass\n\nIn [2]: x",
        "print(f.code)\nx = 1\n# def g(x):\n#   return x\n\n# def h():\n#   pass\n\nx",
    ),
    (
        "an article",
        "x = 1\nLet us see, for fun, what it is.\ncifar10 tutorial\nx",
        "x = 1\n# Let us see, for fun, what it is.\n# cifar10 tutorial\nx",
    ),
    (
        "a Chinese article",
        "本文介绍如何用PyTorch实现，代码如下：\nx = 1\n运行结果：",
        "# 本文介绍如何用PyTorch实现,代码如下:\nx = 1\n# 运行结果:",
    ),
    (
        "a gutter but for its first line",
        "import torch\n 1 x = 1\n 2 \n 3 y = 2",
        "import torch\nx = 1\n\ny = 2",
    ),
    ("mixed tabs", "if 1:\n        x = 1\n\ty = 2", "if 1:\n        x = 1\n        y = 2"),
    ("shifted but for the first line", "x = 1\n    y = 2\n    z = 3", "x = 1\ny = 2\nz = 3"),
    ("a lost block", "for i in range(3):\nprint(i)", "for i in range(3):\n    print(i)"),
    ("lost blocks", "def f(x):\ny = x\nreturn y\nz = f(3)", "def f(x):\n    y = x\n    return y\nz = f(3)"),
    (
        "lost function of autograd",
        "class F(Function):\n@staticmethod\ndef forward(ctx, x):\nreturn x\n"
        "@staticmethod\ndef backward(ctx, g):\nreturn g\ny = 1",
        "class F(Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return g\ny = 1",
    ),
)


@pytest.mark.parametrize(
    ("damaged", "meant"), [each[1:] for each in REPAIRED], ids=[each[0] for each in REPAIRED]
)
def test_repaired_exactly(damaged: str, meant: str) -> None:
    assert repair(damaged).source == meant


CELLS = (
    ("prompts", ">>> x * 2\n2", "x * 2\n# 2"),
    ("a gutter", "1 y = x\n2 for i in y:\n3     i", "y = x\nfor i in y:\n    i"),
    ("a fence", "```python\nx\n```", "x"),
    ("a margin", "    y = x\n    y", "y = x\ny"),
    ("punctuation", "print（x）", "print(x)"),
    ("a lost block", "for i in x:\ni", "for i in x:\n    i"),
    ("tabs", "if x:\n        y = 1\n\ty", "if x:\n        y = 1\n        y"),
)


@pytest.mark.parametrize(("damaged", "meant"), [each[1:] for each in CELLS], ids=[each[0] for each in CELLS])
def test_one_cell_is_repaired_and_the_others_are_spared(damaged: str, meant: str) -> None:
    around = "# %%\nx = '（1）'  # 1，2\nif x:\n\tx = [1]\n# %%\n{}\n# %%\nprint('last')"
    repaired = repair(around.format(damaged))
    assert "\n".join(line for line in repaired.source.split("\n") if line) == around.format(meant)
    broken = "# %%\ny = = 1\n"
    still = repair(broken + around.format(damaged)).source
    assert "\n".join(line for line in still.split("\n") if line) == broken + around.format(meant)


def test_a_block_that_goes_on_behind_a_mark_is_no_shifted_cell() -> None:
    text = "def f():\n    a = 1\n# %%\n    return a\n# %%\nx = = 2"
    assert repair(text).source == text


def test_each_repair_says_its_lines() -> None:
    repaired = repair("```\n>>> x = （1）\n```")
    assert repaired.source == "x = (1)"
    assert [(each.kind, each.span.line, len(each.changes)) for each in repaired.repairs] == [
        ("fences", 1, 2),
        ("prompts", 1, 1),
        ("punctuation", 1, 1),
    ]
    assert repaired.repairs[1].changes[0].before == ">>> x = （1）"
    assert repaired.repairs[0].changes[0].after is None


def test_every_kind_can_be_left() -> None:
    assert tuple(UNDONE) == KINDS
    assert repair("x = （1）", frozenset({"punctuation"})).source == "x = （1）"


LONG = (
    *("(" * 60_000, "if x:\n" * 6_000, "```\n" * 15_000, "\u2018a" * 20_000, "<object" * 9_000 + "x"),
    *("epoch 1" + "1" * 60_000 + "=", ">>> (\n" * 9_000, ":" + " " * 60_000 + "x (", "\n" * 60_000 + "("),
    *("1 " * 30_000 + "x", '"""' * 20_000, "In [1]: (\nOut[1]: (\n" * 3_000, "def f(self):\n" * 5_000),
)

PATIENCE = 8.0
"""Seconds of processor; what took quadratic time took a minute."""


def test_long_texts_take_no_time_to_speak_of() -> None:
    for text in LONG:
        began = time.process_time()
        repair(text)
        assert time.process_time() - began < PATIENCE, text[:20]


PIECES = st.sampled_from(
    [
        *(
            ">>> ",
            "... ",
            "In [1]: ",
            "Out[1]:",
            "```",
            "1 ",
            "2 ",
            "\n",
            "\n",
            "    ",
            "\t",
            "x = ",
            "（",
            "）",
        ),
        *(
            "(",
            ")",
            "[",
            "]",
            "'",
            '"',
            '"""',
            "\u201c",
            "\u201d",
            "\u2018",
            "def f(x):",
            "return x",
            "class A:",
        ),
        *(
            "else:",
            "#",
            "%time ",
            "!ls",
            "\\",
            "tensor([1.])",
            "\u00a0",
            "\u200b",
            "\ufeff",
            "print(x)",
            "epoch 1",
        ),
        *(":", ",", "\r\n", "\ud800", "\0", "self.y = 1"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_can_be_repaired_and_what_is_python_stays_python(text: str) -> None:
    repaired = repair(text)
    for each in repaired.repairs:
        assert 1 <= each.span.line <= repaired.source.count("\n") + 1
    assert len(repaired.origins) == repaired.source.count("\n") + 1
    assert repair(text, frozenset(KINDS)).source == repaired.original


def test_workers_of_a_data_loader_become_none() -> None:
    text = "DataLoader(d, num_workers=4, persistent_workers=True,\n prefetch_factor=2)\nDataLoader(d, num_workers=n)"
    assert repair(text).source == (
        "DataLoader(d, num_workers=0, persistent_workers=False,\n prefetch_factor=None)\nDataLoader(d, num_workers=n)"
    )
    assert [each.kind for each in repair(text).repairs] == ["workers"]
