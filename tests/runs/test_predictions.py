"""Of a live run's predictions its log keeps what a late viewer needs: each model's first look, and the newest."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.canned_predictions import classifier_look
from tests.runs.following import PROGRAM, REQUEST, HeldSandbox, MakeStore, follow, settle


async def test_of_each_model_the_first_and_the_newest_look_are_kept(store_of: MakeStore) -> None:
    sandbox = HeldSandbox()
    store = store_of(sandbox)
    run = await store.start(PROGRAM, REQUEST)
    await settle()
    for index in range(2):
        sandbox.send(classifier_look(first=True, index=index))
    for step in range(50):
        for index in range(2):
            sandbox.send(replace(classifier_look(first=False, index=index), step=step))
    sandbox.finish()
    told = [json.loads(event.data) for event in await follow(store, run) if event.kind == "predictions"]
    assert [(each["index"], each["first"], each["step"]) for each in told] == [
        *((0, True, 0), (1, True, 0)),
        *((0, False, 49), (1, False, 49)),
    ]
