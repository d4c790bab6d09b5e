"""`y = x*w + b`, run backward and drawn: our server against what people do today, interleaved in one run.

Ours: HTTP, sealed, JSON with the picture's SVG, over one kept-alive connection. Against it: torchviz in this process,
a warm Jupyter kernel running the same cell, a bare HTTP echo of 5 KB, and torch alone. Then the throughput at four
connections, what recording adds to a call, and the memory of an idle spare. Ratios hold on a busy machine where
milliseconds do not.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS, WARM_UP, SECONDS = 150, 15, 90.0
CONNECTIONS, THROUGHPUT_SECONDS = 4, 5.0
START_SECONDS = 90.0
ECHO_BYTES = 5 * 1024

PROGRAM = "y = x*w + b"
INPUTS = {
    name: {"value": value, "requires_grad": True} for name, value in (("x", 2.0), ("w", 3.0), ("b", 1.0))
}
BODY = json.dumps({"source": PROGRAM, "inputs": INPUTS, "graph": {"format": "svg"}}).encode()
RAW = """
x, w, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, 1.0))
y = x*w + b
"""
DRAW_BY_BINARY = "svg = make_dot(y, params=dict(x=x, w=w, b=b)).pipe(format='svg')"
DRAW_BY_LIBRARY = """
svg = pygraphviz.AGraph(string=make_dot(y, params=dict(x=x, w=w, b=b)).source).draw(format='svg', prog='dot')
"""
IMPORTS = "import torch, pygraphviz\nfrom torchviz import make_dot\ntorch.set_num_threads(1)"
OVERHEAD = """
import time
x = torch.ones(3)
def microseconds(calls):
    started = time.process_time()
    for _ in range(calls):
        x + 1.0
    return (time.process_time() - started) / calls * 1e6
recorded = microseconds(1000)
microseconds(10_000)  # past the limit of steps the recorder leaves
print(recorded - microseconds(1000))
"""
ECHO = f"""
import sys, uvicorn
from starlette.responses import Response

async def app(scope, receive, send):
    await Response(b"x" * {ECHO_BYTES})(scope, receive, send)

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", lifespan="off", loop="uvloop", http="httptools")
"""
SERVE = "import sys; from app.main import main; sys.exit(main())"
REPOSITORY = Path(__file__).resolve().parent.parent

Action = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: what was measured, the bound it must keep, and which way is good."""

    name: str
    measured: float
    bound: float
    at_most: bool = True

    def __str__(self) -> str:
        kept = self.measured <= self.bound if self.at_most else self.measured >= self.bound
        sign = "<=" if self.at_most else ">="
        return (
            f"  {'kept  ' if kept else 'MISSED'}  {self.name:<50} {self.measured:9.2f}  {sign} {self.bound:g}"
        )


# ---------------------------------------------------------------------------------------------------- the contenders


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(code: str, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, env={**os.environ, **settings}
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def connect(port: int, path: str) -> http.client.HTTPConnection:
    """A kept-alive connection, once `path` answers 200."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return connection
        except OSError:
            pass
        connection.close()
        if time.monotonic() > deadline:
            sys.exit(f"nothing healthy on port {port} after {START_SECONDS:g} s")
        time.sleep(0.1)


def evaluate(connection: http.client.HTTPConnection, body: bytes = BODY) -> bytes:
    connection.request("POST", "/api/v1/evaluate", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"evaluate answered {answer.status}: {text[:500]!r}")
    return text


def check_answer(text: bytes) -> None:
    """What is timed must be the whole thing: the value, the gradients and the picture."""
    answer = json.loads(text)
    grads = {record["name"]: record["grad"] for record in answer["tensors"] if record["grad"]}
    assert answer["outcome"]["kind"] == "completed", answer["outcome"]
    assert [grads[name]["data"] for name in "xwb"] == [3.0, 2.0, 1.0], grads
    assert answer["graph"]["svg"].startswith("<svg"), answer["graph"]["svg"][:100]


def get(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/")
    connection.getresponse().read()


def in_process(code: str) -> Action:
    """Compiled once, run in one namespace: what a script does that has imported everything."""
    names: dict[str, Any] = {}
    exec(IMPORTS, names)
    compiled = compile(code, "<benchmark>", "exec")
    return lambda: exec(compiled, names)


@contextmanager
def jupyter(code: str) -> Iterator[Action]:
    """A warm kernel that runs the cell and shows the SVG; timed until its output and its idle message are here."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=60, stderr=subprocess.DEVNULL)
    shown = f"{code}\ndisplay(SVG(svg))"
    try:
        run_cell(client, f"{IMPORTS}\nfrom IPython.display import SVG, display", 0)
        yield lambda: run_cell(client, shown, 1)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client: Any, code: str, pictures: int) -> None:
    request, seen = client.execute(code), 0
    while True:
        try:
            message = client.get_iopub_msg(timeout=60)
        except queue.Empty:
            sys.exit("the Jupyter kernel does not answer")
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            sys.exit("\n".join(content["traceback"]))
        seen += kind == "display_data" and "image/svg+xml" in content["data"]
        if kind == "status" and content["execution_state"] == "idle":
            assert seen == pictures, f"{seen} pictures shown"
            return


