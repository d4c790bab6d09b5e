"""The example programs of the menu: one file each, with titles in every language, the source and its inputs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.web.forms import Field

EXAMPLES = Path(__file__).with_name("examples")


@dataclass(frozen=True, slots=True)
class Example:
    slug: str
    titles: Mapping[str, str]
    source: str
    fields: tuple[Field, ...]


def load_examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """All examples in menu order (their files' names); the first is what the page opens with."""
    return tuple(read_example(path) for path in sorted(folder.glob("*.toml")))


def read_example(path: Path) -> Example:
    data = tomllib.loads(path.read_text("utf-8"))
    fields = tuple(Field(name, **texts) for name, texts in data.get("inputs", {}).items())
    return Example(path.stem.partition("-")[2], data["title"], data["source"].strip("\n"), fields)
