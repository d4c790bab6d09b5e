"""The true names nearest to a name that is none: the same letters, then those that begin alike or differ little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import islice

NEAR = 0.75
"""How alike two names are that are worth naming together, between 0 and 1."""
BEGINNING = 0.85
"""How alike a name is to one that begins with it: `MSE` to `MSELoss`."""
IN_PLACE = 0.1
"""What a last underscore more or less takes from that: in torch it says that a call changes its tensor."""
SHORTEST, LONGEST = 3, 40
MOST_COMPARED = 4_000
MOST_NAMED = 3


def nearest(name: str, names: Iterable[str], most: int = MOST_NAMED, least: float = NEAR) -> tuple[str, ...]:
    """The nearest of `names`, the best first; none where no name is `least` alike."""
    if not SHORTEST <= len(name) <= LONGEST:
        return ()
    true = {each for each in names if len(each) <= LONGEST and each != name}
    compared = islice((each for each in sorted(true) if name[0] == "_" or each[0] != "_"), MOST_COMPARED)
    scored = sorted(_scored(name, compared), reverse=True)
    best = scored[0][0] if scored else 0.0
    return tuple(each for score, _, each in scored if score > best - 0.1 and score >= least)[:most]


def _scored(name: str, names: Iterable[str]) -> Iterator[tuple[float, int, str]]:
    letters = plain(name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(letters)
    for each in names:
        score = _alike(matcher, letters, plain(each))
        if (name[-1] == "_") != (each[-1] == "_"):
            score -= IN_PLACE
        if score >= NEAR:
            # of names that differ in capitals alone the one with more of them right
            yield score, sum(a == b for a, b in zip(name, each, strict=False)) - len(each), each


def _alike(matcher: SequenceMatcher[str], letters: str, other: str) -> float:
    if letters == other:
        return 1.0
    least = BEGINNING if len(letters) >= SHORTEST and other.startswith(letters) else 0.0
    matcher.set_seq1(other)
    if matcher.real_quick_ratio() < NEAR or matcher.quick_ratio() < NEAR:
        return least
    return max(matcher.ratio(), least)


def plain(name: str) -> str:
    """A name as it sounds: capitals and underscores do not count."""
    return name.lower().replace("_", "")
