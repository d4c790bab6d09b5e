"""The image as it is written down: pinned, unprivileged, small in what it takes in; and the rehearsal that reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scripts.rehearse_docker import Image, Instruction, files_in_context, is_ignored, parse_dockerfile

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
STEPS = parse_dockerfile(DOCKERFILE)


def arguments(name: str) -> list[str]:
    return [step.argument for step in STEPS if step.name == name]


def test_base_image_is_pinned_by_version() -> None:
    assert {re.split(r"\s", base)[0] for base in arguments("FROM")} == {"python:3.11-slim-bookworm"}


def test_image_runs_unprivileged() -> None:
    uid, _, gid = arguments("USER")[-1].partition(":")
    assert int(uid) >= 10000
    assert int(gid) >= 10000
    last = [step.name for step in STEPS]
    assert last.index("USER") > max(index for index, name in enumerate(last) if name == "RUN")


def test_image_checks_its_health_with_python_alone() -> None:
    program, flag, code = json.loads(arguments("HEALTHCHECK")[0].partition("CMD ")[2])
    assert (program, flag) == ("python", "-c")
    assert "/healthz" in code
    compile(code, "HEALTHCHECK", "exec")


def test_everything_copied_is_in_the_build_context() -> None:
    context = {str(path) for path in files_in_context(ROOT)}
    folders = {str(parent) for path in context for parent in Path(path).parents}
    copied = [word for line in arguments("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert [source for source in copied if source.rstrip("/") not in context | folders] == []


def test_context_holds_nothing_that_the_image_does_not_need() -> None:
    tops = {path.parts[0] for path in files_in_context(ROOT)}
    assert tops <= {"app", "templates", "static", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert not any("__pycache__" in path.parts for path in files_in_context(ROOT))


def test_container_is_confined() -> None:
    for line in (
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
        "mem_limit:",
        "pids_limit:",
        "- /tmp:",
    ):
        assert line in COMPOSE
    assert '"127.0.0.1:${PORT:-8000}:8000"' in COMPOSE


def test_torch_pin_fits_any_build_of_torch() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert [pin for pin in pins if pin.startswith("torch==")] == ["torch==2.13.0"]
    assert [pin for pin in pins if pin and pin[0] != "#" and not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []


# ------------------------------------------------------------------------------------------------- the rehearsal reads


def test_continued_lines_are_one_instruction() -> None:
    text = "# a comment\nRUN one \\\n    && two\n\nUSER 1:1\n"
    assert parse_dockerfile(text) == (Instruction("RUN", "one  && two"), Instruction("USER", "1:1"))


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("app/main.py", False),
        ("app/web/__pycache__/a.pyc", True),
        ("tests/test_x.py", True),
        (".git/config", True),
    ],
)
def test_last_matching_ignore_rule_decides(path: str, ignored: bool) -> None:
    assert is_ignored(Path(path), ["*", "!app", "**/__pycache__", "**/*.pyc"]) is ignored


def test_image_folders_are_found_under_the_scratch_root(tmp_path: Path) -> None:
    image = Image(tmp_path, {})
    assert (
        image.inside("PATH=/opt/venv/bin:/usr/bin HOME=/tmp")
        == f"PATH={tmp_path}/opt/venv/bin:/usr/bin HOME={tmp_path}/tmp"
    )
    assert image.inside("http://127.0.0.1:8000/healthz a/opt/b") == "http://127.0.0.1:8000/healthz a/opt/b"
