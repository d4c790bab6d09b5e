"""What the documentation claims: commands, tree, links, settings, and the API example against the running service."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings import describe_settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SERVE = "import sys; from app.main import main; sys.exit(main())"
START_SECONDS = 300.0


def code_block(page: str, holding: str) -> str:
    """The one fenced block of `page` that holds these words."""
    found = [
        block
        for block in re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        if holding in block
    ]
    assert len(found) == 1, f"{len(found)} blocks hold {holding!r}"
    block: str = found[0]
    return block


def listed_paths() -> Iterator[str]:
    """The tree's paths; two spaces of indentation put a line into the folder above it."""
    folder = ""
    for line in code_block(README, "constraints.txt").splitlines():
        path = line.split()[0]
        yield folder + path if line.startswith("  ") else path
        if not line.startswith("  "):
            folder = path


def test_make_targets_named_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named - targets == set()


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    help_text = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert phony
    assert set(re.findall(r"^  make ([a-z-]+)", help_text, re.MULTILINE)) == set(phony[1].split())


def test_tree_in_the_readme_is_the_real_one() -> None:
    listed = set(listed_paths())
    assert [path for path in listed if not (ROOT / path).exists()] == []
    names = set(re.findall(r"[\w.]+", code_block(README, "constraints.txt")))
    built = {path.name for path in (ROOT / "app").iterdir() if not path.name.startswith("__")}
    assert built - names == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_settings_page_lists_every_setting() -> None:
    rows = [
        row.split(" | ") for row in (ROOT / "docs" / "settings.md").read_text().splitlines() if "`PLAY" in row
    ]
    listed = [
        (name.strip("|` "), default.strip("` ").removesuffix("empty"), text.strip("| "))
        for name, default, text in rows
    ]
    assert listed == list(describe_settings())


# ------------------------------------------------------------------------------------------------- the running service


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The service as `make run` starts it, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve"], cwd=ROOT, env={**os.environ, "PLAYGROUND_PORT": str(port)}
    )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}/healthz", service)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        service.wait(60)


def wait_until_healthy(url: str, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    pytest.fail(f"the service is not healthy; exit status {service.poll()}")


def ask(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def holds(whole: Any, part: Any) -> bool:
    """Whether `part` is `whole` with fields and list items left out."""
    match part:
        case dict():
            return isinstance(whole, dict) and all(
                key in whole and holds(whole[key], part[key]) for key in part
            )
        case list() if part:
            return isinstance(whole, list) and all(
                any(holds(item, wanted) for item in whole) for wanted in part
            )
        case _:
            return bool(whole == part)


def test_curl_example_is_answered_as_the_readme_says(address: str) -> None:
    _, _, url, *rest = shlex.split(code_block(README, "curl -s"))
    answer = ask(url.replace("http://127.0.0.1:8000", address), rest[rest.index("-d") + 1].encode())
    assert holds(answer, json.loads(code_block(README, '"outcome"')))
    assert answer["graph"]["svg"].startswith("<svg")


def test_api_reference_is_served_where_the_readme_says(address: str) -> None:
    assert "/api/v1/evaluate" in ask(f"{address}/openapi.json")["paths"]
    with urllib.request.urlopen(f"{address}/docs", timeout=120) as page:
        assert page.status == 200


def test_commands_in_the_readme_are_understood() -> None:
    commands = {line.split()[1] for line in code_block(README, "tensor-playground doctor").splitlines()}
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-c", SERVE, command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, command in done.stdout) == (0, True), done.stderr


def test_part_of_an_answer_is_told_from_another() -> None:
    whole = {"a": [{"b": 1, "c": 2}, {"b": 3}], "d": None}
    assert holds(whole, {"a": [{"b": 3}], "d": None})
    assert not holds(whole, {"a": [{"b": 2}]})
    assert not holds(whole, {"e": None})
