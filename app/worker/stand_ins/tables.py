"""Made-up tables with the columns of well-known ones, the same in every run; iris is scikit-learn's own copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from pandas import DataFrame
from sklearn.datasets import load_iris

Ranges = Mapping[str, tuple[float, float]]

BOSTON: Mapping[str, tuple[float, float]] = {
    "CRIM": (0.01, 20.0),
    "ZN": (0.0, 100.0),
    "INDUS": (0.5, 27.0),
    "CHAS": (0.0, 1.0),
    "NOX": (0.38, 0.87),
    "RM": (3.5, 8.8),
    "AGE": (3.0, 100.0),
    "DIS": (1.1, 12.0),
    "RAD": (1.0, 24.0),
    "TAX": (187.0, 711.0),
    "PTRATIO": (12.6, 22.0),
    "B": (0.3, 397.0),
    "LSTAT": (1.7, 38.0),
}
CALIFORNIA: Mapping[str, tuple[float, float]] = {
    "MedInc": (0.5, 15.0),
    "HouseAge": (1.0, 52.0),
    "AveRooms": (1.0, 10.0),
    "AveBedrms": (0.5, 3.0),
    "Population": (3.0, 5_000.0),
    "AveOccup": (1.0, 6.0),
    "Latitude": (32.5, 42.0),
    "Longitude": (-124.4, -114.3),
}
PIMA: Mapping[str, tuple[float, float]] = {
    "Pregnancies": (0, 17),
    "Glucose": (44, 199),
    "BloodPressure": (24, 122),
    "SkinThickness": (0, 99),
    "Insulin": (0, 846),
    "BMI": (18.2, 67.1),
    "DiabetesPedigreeFunction": (0.08, 2.42),
    "Age": (21, 81),
}
WHOLE = frozenset({"CHAS", "RAD", "TAX", *PIMA} - {"BMI", "DiabetesPedigreeFunction"})
HEADED = frozenset({"iris", "titanic", "boston"})
"""Files whose first line names the columns; those that end in `.data` and the Pima file have none."""


def made_up(ranges: Ranges, count: int, seed: int) -> tuple[DataFrame, npt.NDArray[np.float64]]:
    """Rows within the ranges, and a score for each one: a rule of all columns, some noise; mean 0, spread 1."""
    draw = np.random.default_rng(seed)
    unit = draw.beta(2, 3, (count, len(ranges)))
    weights = draw.uniform(0.4, 1.0, len(ranges)) * draw.choice([-1.0, 1.0], len(ranges))
    score = (unit - 0.4) @ weights + 2 * (unit[:, 0] - 0.4) * (unit[:, -1] - 0.4) + draw.normal(0, 0.1, count)
    columns = {
        name: np.round(low + unit[:, at] * (high - low), 0 if name in WHOLE else 4)
        for at, (name, (low, high)) in enumerate(ranges.items())
    }
    return DataFrame(columns), (score - score.mean()) / score.std()


def boston() -> DataFrame:
    rows, score = made_up(BOSTON, 506, 506)
    return rows.assign(MEDV=np.round(np.clip(22.5 + 8.5 * score, 5, 50), 1))


def california() -> DataFrame:
    rows, score = made_up(CALIFORNIA, 2_000, 20_640)
    return rows.assign(MedHouseVal=np.round(np.clip(2.07 + 1.0 * score, 0.15, 5.0), 3))


def pima() -> DataFrame:
    rows, score = made_up(PIMA, 768, 768)
    whole = {name: rows[name].astype(int) for name in PIMA if name in WHOLE}
    return rows.assign(**whole, Outcome=(score > 0.4).astype(int))


def titanic() -> DataFrame:
    """Women, children and the first class live more often, as they did."""
    draw = np.random.default_rng(1912)
    count = 891
    level = draw.choice([1, 2, 3], count, p=[0.24, 0.21, 0.55])
    female = draw.random(count) < 0.35
    age = np.round(np.clip(draw.normal(38 - 5 * (level - 1), 13, count), 0.5, 80), 1)
    score = 2.6 * female - 0.9 * (level - 2) - 0.02 * (age - 30) - 1.2 + draw.logistic(0, 0.7, count)
    fare = np.round(np.clip(draw.lognormal(4.3 - 0.75 * (level - 1), 0.5), 4, 512), 4)
    return DataFrame(
        {
            "PassengerId": np.arange(1, count + 1),
            "Survived": (score > 0).astype(int),
            "Pclass": level,
            "Name": [f"Passenger, {'Mrs.' if each else 'Mr.'} No. {at}" for at, each in enumerate(female, 1)],
            "Sex": np.where(female, "female", "male"),
            "Age": np.where(draw.random(count) < 0.2, np.nan, age),
            "SibSp": draw.choice([0, 1, 2, 3], count, p=[0.68, 0.23, 0.06, 0.03]),
            "Parch": draw.choice([0, 1, 2], count, p=[0.76, 0.14, 0.10]),
            "Ticket": [str(number) for number in draw.integers(100_000, 400_000, count)],
            "Fare": fare,
            "Cabin": [f"C{number}" if number < 150 else None for number in draw.integers(1, 700, count)],
            "Embarked": draw.choice(["S", "C", "Q"], count, p=[0.72, 0.19, 0.09]),
        }
    )


def iris() -> DataFrame:
    flowers = load_iris()
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    rows = DataFrame(dict(zip(names, flowers.data.T, strict=True)))
    return rows.assign(species=[str(flowers.target_names[label]) for label in flowers.target])


MADE: Mapping[str, Callable[[], DataFrame]] = {
    "boston": boston,
    "california_housing": california,
    "pima": pima,
    "titanic": titanic,
    "iris": iris,
}


def text_of(name: str, path: str) -> str:
    """A table as the file of that name would hold it."""
    rows = MADE[name]()
    headed = name in HEADED and not path.lower().endswith(".data")
    if name == "iris" and not headed:
        rows["species"] = "Iris-" + rows["species"]
    return str(rows.to_csv(index=False, header=headed))
