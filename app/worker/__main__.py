"""Starts the fork server: first its memory, before anything is imported into it."""

from __future__ import annotations

from app.worker.hot_names import make_names
from app.worker.hugepages import make_room


def main() -> None:
    kept = make_room(), make_names()
    from app.worker.server import serve  # only now: importing it imports torch

    serve()
    del kept


if __name__ == "__main__":
    main()
