"""Live runs over the real sandbox: a loss that comes while it trains, a killed child, a server that stops."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.processes import PATIENCE, busiest
from tests.real_app import RealApp, started_app

RUNS = "/api/v1/runs"
TRAIN = """
x = torch.linspace(-1, 1, 64).unsqueeze(1)
net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = optim.SGD(net.parameters(), lr=0.05)
for epoch in range({epochs}):
    loss = F.mse_loss(net(x), x ** 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""".strip()


@pytest.fixture(scope="module")
def app() -> Iterator[RealApp]:
    with started_app() as started:
        yield started


def start(app: RealApp, epochs: int) -> dict[str, Any]:
    body = {"source": TRAIN.replace("{epochs}", str(epochs)), "graph": {"format": "none"}, "seed": 0}
    answer: dict[str, Any] = httpx.post(app.url + RUNS, json=body, timeout=PATIENCE).raise_for_status().json()
    return answer


def events(app: RealApp, run: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Kind and data of each event, as they come."""
    with httpx.stream("GET", app.url + run["events"], timeout=PATIENCE) as response:
        kind = ""
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


def test_loss_comes_while_the_program_trains(app: RealApp) -> None:
    told = list(events(app, start(app, 2_000)))
    kinds = [kind for kind, _ in told]
    assert kinds.count("training") > 3
    assert kinds[-1] == "done"
    done = told[-1][1]
    points = [each for kind, data in told if kind == "training" for each in data["points"]]
    loss = next(curve for curve in done["curves"] if curve["series"]["name"] == "loss")
    values = [
        value for each in points if each["series"] == loss["series"]["index"] for value in each["values"]
    ]
    assert len(values) == loss["count"] == 2_000
    assert (values[0], values[-1], min(values)) == (loss["first"], loss["last"], loss["minimum"])
    assert done["trace"]["outcome"] == {"kind": "completed"}
    assert done["trace"]["curves"] == done["curves"]


def test_stop_ends_a_real_program(app: RealApp) -> None:
    run = start(app, 10_000_000)
    stream = events(app, run)
    assert any(kind == "training" for kind, _ in stream)
    state = httpx.delete(f"{app.url}{RUNS}/{run['id']}", timeout=PATIENCE).json()["state"]
    assert [kind for kind, _ in stream][-1] == "done"
    assert state == "stopped"


def test_killed_child_is_told_with_the_last_step(app: RealApp) -> None:
    run = start(app, 10_000_000)
    stream = events(app, run)
    assert any(kind == "training" for kind, _ in stream)
    victim = next(child for _ in stream if (child := busiest(app.children())) is not None)
    os.kill(victim.pid, signal.SIGKILL)
    kind, done = list(stream)[-1]
    assert (kind, done["state"], done["error"]["code"]) == ("done", "failed", "worker_lost")
    assert done["progress"]["done"] > 0
    last = done["progress"]["optimiser_steps"]
    assert done["error"]["message"].endswith(f"The last optimiser step heard of was number {last}.")
    assert done["curves"][0]["points"]["steps"][-1] > 0


def test_server_that_is_told_to_stop_does_not_wait_for_viewers() -> None:
    with started_app() as own:
        stream = events(own, start(own, 10_000_000))
        assert any(kind == "training" for kind, _ in stream)
        own.process.terminate()
        assert list(stream)[-1][1]["reason"] == "closing"
        own.process.wait(PATIENCE)


def test_expression_is_watched_from_the_middle_of_a_run_on(app: RealApp) -> None:
    body = {"source": TRAIN.replace("{epochs}", "40"), "watch": ["nothing"], "pace": {"paused": True}}
    run = httpx.post(app.url + RUNS, json=body, timeout=PATIENCE).raise_for_status().json()
    control = f"{app.url}{RUNS}/{run['id']}/control"
    told = events(app, run)
    assert next(data for kind, data in told if kind == "held" and data["state"] == "paused")
    httpx.post(control, json={"do": "step"}).raise_for_status()
    fault = next(data for kind, data in told if kind == "watching")
    assert (fault["expression"], fault["followed"]) == ("nothing", "error")
    httpx.post(control, json={"do": "watch", "expression": "net[0].weight"}).raise_for_status()
    httpx.post(control, json={"do": "resume"}).raise_for_status()
    (done,) = (data for kind, data in told if kind == "done")
    (norm,) = (each for each in done["curves"] if each["series"]["kind"] == "watched")
    assert norm["series"]["name"] == "‖net[0].weight‖"
    assert norm["points"]["steps"] == list(range(1, 40))
    nothing, weight = done["trace"]["watched"]
    assert nothing["error"] == "NameError: name 'nothing' is not defined"
    assert weight["value"]["statistics"]["norm"] == pytest.approx(norm["last"], rel=1e-5)


def test_values_and_warnings_come_while_the_program_runs(app: RealApp) -> None:
    source = (
        "# %%\n1 + 1\n# %%\nimport warnings\nwarnings.warn('slow')\ndisplay('all')\n# %%\nwhile True: pass"
    )
    run = (
        httpx.post(app.url + RUNS, json={"source": source, "graph": {"format": "none"}})
        .raise_for_status()
        .json()
    )
    told = {}
    for kind, data in events(app, run):
        told[kind] = data
        if kind == "shown" and data["shown"]["displayed"]:
            httpx.delete(f"{app.url}{RUNS}/{run['id']}").raise_for_status()
        elif kind == "shown":
            assert (data["shown"]["text"], data["shown"]["cell"]) == ("2", 0)
    assert told["shown"]["shown"]["text"] == "'all'"
    assert (told["warned"]["warned"]["category"], told["warned"]["warned"]["message"]) == (
        "UserWarning",
        "slow",
    )
    assert told["done"]["state"] == "stopped"
