"""Starts the fork server: first its memory, before anything is imported into it."""

from __future__ import annotations

import gc

from app.worker.forking.hot_names import make_names
from app.worker.forking.room import make_room


def main() -> None:
    gc.disable()  # what imports leave is collected once, when all is imported
    kept = make_room(), make_names()
    from app.worker.forking.libraries import import_libraries  # only now: importing it imports torch

    import_libraries()
    from app.worker.forking.server import serve  # last: so our own rooms lie together

    serve()
    del kept


if __name__ == "__main__":
    main()
