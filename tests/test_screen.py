"""Printed text looks as in a terminal: colours, rows that are written over, bars; and nothing is obeyed beyond that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.screen import Bar, Shown, columns_of, find_bar, nearest, show_rows
from app.vocabulary.trace import Output

SAMPLES = json.loads((Path(__file__).parent / "screens.json").read_text("utf-8"))
"""What is printed, as pairs of a stream and a text; and the rows it leaves. The script is held to them too."""


def show(*printed: tuple[str, str]) -> Shown:
    return show_rows(
        (number, Output("stderr" if stream == "stderr" else "stdout", text))
        for number, (stream, text) in enumerate(printed)
    )


def as_json(shown: Shown) -> list[Any]:
    return [
        {
            "stream": row.stream,
            "stretches": [[each.text, each.look] for each in row.stretches],
            "bar": row.bar and {"before": row.bar.before, "done": row.bar.done, "after": row.bar.after},
        }
        for row in shown.rows
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_text_looks_as_in_a_terminal(sample: dict[str, Any]) -> None:
    assert as_json(show(*map(tuple, sample["printed"]))) == sample["rows"]


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        (
            "训练:  45%|████▌     | 45/100 [00:01<00:01, 44.2it/s]",
            (0.45, "训练:", "45/100 [00:01<00:01, 44.2it/s]"),
        ),
        ("  0%|          | 0/3 [00:00<?, ?it/s]", (0, "", "0/3 [00:00<?, ?it/s]")),
        ("10/20 [==========>.........] - ETA: 0s - loss: 0.1", (0.5, "10/20", "- ETA: 0s - loss: 0.1")),
        ("[####------] 40 % done", (0.4, "", "done")),
        ("12it [00:00, 3.4it/s]", None),
        ("loss 0.5 | acc 90%", None),
        ("[1, 2, 3]", None),
    ],
)
def test_bar_is_what_is_drawn_with_how_much_is_done(text: str, bar: tuple[float, str, str] | None) -> None:
    found = find_bar(text)
    assert found == (Bar(bar[1], bar[0], bar[2]) if bar else None)


@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs")), min_size=1).filter(str.strip))
def test_text_without_orders_stays_what_it_is(text: str) -> None:
    (row,) = show(("stdout", text)).rows
    assert row.text == text


ORDERS = (
    "\r",
    "\n",
    "\b",
    "\x1b[A",
    "\x1b[K",
    "\x1b[2J",
    "\x1b[31m",
    "\x1b[5G",
    "\x1b[99999C",
    "\x1b[1;",
    "m",
    "中",
    "x",
)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.sampled_from(ORDERS)), max_size=60))
def test_no_order_reaches_the_page_and_no_row_outgrows_what_was_printed(
    printed: list[tuple[str, str]],
) -> None:
    shown = show(*printed)
    assert not any(ord(letter) < 32 for row in shown.rows for letter in row.text)
    most = sum(columns_of(text) for _, text in printed)
    assert all(columns_of(row.text) <= most for row in shown.rows)


def test_endless_orders_are_read_up_to_a_bound() -> None:
    assert show(("stdout", "a\n" * 200_000)).cut
    assert not show(("stdout", "a\n" * 100)).cut


def test_every_colour_has_a_nearest_one() -> None:
    assert [nearest(each) for each in ((250, 10, 10), (255, 255, 255), (20, 20, 20), (0, 0, 200))] == [
        1,
        15,
        0,
        4,
    ]
