"""What a run shows comes in order: text, warnings, values and figures, as in a notebook."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from app.vocabulary.limits import Limits
from app.vocabulary.trace import Completed, Output, Raised, Shown, Trace
from app.words import CLEAR
from app.worker.showing.bars import prepare_bars
from tests.worker.running import run, run_frames


def texts(trace: Trace) -> str:
    return "".join(each.text for each in trace.output)


# ------------------------------------------------------------------------------------------------ warnings


def test_warning_names_the_program_s_line_and_is_no_text() -> None:
    trace = run("x = 1\nimport warnings\nwarnings.warn('careful')\ntorch.nn.MSELoss(size_average=False)")
    said = [(each.category, each.message[:12], each.span and each.span.line) for each in trace.warnings]
    assert said == [("UserWarning", "careful", 3), ("UserWarning", "size_average", 4)]
    assert trace.output == ()


def test_warning_is_told_once_with_how_often_it_came() -> None:
    source = "import warnings\nfor i in range(5):\n    warnings.warn('a')\n    warnings.warn('b')\nwarnings.warn('a')"
    told = [(each.message, each.span and each.span.line, each.count) for each in run(source).warnings]
    assert told == [("a", 3, 5), ("b", 4, 5), ("a", 5, 1)]


def test_warning_a_program_catches_ignores_or_raises_is_its_own() -> None:
    source = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    warnings.warn('a')
print(len(caught))
warnings.simplefilter('ignore')
warnings.warn('b')
warnings.simplefilter('error')
warnings.warn('c')
"""
    trace = run(source)
    assert (texts(trace), trace.warnings) == ("1\n", ())
    assert isinstance(trace.outcome, Raised)
    assert (trace.outcome.exception, trace.outcome.message) == ("UserWarning", "c")


def test_warnings_are_bounded() -> None:
    trace = run("import warnings\nfor i in range(9):\n    warnings.warn(str(i))", Limits(warnings=4))
    assert len(trace.warnings) == 4
    assert [(cut.limit, cut.dropped) for cut in trace.cuts] == [("warnings", 5)]


# ------------------------------------------------------------------------------------------------ values


def test_displayed_values_keep_their_place_among_the_text() -> None:
    source = "print('a')\ndisplay(1, 'two')\nplt.plot([1]); plt.show()\nprint('b')\ndisplay(None)\n3"
    trace = run(source)
    shown = [(each.text, each.after, each.turn, each.displayed) for each in trace.displays]
    assert shown == [("1", 1, 0, True), ("'two'", 1, 1, True), ("None", 2, 3, True), ("3", 2, 4, False)]
    (figure,) = trace.figures
    assert (figure.after, figure.turn) == (1, 2)
    assert trace.result == trace.displays[-1]


def test_ipython_is_found_without_being_there() -> None:
    source = """
from IPython.display import HTML, Markdown, clear_output, display
import IPython
from IPython.core.debugger import set_trace
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.ast_node_interactivity = "all"
display(HTML('<b>x</b>'), Markdown('# y'))
get_ipython().run_line_magic('matplotlib', 'inline')
IPython.get_ipython().system('pip install x')
"""
    trace = run(source)
    assert trace.outcome == Completed()
    assert [(each.text, each.markup) for each in trace.displays] == [
        ("<b>x</b>", "HTML"),
        ("# y", "Markdown"),
    ]
    assert [note.values for note in trace.notes] == [{"what": "!pip install x"}]


def test_frame_is_a_table() -> None:
    source = """
import pandas as pd
index = pd.MultiIndex.from_product([['a', 'b'], [1, 2]], names=['k', None])
pd.DataFrame({'x': [1.5, None, 3, 4], '中': ['<b>', 'é', '', 'z']}, index=index)
"""
    (shown,) = run(source).displays
    table = shown.table
    assert table is not None
    assert (table.columns, table.heads, table.shape) == ((("k",), ("",), ("x",), ("中",)), 2, (4, 2))
    assert table.rows[:2] == (("a", "1", "1.5", "<b>"), ("a", "2", "NaN", "é"))


def test_large_frame_is_cut_as_pandas_cuts_it() -> None:
    (shown,) = run("import pandas as pd\npd.DataFrame(np.arange(3000).reshape(100, 30))").displays
    table = shown.table
    assert table is not None
    assert table.shape == (100, 30)
    assert [row[0] for row in table.rows] == [*"01234", "…", "95", "96", "97", "98", "99"]
    assert [labels[0] for labels in table.columns][9:13] == ["8", "9", "…", "20"]
    assert {len(row) for row in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("None", None),
        ("x = 1", None),
        ("3;", None),
        ("np.array([1, 2])", "array([1, 2])"),
        ("{'a': torch.ones(2), 'b': [1]}", "{'a': tensor([1., 1.]), 'b': [1]}"),
        ("[torch.zeros(1)] * 7", "[" + ",\n ".join(["tensor([0.])"] * 7) + "]"),
    ],
)
def test_last_expression_is_shown_as_a_notebook_shows_it(source: str, text: str | None) -> None:
    result = run(source).result
    assert (result and result.text) == text


def test_cleared_output_is_forgotten_when_more_comes() -> None:
    source = """
# %%
print('kept')
# %%
from IPython.display import clear_output
for i in range(3):
    clear_output(wait=True)
    print(i)
    display(i)
    plt.plot([i]); plt.show()
clear_output(wait=True)
"""
    trace = run(source)
    assert [each.text for each in trace.displays] == ["2"]
    assert len(trace.figures) == 1
    assert trace.cuts == ()
    assert trace.output[0] == Output("stdout", "kept\n", 0)
    assert texts(trace).count(CLEAR) == 3


