"""The page and the API in the reader's language: catalogues, negotiation, and sentences said from `Text`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

from app.vocabulary.values import Telling, Text
from app.words import fill_gaps, show_value

LOCALE = Path(__file__).with_name("locale")
TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-Hans"}
LONGEST_HEADER = 1_000
QUALITY = re.compile(r"\s*([A-Za-z*-]{1,35})\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


@dataclass(frozen=True, slots=True)
class Language:
    """One language the page speaks. `tag` is what `lang` attributes and Content-Language say."""

    code: str
    tag: str
    messages: Mapping[str, str]

    def say(self, text: Text) -> str:
        """The sentence in this language. Python's own `message` about a syntax error is a sentence too."""
        if isinstance(text, Telling):
            text = text.said(self.say)
        values = text.values
        if "message" in values:
            values = {**values, "message": self._translate(show_value(values["message"]))}
        return fill_gaps(self._translate(text.template), values)

    def gettext(self, message: str, /, **values: str | int | float) -> str:
        return self.say(Text(message, values))

    def _translate(self, message: str) -> str:
        return (message and self.messages.get(message)) or message


@dataclass(frozen=True, slots=True)
class Languages:
    by_code: Mapping[str, Language]
    default: Language

    def named(self, code: str | None) -> Language | None:
        return self.by_code.get(code or "")

    def accepted(self, header: str) -> Language:
        """The best language an Accept-Language header asks for; every zh* is zh."""
        best, best_quality = self.default, 0.0
        for part in header[:LONGEST_HEADER].split(","):
            match = QUALITY.fullmatch(part)
            if match is None:
                continue
            language = self.by_code.get(match[1].split("-")[0].lower())
            quality = float(match[2] or 1)
            if language is not None and quality > best_quality:
                best, best_quality = language, quality
        return best


def load_languages(default: str) -> Languages:
    languages = {code: Language(code, tag, read_catalogue(code)) for code, tag in TAGS.items()}
    return Languages(languages, languages[default])


def read_catalogue(code: str) -> dict[str, str]:
    """Message to translation, without fuzzy and empty ones."""
    path = catalogue_path(code)
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    said = ((each.id, each.string) for each in catalogue if each.id and not each.fuzzy)
    return {
        message: text for message, text in said if isinstance(message, str) and isinstance(text, str) and text
    }


def catalogue_path(code: str) -> Path:
    return LOCALE / f"{code}.po"
