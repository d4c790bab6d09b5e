"""What a run printed, showed and drew, as the page shows it: in order, in its cell, and never as markup."""

from __future__ import annotations

from app.source import SourceText
from app.vocabulary.trace import Completed, Figure, Output, Shown, Table, Trace, Warned
from app.vocabulary.values import Span
from app.web.languages import load_languages
from app.web.output_contexts import Item
from app.web.outputs import MOST_OUTPUT, is_long, show_items, show_warnings, sort_outputs
from app.words import CLEAR
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, LINE, post_form, site

ENGLISH = load_languages("en").default
SPAN = Span(1, 0, 1, 1)
HOSTILE = "<img src=x onerror=alert(1)>"


def figure(after: int, turn: int, moving: int | None = None) -> Figure:
    return Figure("<svg/>", f"figure {turn}", "", "", 0, 0, 0, (), None, after, turn, moving)


def shown(text: str, after: int, turn: int) -> Shown:
    return Shown(text, SPAN, None, None, after, turn)


def items(trace: Trace) -> list[object]:
    """Texts, values and titles of figures, as they stand below each other."""
    return [told(item) for item in show_items(sort_outputs(trace)[None], ENGLISH)]


def told(item: Item) -> object:
    if item.value is not None:
        return item.value.text
    if item.images:
        return [each.title for each in item.images]
    return "".join(each.text or f"<{each.bar.percent:g}>" if each.bar else each.text for each in item.printed)


def test_values_and_figures_stand_where_they_came() -> None:
    output = tuple(Output("stdout", f"{letter}\n") for letter in "abc")
    trace = Trace(
        Completed(), output=output, displays=(shown("1", 1, 0), shown("2", 3, 2)), figures=(figure(1, 1),)
    )
    assert items(trace) == ["a\n", "1", ["figure 1"], "b\nc\n", "2"]


def test_a_bar_is_one_whatever_comes_between() -> None:
    bars = [Output("stderr", f"\r{percent}%|█████     | {percent}/100") for percent in (0, 50, 100)]
    output = (bars[0], Output("stdout", "a\n"), bars[1], bars[2], Output("stderr", "\n"))
    trace = Trace(Completed(), output=output, displays=(shown("1", 3, 0),))
    assert items(trace) == ["<100>a\n", "1"]


def test_pictures_of_one_figure_that_moves_are_one_item() -> None:
    figures = (figure(0, 0, 7), figure(1, 1, 7), figure(2, 2), figure(2, 3, 8))
    trace = Trace(Completed(), output=(Output("stdout", "a\n"), Output("stdout", "b\n")), figures=figures)
    assert items(trace) == [["figure 0", "figure 1"], "a\nb\n", ["figure 2"], ["figure 3"]]


def test_what_was_cleared_is_not_shown() -> None:
    output = (Output("stdout", "a\n"), Output("stdout", CLEAR), Output("stdout", "b\n"))
    trace = Trace(
        Completed(), output=output, displays=(shown("1", 1, 0), shown("2", 2, 1)), figures=(figure(0, 2),)
    )
    assert items(trace) == ["2", "b\n"]


def test_long_output_is_cut_by_what_is_shown_of_it() -> None:
    over = Output("stdout", "\rx" * MOST_OUTPUT)
    assert not is_long((Output("stdout", "x\r" * 10_000),))
    assert is_long((over, over))
    long = Output("stdout", "x" * (MOST_OUTPUT + 1))
    assert is_long((long,))
    assert items(Trace(Completed(), output=(long,))) == ["x" * MOST_OUTPUT + "\n"]


def test_warning_stands_at_its_line_without_torch_s_own_source() -> None:
    message = "careful (Triggered internally at /pytorch/aten/src/ATen/a.cpp:3.)"
    trace = Trace(Completed(), warnings=(Warned("UserWarning", message, Span(2, 0, 2, 3), 4),))
    (row,) = show_warnings(sort_outputs(trace)[None], SourceText.of("a\nbcd"))
    assert (row.message, row.count, row.place and row.place.marked) == ("careful", 4, "bcd")


async def test_nothing_a_program_shows_is_markup() -> None:
    table = Table(((HOSTILE,), (HOSTILE, HOSTILE)), ((HOSTILE, HOSTILE),), 1, (1, 1))
    value = Shown(HOSTILE, SPAN, None, displayed=True, markup=HOSTILE)
    framed = Shown(HOSTILE, SPAN, None, table=table)
    output = (Output("stdout", HOSTILE), Output("stderr", f"\r{HOSTILE} 5%|█████ | {HOSTILE}"))
    warned = (Warned(HOSTILE, HOSTILE, SPAN),)
    trace = Trace(Completed(), displays=(value, framed), output=output, warnings=warned)
    async with site(FakeSandbox(lambda program, request: trace)) as client:
        page = (await post_form(client, source="x = 1")).text
    assert HOSTILE not in page
    assert page.count("&lt;img src=x") > 8


async def test_seed_of_the_page_is_the_run_s() -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        page = await post_form(client, source="x = 1", seed=" 7 ")
        refused = await post_form(client, source="x = 1", seed="lucky")
        await post_form(client, source="x = 1")
        script = await post_form(client, "/export/program.py", source="x = 1", seed="7")
    assert [request.seed for _, request in sandbox.asked] == [7, None]
    assert 'name="seed" value=" 7 "' in page.text
    assert "The seed must be a 64-bit whole number." in refused.text
    assert "torch.manual_seed(7)" in script.text


async def test_api_tells_warnings_and_where_things_came() -> None:
    trace = Trace(Completed(), warnings=(Warned("W", "m", SPAN, 2),), displays=(shown("1", 0, 0),))
    async with site(FakeSandbox(lambda program, request: trace)) as client:
        answer = (await client.post(EVALUATE, json=LINE)).json()
    assert [(each["message"], each["count"]) for each in answer["warnings"]] == [("m", 2)]
    assert [(each["after"], each["turn"]) for each in answer["displays"]] == [(0, 0)]
