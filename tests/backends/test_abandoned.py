"""A generation that must not be cancelled, given up: it is told to stop, and its call goes on to its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from bridge.backends import abandoned
from bridge.errors import BridgeError, Reason
from tests.backends.abandoning import SHORT, WAIT, Engine, collect, left, running
from tests.eventually import eventually
from tests.scripted_triton import data, empty, sends
from tests.two_transports import EITHER


@EITHER
async def test_one_that_is_left_is_stopped_and_read_to_its_end(transport: Any) -> None:
    engine = Engine()
    async with running(transport, engine.generates, engine.stops) as setting:
        await left(setting)
        assert await setting.counts.end() == "stopped"
        (stop,) = setting.stops
        assert [(item.model_name, item.id) for item in stop.requests] == [("engine", "r1")]
        await eventually(lambda: setting.victim.ended)
        assert not setting.victim.cancelled.is_set()
        assert setting.counts.failures == 0


@EITHER
async def test_one_that_ends_by_itself_at_once_is_not_told_to(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abandoned, "GRACE", WAIT)
    async with running(transport, sends(data("a"), data("b"), empty(final=True))) as setting:
        await left(setting)
        await eventually(lambda: setting.victim.ended)
        assert not setting.victim.cancelled.is_set()
        assert setting.stops == []


@EITHER
async def test_whoever_waits_may_be_cancelled(transport: Any) -> None:
    engine = Engine()
    async with running(transport, engine.generates, engine.stops) as setting:
        read: list[str] = []
        reading = asyncio.create_task(collect(setting.stream(), read))
        await eventually(lambda: read)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await setting.counts.end() == "stopped"
        assert not setting.victim.cancelled.is_set()


@EITHER
async def test_a_stop_that_comes_too_early_is_sent_again(transport: Any) -> None:
    engine = Engine(needed=3)
    async with running(transport, engine.generates, engine.stops) as setting:
        await left(setting)
        assert await setting.counts.end() == "stopped"
        assert len(setting.stops) == 3


@EITHER
@pytest.mark.parametrize(
    "option", [pytest.param({}, id="deadline"), pytest.param({"token_timeout": SHORT}, id="silence")]
)
async def test_one_that_takes_too_long_fails_and_is_stopped(transport: Any, option: dict[str, float]) -> None:
    engine = Engine()
    async with running(transport, engine.generates, engine.stops, **option) as setting:
        read: list[str] = []
        with pytest.raises(BridgeError) as caught:
            await collect(setting.stream(seconds=WAIT if option else SHORT), read)
        assert read == ["a"]
        assert (caught.value.reason, caught.value.retry) == (Reason.TIMEOUT, False)
        assert await setting.counts.end() == "stopped"
        assert not setting.victim.cancelled.is_set()


@EITHER
async def test_a_deadline_that_passes_while_nobody_reads_is_told_to_who_reads_next(transport: Any) -> None:
    engine = Engine()
    async with running(transport, engine.generates, engine.stops) as setting:
        async with aclosing(setting.stream(seconds=SHORT)) as batches:
            await anext(batches)
            assert await setting.counts.end() == "stopped"
            with pytest.raises(BridgeError) as caught:
                await anext(batches)
        assert caught.value.reason is Reason.TIMEOUT
