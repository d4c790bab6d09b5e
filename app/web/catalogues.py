"""The catalogues kept in step with the words: `python -m app.web.catalogues` adds what is new and drops what is gone.

Words are `_("...")` in templates, `Text("...")`, `tell("...")` and `gettext("...")` in our own code. English is the
source: its entries are its messages. A new message is added to the other catalogues untranslated, which a test then
reports.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from app.web.languages import TAGS, catalogue_path
from app.words import GAP

ROOT = Path(__file__).parents[2]
SOURCES = (("app", "*.py", "python"), ("templates", "*.html", "jinja2"), ("templates", "*.svg", "jinja2"))
CHANGING = (
    "Generated-By",
    "Language-Team",
    "Last-Translator",
    "PO-Revision-Date",
    "POT-Creation-Date",
    "Project-Id-Version",
    "Report-Msgid-Bugs-To",
)
"""Lines of a catalogue's head that change by themselves, or say nothing."""
KEYWORDS: Mapping[str, None] = {"Text": None, "tell": None, "_": None, "gettext": None}


def extract_messages() -> dict[str, str]:
    """Every message, and a file it stands in."""
    return {message: path for path, message in _messages()}


def _messages() -> Iterator[tuple[str, str]]:
    for folder, pattern, method in SOURCES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, KEYWORDS, options={"encoding": "utf-8"}):
                    yield (
                        path.relative_to(ROOT).as_posix(),
                        message if isinstance(message, str) else message[0],
                    )


def gaps(message: str) -> frozenset[str]:
    """Names of the {gaps} in a message."""
    return frozenset(GAP.findall(message))


def sync_catalogue(code: str, messages: dict[str, str]) -> list[str]:
    """Bring one catalogue file up to date; the messages that still want a translation."""
    path = catalogue_path(code)
    with path.open("rb") as file:
        old = read_po(file, locale=code)
    new = Catalog(locale=code, project="Tensor Playground", fuzzy=False)
    new.header_comment = f"# {code}: words of the page, the API and the worker."
    for message in sorted(messages, key=lambda each: (messages[each], each)):
        known = old.get(message)
        translation = message if code == "en" else (str(known.string) if known else "")
        new.add(message, translation, locations=[(messages[message], 0)])
    write_stable(path, new)
    return [message for message in messages if not new[message].string]


def write_stable(path: Path, catalogue: Catalog) -> None:
    """Without dates and versions, so that the file changes only when a message does."""
    with path.open("wb") as file:
        write_po(file, catalogue, width=110, omit_header=False, include_lineno=False)
    text = re.sub(rf'"(?:{"|".join(CHANGING)}):.*\n', "", path.read_text("utf-8"))
    path.write_text(text, "utf-8")


def main() -> None:
    messages = extract_messages()
    for code in TAGS:
        for message in sync_catalogue(code, messages):
            sys.stdout.write(f"{code}: no translation for {message!r}\n")


if __name__ == "__main__":
    main()
