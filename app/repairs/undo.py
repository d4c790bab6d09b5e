"""A repaired text in the reader's hands: what they typed since stays, whatever they undo or repair again.

Nothing is remembered between requests: the page sends the original, the kinds undone, and the text as it is now.
"""

from __future__ import annotations

from dataclasses import replace

from app.program import normalise_source
from app.repairs.repair import KINDS, repair
from app.vocabulary.editing import Repaired


def resume(source: str, original: str = "", kept: frozenset[str] = frozenset(), turn: str = "") -> Repaired:
    """The text as the page shows it, repaired again where something new was pasted.

    `turn` is a kind of repair to undo, or, where it was undone, to make again.
    """
    text, kept = normalise_source(source), kept & frozenset(KINDS)
    if not original:
        return repair(text, kept)
    shown = repair_as_before(original, kept)
    turned = repair_as_before(original, kept ^ {turn}) if turn in KINDS else shown
    first, last = edited_lines(shown.source, text)
    if first == 0 and last == 0 and text != shown.source:
        return repair(text)  # another text: what was undone before belongs to none of it
    current = splice(shown, turned, text, first, last)
    if current == turned.source:
        return turned
    again = repair(current, turned.kept) if not turned.kept else None
    return again if again and again.repairs else replace(turned, source=current)


def repair_as_before(original: str, kept: frozenset[str]) -> Repaired:
    """Without what was undone, and without repairs that only undoing it would call for."""
    whole = repair(original)
    if not kept:
        return whole
    never = frozenset(KINDS) - {each.kind for each in whole.repairs}
    return replace(repair(original, kept | never), kept=kept)


def edited_lines(before: str, after: str) -> tuple[int, int]:
    """How many lines at the beginning, and at the end, are as they were."""
    old, new = before.split("\n"), after.split("\n")
    most = min(len(old), len(new))
    first = next((at for at in range(most) if old[at] != new[at]), most)
    last = next((at for at in range(most - first) if old[-1 - at] != new[-1 - at]), most - first)
    return first, last


def splice(shown: Repaired, turned: Repaired, text: str, first: int, last: int) -> str:
    """The lines the reader left as they were as `turned` has them, and those between as the reader has them."""
    lines, old = text.split("\n"), shown.source.split("\n")
    typed = lines[first : len(lines) - last]
    removed = shown.origins[first : len(old) - last]
    start = removed[0] if removed else shown.origins[first] if first < len(old) else len(shown.original)
    stop = removed[-1] + 1 if removed else start
    pairs = list(zip(turned.origins, turned.source.split("\n"), strict=True))
    above = [line for origin, line in pairs if origin < start]
    below = [line for origin, line in pairs if origin >= stop]
    return "\n".join([*above, *typed, *below])
