"""`[nats]`, and upstreams that are request planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError, load

if TYPE_CHECKING:
    from pathlib import Path


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def test_all_keys_are_read_and_the_flag_wins(tmp_path: Path) -> None:
    path = tmp_path / "worker.toml"
    path.write_text(
        'triton = "a:1"\n[nats]\nurl = "nats://a:4222"\nprefix = "tenant-1"\nmax_inflight = 8\n'
        'user = "u"\npassword_file = "p"\nca = "ca.pem"\n'
    )
    nats = load(path, {"nats": "tls://b:4222,tls://c:4222"}).nats
    assert (nats.url, nats.prefix, nats.max_inflight, nats.user) == (
        "tls://b:4222,tls://c:4222",
        "tenant-1",
        8,
        "u",
    )
    assert nats.password_file == tmp_path / "p"
    assert load(path, {}).nats.url == "nats://a:4222"


def test_a_request_plane_is_an_upstream() -> None:
    assert load(None, {"upstream": "nats://a:4222"}).upstream == "nats://a:4222"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param('upstream = "nats://a"', "upstream", id="no port"),
        pytest.param('upstream = "nats://u:p@a:4222"', "upstream", id="a login where all can see it"),
        pytest.param('upstream = "nats://a:1,grpc://b:2"', "upstream", id="mixed"),
        pytest.param('upstream = "nats://a:1"\ntriton = "b:2"', "upstream", id="two upstreams"),
        pytest.param(
            'upstream = "nats://a:1"\n[models.m]\nupstreams = ["b:2"]', "models.m.upstreams", id="own"
        ),
        pytest.param('[nats]\nurl = "http://a:1"', "nats.url", id="another scheme"),
        pytest.param('[nats]\nprefix = "a.b"', "nats.prefix", id="a prefix of two tokens"),
        pytest.param('[nats]\nprefix = ">"', "nats.prefix", id="a wildcard"),
        pytest.param("[nats]\nmax_inflight = 0", "nats.max_inflight", id="no room"),
        pytest.param('[nats]\nuser = "u"', "nats.password_file", id="no password"),
        pytest.param('[nats]\ncertificate = "c"', "nats.key", id="no key"),
        pytest.param('[nats]\ncredentials = "c"\nnkey_seed = "n"', "nats.nkey_seed", id="two logins"),
        pytest.param("[nats]\nport = 1", "nats.port", id="unknown key"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, key: str) -> None:
    assert complaint(tmp_path, text).startswith(f"{key}: ")
