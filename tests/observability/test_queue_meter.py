"""The metrics of the queue: what each way through the gate, or not through it, adds to them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.access.gate import Gate
from bridge.access.keys import ANYONE, Key
from bridge.config import Limits
from bridge.errors import BridgeError
from bridge.handlers.catalog import unknown_model
from bridge.observability.metrics import Metrics
from bridge.observability.queue_meter import QueueMeter

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

PREFIX = "openai_bridge_queue_"
RATED = Key(name="a", sha256="a", requests_per_minute=1)


class Metered:
    """A gate that lets one in at once, and what its metrics tell."""

    def __init__(self, queue_size: int = 5, queue_timeout: float = 10.0) -> None:
        metrics = self._metrics = Metrics()
        limits = Limits(max_concurrent_requests=1, queue_size=queue_size, queue_timeout=queue_timeout)
        self.gate = Gate(
            limits, time.monotonic, default_model=None, unknown=unknown_model, meter=QueueMeter(metrics, 1)
        )

    def passed(self, key: Key = ANYONE, within: float = 10.0) -> AbstractAsyncContextManager[None]:
        return self.gate.passed(key, "m", asyncio.get_running_loop().time() + within, int)

    async def asks(self, key: Key = ANYONE, within: float = 10.0) -> None:
        async with self.passed(key, within):
            pass

    def told(self, name: str) -> float:
        return self._samples()[PREFIX + name]

    def refused(self) -> dict[str, float]:
        families = text_string_to_metric_families(self._metrics.text().decode())
        return {
            sample.labels["reason"]: sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"{PREFIX}refused_total"
        }

    def _samples(self) -> dict[str, float]:
        families = text_string_to_metric_families(self._metrics.text().decode())
        return {sample.name: sample.value for family in families for sample in family.samples}


async def test_one_that_is_let_in_at_once_has_not_waited() -> None:
    metered = Metered()
    async with metered.passed():
        assert (metered.told("slots_held"), metered.told("slots"), metered.told("waiting")) == (1, 1, 0)
    assert metered.told("slots_held") == 0
    assert (metered.told("wait_seconds_count"), metered.told("wait_seconds_sum")) == (1, 0)
    assert metered.refused() == {}


async def test_one_that_waits_is_shown_until_its_turn_and_its_wait_is_measured() -> None:
    metered = Metered()
    async with metered.passed():
        waiting = asyncio.create_task(metered.asks())
        await asyncio.sleep(0)
        assert (metered.told("slots_held"), metered.told("waiting")) == (1, 1)
    await waiting
    assert (metered.told("slots_held"), metered.told("waiting")) == (0, 0)
    assert metered.told("wait_seconds_count") == 2
    assert metered.told("wait_seconds_sum") > 0


async def test_one_that_leaves_the_queue_has_waited_and_is_not_refused() -> None:
    metered = Metered()
    async with metered.passed():
        waiting = asyncio.create_task(metered.asks())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (metered.told("waiting"), metered.told("wait_seconds_count")) == (0, 2)
    assert metered.refused() == {}


@pytest.mark.parametrize(
    ("limits", "within", "reason", "waits"),
    [
        pytest.param({"queue_size": 0}, 10.0, "QUEUE_FULL", 1, id="the queue is full"),
        pytest.param({"queue_timeout": 0.01}, 10.0, "QUEUE_FULL", 2, id="the wait is too long"),
        pytest.param({}, 0.01, "TIMEOUT", 2, id="the deadline passes"),
    ],
)
async def test_one_that_is_refused_is_counted_by_its_reason(
    limits: dict[str, Any], within: float, reason: str, waits: int
) -> None:
    metered = Metered(**limits)
    async with metered.passed():
        with pytest.raises(BridgeError):
            await metered.asks(within=within)
        assert metered.refused() == {reason: 1}
        assert (metered.told("waiting"), metered.told("slots_held")) == (0, 1)
        assert metered.told("wait_seconds_count") == waits


async def test_those_that_a_stop_turns_away_are_counted() -> None:
    metered = Metered()
    async with metered.passed():
        waiting = asyncio.create_task(metered.asks())
        await asyncio.sleep(0)
        metered.gate.slots.close()
        for refused in (waiting, asyncio.create_task(metered.asks())):
            with pytest.raises(BridgeError):
                await refused
    assert metered.refused() == {"SHUTTING_DOWN": 2}


async def test_one_over_the_rate_of_its_key_is_counted_and_never_queued() -> None:
    metered = Metered()
    await metered.asks(RATED)
    with pytest.raises(BridgeError):
        await metered.asks(RATED)
    assert metered.refused() == {"RATE_LIMIT_EXCEEDED": 1}
    assert metered.told("wait_seconds_count") == 1
