"""What a program asks for that is not here: packages, downloads, the network, files, processes, windows, a keyboard."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.advice.names import Names
from app.advice.packages import find_packages, is_here
from app.advice.said import say
from app.advice.tables import made_table
from app.vocabulary.editing import Advice, Edit, Fix
from app.vocabulary.stand_ins import CALLS as CALLS_LENT
from app.vocabulary.stand_ins import set_called, set_in_file
from app.vocabulary.values import Span, Text

NO_NETWORK = Text(
    "Line {line}: `{name}` needs the network, which a program here does not have. Put the data into the program itself."
)
NO_HUB = Text(
    "Line {line}: `{name}` fetches a model's code and weights, and there is no network here. `torchvision.models` has "
    "many models, with random weights."
)
NO_DOWNLOAD = Text(
    "Line {line}: `{name}` downloads its data, and there is no network here. "
    "`sklearn.datasets` brings small sets along: load_digits, load_iris, load_wine, load_diabetes."
)
DOWNLOADS = Text("Line {line}: `{name}` downloads its data, and there is no network here.")
NO_PROCESS = Text(
    "Line {line}: `{name}` starts a process, and a program here has only its own. Call the function itself."
)
NO_FILE = Text(
    "Line {line}: `{name}` reads the file {file}, which is not here. Write the data into the program itself."
)
NOT_HERE = Text("Line {line}: the file {file} is not here. Write the data into the program itself.")
NO_PICTURES = Text(
    "Line {line}: `{name}` reads pictures from a folder, and here there are only the files a program writes itself."
)
NO_WINDOW = Text(
    "Line {line}: `{name}` opens a window; there is no screen here. Figures of matplotlib are shown."
)
NO_KEYBOARD = Text(
    "Line {line}: there is no keyboard here. Give what `input()` should answer in the program itself."
)
NO_COMPILER = Text(
    "Line {line}: nothing is compiled here: `{name}` hands back what it is given, and the program says the same."
)
NO_WEIGHTS = Text(
    "Line {line}: trained weights would have to be downloaded, and there is no network here. "
    "`{text}` begins with random ones."
)
CALLS: tuple[tuple[tuple[str, ...], str, Text], ...] = (
    (
        ("requests.", "urllib.request.", "http.client.", "socket.socket", "socket.create_connection"),
        "network",
        NO_NETWORK,
    ),
    (("torch.hub.load",), "network", NO_HUB),
    (("torch.hub.download_url_to_file", "wget.download"), "network", NO_NETWORK),
    (("torch.distributed.rpc.init_rpc",), "network", NO_NETWORK),
    (("d2l.torch.load_data_", "d2l.torch.download"), "download", NO_DOWNLOAD),
    (("torchvision.datasets.ImageFolder",), "file", NO_PICTURES),
    (("sklearn.datasets.fetch_", "torchvision.datasets.", "torchaudio.datasets."), "download", NO_DOWNLOAD),
    (("subprocess.", "os.system", "os.popen", "os.fork", "os.spawn", "os.exec"), "process", NO_PROCESS),
    (
        ("multiprocessing.Process", "multiprocessing.Pool", "torch.multiprocessing.spawn"),
        "process",
        NO_PROCESS,
    ),
    (("torch.multiprocessing.Process", "torch.multiprocessing.Pool"), "process", NO_PROCESS),
    (
        ("concurrent.futures.ProcessPoolExecutor", "torch.distributed.init_process_group"),
        "process",
        NO_PROCESS,
    ),
    (("tkinter.Tk", "turtle.", "cv2.imshow", "pygame.display.", "PyQt5.", "PyQt6."), "window", NO_WINDOW),
)
"""Beginnings of names, and what calling one of them means."""
READERS: Mapping[str, tuple[str, ...]] = {
    "open": ("r",),
    "torch.load": (),
    "numpy.load": (),
    "numpy.loadtxt": (),
    "numpy.genfromtxt": (),
    "pandas.read_csv": (),
    "pandas.read_excel": (),
    "pandas.read_json": (),
    "PIL.Image.open": (),
    "matplotlib.pyplot.imread": (),
}
HARMLESS = frozenset({"torchvision.datasets.FakeData"})
"""Of torchvision's data sets, the one that reads and downloads nothing."""
SAVERS = frozenset(
    {"save", "savefig", "imsave", "imwrite", "save_image", "to_csv", "write_text", "extractall"}
)
"""Methods by which a program writes files of its own."""
LISTERS = frozenset({"open", "io.open", "codecs.open", "glob.glob", "os.listdir", "pathlib.Path"})
REMOVED: Mapping[str, str] = {"sklearn.datasets.load_boston": "load_diabetes"}


