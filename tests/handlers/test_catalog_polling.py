"""When the models are looked for: every so often, never quite, so that many bridges do not ask together."""

from __future__ import annotations

import asyncio

import pytest

from bridge.config import Config
from bridge.wiring import make_backend, make_catalog

LOOKS = 200


async def test_looks_are_a_tenth_sooner_or_later_at_most_and_never_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = Config(triton="127.0.0.1:1")
    backend = make_backend(config)
    catalog = make_catalog(config, backend)
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == LOOKS:
            raise asyncio.CancelledError

    async def look() -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", wait)
    monkeypatch.setattr(catalog, "refresh", look)
    with pytest.raises(asyncio.CancelledError):
        await catalog.poll(2.0)
    monkeypatch.undo()
    await backend.close()
    assert 1.8 <= min(waits) < 1.9
    assert 2.1 < max(waits) <= 2.2
    assert len(set(waits)) > LOOKS * 0.9
