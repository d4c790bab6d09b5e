"""How a run ends is told in its trace, whatever the program does; what it did until then is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.vocabulary.trace import (
    Completed,
    Crashed,
    Output,
    Raised,
    RunRequest,
    Shown,
    StackFrame,
    Stopped,
    Trace,
)
from app.vocabulary.values import Span
from tests.sandbox.conftest import BRIEF, RealSandbox, output_of

ENDLESS = {
    "loop": ("while True: pass", None),
    "sleep": ("import time\ntime.sleep(60)", Span(2, 0, 2, 14)),
    "long arithmetic": ("x = 10**10**10", Span(1, 4, 1, 14)),
    "inside torch": ("x = torch.ones(512, 512)\nwhile True: x = x @ x", None),
    "catching everything": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", None),
    "finally": ("try:\n    while True: pass\nfinally:\n    while True: pass", None),
    "in a function": ("def f():\n    while True: pass\nf()", None),
    "in a thread": (
        "import threading\nt = threading.Thread(target=exec, args=('while True: pass',))\nt.start()\nt.join()",
        None,
    ),
    "in a repr": ("class A:\n    def __repr__(self):\n        while True: pass\nA()", None),
    "in an exception's text": ("class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", None),
    "a regular expression": ("import re\nre.match('(a+)+b', 'a' * 64)", None),
    "waiting for a lock": ("import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()", None),
    "deaf to the alarm": ("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", None),
    "alarm turned off": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass", None),
}  # fmt: skip


async def test_endless_programs_are_stopped_and_keep_what_they_printed(real: RealSandbox) -> None:
    programs = {name: f"print('began')\n{source}" for name, (source, _) in ENDLESS.items()}
    traces = await asyncio.gather(*(real.run(program, BRIEF) for program in programs.values()))
    for (name, (_, span)), trace in zip(ENDLESS.items(), traces, strict=True):
        assert isinstance(trace.outcome, Stopped), (name, trace.outcome)
        assert (trace.outcome.limit, trace.outcome.allowed) == ("seconds", BRIEF), name
        assert output_of(trace).startswith("began"), name
        if span is not None:
            place = replace(span, line=span.line + 1, end_line=span.end_line + 1)
            assert trace.outcome.span == place, name


BOMBS = {
    "one huge tensor": "x = torch.zeros(10**12)",
    "tensors": "while True: xs.append(torch.ones(1 << 18))",
    "views that are copied": "x = torch.ones(1)\nwhile True: xs.append(x.expand(1 << 18).clone())",
    "gradients": "x = torch.ones(1 << 18, requires_grad=True)\nwhile True: x = x * 2; xs.append(x)",
    "bytes": "while True: xs.append(bytearray(1 << 20))",
    "small objects": "while True: xs.append([xs] * 1000)",
    "a doubling list": "x = [0]\nwhile True: x += x",
    "a doubling text": "x = 'ab'\nwhile True: x += x",
    "arrays": "while True: xs.append(np.ones(1 << 17))",
    "one huge array": "x = np.zeros((1 << 20, 1 << 10))",
    "mapped": "import mmap\nwhile True: xs.append(mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE))",
}


@pytest.mark.parametrize("case", BOMBS)
async def test_memory_bomb_is_stopped(real: RealSandbox, case: str) -> None:
    trace = await real.run(f"kept = torch.ones(2)\nprint('began')\nxs = []\n{BOMBS[case]}", seconds=60)
    match trace.outcome:
        case Stopped("memory", allowed):
            assert allowed == real.limits.memory_bytes
        case Raised("OSError", message):
            assert "Cannot allocate memory" in message
        case other:
            raise AssertionError(other)
    assert output_of(trace) == "began\n"
    assert "kept" in [tensor.name for tensor in trace.tensors]


FITS = {
    "rows of what is gone": "for i in range(60): big = None; big = torch.ones(1 << 20); row = big[:99]",
    "rows of what is too large": "for i in range(20): big = row = None; big = torch.ones(5 << 20); row = big[:99]",
    "results that are gone": "for i in range(60): y = None; y = torch.ones(1 << 20)",
    "written in place": "x = torch.zeros(2 << 20)\nfor i in range(60): x.add_(1)",
    "many gradients": (
        "w = h = torch.ones(128, 128, requires_grad=True)\nfor i in range(300): h = h * w\nh.sum().backward()"
    ),
    "a deep graph": "x = y = torch.ones(1, requires_grad=True)\nfor i in range(4000): y = y * 1\ny.backward()",
}


@pytest.mark.parametrize("case", FITS)
async def test_what_fits_into_memory_unrecorded_fits_recorded(real: RealSandbox, case: str) -> None:
    """A quarter of it is taken; what the program lets go leaves room enough for the rest, whatever is kept of it."""
    taken = f"taken = torch.ones({real.limits.memory_bytes // 16})\n"
    trace = await real.run(taken + FITS[case], seconds=60)
    assert trace.outcome == Completed()


@pytest.mark.parametrize(
    "flood",
    [
        "while True: print('x' * 100)",
        "print('x' * 10**7)",
        "import sys\nwhile True: sys.stderr.write('x')",
        "while True:\n    try:\n        print('中')\n    except Exception: pass",
    ],
)
async def test_output_flood_is_stopped_at_the_limit(real: RealSandbox, flood: str) -> None:
    trace = await real.run(flood)
    assert isinstance(trace.outcome, Stopped)
    assert (trace.outcome.limit, trace.outcome.allowed) == ("output", real.limits.output_bytes)
    assert real.limits.output_bytes - 3 < len(output_of(trace).encode()) <= real.limits.output_bytes


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("import ctypes; ctypes.string_at(0)", Crashed("SIGSEGV")),
        ("import os; os.abort()", Crashed("SIGABRT")),
        ("import os; os._exit(0)", Crashed(None)),
        ("import os; os._exit(3)", Crashed(None)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", Stopped("cpu_seconds", 0.0)),
        ("import sys; sys.exit()", Completed()),
        ("raise SystemExit(0)", Completed()),
    ],
)
async def test_program_that_ends_its_process_keeps_its_output(
    real: RealSandbox, end: str, outcome: Crashed | Stopped | Completed
) -> None:
    trace = await real.run(f"print('hello')\n{end}")
    ended = replace(trace.outcome, allowed=0.0) if isinstance(trace.outcome, Stopped) else trace.outcome
    assert (ended, trace.output) == (outcome, (Output("stdout", "hello\n"),))


async def test_program_is_exported_under_the_seal(real: RealSandbox) -> None:
    """What torch.export imports and opens on its way is there before the seal."""
    net = "nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Flatten(), nn.Linear(4, 2), nn.Softmax(1))"
    trace = await real.run(f"exported = torch.export.export({net}, (torch.ones(2, 1, 4),))")
    assert trace.outcome == Completed()
    (graph,) = trace.static_graphs
    assert (graph.name, graph.tracer, graph.nodes[-1].op) == ("exported", "torch.export", "output")


async def test_program_cannot_pretend_to_be_killed_from_outside(real: RealSandbox) -> None:
    outcome = (await real.run("import os\nos.kill(os.getpid(), 9)")).outcome
    assert isinstance(outcome, Raised)
    assert outcome.exception == "PermissionError"


RAISING = """\
a = torch.ones(2, 3)
def f(t):
    return (
        t @ t)
