"""Grouping: which intervals of the call order are drawn as one box when there are too many nodes to draw.

Nodes stand in the order they were called, operands first, so a group of consecutive calls can never be on a cycle. The
cuts follow the program: first module paths, then source lines that repeat (a loop), at last runs of equal size. A part
knows how to split itself again, so any group can be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal, NamedTuple

from app.vocabulary.graph import GraphNode

FAN_OUT = 24
"""Parts a loop or a run is split into when it is opened."""
ROOM = 4
"""Modules open by themselves up to this fraction of the picture: a quarter."""
LONGEST_BODY = 256
"""Calls in a loop's body that is still recognised."""

PartKind = Literal["node", "module", "lines", "run"]


class Part(NamedTuple):
    """Calls `start` to `end` (exclusive) of the call order, cut where module paths differ in their part `depth`."""

    kind: PartKind
    start: int
    end: int
    depth: int = 0
    times: int = 1
    first: int = 0
    """Of a loop's iterations, the number of its first one in here, from 0."""
    within: tuple[Part, ...] = ()
    """The groups that are open around it, the innermost last."""

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Calls:
    """What grouping looks at, per function node in call order."""

    modules: tuple[tuple[str, ...], ...]
    tokens: tuple[tuple[int, int, str] | None, ...]
    """Line, column and op: what repeats when a loop does."""
    leaf_uses: tuple[int, ...]
    """Boxes for leaves that appear when the node is drawn by itself."""


def read_calls(nodes: Sequence[GraphNode], leaf_uses: Sequence[int]) -> Calls:
    paths: dict[str | None, tuple[str, ...]] = {}
    for node in nodes:
        if node.module not in paths:
            paths[node.module] = split_path(node.module or "")
    tokens = tuple([(n.span.line, n.span.column, n.op) if n.span else None for n in nodes])
    return Calls(tuple([paths[node.module] for node in nodes]), tokens, tuple(leaf_uses))


@lru_cache(maxsize=1_024)
def split_path(path: str) -> tuple[str, ...]:
    """`net.layers[0].fc` has the parts net, layers, [0], fc."""
    return tuple([part for part in path.replace("[", ".[").split(".") if part])


def group(
    calls: Calls, most: int, opened: frozenset[str], closed: frozenset[str] = frozenset()
) -> tuple[Part, ...]:
    """Parts that need at most `most` boxes: some levels of modules, then what the reader opened."""
    return open_chosen(calls, open_modules(calls, most, closed), most, opened)


