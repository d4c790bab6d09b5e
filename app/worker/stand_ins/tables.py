"""Made-up tables with the columns of well-known ones, the same in every run; three are scikit-learn's own copies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from pandas import DataFrame, date_range
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

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
WINE_QUALITY: Mapping[str, tuple[float, float]] = {
    "fixed acidity": (4.6, 15.9),
    "volatile acidity": (0.12, 1.58),
    "citric acid": (0.0, 1.0),
    "residual sugar": (0.9, 15.5),
    "chlorides": (0.012, 0.611),
    "free sulfur dioxide": (1.0, 72.0),
    "total sulfur dioxide": (6.0, 289.0),
    "density": (0.99, 1.004),
    "pH": (2.74, 4.01),
    "sulphates": (0.33, 2.0),
    "alcohol": (8.4, 14.9),
}
WHOLE = frozenset({"CHAS", "RAD", "TAX", *PIMA} - {"BMI", "DiabetesPedigreeFunction"})
BARE = r".*\.data|pima[^/]*|data-03-.*"
"""Files whose first line is a row already; that of the others names the columns."""


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


def wine() -> DataFrame:
    bottles = load_wine(as_frame=True).frame
    bottles.insert(0, "class", bottles.pop("target") + 1)
    return DataFrame(bottles)


def breast_cancer() -> DataFrame:
    cells = load_breast_cancer(as_frame=True)
    rows = cells.data.rename(columns=lambda name: name.replace(" ", "_"))
    rows.insert(0, "diagnosis", ["MB"[benign] for benign in cells.target])
    rows.insert(0, "id", np.arange(1, len(rows) + 1))
    return DataFrame(rows)


def wine_quality() -> DataFrame:
    rows, score = made_up(WINE_QUALITY, 1_599, 1_599)
    return rows.assign(quality=np.clip(np.round(5.6 + 0.8 * score), 3, 8).astype(int))


def passengers() -> DataFrame:
    """Twelve years of months: growth, and a season that grows with it."""
    month = np.arange(144)
    draw = np.random.default_rng(1949)
    season = 1 + 0.22 * np.sin((month - 3) * np.pi / 6) + 0.08 * np.cos(month * np.pi / 3)
    count = 112 * 1.0103**month * season * draw.normal(1, 0.02, 144)
    months = [f"{1949 + at // 12}-{at % 12 + 1:02}" for at in month]
    return DataFrame({"Month": months, "Passengers": count.astype(int)})


def prices() -> DataFrame:
    """A thousand days of a share that nobody ever traded."""
    draw = np.random.default_rng(1_000)
    close = 100 * np.exp(np.cumsum(draw.normal(0.0005, 0.015, 1_000)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = 1 + np.abs(draw.normal(0, 0.006, (2, 1_000)))
    numbers = {
        "Open": opened,
        "High": np.maximum(opened, close) * reach[0],
        "Low": np.minimum(opened, close) / reach[1],
        "Close": close,
        "Adj Close": close,
    }
    days = date_range("2016-01-04", periods=1_000, freq="B").strftime("%Y-%m-%d")
    return DataFrame({"Date": days, **numbers, "Volume": draw.integers(10**6, 10**7, 1_000)}).round(2)


MADE: Mapping[str, Callable[[], DataFrame]] = {
    "boston": boston,
    "california_housing": california,
    "pima": pima,
    "titanic": titanic,
    "iris": iris,
    "wine": wine,
    "wine_quality": wine_quality,
    "breast_cancer": breast_cancer,
    "passengers": passengers,
    "prices": prices,
}


def text_of(name: str, path: str) -> str:
    """A table as the file of that name would hold it."""
    rows = MADE[name]()
    headed = not re.fullmatch(BARE, path.lower().rpartition("/")[2])
    if name == "iris" and not headed:
        rows["species"] = "Iris-" + rows["species"]
    return str(rows.to_csv(index=False, header=headed, sep=";" if name == "wine_quality" else ","))