中 = 1; f(a)
never = torch.ones(1)"""


async def test_exception_has_its_place_and_frames_and_keeps_the_trace_until_then(real: RealSandbox) -> None:
    trace = await real.run(RAISING)
    assert isinstance(trace.outcome, Raised)
    assert trace.outcome.exception == "RuntimeError"
    assert "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)" in trace.outcome.message
    assert trace.outcome.span == Span(4, 8, 4, 13)
    assert trace.outcome.frames == (
        StackFrame("<module>", Span(5, 7, 5, 11)),
        StackFrame("f", Span(4, 8, 4, 13)),
    )
    assert [tensor.name for tensor in trace.tensors] == ["a"]
    assert [step.op for step in trace.steps if step.name == "a"] == ["torch.ones"]


@pytest.mark.parametrize(
    ("source", "exception", "message"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("def f(): f()\nf()", "RecursionError", "maximum recursion depth exceeded"),
        ("raise KeyError('中')", "KeyError", "'中'"),
        ("raise ValueError('\\ud800')", "ValueError", "?"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit('x')", "GeneratorExit", "x"),
        ("import sys\nsys.exit(3)", "SystemExit", "3"),
        ("import sys\nsys.exit('why')", "SystemExit", "why"),
        ("input()", "EOFError", "EOF when reading a line"),
        ("import nowhere", "ModuleNotFoundError", "No module named 'nowhere'"),
        ("exec('1 +')", "SyntaxError", "invalid syntax (<string>, line 1)"),
        (
            "class E(Exception):\n    def __str__(self): raise KeyError\nraise E",
            "E",
            "<no message: KeyError>",
        ),
        ("del undefined", "NameError", "name 'undefined' is not defined"),
    ],
)
async def test_exception_is_told(real: RealSandbox, source: str, exception: str, message: str) -> None:
    outcome = (await real.run(source)).outcome
    assert isinstance(outcome, Raised)
    assert (outcome.exception, outcome.message) == (exception, message)
    assert outcome.span is not None
    assert 1 <= len(outcome.frames) <= 50


async def test_output_is_kept_in_order(real: RealSandbox) -> None:
    source = "import sys\nfor i in range(3):\n    print(i)\n    print('e', i, file=sys.stderr, end='')\nprint('last')"
    trace = await real.run(source)
    streams = {
        name: "".join(o.text for o in trace.output if o.stream == name) for name in ("stdout", "stderr")
    }
    assert streams == {"stdout": "0\n1\n2\nlast\n", "stderr": "e 0e 1e 2"}
    assert output_of(trace) == "0\ne 01\ne 12\ne 2last\n"


async def test_frames_arrive_while_the_program_runs_and_the_trace_is_last(real: RealSandbox) -> None:
    source = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.1)"
    frames = [frame async for frame in real.sandbox.stream(real.parse(source), RunRequest())]
    *before, last = frames
    assert isinstance(last, Trace)
    assert len(before) >= 2
    assert tuple(before) == last.output
    assert output_of(last) == "0\n1\n2\n"


async def test_streams_that_the_program_breaks_harm_nobody(real: RealSandbox) -> None:
    for source in ("import sys\nsys.stdout = None\nprint(1)", "import sys\nsys.stdout.close()\nx = 1"):
        assert (await real.run(source)).outcome == Completed()


async def test_what_a_watched_program_showed_is_kept_when_it_takes_itself_down(real: RealSandbox) -> None:
    source = "import os, warnings\nwarnings.warn('so')\ndisplay(1 + 1)\nos._exit(3)"
    frames = real.sandbox.stream(real.parse(source), RunRequest(), 60, asyncio.Queue())
    *_, trace = [frame async for frame in frames]
    assert isinstance(trace, Trace)
    assert trace.outcome == Crashed(None)
    assert [each.text for each in trace.displays] == ["2"]
    assert [each.message for each in trace.warnings] == ["so"]


async def test_figures_are_kept(real: RealSandbox) -> None:
    trace = await real.run(
        "plt.plot([1, 2], label='中')\nplt.title('t')\nplt.xlabel('x')\nplt.legend()\nplt.show()"
    )
    (figure,) = trace.figures
    assert (figure.title, figure.xlabel, figure.lines, figure.legend) == ("t", "x", 1, ("中",))
    assert figure.svg.lstrip().startswith(("<?xml", "<svg"))


async def test_what_lessons_use_to_show_things_works_sealed(real: RealSandbox) -> None:
    source = """
