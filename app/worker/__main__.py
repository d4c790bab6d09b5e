"""Starts the fork server: first its memory, before anything is imported into it."""

from __future__ import annotations

from app.worker.hugepages import make_room


def main() -> None:
    room = make_room()
    from app.worker.server import serve  # only now: importing it imports torch

    serve()
    del room


if __name__ == "__main__":
    main()
