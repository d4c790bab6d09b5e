"""Programs bent by accident, through repair, parse and run of the whole application: each gets its answer in time.

`MUTANTS=2000 make test ARGS=tests/test_mutants.py` tries that many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mutants import mutants
from tests.processes import until
from tests.real_app import EVALUATE, RealApp, check_answer, started_app

MUTANTS = int(os.environ.get("MUTANTS", "40"))
RUN_SECONDS, SPARES = 2.0, 2
PATIENCE = 90.0
"""Seconds until an answer counts as none: a run may take two, the rest is for a busy machine."""


@pytest.fixture(scope="module")
def app() -> Iterator[RealApp]:
    with started_app(slots="1", spares=str(SPARES), seconds=str(RUN_SECONDS)) as app:
        yield app


@pytest.fixture(scope="module")
def client(app: RealApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, timeout=PATIENCE) as client:
        yield client


@pytest.mark.anyio
async def test_bent_programs_get_their_answer_and_leave_no_process(
    app: RealApp, client: httpx.Client
) -> None:
    server = app.server()
    send_mutants(client)
    await until(lambda: len(app.children()) <= SPARES)
    assert app.server() == server, "the fork server was lost on the way"
    assert client.get("/healthz").status_code == 200


def send_mutants(client: httpx.Client) -> None:
    """Every answer is a trace or a refusal: never a failure of ours, never silence."""

    @settings(max_examples=MUTANTS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(source=mutants(), picture=st.sampled_from(["annotated", "torchviz"]))
    def send(source: str, picture: str) -> None:
        answer = client.post(EVALUATE, json={"source": source, "graph": {"style": picture}})
        check_answer(answer)
        assert answer.status_code in (200, 422), answer.text[:500]

    send()
