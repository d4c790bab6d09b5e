"""Pages of other sites run nothing here: not by forms or scripts, not under a name that was pointed at loopback."""

from __future__ import annotations

import pytest

from app.settings import Settings
from app.web.origin import hosts_of, is_same
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, HTMX, JSON, LINE, check_failure, post_form, site

EVIL = {"Origin": "https://evil.example"}
REFUSED = [
    EVIL,
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:9000"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "http://[broken"},
    {"Origin": "http://localhost:99999"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
]
SERVED: list[dict[str, str]] = [
    {},
    {"Origin": "http://localhost"},
    {"Origin": "http://LOCALHOST:80"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
]


@pytest.mark.parametrize("headers", REFUSED)
@pytest.mark.parametrize("path", [EVALUATE, "/api/v1/runs"])
async def test_other_sites_run_no_programs_through_the_api(path: str, headers: dict[str, str]) -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        check_failure(await client.post(path, json=LINE, headers=headers), 403, "other_origin")
        check_failure(await client.delete("/api/v1/runs/x", headers=headers), 403, "other_origin")
    assert sandbox.asked == []


@pytest.mark.parametrize("headers", REFUSED)
async def test_other_sites_send_no_forms(headers: dict[str, str]) -> None:
    sandbox = FakeSandbox()
    async with site(sandbox) as client:
        for path in ("/", "/evaluate", "/live", "/export/program.py"):
            answer = await post_form(client, path, source="y = 1", headers={**headers, "Accept": "text/html"})
            assert answer.status_code == 403
            assert "A page of another site sent this request" in answer.text
            assert answer.text.startswith("<!doctype html>")
        fragment = await post_form(client, "/evaluate", source="y = 1", headers={**headers, **HTMX})
    assert fragment.text.lstrip().startswith("<hx-partial")
    assert "content-security-policy" in fragment.headers
    assert sandbox.asked == []


@pytest.mark.parametrize("headers", SERVED)
async def test_our_own_page_and_other_programs_are_served(headers: dict[str, str]) -> None:
    async with site() as client:
        assert (await client.post(EVALUATE, json=LINE, headers=headers)).status_code == 200
        assert (await post_form(client, source="y = 1", headers=headers)).status_code == 200


async def test_links_from_other_sites_open_the_page() -> None:
    async with site() as client:
        page = await client.get("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200


async def test_browsers_send_our_forms_with_an_origin() -> None:
    """With `no-referrer` they would send `null`."""
    async with site() as client:
        assert (await client.get("/")).headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json"]
)
@pytest.mark.parametrize("path", [EVALUATE, "/api/v1/runs"])
async def test_bodies_that_do_not_say_they_are_json_are_refused(path: str, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    async with site() as client:
        check_failure(await client.post(path, content=b'{"source": "1"}', headers=headers), 415, "not_json")


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_bodies_that_say_they_are_json_are_read(media_type: str) -> None:
    async with site() as client:
        headers = {**JSON, "Content-Type": media_type}
        assert (await client.post(EVALUATE, content=b'{"source": "1"}', headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]", "[", ""],
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json"])
async def test_no_other_name_can_be_pointed_at_loopback(host: str, path: str) -> None:
    async with site() as client:
        check_failure(await client.get(path, headers={"Host": host}), 421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
async def test_loopback_answers_to_its_own_names(host: str) -> None:
    async with site() as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


async def test_public_service_answers_to_every_name() -> None:
    async with site(host="0.0.0.0") as client:
        assert (await client.get("/healthz", headers={"Host": "playground.example"})).status_code == 200


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(), True),
        (Settings(host="localhost"), True),
        (Settings(host="0.0.0.0"), False),
        (Settings(trusted_proxies="127.0.0.1"), False),
        (Settings(trusted_proxies="127.0.0.1", allow_unsealed=True), True),
    ],
)
def test_names_are_checked_where_only_this_machine_can_mean_us(settings: Settings, named: bool) -> None:
    assert bool(hosts_of(settings)) is named


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("https://a.example:8443", "a.example:8443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://a.example", "a.example:80", False),
        ("https://a.example", "b.example", False),
        ("null", "null", False),
        ("https://a.example", "", False),
    ],
)
def test_origin_is_compared_by_host_and_port(origin: str, host: str, same: bool) -> None:
    assert is_same(origin, host) is same
