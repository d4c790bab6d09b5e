"""Starts the fork server: first its memory, before anything is imported into it."""

from __future__ import annotations

from app.worker.hot_names import make_names
from app.worker.hugepages import make_room


def main() -> None:
    kept = make_room(), make_names()
    from app.worker.libraries import import_libraries  # only now: importing it imports torch

    import_libraries()
    from app.worker.server import serve  # last: so our own rooms lie together

    serve()
    del kept


if __name__ == "__main__":
    main()
