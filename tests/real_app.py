"""The whole application as its command starts it, and what every answer of it must look like."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.processes import Process, descendants

ROOT = Path(__file__).parents[1]
READY = "Tensor Playground is ready on "
EVALUATE = "/api/v1/evaluate"
STOPPING_SECONDS = 20


@dataclass(frozen=True, slots=True)
class RealApp:
    url: str
    process: subprocess.Popen[str]

    def family(self) -> tuple[Process, ...]:
        return descendants(self.process.pid)

    def server(self) -> Process | None:
        """The fork server."""
        found = (each for each in self.family() if each.parent == self.process.pid)
        return next((each for each in found if "-m app.worker " in each.command), None)

    def graphviz(self) -> Process | None:
        return next((each for each in self.family() if "graphviz_main" in each.command), None)

    def children(self) -> tuple[Process, ...]:
        """The sealed children, oldest first."""
        server = self.server()
        return tuple(each for each in self.family() if server and each.parent == server.pid)


@contextmanager
def started_app(**settings: str) -> Iterator[RealApp]:
    """Start the command on a free port and wait for the line that says it is ready; end it with SIGTERM."""
    given = {f"PLAYGROUND_{name.upper()}": value for name, value in settings.items()}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PLAYGROUND_")}
    with subprocess.Popen(
        [sys.executable, "-m", "app.main", "serve", "--host", "127.0.0.1", "--port", "0"],
        cwd=ROOT,
        env={**environ, "PLAYGROUND_RUNS_PER_MINUTE": "0", **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(READY), line
            yield RealApp(line.removeprefix(READY).strip(), process)
        finally:
            process.terminate()
            try:
                process.wait(STOPPING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def check_answer(response: httpx.Response) -> dict[str, Any]:
    """A 200 holds a trace, everything else the one error shape; returns what is inside."""
    assert response.headers["content-type"] == "application/json", response.text[:500]
    answer: dict[str, Any] = response.json()
    if response.status_code == 200:
        assert {"outcome", "tensors", "output", "graph", "limits", "timings"} <= set(answer)
        assert answer["outcome"]["kind"] in ("completed", "raised", "stopped", "crashed")
        return answer
    assert set(answer) == {"error"}, response.text[:500]
    error: dict[str, Any] = answer["error"]
    assert set(error) == {"code", "message", "problems", "retry_after", "source", "repairs", "advice"}
    assert error["code"]
    assert error["message"]
    for problem in error["problems"]:
        assert set(problem) == {"code", "message", "span", "name"}
        assert problem["message"]
    if response.status_code in (429, 503):
        assert int(response.headers["retry-after"]) == error["retry_after"] >= 1
    return error
