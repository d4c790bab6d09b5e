"""What notebooks give every program: `display`, `get_ipython`, and IPython's module with them.

Of IPython itself nothing is here. Markup is kept as the text it is: nothing a program makes is ever shown as HTML.
"""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

from PIL import Image

from app.vocabulary.values import Text

MARKUPS = (
    *("HTML", "Markdown", "Latex", "Math", "SVG", "Javascript", "JSON", "Code", "Pretty"),
    *("Audio", "Video", "IFrame", "YouTubeVideo", "FileLink", "GeoJSON", "URL"),
)
SHOWING = ("IPython.display", "IPython.core.display", "IPython.core.display_functions")
MODULES = (
    *("IPython", "IPython.core", "IPython.core.getipython", *SHOWING),
    *("matplotlib_inline", "matplotlib_inline.backend_inline"),
    *("IPython.core.debugger", "IPython.core.interactiveshell"),
)


class Markup:
    """A text in another language, or the name of what would be shown."""

    markup = ""

    def __init__(
        self, data: Any = None, url: Any = None, filename: Any = None, *more: Any, **options: Any
    ) -> None:
        given = (data, url, filename, options.get("src"))
        self.data = next((each for each in given if each is not None), "")

    def __repr__(self) -> str:
        data = self.data
        return data if isinstance(data, str) else f"<{type(data).__name__}>"


CLASSES: Mapping[str, type[Markup]] = {
    name: type(name, (Markup,), {"markup": name, "__module__": "IPython.display"}) for name in MARKUPS
}


def open_picture(data: Any = None, url: Any = None, filename: Any = None, **options: Any) -> Any:
    """`Image` of notebooks: a picture, from its bytes or a file of the run; an address stays one."""
    given = next((each for each in (data, filename, url) if each is not None), "")
    if isinstance(given, bytes):
        return Image.open(io.BytesIO(given))
    return CLASSES["URL"](given) if "://" in str(given) else Image.open(given)


class Shell:
    """What `get_ipython()` gives; scripts that were notebooks once call its magics."""

    def __init__(self, note: Callable[[Text], None]) -> None:
        self._note = note
        self.config: dict[str, Any] = {}
        self.events = SimpleNamespace(register=nothing, unregister=nothing)

    def run_line_magic(self, name: str, line: str = "", *more: Any) -> None:
        if name != "matplotlib":  # figures are shown without it
            self._refuse(f"%{name}")

    def run_cell_magic(self, name: str, line: str = "", cell: str = "") -> None:
        self._refuse(f"%%{name}")

    def magic(self, line: str) -> None:
        self.run_line_magic(line.lstrip("%").partition(" ")[0])

    def system(self, command: str) -> None:
        self._refuse(f"!{command}")

    getoutput = system

    def _refuse(self, what: str) -> None:
        words: dict[str, str | int | float] = {"what": str(what)[:100]}
        self._note(Text("`{what}`: magics and shell commands of notebooks do nothing here.", words))


def nothing(*args: Any, **kwargs: Any) -> None:
    """What has no meaning here and does no harm."""


def update_display(value: Any, **options: Any) -> None:
    """Shows it anew: what was shown stays."""
    vars(builtins)["display"](value)


class InteractiveShell:
    """Notebooks are told by it which values to display; here it is the last one of each cell."""

    ast_node_interactivity = "last_expr"


EVERYWHERE: Mapping[str, Any] = {
    "InteractiveShell": InteractiveShell,
    "set_trace": nothing,
    "set_matplotlib_formats": nothing,
    "version_info": (9, 0),
    "__version__": "9.0",
}


class Importer(MetaPathFinder, Loader):
    """Finds our modules, and no others."""

    def __init__(self, names: Mapping[str, Any], showing: Mapping[str, Any]) -> None:
        self._names = names
        self._showing = showing

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__dict__.update(EVERYWHERE, **self._names)
        if spec.name in SHOWING:
            module.__dict__.update(
                CLASSES, Image=open_picture, update_display=update_display, **self._showing
            )
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


@contextmanager
def watching_notebook(
    display: Callable[..., None], clear_output: Callable[..., None], note: Callable[[Text], None]
) -> Iterator[None]:
    """Meanwhile `import IPython` finds what is here, and `display` and `get_ipython` need no import."""
    shell = Shell(note)
    given = {"display": display, "get_ipython": lambda: shell}
    vars(builtins).update(given)
    importer = Importer(
        {"get_ipython": given["get_ipython"]}, {"display": display, "clear_output": clear_output}
    )
    kept = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    sys.meta_path.insert(0, importer)
    try:
        yield
    finally:
        sys.meta_path.remove(importer)
        for name in MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
