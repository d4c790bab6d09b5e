"""Runs the Dockerfile's steps without Docker and serves from what they leave behind.

A scratch folder stands for the image's root: the folders an image owns (/opt, /srv, /tmp) are looked for inside it.
Then the tree is made read-only, the image's CMD starts as its USER (where we are root), its HEALTHCHECK must turn
healthy, a program must run sealed, and nothing may have been written outside /tmp. What this cannot show: the base
image itself, Docker's own seccomp profile and its limits.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
OWNED = re.compile(r"(?<![\w.])/(?=(?:opt|srv|tmp)\b)")
STEP_SECONDS, START_SECONDS, STOP_SECONDS = 900, 90, 20
PYTHONS = ("/usr/local/bin/python3", "/usr/bin/python3.11", "/usr/bin/python3", sys.executable)
PROGRAM = "x = torch.tensor(2.0, requires_grad=True)\ny = x * x\ny.backward()"


class RehearsalFailed(Exception):
    """Says which step failed and how."""


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    argument: str


@dataclass(slots=True)
class Image:
    """What the steps so far have made: the root's folder and the image's configuration."""

    root: Path
    environment: dict[str, str]
    workdir: str = "/"
    arguments: dict[str, str] = field(default_factory=dict)
    user: str = ""
    healthcheck: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def inside(self, text: str) -> str:
        """The same text with the image's own folders replaced by those under the scratch root."""
        return OWNED.sub(f"{self.root}/", text)

    def place(self, path: str) -> Path:
        return self.root / os.path.normpath(f"{self.workdir}/{path}" if path[0] != "/" else path).lstrip("/")


