"""The tables of limits and of certificates: every key, its default, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Config, ConfigError, Limits, Tls, TritonTls, load

KEYS: dict[type[Any], dict[str, Any]] = {
    Limits: {
        "max_concurrent_requests": 2,
        "queue_size": 3,
        "queue_timeout": 4.5,
        "max_messages": 5,
        "max_prompt_characters": 6,
        "max_n": 7,
        "max_stops": 8,
        "max_tools": 9,
        "header_timeout": 10.5,
        "body_timeout": 11.5,
        "idle_timeout": 12.5,
        "max_connection_streams": 13,
        "max_connection_age": 14.5,
    },
    Tls: {"certificate": Path("/c"), "key": Path("/k"), "client_ca": Path("/ca")},
    TritonTls: {
        "ca": Path("/ca"),
        "certificate": Path("/c"),
        "key": Path("/k"),
        "server_name": "triton.internal",
    },
}
NAMES = {Limits: "limits", Tls: "tls", TritonTls: "triton_tls"}


def loaded(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    return load(path, {})


def toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


@pytest.mark.parametrize("cls", KEYS)
def test_every_key_is_read(tmp_path: Path, cls: type[Any]) -> None:
    assert {item.name for item in fields(cls)} == set(KEYS[cls])
    lines = [f"{key} = {toml(value)}" for key, value in KEYS[cls].items()]
    config = loaded(tmp_path, "\n".join([f"[{NAMES[cls]}]", *lines]))
    found = getattr(config, NAMES[cls])
    assert {key: getattr(found, key) for key in KEYS[cls]} == KEYS[cls]


def test_without_the_tables_nothing_is_limited_or_encrypted() -> None:
    config = Config()
    assert (config.limits.max_concurrent_requests, config.tls, config.triton_tls) == (0, None, None)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, '[tls]\ncertificate = "c.pem"\nkey = "k.pem"')
    assert config.tls == Tls(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem")


def test_an_empty_table_turns_tls_on_towards_triton(tmp_path: Path) -> None:
    assert loaded(tmp_path, "[triton_tls]").triton_tls == TritonTls()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("limits = 1", "limits: must be a table", id="no table"),
        pytest.param("[limits]\nmax = 1", "limits.max: unknown key; known are max_concurrent", id="unknown"),
        pytest.param("[limits]\nqueue_size = 1.5", "limits.queue_size: must be an integer", id="no integer"),
        pytest.param("[limits]\nqueue_size = -1", "limits.queue_size: must be >= 0", id="negative"),
        pytest.param("[limits]\nqueue_timeout = 0", "limits.queue_timeout: must be > 0", id="no time"),
        pytest.param("[limits]\nbody_timeout = inf", "limits.body_timeout: must be > 0", id="for ever"),
        pytest.param(
            "[limits]\nmax_connection_age = -1", "limits.max_connection_age: must be >= 0", id="negative age"
        ),
        pytest.param("[limits]\nmax_n = 129", "limits.max_n: must be from 1 to 128, not 129", id="too high"),
        pytest.param("[limits]\nmax_n = 0", "limits.max_n: must be from 1 to 128, not 0", id="none at all"),
        pytest.param("[limits]\nmax_stops = 65", "limits.max_stops: must be from 1 to 64", id="too many"),
        pytest.param('[tls]\nkey = "k"', "tls.certificate: is required", id="no certificate"),
        pytest.param('[tls]\ncertificate = "c"', "tls.key: is required", id="no key"),
        pytest.param("tls = 1", "tls: must be a table", id="tls is no table"),
        pytest.param("tls.key = 1\ntls.certificate = 'c'", "tls.key: must be a path", id="no path"),
        pytest.param('[triton_tls]\nkey = "k"', "triton_tls.certificate: is required", id="a key alone"),
        pytest.param('[triton_tls]\ncertificate = "c"', "triton_tls.key: is required", id="half a pair"),
        pytest.param(
            'upstream = "grpcs://a:1"\n[upstream_tls]\nkey = "k"',
            "upstream_tls.certificate: is required",
            id="half",
        ),
        pytest.param(
            'upstream = "grpc://a:1"\n[upstream_tls]',
            "upstream_tls: goes with an upstream of grpcs://",
            id="open",
        ),
        pytest.param('triton = "a:1"\n[upstream_tls]', "upstream_tls: goes with", id="no upstream"),
        pytest.param(
            'upstream = "nats://a:1"\nupstream_key_file = "k"',
            "upstream_key_file: goes with",
            id="a plane",
        ),
        pytest.param('upstream_key_file = "k"', "upstream_key_file: goes with", id="a key for nobody"),
    ],
)
def test_a_complaint_begins_with_table_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize("origin", ["*", "null", "https://a.example", "http://localhost:3000"])
def test_origins_are_read(tmp_path: Path, origin: str) -> None:
    assert loaded(tmp_path, f'cors_origins = ["{origin}"]').cors_origins == (origin,)


@pytest.mark.parametrize("origin", ["", "a.example", "https://", "https://a.example/", "://a", "https://a/b"])
def test_what_no_browser_sends_is_no_origin(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f'cors_origins = ["{origin}"]')
    assert str(caught.value).startswith("cors_origins: must hold origins or *")
