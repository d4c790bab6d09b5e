"""A DataFrame as a table of texts, cut and formatted as pandas itself shows it; never as pandas's own markup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pandas.io.formats.format import DataFrameFormatter
from pandas.io.formats.style import Styler

from app.vocabulary.trace import Table
from app.worker.wording import plain_text

MOST_ROWS, FEWER_ROWS, MOST_COLUMNS = 60, 10, 20
"""As notebooks have it: of more than 60 rows, the first and the last 5."""
CELL_CHARS = 200
LEFT_OUT = "…"


def table_of(value: Any) -> Table | None:
    """The table a value is; None for whatever is no DataFrame."""
    if isinstance(value, Styler):
        value = value.data
    if not isinstance(value, pd.DataFrame):
        return None
    shown = DataFrameFormatter(value, max_rows=MOST_ROWS, min_rows=FEWER_ROWS, max_cols=MOST_COLUMNS)
    frame = shown.tr_frame
    heads = list(_index_columns(frame))
    columns = [
        ((*_labels(label),), [_cell(text) for text in shown.format_col(at)])
        for at, label in enumerate(frame.columns)
    ]
    if shown.is_truncated_horizontally:
        columns.insert(shown.tr_col_num, ((LEFT_OUT,), [LEFT_OUT] * len(frame)))
    rows = list(zip(*(texts for _, texts in (*heads, *columns)), strict=True))
    if shown.is_truncated_vertically:
        rows.insert(shown.tr_row_num, (LEFT_OUT,) * (len(heads) + len(columns)))
    titles = tuple(labels for labels, _ in (*heads, *columns))
    return Table(titles, tuple(rows), len(heads), (int(value.shape[0]), int(value.shape[1])))


def _index_columns(frame: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """What names the rows: a column of each level of the index."""
    index = frame.index
    for level in range(index.nlevels):
        name = index.names[level]
        values = index.get_level_values(level)
        texts = values.strftime("%Y-%m-%d") if _are_days(values) else values
        yield ("" if name is None else _cell(name),), [_cell(each) for each in texts]


def _are_days(values: pd.Index[Any]) -> bool:
    return isinstance(values, pd.DatetimeIndex) and bool((values == values.normalize()).all())


def _labels(label: Any) -> tuple[str, ...]:
    return tuple(map(_cell, label)) if isinstance(label, tuple) else (_cell(label),)


def _cell(value: Any) -> str:
    return plain_text(str(value)).strip()[:CELL_CHARS]
