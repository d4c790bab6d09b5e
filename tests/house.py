"""The picture of docs/house.md as tables: floors, neighbours, owners, exceptions, sizes and what can be changed."""

from __future__ import annotations

import ast

FLOORS = (
    ("vocabulary",),
    ("wire", "control", "program", "repairs", "advice", "recipes", "settings", "words", "thinning"),
    ("sandbox", "drawing", "worker"),
    ("runs",),
    ("web", "terminal"),
    ("main",),
)
SAME_ROOM = (("source", "program"), ("request", "program"), ("notebook", "program"), ("screen", "words"))
"""Files that together make one room, named after its first file."""
NEIGHBOURS = (("repairs", "program"), ("advice", "program"))
"""Rooms of one floor where the first may know the second."""

OWNERS = (
    (
        "worker",
        (
            "torch",
            "numpy",
            "matplotlib",
            "pandas",
            "sklearn",
            "scipy",
            "sympy",
            "torchviz",
            "torchvision",
            "PIL",
        ),
    ),
    ("web main", ("fastapi", "starlette")),
    ("web", ("jinja2", "jinja2_fragments", "babel")),
    ("main", ("uvicorn",)),
    ("drawing", ("graphviz", "pygraphviz")),
    ("", ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib")),
)
"""Rooms that may import these packages; everyone else may not, and nobody unpickles."""

MAY_CATCH_EVERYTHING = (
    ("app/worker/execute.py", "runs the user's program, which may raise anything"),
    ("app/worker/watchers.py", "looks at modules of the program, whose own code may raise anything"),
    (
        "app/worker/recording/namespace.py",
        "reads the names of a module whose methods may be the program's own",
    ),
    ("app/worker/forking/child.py", "the last resort of the child's process: tells what failed, then ends"),
    ("app/worker/why/explain.py", "asks tensors whose class may be the program's own"),
    ("app/worker/shadow.py", "asks the user's module for predictions, whose forward may raise anything"),
    ("app/worker/raised/explain.py", "asks tensors and modules whose class may be the program's own"),
    (
        "app/worker/statics/module_trees.py",
        "asks modules, whose `extra_repr` may be the program's own, what they are",
    ),
    ("app/worker/training/watches.py", "evaluates the user's expressions"),
    (
        "app/worker/statics/tracings.py",
        "notes what a tracing of the program's own raised, and raises it again",
    ),
    ("app/worker/statics/static_graphs.py", "traces modules, whose forward may raise anything"),
    ("app/worker/wording.py", "reads the message of an exception whose class may be the user's own"),
)
FILE_LINES, FUNCTION_LINES = 400, 60

MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
MUTABLE_CALLS = (
    *("list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "ChainMap"),
    *("WeakValueDictionary", "WeakKeyDictionary", "WeakSet", "Queue", "Lock", "count", "cycle", "iter"),
)
READ_ONLY_TYPES = frozenset({"Mapping", "Sequence", "Collection", "AbstractSet"})
"""mypy refuses to change what is annotated so, whatever it is made of."""


def room_of(parts: tuple[str, ...]) -> str:
    """`app.web.api` and app/web/api.py both lie in the room `web`; the package itself in none."""
    name = parts[1] if len(parts) > 1 and parts[0] == "app" else ""
    return dict(SAME_ROOM).get(name, name)


def chamber_of(parts: tuple[str, ...]) -> str:
    """A room within the worker: `app.worker.graphs.autograd` lies in `graphs`, `app.worker.stage` is one of its own."""
    return parts[2] if len(parts) > 2 else ""


def floor_of(room: str) -> int | None:
    return next((floor for floor, rooms in enumerate(FLOORS) if room in rooms), None)
