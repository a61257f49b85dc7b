"""The address that frontends are told: the one that is set, or the machine's own; it must be free."""

from __future__ import annotations

import socket

import pytest

from bridge.config import ConfigError, Dynamo
from bridge.dynamo import worker
from bridge.dynamo.listener import Listener
from bridge.dynamo.worker import told_address

FAMILY = socket.AF_INET


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param(Dynamo(), "127.0.0.1", id="by default"),
        pytest.param(Dynamo(host="10.0.0.7"), "10.0.0.7", id="an address"),
        pytest.param(Dynamo(host="::1"), "[::1]", id="one of IPv6"),
        pytest.param(Dynamo(host="0.0.0.0", advertise="10.0.0.8"), "10.0.0.8", id="another one"),
        pytest.param(Dynamo(host="0.0.0.0"), "127.0.0.1", id="the machine's own"),
    ],
)
def test_frontends_are_told(settings: Dynamo, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SOMEWHERE", {4: (FAMILY, "127.0.0.1")})
    assert told_address(settings) == told


def test_a_machine_without_an_address_of_its_own_must_be_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SOMEWHERE", {4: (FAMILY, "255.255.255.255")})
    with pytest.raises(ConfigError, match=r"dynamo\.advertise: is required"):
        told_address(Dynamo(host="0.0.0.0"))


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"dynamo: cannot listen on .*:{port}: Address already in use"):
            await Listener(lambda _: "", 1).start("127.0.0.1", port)