def test_odd_names_of_a_program_are_only_names() -> None:
    source = """
from IPython.display import HTML
import warnings
class Odd(HTML): markup = 5
warnings.warn('a', type('W' * 9_999, (UserWarning,), {}))
Odd('x')
"""
    trace = run(source)
    assert [each.markup for each in trace.displays] == ["5"]
    assert [len(each.category) for each in trace.warnings] == [200]


def test_displayed_values_are_bounded() -> None:
    trace = run("for i in range(9):\n    display(i)\n7", Limits(displays=3))
    assert [each.text for each in trace.displays] == ["0", "1", "2", "7"]
    assert [(cut.limit, cut.dropped) for cut in trace.cuts] == [("displays", 6)]


# ------------------------------------------------------------------------------------------------ figures


def test_figures_are_taken_at_show_and_at_the_end() -> None:
    source = """
plt.plot([1, 2], label='线'); plt.title('标题'); plt.xlabel('x'); plt.legend(); plt.show()
plt.bar([1, 2, 3], [1, 2, 3]); plt.scatter([1], [1])
"""
    first, second = run(source).figures
    assert (first.title, first.xlabel, first.lines, first.legend) == ("标题", "x", 1, ("线",))
    assert (second.bars, second.scatters) == (3, 1)
    assert first.svg.startswith("<?xml")


def test_saved_figure_is_shown_once_whatever_becomes_of_it() -> None:
    source = "\n".join(
        [
            "import io",
            "import matplotlib.pyplot as plt",
            "for at in range(2):",
            "    plt.plot([1, 2]); plt.title(str(at)); plt.savefig(io.BytesIO()); plt.clf()",
            "plt.close()",
            "plt.plot([2, 1]); plt.title('2'); plt.savefig(io.BytesIO()); plt.show()",
        ]
    )
    assert [each.title for each in run(source).figures] == ["0", "1", "2"]


def test_the_last_figures_are_kept() -> None:
    source = "for i in range(5):\n    plt.plot([i]); plt.title(str(i))\n    plt.show()"
    trace = run(source, Limits(figures=2))
    assert [each.title for each in trace.figures] == ["3", "4"]
    assert [(cut.limit, cut.dropped) for cut in trace.cuts] == [("figures", 3)]


def test_figure_that_is_paused_is_one_that_moves() -> None:
    source = """
fig, ax = plt.subplots()
for i in range(30):
    ax.set_title(str(i))
    plt.pause(1)
plt.show()
"""
    trace = run(source, Limits(figures=8, seconds=20))
    titles = [int(each.title) for each in trace.figures]
    assert {each.moving for each in trace.figures} == {0}
    assert titles == sorted(set(titles))
    assert (titles[0], titles[-1]) == (0, 29)
    assert trace.cuts == ()


def test_animation_is_a_figure_that_moves() -> None:
    source = """
from matplotlib.animation import FuncAnimation
fig, ax = plt.subplots()
a = FuncAnimation(fig, lambda frame: ax.set_title(str(frame)), frames=40)
plt.show()
"""
    trace = run(source, Limits(figures=8))
    assert [each.title for each in trace.figures] == ["0", "10", "20", "30"]
    assert {each.moving for each in trace.figures} == {0}


def test_figure_that_is_displayed_and_cleared_stays_where_it_was_shown_last() -> None:
    source = """
from IPython import display
fig, ax = plt.subplots()
for i in range(3):
    ax.set_title(str(i))
    display.display(fig)
    display.clear_output(wait=True)
print('done')
"""
    trace = run(source)
    assert [each.title for each in trace.figures] == ["2"]
    assert trace.outcome == Completed()


def test_figure_as_a_value_is_drawn_once() -> None:
    with mpl.rc_context({"svg.hashsalt": "the same"}):
        trace = run("fig, ax = plt.subplots()\nax.plot([1])\nfig")
    assert (len(trace.figures), trace.displays) == (1, ())


def test_picture_as_a_value_is_shown_as_its_pixels() -> None:
    source = """
from PIL import Image
import IPython.display
Image.fromarray(np.zeros((4, 6), dtype=np.uint8)).save('a.png')
display(IPython.display.Image('a.png'))
Image.open('a.png')
"""
    trace = run(source)
    assert [each.title for each in trace.figures] == ["6 × 4", "6 × 4"]
    assert 'href="data:image/png;base64,' in trace.figures[0].svg


# ------------------------------------------------------------------------------------------------ bars


@pytest.mark.parametrize("module", ["tqdm", "tqdm.auto", "tqdm.notebook"])
def test_bars_write_what_a_terminal_draws(module: str) -> None:
    prepare_bars()
    source = f"from {module} import tqdm, trange\nfor i in tqdm(range(3), desc='e'):\n    tqdm.write('x')"
    frames = run_frames(source)
    trace = frames[-1]
    assert isinstance(trace, Trace)
    assert trace.outcome == Completed()
    assert "e: 100%|██████████| 3/3" in texts(trace)
    assert texts(trace).count("x\n") == 3


def test_an_unknown_display_option_is_no_matter() -> None:
    (shown,) = run("display(1, display_id='a', metadata={})").displays
    assert isinstance(shown, Shown)
