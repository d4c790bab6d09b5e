"""Packages that are not installed here: what does the same with what is, and the edit where it is certain."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec

from app.advice.names import Names
from app.advice.said import say
from app.vocabulary.editing import Advice, Edit, Fix
from app.vocabulary.values import Span, Text

NO_PACKAGE = Text(
    "Line {line}: the package `{name}` is not installed here, and nothing can be installed. If it is a file of your "
    "own, paste its code in place of this line."
)
INSTEAD: tuple[tuple[str, Text], ...] = (
    (
        "tensorflow keras",
        Text(
            "Line {line}: this is TensorFlow, which is not installed here. In PyTorch there is no session and no "
            "placeholder: an operation runs where it stands, and `loss.backward()` finds the gradients."
        ),
    ),
    (
        "jax flax optax haiku mxnet paddle mindspore oneflow theano chainer",
        Text(
            "Line {line}: `{name}` is another framework, which is not installed here. In PyTorch `torch.func` has "
            "grad, vmap and jacrev, and `torch.nn` the layers."
        ),
    ),
    (
        "torchinfo torchsummary torchsummaryX pytorch_model_summary thop ptflops fvcore torchview hiddenlayer netron",
        Text(
            "Line {line}: the package `{name}` is not installed here. Each layer of a model is shown below the "
            "program anyway, with its shapes and parameters; `print(model)` prints them."
        ),
    ),
    (
        "wandb mlflow comet_ml neptune visdom livelossplot swanlab clearml aim",
        Text(
            "Line {line}: the package `{name}` is not installed here. Losses and metrics are drawn while the program "
            "runs, without being logged anywhere."
        ),
    ),
    (
        "einops",
        Text(
            "Line {line}: the package `{name}` is not installed here. torch brings `rearrange` along, in "
            "`functorch.einops`; `repeat` and `reduce` are `expand` and `mean` or `amax` on a reshaped tensor."
        ),
    ),
    (
        "cv2 skimage imageio imutils albumentations kornia",
        Text(
            "Line {line}: the package `{name}` is not installed here. `PIL.Image`, numpy, `scipy.ndimage` and "
            "`torchvision.transforms` draw, resize, turn and filter pictures."
        ),
    ),
    (
        "pytorch_lightning lightning fastai ignite accelerate skorch catalyst torchbearer",
        Text(
            "Line {line}: the package `{name}` is not installed here. What it does is a loop: "
            "`optimizer.zero_grad()`, the model's output, the loss, `loss.backward()`, `optimizer.step()`. Written "
            "out, each step of it is shown."
        ),
    ),
    (
        "transformers datasets tokenizers sentencepiece tiktoken torchtext spacy nltk gensim timm diffusers peft "
        "sentence_transformers open_clip huggingface_hub",
        Text(
            "Line {line}: the package `{name}` is not installed here, and what it would download could not be "
            "reached. `torch.nn` has Embedding, LSTM, MultiheadAttention and TransformerEncoder; a short text or "
            "random numbers can be its data."
        ),
    ),
    (
        "torch_geometric dgl torch_scatter torch_sparse torch_cluster ogb",
        Text(
            "Line {line}: the package `{name}` is not installed here. Messages along edges are "
            "`torch.zeros(nodes, size).index_add_(0, target, x[source])`, or a product with an adjacency matrix."
        ),
    ),
    (
        "torchaudio librosa soundfile",
        Text(
            "Line {line}: the package `{name}` is not installed here. `torch.stft` and `torch.fft` make spectrograms "
            "of tones that `torch.sin` makes."
        ),
    ),
    (
        "torchmetrics evaluate torcheval",
        Text(
            "Line {line}: the package `{name}` is not installed here. `sklearn.metrics` has accuracy_score, f1_score, "
            "roc_auc_score and confusion_matrix."
        ),
    ),
    (
        "xgboost lightgbm catboost",
        Text(
            "Line {line}: the package `{name}` is not installed here. `sklearn.ensemble` has "
            "GradientBoostingClassifier, GradientBoostingRegressor and random forests."
        ),
    ),
    (
        "plotly bokeh altair plotnine pyecharts ipywidgets",
        Text("Line {line}: the package `{name}` is not installed here. matplotlib and seaborn draw figures."),
    ),
    (
        "yfinance pandas_datareader tushare akshare baostock kaggle kagglehub opendatasets gdown quandl",
        Text(
            "Line {line}: the package `{name}` is not installed here, and there is no network it could fetch data "
            "from. Put some rows into the program itself; a random walk, `np.cumsum(np.random.randn(500))`, looks "
            "like prices."
        ),
    ),
    (
        "google.colab",
        Text("Line {line}: `{name}` is Google's own notebook. There is nothing to mount or to upload here."),
    ),
    (
        "cupy numba apex bitsandbytes deepspeed triton flash_attn xformers horovod",
        Text(
            "Line {line}: the package `{name}` is not installed here. It makes a program faster or smaller on large "
            "machines; torch and numpy alone compute the same."
        ),
    ),
    (
        "optuna hyperopt ray nni",
        Text(
            "Line {line}: the package `{name}` is not installed here. A loop over a few values, "
            "`for lr in (0.1, 0.01, 0.001):` around the training, tries them too."
        ),
    ),
)
"""Packages, by name, and what is told of each: what to use in its place."""
KNOWN: Mapping[str, Text] = {name: sentence for listed, sentence in INSTEAD for name in listed.split()}
CODES: Mapping[str, str] = {"tensorflow": "tensorflow", "keras": "tensorflow"}
PROVIDED = frozenset({"IPython", "matplotlib_inline", "tensorboardX"})
"""Packages of which a program finds here what tutorials use, installed or not."""
RENAMED: Mapping[str, str] = {"gym": "gymnasium"}
"""Packages that are kept under another name now."""
CONTAINED: Mapping[str, tuple[str, frozenset[str]]] = {
    "einops": ("functorch.einops", frozenset({"rearrange"}))
}
"""Packages of which some names are to be found elsewhere, and say the same."""
NEEDLESS = ("torchinfo", "torchsummary", "torchsummaryX", "pytorch_model_summary", "wandb", "google.colab")
"""Packages that only show or report: a program runs as well without the statements that call them."""
Imports = ast.Import | ast.ImportFrom


def find_packages(names: Names, tried: frozenset[ast.AST]) -> Iterator[Advice]:
    said: set[str] = set()
    for node in names.nodes:
        if not isinstance(node, Imports) or node in tried:
            continue
        for package in dict.fromkeys(map(package_of, _modules(node))):
            if package not in said and not is_here(package):
                said.add(package)
                sentence, code = KNOWN.get(package, NO_PACKAGE), CODES.get(package, "package")
                yield replace(say(names, code, sentence, node, package), fix=_fix(names, node, package))


def is_here(package: str) -> bool:
    if package in PROVIDED:
        return True
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def package_of(path: str) -> str:
    """What has to be installed; `google` is the roof of many packages."""
    return next((each for each in KNOWN if "." in each and path.startswith(each)), path.partition(".")[0])


def _modules(node: Imports) -> list[str]:
    """The modules of a statement that is no relative import."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level or node.module is None:
        return []
    return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def _fix(names: Names, node: Imports, package: str) -> Fix | None:
    return (
        _renamed(names, node, package) or _contained(names, node, package) or _without(names, node, package)
    )


