"""The command: start the playground and two plain Pythons, run every program on each, print what differs and why.

Bounded: each program has its seconds, the whole may be given minutes or every n-th program. Results are kept in a file
as they come, so that a run cut short goes on where it was. Exits 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from app.settings import Settings
from scripts.conformance.compare import MORE_MEMORY, WATCH, Verdict, judge
from scripts.conformance.programs import REPOSITORY, Sample, read_docstrings, read_folder, read_seeds

READY = "Tensor Playground is ready on "
SECONDS = 10.0
"""What one program may take on either side."""
SEED = 0
FORBIDDEN = ("PermissionError", "DistStoreError", "DistNetworkError", "stopped")
PLENTY = 4 << 30
"""More memory than any example needs, less than would hurt the machine."""


class Plain:
    """A plain Python that runs programs one after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, source: str, memory: int, onednn: bool = True) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        ask = {"source": source, "seed": SEED, "seconds": SECONDS, "watch": WATCH}
        ask |= {"memory": memory, "onednn": onednn}
        print(json.dumps(ask), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def started(*arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A Python of ours, ended with the block."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PLAYGROUND_")}
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        env={**kept, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def playground(memory: str | None) -> Iterator[httpx.Client]:
    """The real service on a free port of this machine."""
    settings = {"PLAYGROUND_RUNS_PER_MINUTE": "0", **({"PLAYGROUND_MEMORY": memory} if memory else {})}
    with started("app.main", "serve", "--port", "0", **settings) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(READY):
            sys.exit(f"the playground did not start: {line!r}")
        with httpx.Client(base_url=line.removeprefix(READY).strip(), timeout=SECONDS + 60) as client:
            yield client


def ask_playground(client: httpx.Client, source: str) -> dict[str, Any]:
    body = {"source": source, "seed": SEED, "backward": "none", "watch": [WATCH], "graph": {"format": "none"}}
    answer: dict[str, Any] = client.post("/api/v1/evaluate", json=body).json()
    return answer


def compare_all(
    samples: Sequence[Sample], kept: Path, deadline: float, memory: str | None = None
) -> Iterator[Verdict]:
    """Every sample's verdict; those in the file are not run again. All of them have the same memory on both sides."""
    known = {verdict.sample: verdict for verdict in read_verdicts(kept)}
    allowed = Settings.from_environ({"PLAYGROUND_MEMORY": memory} if memory else {}).memory
    with ExitStack() as stack:
        client = stack.enter_context(playground(memory))
        # Other hashes, and other bytes in memory nobody wrote: what they change, no two runs have in common.
        environs: tuple[dict[str, str], ...] = ({}, {"PYTHONHASHSEED": "7", "MALLOC_PERTURB_": "165"})
        module = "scripts.conformance.plain"
        first, second = (Plain(stack.enter_context(started(module, **each))) for each in environs)
        record = stack.enter_context(kept.open("a", encoding="utf-8"))
        for sample in samples:
            verdict = known.get(sample)
            if verdict is None:
                if time.monotonic() > deadline:
                    return
                ours = ask_playground(client, sample.source)
                one = first.run(sample.source, allowed)
                if (
                    one["outcome"] in ("raised", "crashed")
                    and first.run(sample.source, PLENTY)["outcome"] == "completed"
                ):
                    one = {**one, "outcome": MORE_MEMORY}
                two = second.run(sample.source, allowed) if one["outcome"] == "completed" else one
                other = partial(second.run, sample.source, allowed, onednn=False)
                verdict = judge(sample, one, two, ours, other)
                print(json.dumps(asdict(verdict)), file=record, flush=True)
            yield verdict


def read_verdicts(path: Path) -> Iterator[Verdict]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            yield Verdict(**{**told, "sample": Sample(**told["sample"])})


# ------------------------------------------------------------------------------------------------------- the table


def share(name: str, values: list[bool], bar: float) -> bool:
    """Print one line of the table; whether its bar is kept."""
    if not values:
        return True
    part = sum(values) / len(values)
    kept = part >= bar
    print(
        f"  {'kept  ' if kept else 'MISSED'}  {name:<58} {sum(values):5} of {len(values):5}  {part:7.2%}  >= {bar:.1%}"
    )
    return kept


def print_table(origin: str, verdicts: Sequence[Verdict]) -> bool:
    ran = [verdict for verdict in verdicts if verdict.plain == "completed"]
    print(f"\n{origin}: {len(verdicts)} programs, of which plain Python runs {len(ran)} here")
    bars = [
        share("also run in the playground", [each.runs for each in ran], 0.99),
        share("print the same, where plain Python does twice", told(ran, "prints"), 0.995),
        share("leave the same tensors", told(ran, "tensors"), 0.995),
        share("with backward: a graph", told(ran, "graph"), 1.0),
        share("with a training loop: a loss series", told(ran, "series"), 0.95),
    ]
    large = sum(verdict.plain == MORE_MEMORY for verdict in verdicts)
    print(f"  -       {large} need more memory than a run has in plain Python, too, and are not compared")
    rest = [verdict for verdict in verdicts if verdict.plain not in ("completed", MORE_MEMORY)]
    alike = sum(verdict.runs for verdict in rest)
    print(f"  -       plain Python cannot run {len(rest)}; {alike} of them end here in the same way")
    unsteady = sum(verdict.runs and verdict.prints is None for verdict in ran)
    kernels = sum(verdict.runs and verdict.prints is None and bool(verdict.cause) for verdict in ran)
    print(
        f"  -       {unsteady - kernels} print otherwise each time in plain Python, too, and are not compared"
    )
    print(
        f"  -       {kernels} print other last digits, as plain Python does without oneDNN; not compared either"
    )
    forbidden = sum(verdict.cause in FORBIDDEN for verdict in ran)
    print(
        f"  -       {forbidden} of those not run ask for files or the network, or meet a limit that plain Python keeps"
    )
    return all(bars)


def told(verdicts: Sequence[Verdict], name: str) -> list[bool]:
    values = [getattr(verdict, name) for verdict in verdicts]
    return [value for value in values if value is not None]


def print_causes(title: str, groups: dict[str, list[str]]) -> None:
    if groups:
        print(f"\n{title}")
    for cause, lines in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        print(f"  {len(lines):4}  {cause}")
        for line in lines:
            print(f"          {line}")


def print_report(verdicts: Sequence[Verdict]) -> bool:
    by_origin, differ, cannot = defaultdict(list), defaultdict(list), defaultdict(list)
    for verdict in verdicts:
        by_origin[verdict.sample.origin].append(verdict)
        if verdict.plain != "completed":
            cannot[verdict.plain].append(verdict.sample.name)
        elif verdict.cause:
            differ[verdict.cause].append(f"{verdict.sample.name}: {verdict.detail}")
    print_causes("Differences, by cause", differ)
    print_causes(
        "What plain Python itself cannot run", {cause: [", ".join(names)] for cause, names in cannot.items()}
    )
    kept = [print_table(origin, found) for origin, found in by_origin.items()]  # all of them are told
    return all(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of programs to compare as well")
    parser.add_argument(
        "--only", choices=("seed", "docstring", "folder"), help="programs of this origin alone"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="a sample: each N-th program")
    parser.add_argument(
        "--minutes", type=float, default=30, help="stop then; the next run goes on from there"
    )
    parser.add_argument("--memory", help="memory of a run, like 2G, where it is not to be the usual one")
    parser.add_argument("--kept", type=Path, default=REPOSITORY / "build" / "conformance.jsonl")
    parser.add_argument("--fresh", action="store_true", help="forget what was kept")
    asked = parser.parse_args()
    samples = [*read_seeds(), *read_docstrings()]
    for folder in asked.folders:
        samples.extend(read_folder(folder))
    samples = [each for each in samples if asked.only in (None, each.origin)][:: asked.every]
    asked.kept.parent.mkdir(parents=True, exist_ok=True)
    if asked.fresh:
        asked.kept.unlink(missing_ok=True)
    verdicts = list(compare_all(samples, asked.kept, time.monotonic() + asked.minutes * 60, asked.memory))
    kept = print_report(verdicts)
    if len(verdicts) < len(samples):
        print(f"\n{len(samples) - len(verdicts)} programs are left: run it again to go on")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
