"""The command: run prints a trace, doctor tells the truth, serve refuses what would not be safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app import main
from app.main import SealMissing, plan_sandbox, read_inputs
from app.sandbox.face import SealLayer
from app.settings import Settings
from app.vocabulary.trace import InputSpec
from app.worker.sealing.seal import Layer

ROOT = Path(__file__).resolve().parent.parent
Y = "y = x * w + b\n"
INPUTS = ("--input", "x=3.0", "--input", 'w={"value": 4, "requires_grad": true}', "--input", "b=5")


def command(*arguments: str, program: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.main", *arguments],
        cwd=ROOT,
        input=program,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_run_prints_a_line_for_each_tensor(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(Y, encoding="utf-8")
    done = command("run", str(file), *INPUTS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "x  float32  ()  3",
        "    `x` does not require grad, so autograd records nothing for it.",
        "w  float32  ()  4  requires_grad  grad 3",
        "b  int64  ()  5",
        "    `b` is int64: only floating point and complex tensors have gradients.",
        "y  float32  ()  17  grad_fn=AddBackward0  grad None",
        "    `y` is the result of `x * w + b` (line 1), not a leaf: its gradient flowed on and was not kept. "
        "`y.retain_grad()` keeps it.",
        "graph: 5 nodes, 4 edges, backward from y",
    ]


def test_run_prints_the_whole_trace_as_json() -> None:
    done = command("run", "-", "--json", *INPUTS, program=Y)
    trace = json.loads(done.stdout)
    assert {each["name"]: each["value"]["data"] for each in trace["tensors"]}["y"] == 17.0
    assert trace["outcome"] == {"kind": "completed"}


def test_failing_program_is_told_and_its_status_says_so() -> None:
    done = command("run", "-", program="print('one')\nx = torch.ones(2) @ torch.ones(3)\n")
    assert done.returncode == 1
    assert done.stdout.startswith("one\nline 2: x = torch.ones(2) @ torch.ones(3)\nRuntimeError: ")


def test_refused_program_names_every_place() -> None:
    done = command("run", "-", program=Y)
    assert done.returncode == 2
    assert [line.split(":")[1] for line in done.stdout.splitlines()] == ["5", "9", "13"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "/nonexistent/program.py"), "No such file"),
        (("run", "-", "--input", "x=[1, [2]"), "--input x=[1, [2]"),
        (("serve", "--port", "70000"), "PLAYGROUND_PORT must be at most 65535"),
    ],
)
def test_command_that_cannot_be_obeyed_says_why(arguments: tuple[str, ...], words: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_unknown_setting_is_named() -> None:
    done = command("doctor", PLAYGROUND_PROT="1")
    assert done.returncode == 2
    assert "PLAYGROUND_PROT is not a setting" in done.stderr


def test_doctor_names_versions_devices_and_layers() -> None:
    done = command("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("torch 2.", "cpu ", "landlock", "seccomp", "programs run sealed"):
        assert words in done.stdout


def test_inputs_are_read_like_the_api_s() -> None:
    assert read_inputs(["x=3", 'w={"shape": [2], "init": "randn", "requires_grad": true}']) == {
        "x": InputSpec(3),
        "w": InputSpec(shape=(2,), init="randn", requires_grad=True),
    }


def missing_landlock(memory_bytes: int, cpu_seconds: int) -> tuple[Layer, ...]:
    return (Layer("landlock", False, "the kernel has none", True), Layer("uid", False, "not root", False))


def test_service_refuses_to_start_where_the_seal_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "probe_layers", missing_landlock)
    with pytest.raises(SealMissing, match="landlock: the kernel has none"):
        plan_sandbox(Settings())


def test_unsealed_service_is_only_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "probe_layers", missing_landlock)
    plan = plan_sandbox(replace(Settings(), allow_unsealed=True))
    assert not plan.sealed
    assert plan.layers[0] == SealLayer("landlock", False, True, "the kernel has none")


def test_layers_that_are_not_required_do_not_hinder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "probe_layers", lambda *_: missing_landlock(0, 0)[1:])
    assert plan_sandbox(Settings()).sealed
