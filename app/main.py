"""The `tensor-playground` command: serve the page, run one file, or say what this machine can do.

The only place that reads the environment and puts the rooms together.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter

from app import terminal
from app.drawing.graphviz_process import Graphviz
from app.program import parse_program
from app.request import check_request
from app.sandbox.face import SealLayer
from app.sandbox.local import LocalSandbox, SandboxPlan, cpu_seconds
from app.settings import Settings, SettingsError
from app.vocabulary.errors import PlaygroundError, ProgramRefused
from app.vocabulary.trace import Completed, InputSpec, RunRequest, Trace
from app.web.app import create_app
from app.words import json_for_terminal
from app.worker.sealing.seal import probe_layers

GPU_DRIVER = Path("/dev/nvidiactl")


class SealMissing(Exception):
    """A required layer of the seal does not hold here; nothing may be run."""


def plan_sandbox(settings: Settings) -> SandboxPlan:
    """What the sandbox shall be; SealMissing where strangers' programs could not be held."""
    limits = settings.limits()
    layers = tuple(
        SealLayer(layer.name, layer.active, layer.required, layer.detail)
        for layer in probe_layers(limits.process_bytes, cpu_seconds(limits))
    )
    missing = [layer for layer in layers if layer.required and not layer.active]
    if missing and not settings.allow_unsealed:
        reasons = "; ".join(f"{layer.name}: {layer.detail}" for layer in missing)
        raise SealMissing(
            f"The seal does not hold here ({reasons}). On your own machine, where only you can reach the page, "
            "PLAYGROUND_ALLOW_UNSEALED=1 runs programs without it."
        )
    return SandboxPlan(
        limits=limits,
        slots=settings.slots,
        spares=max(1, settings.spares),
        sealed=not missing,
        gpu=GPU_DRIVER.exists(),
        layers=layers,
    )


def build_app(settings: Settings) -> FastAPI:
    """The whole application; its lifespan starts and ends the sandbox and Graphviz."""
    sandbox = LocalSandbox(plan_sandbox(settings))
    graphviz = Graphviz(settings.drawing_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with sandbox.running():
            try:
                yield
            finally:
                await graphviz.close()

    return create_app(sandbox, graphviz, settings, lifespan)


# --------------------------------------------------------------------------------------------- serve


class Server(uvicorn.Server):
    """Says where it listens once it really does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for listener in server.sockets:
                host, port = listener.getsockname()[:2]
                print(f"Tensor Playground is ready on http://{host}:{port}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Live runs end first: their viewers' connections would keep the server waiting."""
        if isinstance(self.config.app, FastAPI):
            await self.config.app.state.playground.runs.close()
        await super().shutdown(sockets)


def collect_rarely() -> None:
    """Python's collector would look at a large picture's thousands of pieces again and again while it is drawn.

    What was imported stays and is not looked at any more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve(settings: Settings) -> int:
    app = build_app(settings)
    collect_rarely()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,  # else each line is put together before it is found to be no warning
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    server.run()
    return 0 if server.started else 1


# --------------------------------------------------------------------------------------- run, doctor


async def run_file(settings: Settings, path: Path, request: RunRequest, as_json: bool) -> int:
    """Run one program and print its trace; 0 when it completed."""
    source = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    limits = settings.limits()
    program = parse_program(source, limits)
    check_request(program, request, limits)
    async with LocalSandbox(
        replace(plan_sandbox(settings), slots=1, spares=1, lasting=False)
    ).running() as sandbox:
        trace = await sandbox.run(program, request)
    show(trace, program.source, as_json)
    return 0 if isinstance(trace.outcome, Completed) else 1


def show(trace: Trace, source: str, as_json: bool) -> None:
    if as_json:
        print(json_for_terminal(TypeAdapter(Trace).dump_json(trace).decode()))
    else:
        say(terminal.describe_trace(trace, source))


async def doctor(settings: Settings) -> int:
    """Print versions, devices and every layer of the seal; 0 when programs would be run sealed."""
    plan = replace(plan_sandbox(replace(settings, allow_unsealed=True)), slots=1, spares=1, lasting=False)
    async with LocalSandbox(plan).running() as sandbox:
        versions = sandbox.health().versions
        print(
            f"python {versions.python}, torch {versions.torch}, numpy {versions.numpy}, {platform.platform()}"
        )
        print("devices:")
        say(terminal.describe_devices(sandbox.devices()))
    print("seal:")
    say(terminal.describe_layers(plan.layers))
    print(
        "programs run sealed" if plan.sealed else "programs would NOT be sealed: the service refuses to start"
    )
    return 0 if plan.sealed else 1


def say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


# --------------------------------------------------------------------------------------- the command


def read_inputs(pairs: list[str]) -> dict[str, InputSpec]:
    """Inputs from `NAME=JSON`: a value, or an object like the API's. ValueError says which is no input."""
    inputs = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            given = json.loads(text, parse_constant=str)
            given = given if isinstance(given, dict) else {"value": given}
            inputs[name] = TypeAdapter(InputSpec).validate_json(json.dumps(given))
        except ValueError as error:
            raise ValueError(f"--input {pair}: {error}") from None
    return inputs


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tensor-playground", description="Type PyTorch, see tensors and autograd."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve the page and the API")
    serving.add_argument("--host", help="address to listen on")
    serving.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    running = commands.add_parser("run", help="run a program, sealed, and print its trace")
    running.add_argument("file", type=Path, help="the program; - reads it from standard input")
    running.add_argument("--json", action="store_true", help="print the whole trace as JSON")
    running.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or auto")
    running.add_argument("--backward", default="auto", help="auto, none or the name of a tensor")
    running.add_argument("--seed", type=int, help="seed of the random generators")
    running.add_argument(
        "--input", action="append", default=[], metavar="NAME=JSON", help="a free name's value"
    )
    running.add_argument(
        "--stand-ins", action="store_true", help="built-in data where the program would download some"
    )
    commands.add_parser("doctor", help="say what this machine can do, and whether the seal holds")
    return parser


def obey(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.command:
        case "serve":
            given = {"host": arguments.host, "port": arguments.port}
            changed = {name: value for name, value in given.items() if value is not None}
            return serve(replace(settings, **changed).checked())
        case "run":
            request = RunRequest(
                read_inputs(arguments.input),
                arguments.device,
                arguments.backward,
                arguments.seed,
                stand_ins=arguments.stand_ins,
            )
            return asyncio.run(run_file(settings, arguments.file, request, arguments.json))
        case _:
            return asyncio.run(doctor(settings))


def main() -> int:
    arguments = make_parser().parse_args()
    try:
        return obey(arguments, Settings.from_environ(os.environ))
    except ProgramRefused as refused:
        say(terminal.describe_problems(refused.problems))
    except (PlaygroundError, SettingsError, SealMissing, OSError, ValueError) as error:
        print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
