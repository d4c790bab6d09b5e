"""The style sheet of a picture that stands alone, in words every renderer knows: no custom properties, no light-dark().

The page's own graph.css says each colour once, as `light-dark(day, night)` behind a name. Here names are replaced by
what they stand for. With the theme "auto" the day's colours come first, and the night's again in a media query, which
renderers that know of no themes skip.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Theme = Literal["auto", "light", "dark"]

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
NAMED = re.compile(r"var\((--[\w-]+)\)")
PAIR = re.compile(r"light-dark\(([^,()]+),\s*([^,()]+)\)")


@lru_cache(maxsize=8)
def paint(css: str, theme: Theme = "auto") -> str:
    """The sheet for one theme, or for both."""
    rules = read_rules(css)
    if theme == "dark":
        return write_rules(rules, night=True)
    day = write_rules(rules, night=False)
    if theme == "light":
        return day
    coloured = [(chosen, tuple([each for each in told if PAIR.search(each)])) for chosen, told in rules]
    night = write_rules([rule for rule in coloured if rule[1]], night=True)
    return f"{day}@media (prefers-color-scheme: dark) {{\n{night}}}\n"


def read_rules(css: str) -> list[tuple[str, tuple[str, ...]]]:
    """Selectors with their declarations, names replaced; without media queries and what belongs to a page's reader."""
    plain = MEDIA.sub("", COMMENT.sub("", css))
    told = [
        (chosen.strip(), [each.strip() for each in body.split(";") if each.strip()])
        for chosen, body in RULE.findall(plain)
    ]
    names = dict(
        [part.strip() for part in each.split(":", 1)]
        for _, declared in told
        for each in declared
        if each.startswith("--")
    )
    return [
        (chosen, tuple([NAMED.sub(lambda found: names[found[1]], each) for each in declared if _kept(each)]))
        for chosen, declared in told
        if ":hover" not in chosen and any(map(_kept, declared))
    ]


def _kept(declaration: str) -> bool:
    return not declaration.startswith(("--", "color-scheme"))


def write_rules(rules: list[tuple[str, tuple[str, ...]]], night: bool) -> str:
    which = r"\2" if night else r"\1"
    lines = [f"{chosen} {{ {PAIR.sub(which, '; '.join(told))} }}\n" for chosen, told in rules]
    return "".join(lines)