def open_modules(calls: Calls, most: int, closed: frozenset[str]) -> tuple[Part, ...]:
    """Modules open by themselves, but for those the reader closed, while that fills no more than a part of the picture.

    There must be room to open more.
    """
    parts = gather(calls, split_interval(calls, 0, len(calls.tokens), 0), most)
    while (finer := _open_level(calls, parts, most // ROOM, closed)) is not None:
        parts = finer
    return parts


def _open_level(
    calls: Calls, parts: tuple[Part, ...], most: int, closed: frozenset[str]
) -> tuple[Part, ...] | None:
    """Every module opened; None where there is none, or no room for what is in them."""
    levels: list[tuple[Part, tuple[Part, ...]]] = []
    boxes, finer = 0, False
    for part in parts:
        whole = part.kind != "module" or part.key in closed
        inner = (part,) if whole else split(calls, part)
        boxes += count_boxes(calls, inner)
        finer = finer or len(inner) > 1
        if boxes > most:
            return None
        levels.append((part, () if whole else inner))
    if not finer:
        return None
    return tuple(
        [
            each
            for part, inner in levels
            for each in ([each._replace(within=(*part.within, part)) for each in inner] or [part])
        ]
    )


def count_boxes(calls: Calls, parts: Sequence[Part]) -> int:
    return sum([1 + calls.leaf_uses[part.start] if part.kind == "node" else 1 for part in parts])


def open_chosen(calls: Calls, parts: tuple[Part, ...], most: int, opened: frozenset[str]) -> tuple[Part, ...]:
    """Open what was asked for, in runs where there is no room for all of it."""
    boxes = count_boxes(calls, parts)
    shown: list[Part] = []
    waiting = list(reversed(parts))
    while waiting:
        part = waiting.pop()
        room = most - boxes + 1
        if part.kind == "node" or part.key not in opened or room < 2:
            shown.append(part)
            continue
        around = (*part.within, part)
        inner = tuple([each._replace(within=around) for each in gather(calls, split(calls, part), room)])
        boxes += count_boxes(calls, inner) - 1
        if len(inner) == 1:
            shown += inner
        else:
            waiting.extend(reversed(inner))
    return tuple(shown)


def split(calls: Calls, part: Part) -> tuple[Part, ...]:
    """The parts of a part: at least two, or single nodes."""
    if part.kind == "node":
        return (part,)
    if part.kind == "lines":
        return _split_loop(calls, part)
    inner = split_interval(calls, part.start, part.end, part.depth + (part.kind == "module"))
    if part.kind == "run" and len(inner) > FAN_OUT:
        return _runs(inner, FAN_OUT)
    return inner


# ------------------------------------------------------------------------------------------------ modules


def split_interval(calls: Calls, start: int, end: int, depth: int) -> tuple[Part, ...]:
    """By the next part of the module path, then by what repeats; a module around everything is opened."""
    while True:
        runs = _module_runs(calls, start, end, depth)
        if len(runs) > 1 or runs[0][2] is None:
            break
        depth += 1
    parts: list[Part] = []
    for first, last, name in runs:
        if name is None or last - first == 1:
            parts += [Part("node", place, place + 1, depth) for place in range(first, last)]
        else:
            parts.append(Part("module", first, last, depth))
    return tuple(_fold_all(calls, parts))


def _module_runs(calls: Calls, start: int, end: int, depth: int) -> list[tuple[int, int, str | None]]:
    """Longest runs of calls whose paths agree at this depth."""
    runs: list[tuple[int, int, str | None]] = []
    names = [path[depth] if len(path) > depth else None for path in calls.modules[start:end]]
    for name, run in groupby(names):
        last = start + len(list(run))
        runs.append((start, last, name))
        start = last
    return runs


# ------------------------------------------------------------------------------------------------ loops


def _fold_all(calls: Calls, parts: list[Part]) -> list[Part]:
    """Every stretch that repeats made one part, short bodies first: a loop inside a loop folds before it."""
    longest, tokens = 1, [_token(calls, part) for part in parts]
    following = _next_places(tokens)
    while longest < min(LONGEST_BODY + 1, len(parts)):
        folded = _fold_repeats(parts, tokens, following, longest)
        if len(folded) == len(parts):
            longest *= 2
        else:
            parts, tokens = folded, [_token(calls, part) for part in folded]
            following = _next_places(tokens)
    return parts


def _token(calls: Calls, part: Part) -> tuple[object, ...] | None:
    """Equal for calls of one place in the program, for calls of one module, and for equally long loops over them."""
    token = calls.tokens[part.start]
    if token is None:
        return None
    module = calls.modules[part.start][: part.depth + 1] if part.kind == "module" else ()
    return (token, part.end - part.start, part.times, module)


def _fold_repeats(
    parts: list[Part], tokens: Sequence[tuple[object, ...] | None], following: list[int], longest: int
) -> list[Part]:
    """Bodies of up to `longest` parts that repeat back to back become one part."""
    failed: dict[int, int] = {}
    folded: list[Part] = []
    place = 0
    while place < len(parts):
        period = following[place] - place
        repeats = 1
        if 0 < period <= longest and failed.get(period, -1) < place:
            matched = _matched(tokens, place, period)
            repeats = matched // period + 1
            if repeats < 2:
                failed[period] = place + matched
        if repeats < 2:
            folded.append(parts[place])
            place += 1
        else:
            last = place + repeats * period
            folded.append(Part("lines", parts[place].start, parts[last - 1].end, parts[place].depth, repeats))
            place = last
    return folded


def _next_places(tokens: Sequence[tuple[object, ...] | None]) -> list[int]:
    """For each token where it occurs next, -1 for nowhere."""
    places: list[int] = [-1] * len(tokens)
    seen: dict[tuple[object, ...], int] = {}
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if token is not None:
            places[place] = seen.get(token, -1)
            seen[token] = place
    return places


def _matched(tokens: Sequence[tuple[object, ...] | None], start: int, period: int) -> int:
    """How many tokens from `start` on equal the one a period later."""
    place = start
    while (
        place + period < len(tokens) and tokens[place] is not None and tokens[place] == tokens[place + period]
    ):
        place += 1
    return place - start


def _split_loop(calls: Calls, part: Part) -> tuple[Part, ...]:
    """Into iterations, or into stretches of iterations when there are many; one iteration into its calls."""
    if part.times == 1:
        return split_interval(calls, part.start, part.end, part.depth)
    body = (part.end - part.start) // part.times
    share = -(-part.times // FAN_OUT)
    stretches: list[Part] = []
    for first in range(0, part.times, share):
        times = min(share, part.times - first)
        start = part.start + first * body
        kind: PartKind = "node" if times * body == 1 else "lines"
        stretches.append(Part(kind, start, start + times * body, part.depth, times, part.first + first))
    return tuple(stretches)


# ------------------------------------------------------------------------------------------------ runs


def gather(calls: Calls, parts: tuple[Part, ...], most: int) -> tuple[Part, ...]:
    """At last: runs of equal size, so that what is left fits."""
    if count_boxes(calls, parts) <= most:
        return parts
    return _runs(parts, max(1, min(len(parts) - 1, most)))


def _runs(parts: tuple[Part, ...], count: int) -> tuple[Part, ...]:
    """Consecutive parts joined into `count` runs; a run of one part with inner parts stays that part."""
    share = -(-len(parts) // count)
    joined: list[Part] = []
    for first in range(0, len(parts), share):
        chosen = parts[first : first + share]
        start, end = chosen[0].start, chosen[-1].end
        alone = len(chosen) == 1 and chosen[0].kind != "node"
        joined.append(chosen[0] if alone else Part("run", start, end, chosen[0].depth))
    return tuple(joined)
