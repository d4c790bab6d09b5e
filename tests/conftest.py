"""What all tests share: where Chromium is, in which order tests run, and that CI skips nothing."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# A test may be slow, and so may be making its examples; only what it finds counts.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium instead of one that Playwright would download."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert found, "no Chromium on PATH: `make browser` installs it"
    return {**browser_type_launch_args, "executable_path": found}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with browser tests last: Playwright's event loop stays in this thread until the session ends.

    Whole files, because a file's tests stay with one process, which makes its fixtures once. The longest of them first,
    so that in the end no process is left with a long one alone.
    """
    tests = Counter(item.path for item in items)
    last = {item.path for item in items if in_browser(item)}
    items.sort(key=lambda item: tests[item.path] if item.path in last else math.inf, reverse=True)


def in_browser(item: pytest.Item) -> bool:
    return "browser" in getattr(item, "fixturenames", ())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped is a test that was not run: the session fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
