"""The table `[dynamo]`: every key, its default, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.config import Config, ConfigError, Dynamo, load


def test_without_the_table_nothing_is_joined() -> None:
    settings = Config().dynamo
    assert settings == Dynamo(
        url=None, namespace="dynamo", host="127.0.0.1", port=0, advertise=None, max_inflight=256
    )
    assert (settings.folder, settings.etcd) == (None, ())


def test_every_key_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(
        '[dynamo]\nurl = "file:///kv"\nnamespace = "prod-1"\nhost = "0.0.0.0"\nport = 9000\n'
        'advertise = "10.0.0.7"\nmax_inflight = 5\n'
    )
    wanted = Dynamo(
        url="file:///kv",
        namespace="prod-1",
        host="0.0.0.0",
        port=9000,
        advertise="10.0.0.7",
        max_inflight=5,
    )
    assert load(path, {}).dynamo == wanted


def test_the_flag_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text('[dynamo]\nurl = "file:///kv"\nnamespace = "n"\n')
    assert load(path, {"dynamo": "etcd://e:1"}).dynamo == Dynamo(url="etcd://e:1", namespace="n")


@pytest.mark.parametrize(
    ("url", "folder", "etcd"),
    [
        pytest.param("file:///srv/kv", Path("/srv/kv"), (), id="a folder"),
        pytest.param("etcd://e:2379", None, ("e:2379",), id="etcd"),
        pytest.param("etcd://a:1,b:2,[::1]:3", None, ("a:1", "b:2", "[::1]:3"), id="several"),
    ],
)
def test_an_address_names_a_folder_or_etcd(url: str, folder: Path | None, etcd: tuple[str, ...]) -> None:
    settings = Dynamo(url=url)
    assert (settings.folder, settings.etcd) == (folder, etcd)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"url": "/srv/kv"}, "dynamo.url: must be file:", id="no scheme"),
        pytest.param({"url": "file://srv/kv"}, "dynamo.url: .* absolute path", id="a host"),
        pytest.param({"url": "etcd://e"}, "dynamo.url: ", id="no port"),
        pytest.param({"url": "http://e:2379"}, "dynamo.url: ", id="another scheme"),
        pytest.param({"namespace": "My.Space"}, "dynamo.namespace: ", id="characters"),
        pytest.param({"namespace": ""}, "dynamo.namespace: ", id="no namespace"),
        pytest.param({"host": "localhost"}, "dynamo.host: must be an IP address", id="a name"),
        pytest.param({"advertise": "gpu-7"}, "dynamo.advertise: must be an IP address", id="a name told"),
        pytest.param({"port": -1}, "dynamo.port: ", id="port"),
        pytest.param({"max_inflight": 0}, "dynamo.max_inflight: ", id="no generations"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Dynamo(**settings)