# ---------------------------------------------------------------------------------------------------- the measurements


def interleave(actions: dict[str, Action]) -> dict[str, list[float]]:
    """Milliseconds of each action, one of each per round, so that a busy second hurts all of them."""
    for action in actions.values():
        for _ in range(WARM_UP):
            action()
    taken: dict[str, list[float]] = {name: [] for name in actions}
    deadline = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            taken[name].append((time.perf_counter() - started) * 1e3)
        if time.monotonic() > deadline:
            break
    return taken


def throughput(port: int) -> float:
    """Finished sealed runs a second over several kept-alive connections."""
    counts, deadline = [0] * CONNECTIONS, time.monotonic() + THROUGHPUT_SECONDS

    def work(worker: int) -> None:
        connection = connect(port, "/healthz")
        while time.monotonic() < deadline:
            evaluate(connection)
            counts[worker] += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(CONNECTIONS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)


def recording_overhead(connection: http.client.HTTPConnection) -> float:
    """Microseconds of CPU that recording adds to one small torch call: the program times itself, recorded and not."""
    body = json.dumps({"source": OVERHEAD, "graph": {"format": "none"}}).encode()
    answers = [json.loads(evaluate(connection, body)) for _ in range(9)]
    return statistics.median(float("".join(part["text"] for part in answer["output"])) for answer in answers)


def spare_megabytes(server_pid: int) -> float | None:
    """Private memory of an idle spare: the median over the fork server's children; None where it may not be read."""
    spares = [child for worker in descendants(server_pid) if is_worker(worker) for child in children(worker)]
    sizes = []
    for pid in spares:
        try:
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes.append(
            sum(int(row.split()[1]) for row in rows if row.startswith(("Private_Clean", "Private_Dirty")))
        )
    return statistics.median(sizes) / 1024 if sizes else None


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in lists for child in file.read_text().split()]


def is_worker(pid: int) -> bool:
    return b"app.worker" in Path(f"/proc/{pid}/cmdline").read_bytes() and bool(children(pid))


# ---------------------------------------------------------------------------------------------------------- the table


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def print_table(taken: dict[str, list[float]]) -> None:
    ours = quantile(next(iter(taken.values())), 0.5)
    print(f"\n{'':<44}{'p50 ms':>9}{'p99 ms':>9}{'ours is':>10}")
    for name, values in taken.items():
        middle = quantile(values, 0.5)
        print(f"{name:<44}{middle:9.2f}{quantile(values, 0.99):9.2f}{ours / middle:9.2f}x")


def main() -> None:
    draw = DRAW_BY_BINARY if shutil.which("dot") else DRAW_BY_LIBRARY
    how = "dot" if shutil.which("dot") else "pygraphviz"
    cell = f"{RAW}y.backward()\n{draw}"
    port, echo_port = free_port(), free_port()
    settings = {"PLAYGROUND_PORT": str(port), "PLAYGROUND_RUNS_PER_MINUTE": "0"}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; at most {ROUNDS} rounds, interleaved")
    with ExitStack() as stack:
        ours = stack.enter_context(server(SERVE, "serve", **settings))
        stack.enter_context(server(ECHO, str(echo_port)))
        notebook = stack.enter_context(jupyter(cell))
        peers = {
            f"torchviz in process ({how})": in_process(cell),
            f"Jupyter kernel, same cell ({how})": notebook,
            "torch alone, no picture": in_process(f"{RAW}y.backward()"),
        }
        # Last, because an idle connection is closed after a few seconds.
        evaluating, echoing = connect(port, "/healthz"), connect(echo_port, "/")
        check_answer(evaluate(evaluating))
        own = {"playground: HTTP, sealed, SVG": lambda: evaluate(evaluating)}
        taken = interleave({**own, **peers, "HTTP echo of 5 KB": lambda: get(echoing)})
        rate = throughput(port)
        overhead = recording_overhead(connect(port, "/healthz"))
        time.sleep(1)
        spare = spare_megabytes(ours.pid)
    print_table(taken)
    middle, torchviz, kernel, *_ = (quantile(values, 0.5) for values in taken.values())
    print()
    print(Bar("p50 against torchviz in process", middle / torchviz, 0.5))
    print(Bar("p50 against the Jupyter kernel", middle / kernel, 0.33))
    print(Bar(f"sealed runs a second, {CONNECTIONS} connections", rate, 100, at_most=False))
    print(Bar("microseconds recording adds to a call", overhead, 3))
    if spare is None:
        print("  -       private memory of a spare: not readable as this user")
    else:
        print(Bar("private MiB of an idle spare", spare, 5))


if __name__ == "__main__":
    main()
