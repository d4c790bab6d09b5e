"""What every response carries, and static files that may be kept forever."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from app.web.assets import STATIC, load_assets
from app.web.headers import FIXED
from tests.fakes import FakeSandbox
from tests.web.site import EVALUATE, LINE, check_failure, site

PATHS = ["/", "/docs", "/openapi.json", "/healthz", "/nothing", "/api/v1/evaluate", "/static/x/base.css"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_carries_the_policy(path: str) -> None:
    async with site() as client:
        response = await client.get(path)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
    assert "require-trusted-types-for 'script'; trusted-types htmx" in policy
    assert "unsafe" not in policy
    assert {name: response.headers[name] for name in FIXED} == FIXED


async def test_failures_of_ours_carry_the_policy_too() -> None:
    async with site(FakeSandbox(failure=ZeroDivisionError())) as client:
        response = await client.post(EVALUATE, json=LINE)
    assert response.status_code == 500
    assert "content-security-policy" in response.headers


async def test_nonce_is_new_for_every_response_and_on_every_script() -> None:
    async with site() as client:
        pages = [await client.get("/") for _ in range(2)]
    nonces = [re.search(r"'nonce-([^']+)'", page.headers["content-security-policy"]) for page in pages]
    assert nonces[0]
    assert nonces[1]
    assert nonces[0][1] != nonces[1][1]
    for page, nonce in zip(pages, nonces, strict=True):
        assert nonce
        assert re.findall(r'<script nonce="([^"]+)"', page.text) == [nonce[1]] * page.text.count("<script")


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_hold_nothing_the_policy_forbids(path: str) -> None:
    async with site() as client:
        text = (await client.get(path)).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)


async def test_static_files_are_kept_forever_under_their_version_only() -> None:
    assets = load_assets()
    async with site() as client:
        found = await client.get(assets.url("base.css"))
        gone = await client.get("/static/000000000000/base.css")
        outside = await client.get(f"/static/{assets.version}/../../pyproject.toml")
        source = await client.get(f"/static/{assets.version}/vendor/package.json")
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-type"] == "text/css; charset=utf-8"
    assert found.text == (STATIC / "base.css").read_text("utf-8")
    for missing in (gone, outside, source):
        check_failure(missing, 404, "not_found")


def test_vendored_files_are_what_the_manifest_says() -> None:
    vendor = STATIC / "vendor"
    manifest = json.loads((vendor / "MANIFEST.json").read_text("utf-8"))
    lock = json.loads((vendor / "package-lock.json").read_text("utf-8"))["packages"]
    served = {path.name for path in vendor.iterdir() if path.suffix in (".js", ".css")}
    assert served == set(manifest)
    for name, entry in manifest.items():
        digest = hashlib.sha384((vendor / name).read_bytes()).digest()
        assert base64.b64encode(digest).decode() == entry["sha384"]
        assert lock[f"node_modules/{entry['package']}"]["version"] == entry["version"]
        assert f"{entry['package']} {entry['version']}" in (vendor / "LICENSES.txt").read_text("utf-8")


def test_own_files_name_no_other_origin() -> None:
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        addresses = re.findall(r"https?://[^\s\"')]+", path.read_text("utf-8"))
        assert [each for each in addresses if "www.w3.org" not in each] == [], path.name
