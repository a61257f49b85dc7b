"""Whoever looks at a request plane, again and again, leaves nothing behind there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.config import Nats
from bridge.operators import observer
from bridge.operators.observer import Observer
from tests.nats_server import nats_server

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_connection_that_is_of_no_use_any_more_is_closed_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nats_server(tmp_path) as nats:
        looking = Observer(Nats(url=nats.url), nats.url)
        await looking.connect()
        useless = looking._client
        with nats.stopped(), monkeypatch.context() as hasty:
            hasty.setattr(observer, "TIMEOUT", 0.2)
            with pytest.raises(ConnectionError, match="the request plane is lost"):
                await looking.look()
        assert useless.is_connected
        await looking.connect()
        assert useless.is_closed
        assert (await looking.look()).workers == []
        await looking.close()