def _renamed(names: Names, node: Imports, package: str) -> Fix | None:
    """`import gym`: the package lives on under another name, and says the same."""
    new = RENAMED.get(package)
    if new is None or len(node.names) != 1 or not is_here(new):
        return None
    alias = node.names[0]
    text = f"import {new} as {alias.asname or package}"
    if isinstance(node, ast.ImportFrom):
        text = names.text(node).replace(package, new, 1)
    return Fix(text, (Edit(names.span(node), text),)) if "." not in alias.name else None


def _contained(names: Names, node: Imports, package: str) -> Fix | None:
    """`from einops import rearrange`: all that is asked for is to be had elsewhere."""
    new, known = CONTAINED.get(package, ("", frozenset()))
    if not new or not isinstance(node, ast.ImportFrom) or node.module != package:
        return None
    if not all(alias.name in known for alias in node.names):
        return None
    text = names.text(node).replace(package, new, 1)
    return Fix(text, (Edit(names.span(node), text),))


def _without(names: Names, node: Imports, package: str) -> Fix | None:
    """The package's imports and the statements that call it as comments, if it is used in no other way."""
    if package not in NEEDLESS:
        return None
    imports = [
        each
        for each in names.nodes
        if isinstance(each, Imports) and package in map(package_of, _modules(each))
    ]
    bound = {alias.asname or alias.name.partition(".")[0] for each in imports for alias in each.names}
    calls = [each for each in names.nodes if isinstance(each, ast.Expr) and _root(each.value) in bound]
    uses = [each for each in names.nodes if isinstance(each, ast.Name) and each.id in bound]
    within = {id(inner) for each in calls for inner in ast.walk(each)}
    statements: list[ast.stmt] = [*imports, *calls]
    if not all(id(each) in within for each in uses) or not all(_stands_alone(names, s) for s in statements):
        return None
    if any(isinstance(each, ast.Import) and len(each.names) > 1 for each in imports):
        return None  # it imports something else, too
    edits = tuple(_comment(names, each) for each in statements)
    return Fix(f"# {names.text(node)}", edits)


def _root(value: ast.expr) -> str:
    """The name a call begins with: `wandb` in `wandb.log(...)`."""
    if not isinstance(value, ast.Call):
        return ""
    function = value.func
    while isinstance(function, ast.Attribute):
        function = function.value
    return function.id if isinstance(function, ast.Name) else ""


def _stands_alone(names: Names, statement: ast.stmt) -> bool:
    span = names.span(statement)
    before = names.source.lines[span.line - 1][: span.column]
    after = names.source.lines[span.end_line - 1][span.end_column :].strip()
    return not before.strip() and (not after or after.startswith("#"))


def _comment(names: Names, statement: ast.stmt) -> Edit:
    """In a block something has to be left: it may be the block's only statement."""
    span = names.span(statement)
    indent = " " * span.column
    first, *rest = names.text(statement).split("\n")
    lines = [
        f"pass  # {first}" if span.column else f"# {first}",
        *(f"{indent}# {each.strip()}" for each in rest),
    ]
    return Edit(Span(span.line, span.column, span.end_line, span.end_column), "\n".join(lines))