plt.rcParams['font.sans-serif'] = ['SimHei']
plt.title('损失'); plt.savefig('a.png'); plt.savefig('a.pdf'); plt.show()
import pandas as pd
from tqdm.notebook import tqdm
frame = pd.DataFrame({'中': [1, 2]})
frame.to_csv('b.csv'); np.savez('c.npz', a=np.ones(2)); np.savetxt('d.txt', np.load('c.npz')['a'])
for row in tqdm(np.loadtxt('d.txt')): display(pd.read_csv('b.csv'))
"""
    trace = await real.run(source, seconds=60)
    assert trace.outcome == Completed()
    assert (trace.warnings, len(trace.figures)) == ((), 1)
    assert [each.table and each.table.shape for each in trace.displays] == [(2, 2), (2, 2)]
    assert {each.stream for each in trace.output} == {"stderr"}
    assert "100%|██████████| 2/2" in output_of(trace)


async def test_watched_expressions_are_read_at_the_end_even_after_an_exception(real: RealSandbox) -> None:
    watch = ("x", "x.shape", "y", "1 / 0", " '中' ")
    trace = await real.run("x = torch.tensor([1.0, 2.0])\nraise ValueError", watch=watch)
    assert [each.expression for each in trace.watched] == list(watch)
    assert [each.text for each in trace.watched] == [
        "tensor([1., 2.])",
        "torch.Size([2])",
        None,
        None,
        "'中'",
    ]
    assert trace.watched[0].value is not None
    assert trace.watched[0].value.data == (1.0, 2.0)
    errors = [each.error for each in trace.watched]
    assert errors == [
        None,
        None,
        "NameError: name 'y' is not defined",
        "ZeroDivisionError: division by zero",
        None,
    ]


async def test_last_expression_is_shown(real: RealSandbox) -> None:
    assert (await real.run("x = 1\nx + 1")).result == Shown("2", Span(2, 0, 2, 5), None)
    assert (await real.run("x = 1")).result is None
    assert (await real.run("None")).result is None
    assert (await real.run("0\n'\\ud800'")).result == Shown("'\\ud800'", Span(2, 0, 2, 8), None)


@pytest.mark.parametrize("source", ["", "# nothing", "\n\n", "\ufeff", "\r\n# 中\r\n"])
async def test_empty_programs_complete(real: RealSandbox, source: str) -> None:
    trace = await real.run(source)
    assert (trace.outcome, trace.tensors, trace.output) == (Completed(), (), ())


PACKAGES = """
import gymnasium as gym
import requests, seaborn as sns, six
from six.moves import urllib
from d2l import torch as d2l

env = gym.make('CartPole-v1')
state, _ = env.reset(seed=0)
state, reward, *_ = env.step(env.action_space.sample())
sns.heatmap([[1, 2], [3, 4]])
d2l.set_figsize()
reward
"""


async def test_packages_of_tutorials_are_there_under_the_seal(real: RealSandbox) -> None:
    trace = await real.run(PACKAGES)
    assert trace.outcome == Completed()
    assert trace.result is not None
    assert trace.result.text == "1.0"
    assert len(trace.figures) == 1
