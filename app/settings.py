"""Environment to values: every setting is a field with its default and one sentence, read once at start.

The name of a setting in the environment is `PLAYGROUND_` and the field's name in capitals. Only `main` hands over the
environment; nothing else in the house reads it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from app.vocabulary.limits import Limits

PREFIX = "PLAYGROUND_"
LANGUAGES = ("en", "zh")
UNITS: Mapping[str, int] = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
SIZE = re.compile(r"(\d{1,15})\s*(?:([KMG])(?:i?B)?|B)?", re.IGNORECASE)
SWITCH: Mapping[str, bool] = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class SettingsError(Exception):
    """A setting that cannot be used. The message names the variable and says what would do."""


def _setting(default: Any, sentence: str, *, low: float | None = None, size: bool = False) -> Any:
    return field(default=default, metadata={"sentence": sentence, "low": low, "size": size})


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.", low=0)
    language: str = _setting("en", "Language for readers who ask for none we speak: en or zh.")
    slots: int = _setting(4, "Programs run at the same time.", low=1)
    spares: int = _setting(2, "Sealed processes kept waiting for the next program.", low=0)
    allow_unsealed: bool = _setting(
        False, "Run programs even where the seal does not hold; only when listening on loopback."
    )
    trusted_proxies: str = _setting(
        "",
        "Addresses of proxies whose X-Forwarded-For is believed, separated by commas; empty believes none.",
    )
    runs_per_minute: int = _setting(
        120,
        "Runs a minute one client address may start; 0 sets no limit, nor one on how many run at once.",
        low=0,
    )
    runs_burst: int = _setting(60, "Runs one client address may start at once after a pause.", low=1)
    seconds: float = _setting(10.0, "Wall time of one run, in seconds.", low=0.1)
    live_runs: int = _setting(
        2,
        "Runs watched live at the same time; further ones wait. Fewer than `SLOTS` leaves room for edits.",
        low=1,
    )
    live_seconds: float = _setting(
        Limits().run_seconds, "Wall time of one run that is watched live, in seconds.", low=0.1
    )
    held_seconds: float = _setting(
        Limits().held_seconds, "How long a live run may be paused or slowed down, in seconds.", low=0
    )
    grace_seconds: float = _setting(
        Limits().run_grace_seconds, "How long a live run goes on that nobody watches, in seconds.", low=0
    )
    memory: int = _setting(
        Limits().memory_bytes,
        "Memory a program may take, in bytes or like 512M; recording it takes up to 144M more.",
        low=1,
        size=True,
    )
    source_size: int = _setting(
        Limits().source_bytes, "Largest program, in bytes or like 64K.", low=1, size=True
    )
    body_size: int = _setting(
        Limits().body_bytes, "Largest request body, in bytes or like 1M.", low=1, size=True
    )
    output_size: int = _setting(Limits().output_bytes, "Most text a program may print.", low=0, size=True)
    steps: int = _setting(Limits().steps, "Recorded calls kept of one run.", low=0)
    tensors: int = _setting(Limits().tensors, "Named tensors kept of one run.", low=0)
    tensor_values: int = _setting(Limits().tensor_values, "Elements of one tensor kept as values.", low=1)
    graph_nodes: int = _setting(Limits().graph_nodes, "Autograd nodes walked in one graph.", low=1)
    drawn_nodes: int = _setting(
        Limits().drawn_nodes, "Boxes in one picture before it is grouped further.", low=1
    )
    drawing_seconds: float = _setting(2.0, "Deadline of the Graphviz process, in seconds.", low=0.05)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read every PLAYGROUND_ variable; SettingsError for an unknown one or a value that cannot be used."""
        known = {PREFIX + each.name.upper(): each for each in fields(cls)}
        given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        for name in given:
            if name not in known:
                raise SettingsError(f"{name} is not a setting. Known: {', '.join(sorted(known))}.")
        values: dict[str, Any] = {
            known[name].name: _read(name, text, known[name]) for name, text in given.items()
        }
        return cls(**values).checked()

    def checked(self) -> Settings:
        """These settings; SettingsError where they cannot go together."""
        if self.language not in LANGUAGES:
            raise SettingsError(
                f"{PREFIX}LANGUAGE must be one of {', '.join(LANGUAGES)}, not {self.language!r}."
            )
        if self.port > 65535:
            raise SettingsError(f"{PREFIX}PORT must be at most 65535, not {self.port}.")
        if self.source_size > self.body_size:
            raise SettingsError(f"{PREFIX}SOURCE_SIZE must not be larger than {PREFIX}BODY_SIZE.")
        if self.allow_unsealed and not is_loopback(self.host):
            raise SettingsError(
                f"{PREFIX}ALLOW_UNSEALED is only possible when {PREFIX}HOST is loopback, not {self.host!r}."
            )
        return self

    def limits(self) -> Limits:
        return Limits(
            seconds=self.seconds,
            run_seconds=self.live_seconds,
            held_seconds=self.held_seconds,
            run_grace_seconds=self.grace_seconds,
            memory_bytes=self.memory,
            source_bytes=self.source_size,
            body_bytes=self.body_size,
            output_bytes=self.output_size,
            steps=self.steps,
            tensors=self.tensors,
            tensor_values=self.tensor_values,
            graph_nodes=self.graph_nodes,
            drawn_nodes=self.drawn_nodes,
            drawing_seconds=self.drawing_seconds,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def describe_settings() -> Iterator[tuple[str, str, str]]:
    """Name, default and sentence of every setting, in order."""
    for each in fields(Settings):
        yield (
            PREFIX + each.name.upper(),
            _show(each.default, each.metadata["size"]),
            each.metadata["sentence"],
        )


def _show(value: object, size: bool) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if size and isinstance(value, int):
        unit = next((unit for unit in "GMK" if value and value % UNITS[unit] == 0), "")
        return f"{value // UNITS[unit]}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read(name: str, text: str, setting: Any) -> object:
    """The value a variable's text stands for, of its default's type."""
    default, low = setting.default, setting.metadata["low"]
    value: bool | int | float | str
    try:
        if isinstance(default, bool):
            value = SWITCH[text.strip().lower()]
        elif setting.metadata["size"]:
            value = _read_size(text)
        elif isinstance(default, int | float):
            value = type(default)(text)
        else:
            value = text.strip()
    except (KeyError, ValueError):
        raise SettingsError(f"{name} cannot be {text!r}. {setting.metadata['sentence']}") from None
    if low is not None and not (isinstance(value, int | float) and low <= value < float("inf")):
        raise SettingsError(f"{name} must be at least {low:g}, not {text!r}.")
    return value


def _read_size(text: str) -> int:
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return int(match[1]) * UNITS[(match[2] or "").upper()]
