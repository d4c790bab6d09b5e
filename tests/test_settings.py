"""Settings: every one can be set, described and refused with its name."""

from __future__ import annotations

from dataclasses import fields

import pytest

from app.settings import Settings, SettingsError, describe_settings
from app.vocabulary.limits import Limits


def test_defaults_are_the_limits_own() -> None:
    assert Settings.from_environ({}) == Settings()
    assert Settings().limits() == Limits()


def test_values_are_read_by_type() -> None:
    environ = {
        "PLAYGROUND_PORT": "0",
        "PLAYGROUND_MEMORY": "1.5G".replace("1.5", "2"),
        "PLAYGROUND_SECONDS": "2.5",
        "PLAYGROUND_ALLOW_UNSEALED": "yes",
        "PLAYGROUND_LANGUAGE": "zh",
        "HOME": "/root",
    }
    settings = Settings.from_environ(environ)
    assert (settings.port, settings.memory, settings.seconds) == (0, 2 * 1024**3, 2.5)
    assert (settings.allow_unsealed, settings.language) == (True, "zh")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("PORT", "70000"),
        ("SLOTS", "0"),
        ("SECONDS", "nan"),
        ("SECONDS", "inf"),
        ("SECONDS", "0"),
        ("MEMORY", "lots"),
        ("MEMORY", "1.5G"),
        ("LANGUAGE", "fr"),
        ("ALLOW_UNSEALED", "maybe"),
        ("SOURCE_SIZE", "2M"),
        ("SPELING", "1"),
    ],
)
def test_bad_value_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"PLAYGROUND_{name}"):
        Settings.from_environ({f"PLAYGROUND_{name}": text})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_unsealed_only_on_loopback(host: str) -> None:
    environ = {"PLAYGROUND_ALLOW_UNSEALED": "1", "PLAYGROUND_HOST": host}
    with pytest.raises(SettingsError, match="PLAYGROUND_ALLOW_UNSEALED"):
        Settings.from_environ(environ)
    for loopback in ("127.0.0.1", "::1", "localhost"):
        assert Settings.from_environ({**environ, "PLAYGROUND_HOST": loopback}).allow_unsealed


def test_descriptions_can_be_set_again() -> None:
    described = list(describe_settings())
    assert [name for name, _, _ in described] == [
        f"PLAYGROUND_{each.name.upper()}" for each in fields(Settings)
    ]
    assert all(sentence.endswith(".") for _, _, sentence in described)
    assert Settings.from_environ({name: default for name, default, _ in described}) == Settings()