def find_absent(names: Names) -> Iterator[Advice]:
    found = [*_find(names)]
    yield from found
    yield from _named(names, {each.stand_in for each in found})


def _find(names: Names) -> Iterator[Advice]:
    tried = _tried(names)
    yield from find_packages(names, tried)
    for node in names.nodes:
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from _removed(names, node)
    written = _written(names)
    for call, meaning in names.calls():
        if call in tried or not meaning:
            continue
        yield from _called(names, call, meaning)
        if meaning.startswith("torchvision.models."):
            yield from _weights(names, call)
        if meaning == "input":
            yield say(names, "keyboard", NO_KEYBOARD, call, meaning)
        if meaning == "torch.compile":
            yield say(names, "compile", NO_COMPILER, call, meaning)
        yield from _file(names, call, meaning, written)
    yield from _decorators(names)


def _called(names: Names, call: ast.Call, meaning: str) -> Iterator[Advice]:
    stand_in = _stand_in(names, call, meaning)
    for beginnings, code, sentence in CALLS:
        if meaning.startswith(beginnings) and meaning not in HARMLESS and is_here(meaning.partition(".")[0]):
            said = DOWNLOADS if stand_in and sentence is NO_DOWNLOAD else sentence
            if not (code == "file" and _saves(names, but="torch.save")):
                yield replace(say(names, code, said, call.func, meaning), stand_in=stand_in)
            return


def _stand_in(names: Names, call: ast.Call, meaning: str) -> str | None:
    first = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
    return set_called(meaning, names.string(first[0]) if first else None)


def _weights(names: Names, call: ast.Call) -> Iterator[Advice]:
    """`pretrained=True`, `weights="DEFAULT"`, `weights=ResNet18_Weights.DEFAULT`, and `resnet18(True)` of old."""
    match call.args:
        case [ast.Constant(value=True) as first, *_]:
            yield _no_weights(names.span(first))
    for each in call.keywords:
        nothing = isinstance(each.value, ast.Constant) and not each.value.value
        if each.arg in ("pretrained", "weights") and not nothing:
            end = names.span(each.value)
            span = names.source.span(each.lineno, each.col_offset, each.lineno, each.col_offset)
            yield _no_weights(Span(span.line, span.column, end.end_line, end.end_column))


def _no_weights(span: Span) -> Advice:
    values: dict[str, str | int | float] = {"line": span.line, "text": "weights=None"}
    fix = Fix("weights=None", (Edit(span, "weights=None"),))
    return Advice("weights", Text(NO_WEIGHTS.template, values), span, fix, stand_in="weights")


def _tried(names: Names) -> frozenset[ast.AST]:
    """What stands in a `try` with its own answer to failing, and what runs only as a script elsewhere."""
    tries = [node for node in names.nodes if isinstance(node, ast.Try) and node.handlers]
    return frozenset(inner for node in tries for each in node.body for inner in ast.walk(each))