def parse_dockerfile(text: str) -> tuple[Instruction, ...]:
    """Comments dropped, continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return tuple(Instruction(*line.strip().split(None, 1)) for line in joined.splitlines() if line.strip())


def files_in_context(repository: Path) -> Iterator[Path]:
    """Relative paths that .dockerignore lets through; the last rule that matches a path or its parent decides."""
    rules = [line.strip() for line in (repository / ".dockerignore").read_text().splitlines()]
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    wanted = [rule[1:] for rule in rules if rule.startswith("!")]
    for top in sorted(repository.iterdir()):
        if top.name not in wanted:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(repository)
            if path.is_file() and not is_ignored(relative, rules):
                yield relative


def is_ignored(path: Path, rules: list[str]) -> bool:
    ignored = False
    names = [str(path), *(str(parent) for parent in path.parents if parent.name)]
    for rule in rules:
        pattern = rule.lstrip("!")
        deep = pattern.removeprefix("**/")
        if any(fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(Path(name).name, deep) for name in names):
            ignored = not rule.startswith("!")
    return ignored


# ------------------------------------------------------------------------------------------------------- the steps


def build(instructions: tuple[Instruction, ...], scratch: Path, python: str) -> Image:
    """Every stage's root lies at the same place, as in Docker, so that absolute paths stay true when copied on."""
    stages: dict[str, Path] = {}
    tools = scratch / "tools"
    tools.mkdir()
    (tools / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n')
    (tools / "python").chmod(0o755)
    image, stage = new_image(scratch, tools), ""
    for instruction in instructions:
        started = time.monotonic()
        if instruction.name == "FROM":
            if stage:
                stages[stage] = image.root.rename(scratch / f"stage-{stage}")
            image, stage = new_image(scratch, tools), instruction.argument.split()[-1]
        else:
            run_step(image, instruction, stages)
        print(
            f"  {time.monotonic() - started:6.1f} s  {instruction.name} {instruction.argument[:90]}",
            flush=True,
        )
    return image


def new_image(scratch: Path, tools: Path) -> Image:
    root = scratch / "root"
    for name in ("opt", "srv", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    # pip is configured on each machine in its own way: what the caller's environment says of it stays valid.
    machine = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    return Image(
        root,
        {"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), **machine},
    )


def run_step(image: Image, instruction: Instruction, stages: dict[str, Path]) -> None:
    match instruction:
        case Instruction("ARG", argument):
            name, _, default = argument.partition("=")
            image.arguments[name] = os.environ.get(
                name, shlex.split(default)[0] if default.strip('"') else ""
            )
        case Instruction("ENV", argument):
            pairs = (pair.partition("=") for pair in shlex.split(argument))
            image.environment.update({name: image.inside(value) for name, _, value in pairs})
        case Instruction("WORKDIR", argument):
            image.workdir = argument
            image.place(argument).mkdir(parents=True, exist_ok=True)
        case Instruction("COPY", argument):
            copy(image, shlex.split(argument), stages)
        case Instruction("RUN", argument):
            run(image, image.inside(argument))
        case Instruction("USER", argument):
            image.user = argument
        case Instruction("HEALTHCHECK", argument):
            image.healthcheck = tuple(json.loads(argument.partition("CMD ")[2]))
        case Instruction("CMD", argument):
            image.command = tuple(json.loads(argument))
        case Instruction("EXPOSE" | "STOPSIGNAL", _):
            pass
        case _:
            raise RehearsalFailed(f"the rehearsal does not know {instruction.name}")


def copy(image: Image, words: list[str], stages: dict[str, Path]) -> None:
    *sources, target = [word for word in words if not word.startswith("--")]
    stage = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
    if stage is not None:
        for source in sources:
            shutil.copytree(
                stages[stage] / source.lstrip("/"), image.place(target), symlinks=True, dirs_exist_ok=True
            )
        return
    context = tuple(files_in_context(REPOSITORY))
    for source in sources:
        found = [path for path in context if path == Path(source) or Path(source) in path.parents]
        if not found:
            raise RehearsalFailed(f"COPY {source}: not in the build context")
        for path in found:
            into = image.place(target) / (path.name if path == Path(source) else path.relative_to(source))
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, into)


def run(image: Image, command: str) -> None:
    environment = {**image.arguments, **image.environment}
    step = subprocess.run(
        ["/bin/sh", "-c", command], cwd=image.place("."), env=environment, timeout=STEP_SECONDS,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if step.returncode:
        raise RehearsalFailed(f"RUN {command}\n{step.stdout[-4000:]}")


# ------------------------------------------------------------------------------------------------------ the service


def serve(image: Image, port: int) -> None:
    """Start CMD as USER on the read-only tree, wait for HEALTHCHECK, run a program, stop."""
    before = lock(image)
    environment = {**image.environment, "PLAYGROUND_PORT": str(port), "PLAYGROUND_HOST": "127.0.0.1"}
    uid = int(image.user.split(":")[0])
    identity: dict[str, Any] = {"user": uid, "group": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    if not identity:
        print("  not root: the service runs as you, not as the image's USER")
    program, *rest = image.command
    found = shutil.which(program, path=environment["PATH"])
    if found is None:
        raise RehearsalFailed(f"CMD: there is no {program} in the image")
    with (image.root / "tmp" / "log").open("w+b") as log:
        service = subprocess.Popen(
            [found, *rest], cwd=image.place("."), env=environment, stdout=log, stderr=log, **identity
        )
        try:
            wait_until_healthy(image, environment, service, port)
            answer = run_program(port)
        except RehearsalFailed as error:
            log.seek(0)
            raise RehearsalFailed(f"{error}\n{log.read().decode(errors='replace')[-4000:]}") from None
        finally:
            stop(service)
    if (answer["outcome"]["kind"], answer["tensors"][0]["grad"]["data"]) != ("completed", 4.0):
        raise RehearsalFailed(f"the program's answer was {json.dumps(answer)[:1000]}")
    if written := tree(image) - before:
        raise RehearsalFailed(f"written outside /tmp: {sorted(written)[:10]}")


def lock(image: Image) -> set[str]:
    """Take away every write permission; /tmp stays open. Returns what the tree holds."""
    for path in [image.root, *image.root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    (image.root / "tmp").chmod(0o1777)
    return tree(image)


def tree(image: Image) -> set[str]:
    return {str(path) for name in ("opt", "srv") for path in (image.root / name).rglob("*")}


def wait_until_healthy(
    image: Image, environment: dict[str, str], service: subprocess.Popen[bytes], port: int
) -> None:
    check = [word.replace(":8000/", f":{port}/") for word in image.healthcheck]
    check[0] = shutil.which(check[0], path=environment["PATH"]) or check[0]
    started = time.monotonic()
    while subprocess.run(check, env=environment, capture_output=True, check=False).returncode:
        if service.poll() is not None:
            raise RehearsalFailed(f"CMD ended with {service.returncode} before it was healthy")
        if time.monotonic() - started > START_SECONDS:
            raise RehearsalFailed(f"not healthy after {START_SECONDS} s")
        time.sleep(0.5)
    print(f"  {time.monotonic() - started:6.1f} s  from CMD to a healthy HEALTHCHECK")


def run_program(port: int) -> Any:
    health = ask(port, "/healthz", None)
    if health.get("sealed") is not True:
        raise RehearsalFailed(f"the service is not sealed: {health}")
    return ask(port, "/api/v1/evaluate", {"source": PROGRAM})


def ask(port: int, path: str, body: object) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data,
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def stop(service: subprocess.Popen[bytes]) -> None:
    """SIGTERM, as `docker stop` sends it; the service must end by itself."""
    service.send_signal(signal.SIGTERM)
    try:
        service.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
        raise RehearsalFailed(f"still running {STOP_SECONDS} s after SIGTERM") from None


# ------------------------------------------------------------------------------------------------------- the command


def stand_in_python() -> str:
    """An interpreter for the base image's: 3.11 or newer, able to make environments, readable by everybody."""
    probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    for candidate in PYTHONS:
        path = Path(candidate).resolve()
        open_to_all = path.exists() and all(folder.stat().st_mode & 0o001 for folder in path.parents)
        if (
            open_to_all
            and not subprocess.run([path, "-c", probe], capture_output=True, check=False).returncode
        ):
            return str(path)
    raise RehearsalFailed(
        "no Python 3.11 with venv that an unprivileged user may run (looked at: " + ", ".join(PYTHONS)
    )


def lint(dockerfile: Path) -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        print("  hadolint is not on PATH: the Dockerfile was not linted")
    elif subprocess.run([hadolint, str(dockerfile)], check=False).returncode:
        raise RehearsalFailed("hadolint")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    dockerfile = REPOSITORY / "Dockerfile"
    scratch = Path(tempfile.mkdtemp(prefix="docker-rehearsal-"))
    scratch.chmod(0o755)
    try:
        lint(dockerfile)
        image = build(parse_dockerfile(dockerfile.read_text()), scratch, stand_in_python())
        serve(image, free_port())
    except RehearsalFailed as error:
        sys.exit(f"docker-rehearsal failed: {error}")
    finally:
        subprocess.run(["chmod", "-R", "u+w", scratch], check=False)
        shutil.rmtree(scratch)
    print(
        "docker-rehearsal: the image's steps run, and what they install serves sealed from a read-only tree"
    )


if __name__ == "__main__":
    main()
