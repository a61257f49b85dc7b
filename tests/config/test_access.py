"""What a bridge that is open to strangers is told at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.config import Config, Tls
from bridge.config.access import exposures, is_loopback

KEYS = {"key_file": Path("k")}
TLS = {"tls": Tls(certificate=Path("c"), key=Path("k"))}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("bridge.example", False),
        ("localhost.example", False),
    ],
)
def test_only_this_machines_own_addresses_are_its_own(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        pytest.param({}, [], id="this machine alone"),
        pytest.param({"host": "0.0.0.0"}, ["key_file", "[tls]"], id="neither"),
        pytest.param({"host": "::", **KEYS}, ["[tls]"], id="no TLS"),
        pytest.param({"host": "::", **TLS}, ["key_file"], id="no keys"),
        pytest.param({"host": "::", **TLS, **KEYS}, [], id="both"),
    ],
)
def test_what_is_missing_is_named(settings: dict[str, Any], names: list[str]) -> None:
    told = list(exposures(Config(**settings)))
    assert len(told) == len(names)
    assert all(name in text and settings["host"] in text for name, text in zip(names, told, strict=True))


@pytest.mark.parametrize(
    ("upstream", "warned"),
    [
        pytest.param("grpc://inner.example:1", True, id="another machine"),
        pytest.param("grpcs://inner.example:1", False, id="by TLS"),
        pytest.param("grpc://127.0.0.1:1", False, id="this machine"),
        pytest.param("grpc://[::1]:1", False, id="this machine by IPv6"),
    ],
)
def test_a_key_that_travels_open_to_view_is_warned_of(upstream: str, warned: bool) -> None:
    told = list(exposures(Config(upstream=upstream, upstream_key_file=Path("k"))))
    assert [("upstream_key_file" in text, "inner.example:1" in text) for text in told] == [
        (True, True)
    ] * warned
    assert list(exposures(Config(upstream=upstream))) == []