def _removed(names: Names, node: ast.ImportFrom) -> Iterator[Advice]:
    for alias in node.names:
        path = f"{node.module}.{alias.name}"
        if path in REMOVED:
            sentence = Text(
                "Line {line}: scikit-learn no longer has `{name}`. `{near}` is another small regression."
            )
            advice = say(names, "removed", sentence, node, alias.name, near=REMOVED[path])
            uses = [each for each in names.nodes if isinstance(each, ast.Name) and each.id == alias.name]
            span = names.source.span(
                alias.lineno, alias.col_offset, alias.lineno, alias.col_offset + len(alias.name)
            )
            edits = (Edit(span, REMOVED[path]), *(Edit(names.span(each), REMOVED[path]) for each in uses))
            fix = Fix(REMOVED[path], edits)
            yield replace(advice, fix=fix, stand_in=CALLS_LENT.get(path))


def _decorating(names: Names) -> list[ast.expr]:
    functions = [node for node in names.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [each for node in functions for each in node.decorator_list]


def _decorators(names: Names) -> Iterator[Advice]:
    for node in _decorating(names):
        if names.meaning(node) == "torch.compile":
            yield say(names, "compile", NO_COMPILER, node, "torch.compile")


def _written(names: Names) -> frozenset[str]:
    """Every file name the program says more than once, or opens to write: it may be its own."""
    texts = [
        node.value for node in names.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return frozenset(text for text in texts if texts.count(text) > 1)


def _file(names: Names, call: ast.Call, meaning: str, written: frozenset[str]) -> Iterator[Advice]:
    path = names.string(call.args[0]) if call.args and meaning in READERS else None
    if path is None:
        return
    rest, stand_in = (*call.args[1:2], *call.keywords), _stand_in(names, call, meaning)
    if path.startswith(("http://", "https://")):
        yield replace(say(names, "network", NO_NETWORK, call, meaning), stand_in=stand_in)
    elif not _known(names, call.args[0], path, written) and not (
        meaning == "open" and any(_is_writing(each) for each in rest)
    ):
        said = say(names, "file", NO_FILE, call, meaning, file=path[:80])
        fix = made_table(names, call) if meaning == "pandas.read_csv" and stand_in is None else None
        yield replace(said, stand_in=stand_in, fix=fix)


def _named(names: Names, offered: set[str | None]) -> Iterator[Advice]:
    """Files of known sets that are named anywhere in the text: many a lesson puts its names together."""
    meanings = [meaning for _, meaning in names.calls()]
    if not LISTERS.intersection(meanings) or (_saves(names) and not any(map(_fetches, meanings))):
        return
    for node in names.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            stand_in = set_in_file(node.value)
            if stand_in is not None and stand_in not in offered:
                offered.add(stand_in)
                said = say(names, "file", NOT_HERE, node, "", file=node.value[:80])
                yield replace(said, stand_in=stand_in)


def _saves(names: Names, but: str = "") -> bool:
    """Whether the program writes files, as far as its text tells, `but` with that function."""
    return any(
        (isinstance(call.func, ast.Attribute) and call.func.attr in SAVERS and meaning != but)
        or (meaning == "open" and any(_writes(getattr(each, "value", None)) for each in call.args[1:2]))
        for call, meaning in names.calls()
    )


def _fetches(meaning: str) -> bool:
    return meaning.startswith(("requests.", "urllib.request.", "wget.", "torch.hub.download"))


def _known(names: Names, node: ast.expr, path: str, written: frozenset[str]) -> bool:
    """Whether the program may have written that file itself: it says its name, or uses it, more than once."""
    if not isinstance(node, ast.Name):
        return path in written
    uses = (each for each in names.nodes if isinstance(each, ast.Name) and each.id == node.id)
    return sum(isinstance(each.ctx, ast.Load) for each in uses) > 1


def _is_writing(given: ast.AST) -> bool:
    """Whether an argument of `open` may say that the file is written; a name may."""
    if isinstance(given, ast.keyword):
        return given.arg in ("mode", None) and _is_writing(given.value)
    return not isinstance(given, ast.Constant) or _writes(given.value)


def _writes(mode: object) -> bool:
    return isinstance(mode, str) and any(letter in mode for letter in "wax+")
