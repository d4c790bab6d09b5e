"""What a model said of its data is told by the API and on a page without a script."""

from __future__ import annotations

from tests.canned_predictions import classifier_trace
from tests.fakes import FakeSandbox
from tests.web.site import ZH, site


async def test_api_tells_the_first_and_the_latest_look() -> None:
    async with site(FakeSandbox(trace=classifier_trace)) as client:
        answer = (await client.post("/api/v1/evaluate", json={"source": "x = 1"})).json()
    first, latest = answer["predictions"]
    assert (first["first"], first["step"], latest["first"], latest["step"]) == (True, 0, False, 40)
    assert latest["data"]["predicted"] == [0.1, 0.1, 0.9, 0.9]
    assert len(latest["surface"]["cells"]) == latest["surface"]["columns"] ** 2


async def test_page_without_a_script_says_how_much_was_right() -> None:
    async with site(FakeSandbox(trace=classifier_trace)) as client:
        english = (await client.get("/")).text
        chinese = (await client.get("/", headers=ZH)).text
    assert "net: 4 of 4 rows predicted right, before training 2." in english
    assert "net：4 行中预测正确 4 行，训练前 2 行。" in chinese
