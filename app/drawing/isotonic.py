"""Isotonic regression (pool adjacent violators): everyone as near as possible to where they want to be, none too close.

Linear time, whatever the wishes are.
"""

from __future__ import annotations

from collections.abc import Sequence


def isotonic(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The x nearest to `wanted` (least squares) whose distances are at least those of the rising `offsets`."""
    return list(wanted) if has_room(wanted, offsets) else pool(wanted, weights, offsets)


def has_room(wanted: Sequence[float], offsets: Sequence[float]) -> bool:
    """Whether everyone may stand where they want to."""
    want, offset = wanted[0], offsets[0]
    for next_want, next_offset in zip(wanted, offsets, strict=True):
        if next_want - want < next_offset - offset:
            return False
        want, offset = next_want, next_offset
    return True


def pool(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Whoever stands too close to the left joins those there, and all of them stand where they want on average."""
    if len(wanted) == 2:
        return _pool_pair(wanted, weights, offsets[1] - offsets[0])
    waiting = zip(wanted, offsets, weights, strict=True)
    want, offset, load = next(waiting)
    total, count = (want - offset) * load, 1
    stretches: list[tuple[float, float, int]] = []
    for want, offset, weight in waiting:
        own = (want - offset) * weight
        if total * weight < own * load:
            stretches.append((total, load, count))
            total, load, count = own, weight, 1
            continue
        total, load, count = total + own, load + weight, count + 1
        while stretches and stretches[-1][0] * load >= total * stretches[-1][1]:
            left, weight, joined = stretches.pop()
            total, load, count = total + left, load + weight, count + joined
    stretches.append((total, load, count))
    placed: list[float] = []
    for total, load, count in stretches:
        level, first = total / load, len(placed)
        if count == 1:
            placed.append(level + offsets[first])
        else:
            placed += [level + offset for offset in offsets[first : first + count]]
    return placed


def _pool_pair(wanted: Sequence[float], weights: Sequence[float], gap: float) -> list[float]:
    left, right = wanted
    common = (left * weights[0] + (right - gap) * weights[1]) / (weights[0] + weights[1])
    return [common, common + gap]
