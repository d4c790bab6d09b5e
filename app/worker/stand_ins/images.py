"""Labelled pictures that are made, not downloaded: (pictures as uint8, class numbers), the same in every run.

They draw from a generator of their own: a program's random numbers are as they would be without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

Pictures = npt.NDArray[np.uint8]
Labelled = tuple[Pictures, list[int]]
Points = Sequence[tuple[float, float]]

COUNT = 1_000
"""A run has seconds: a small network should see all of them several times."""
CLOTHES = 4_000
"""Textbooks take them in batches of 256, and want a loss below 0.5 after ten epochs."""
MIDDLE = 14


def split(train: bool, pictures: Pictures, labels: npt.NDArray[np.int64]) -> Labelled:
    """Every fifth picture is for testing."""
    testing = np.arange(len(labels)) % 5 == 4
    chosen = ~testing if train else testing
    return np.ascontiguousarray(pictures[chosen]), [int(label) for label in labels[chosen]]


def handwritten(train: bool | None) -> Labelled:
    """(N, 28, 28): scikit-learn's digits of 8 x 8, 20 x 20 large in the middle as MNIST's are; all where None."""
    digits = load_digits()
    count = len(digits.target) if train is None else COUNT
    small = (digits.images * (255 / 16)).astype(np.uint8)
    large = [
        np.asarray(Image.fromarray(each).resize((20, 20), Image.Resampling.BICUBIC)) for each in small[:count]
    ]
    pictures = np.pad(np.stack(large), ((0, 0), (4, 4), (4, 4)))
    if train is None:
        return pictures, [int(label) for label in digits.target]
    return split(train, pictures, digits.target[:count])


def pickled_digits() -> bytes:
    """Three pairs of rows of 784 numbers and labels, for training, validation and testing, as a file of them has it.

    An array of arrays is taken apart like the tuples it stands for, and NumPy itself says it in the bytes of a pickle.
    """
    sets = np.empty((3, 2), dtype=object)
    for number, train in enumerate((True, False, False)):
        pictures, labels = handwritten(train)
        rows = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
        sets[number, 0], sets[number, 1] = rows, np.array(labels)
    return sets.dumps()


# ------------------------------------------------------------------------------------------ clothes


def mirrored(half: Points) -> Points:
    """An outline from its right half, given as distances from the middle."""
    left = [(MIDDLE - x, y) for x, y in reversed(half)]
    return [*((MIDDLE + x, y) for x, y in half), *left]


OUTLINES: tuple[tuple[Points, ...], ...] = (
    (mirrored([(3, 4), (6, 4), (12, 9), (10, 13), (7, 11), (7, 25), (0, 25)]),),
    (mirrored([(0, 3), (6, 3), (7, 25), (3, 25), (1, 9)]),),
    (mirrored([(3, 4), (6, 5), (12, 21), (9, 23), (7, 13), (7, 24), (0, 24)]),),
    (mirrored([(2, 3), (4, 3), (3, 11), (9, 26), (0, 26)]),),
    (mirrored([(1, 3), (7, 5), (12, 22), (9, 23), (8, 12), (8, 27), (1, 27)]),),
    (
        [(2, 20), (26, 20), (26, 23), (2, 23)],
        [(6, 20), (12, 12), (14, 12), (9, 20)],
        [(16, 20), (20, 10), (22, 10), (21, 20)],
    ),
    (mirrored([(1, 4), (6, 5), (12, 17), (10, 18), (7, 12), (7, 25), (1, 25)]),),
    ([(2, 21), (2, 16), (8, 16), (13, 12), (17, 13), (24, 18), (26, 21)],),
    (
        [(4, 11), (24, 11), (25, 24), (3, 24)],
        [(9, 11), (10, 5), (18, 5), (19, 11), (17, 11), (16, 7), (11, 11)],
    ),
    ([(4, 23), (4, 6), (13, 6), (14, 13), (24, 17), (25, 23)],),
)
"""FashionMNIST's classes in its order, on 28 x 28: T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker,
bag, ankle boot."""


def clothes(train: bool) -> Labelled:
    """(N, 28, 28)"""
    draw = np.random.default_rng(28)
    labels = draw.permutation(np.arange(CLOTHES) % len(OUTLINES))
    return split(train, np.stack([garment(OUTLINES[label], draw) for label in labels]), labels)


def garment(outline: Sequence[Points], draw: np.random.Generator) -> Pictures:
    width, height = draw.uniform(0.8, 1.1, 2)
    right, down = draw.uniform(-1.5, 1.5, 2)
    picture = Image.new("L", (28, 28))
    canvas = ImageDraw.Draw(picture)
    for points in outline:
        placed = [
            (MIDDLE + (x - MIDDLE) * width + right, MIDDLE + (y - MIDDLE) * height + down) for x, y in points
        ]
        canvas.polygon(placed, fill=int(draw.integers(110, 256)))
    pixels = np.asarray(picture, dtype=np.float64)
    grain = draw.normal(1.0, 0.12, pixels.shape)
    return np.clip(pixels * grain, 0, 255).astype(np.uint8)


# ------------------------------------------------------------------------------------------ shapes

Plane = npt.NDArray[np.float32]
INSIDE: tuple[Callable[[Plane, Plane], npt.NDArray[np.bool_]], ...] = (
    lambda u, v: u * u + v * v < 1,
    lambda u, v: farther(u, v) < 0.9,
    lambda u, v: (v < 0.8) & (v > 2 * abs(u) - 0.9),
    lambda u, v: abs(u * u + v * v - 0.68) < 0.32,
    lambda u, v: (farther(u, v) < 1) & (np.minimum(abs(u), abs(v)) < 0.25),
    lambda u, v: abs(u) + abs(v) < 1,
    lambda u, v: (farther(u, v) < 0.95) & (np.floor(4 * v) % 2 == 0),
    lambda u, v: (farther(u, v) < 0.95) & (np.floor(4 * u) % 2 == 0),
    lambda u, v: (farther(u, v) < 0.95) & ((np.floor(4 * u) + np.floor(4 * v)) % 2 == 0),
    lambda u, v: abs(farther(u, v) - 0.78) < 0.17,
)
"""Disc, square, triangle, ring, cross, diamond, stripes both ways, checkers, frame; within -1 to 1."""
SHAPES = len(INSIDE)


def farther(u: Plane, v: Plane) -> Plane:
    """The distance from the middle as a square's sides have it."""
    return np.maximum(abs(u), abs(v))


