"""Lettering: how wide a text will be and how to shorten it, without any font.

Widths are counted in columns of a monospaced face: one for most characters, two for Chinese, Japanese, Korean and
emoji, none for combining marks. Text is cut only between graphemes. Everything that comes from a program passes
through `clean`, after which it holds no control characters, no direction overrides and nothing XML forbids.
"""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
JOINER = "\u200d"
EMOJI_STYLE = "\ufe0f"
REMOVED = re.compile(
    r"[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
SIMPLE = re.compile(r"[ -~\u00a1-\u02ff\u2010-\u2027\u2190-\u21ff\u2200-\u22ff]*")
"""Characters of one column that stand alone: Latin, dashes and dots, arrows, mathematical signs."""
PATH = re.compile(r"[\w\[\]]+(?:\.[\w\[\]]+)+", re.ASCII)
"""`net.layers.0.weight`, `net.layers[0].fc`."""
LONGEST = 2_000


def clean(text: str) -> str:
    """One line that is safe to show: white space collapsed, what cannot be shown replaced by U+FFFD."""
    text = text[:LONGEST]
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    joined = " ".join(text.split())
    return FORBIDDEN.sub("\ufffd", REMOVED.sub("", joined))


def columns(text: str) -> int:
    """Columns a cleaned text takes."""
    if text.isascii() or SIMPLE.fullmatch(text):
        return len(text)
    return sum(_cluster_columns(cluster) for cluster in graphemes(text))


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each: a base with its marks, joined emoji, a flag."""
    clusters: list[str] = []
    for character in text:
        if clusters and _continues(clusters[-1], character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def shorten(text: str, most: int) -> str:
    """At most `most` columns, the end replaced by an ellipsis where something is cut."""
    if text.isascii() or SIMPLE.fullmatch(text):
        return text if len(text) <= most else text[: most - 1] + ELLIPSIS
    clusters = graphemes(text)
    widths = [_cluster_columns(cluster) for cluster in clusters]
    if sum(widths) <= most:
        return text
    kept, used = 0, 1
    while used + widths[kept] <= most:
        used += widths[kept]
        kept += 1
    return "".join(clusters[:kept]) + ELLIPSIS


def shorten_path(text: str, most: int) -> str:
    """The same for a name; of a dotted path the end is kept, which tells apart what lies side by side."""
    if len(text) <= most or not PATH.fullmatch(text):
        return shorten(text, most)
    kept = text[1 - most :]
    _, dot, last = kept.partition(".")
    return ELLIPSIS + (dot + last if last else kept)


def _cluster_columns(cluster: str) -> int:
    if EMOJI_STYLE in cluster or JOINER in cluster or _is_flag_letter(cluster[0]):
        return 2
    if unicodedata.east_asian_width(cluster[0]) in "WF":
        return 2
    return 0 if _is_mark(cluster[0]) else 1


def _continues(cluster: str, character: str) -> bool:
    if _is_mark(character) or cluster[-1] == JOINER or _is_skin_tone(character):
        return len(cluster) < 16
    return len(cluster) == 1 and _is_flag_letter(cluster) and _is_flag_letter(character)


def _is_mark(character: str) -> bool:
    return character in (JOINER, EMOJI_STYLE) or unicodedata.category(character) in ("Mn", "Me", "Mc")


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