def shapes(train: bool, classes: int) -> Labelled:
    """(N, 32, 32, 3): a class's shape is its number's last digit, its colour, among more than ten, the other."""
    draw = np.random.default_rng(32)
    count = COUNT if classes == SHAPES else 2 * COUNT
    labels = draw.permutation(np.arange(count) % classes)
    by_class = (labels // SHAPES) / 10 + draw.uniform(0, 0.06, count)
    hues = draw.uniform(0, 1, count) if classes == SHAPES else by_class
    colours = painted(hues)[:, None, None, :] * draw.uniform(0.75, 1.0, (count, 1, 1, 1))
    ground = draw.uniform(0, 90, (count, 1, 1, 3))
    inside = masks(labels % SHAPES, draw)[..., None]
    pictures = np.where(inside, colours.astype(np.float32), ground.astype(np.float32))
    pictures += 14 * draw.standard_normal(pictures.shape, dtype=np.float32)
    return split(train, np.clip(pictures, 0, 255).astype(np.uint8), labels)


def painted(hues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, 3): red, green and blue from 0 to 255 of colours around the wheel."""
    apart = np.abs((hues[:, None] - np.array([0, 1, 2]) / 3 + 0.5) % 1 - 0.5)
    return np.asarray(255 * np.clip(2 - 6 * apart, 0.15, 1.0))


def masks(kinds: npt.NDArray[np.int64], draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(N, 32, 32): where each shape lies, of its own size and at its own place."""
    count = len(kinds)
    size = draw.uniform(0.6, 0.85, (count, 1, 1)).astype(np.float32)
    place = draw.uniform(-0.2, 0.2, (2, count, 1, 1)).astype(np.float32)
    grid = np.linspace(-1, 1, 32, dtype=np.float32)
    u, v = (grid[None, None, :] - place[0]) / size, (grid[None, :, None] - place[1]) / size
    drawn = np.zeros((count, 32, 32), dtype=np.bool_)
    for number, inside in enumerate(INSIDE):
        chosen = kinds == number
        drawn[chosen] = inside(u[chosen], v[chosen])
    return drawn
