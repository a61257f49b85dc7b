"""The gate: what a key sees, its own limits, and what it is told when it has used them up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.access.gate import Gate
from bridge.access.keys import ANYONE, Key
from bridge.config import Limits
from bridge.errors import BridgeError, Reason
from bridge.handlers.catalog import unknown_model
from bridge.observability.metrics import Metrics
from bridge.observability.queue_meter import QueueMeter


class Clock:
    """A steady clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def gate(clock: Clock, default_model: str | None = None, **limits: Any) -> Gate:
    return Gate(
        Limits(**limits),
        clock,
        default_model=default_model,
        unknown=unknown_model,
        meter=QueueMeter(Metrics(), 0),
    )


async def ask(through: Gate, key: Key, model: str = "m", tokens: int = 0) -> None:
    async with through.passed(key, model, asyncio.get_running_loop().time() + 5, lambda: tokens):
        pass


async def refused(through: Gate, key: Key, model: str = "m") -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        await ask(through, key, model)
    return caught.value


@pytest.mark.parametrize(
    ("key", "model", "default", "sees"),
    [
        pytest.param(ANYONE, "m", None, True, id="no keys"),
        pytest.param(Key(sha256="a"), "m", None, True, id="a key for all"),
        pytest.param(Key(sha256="a", models=("m",)), "m", None, True, id="a key for it"),
        pytest.param(Key(sha256="a", models=("n",)), "m", None, False, id="a key for another"),
        pytest.param(Key(sha256="a", models=()), "m", None, False, id="a key for none"),
        pytest.param(Key(sha256="a", models=("m",)), "", "m", True, id="its default"),
        pytest.param(Key(sha256="a", models=("n",)), "", "m", False, id="a default that it does not see"),
        pytest.param(Key(sha256="a", models=("n",)), "", None, True, id="no name is the handler's to refuse"),
    ],
)
async def test_a_key_asks_the_models_that_it_sees(
    clock: Clock, key: Key, model: str, default: str | None, sees: bool
) -> None:
    through = gate(clock, default)
    if sees:
        await ask(through, key, model)
        return
    error = await refused(through, key, model)
    other = unknown_model(model or str(default))
    assert (error.reason, error.message, error.param) == (other.reason, other.message, other.param)


async def test_a_keys_requests_are_counted_by_the_minute(clock: Clock) -> None:
    through, key = gate(clock), Key(name="a", sha256="a", requests_per_minute=2)
    await ask(through, key)
    await ask(through, key)
    error = await refused(through, key)
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMIT_EXCEEDED, 30)
    assert error.message == "the key has used its 2 requests per minute: try again later"
    await ask(through, Key(name="b", sha256="b", requests_per_minute=1))
    clock.now += 30
    await ask(through, key)
    assert (await refused(through, key)).retry_after == 30


async def test_a_keys_tokens_are_counted_when_they_are_known(clock: Clock) -> None:
    through, key = gate(clock), Key(name="a", sha256="a", tokens_per_minute=60)
    await ask(through, key, tokens=59)
    await ask(through, key, tokens=31)  # one was left
    error = await refused(through, key)
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMIT_EXCEEDED, 30)
    assert "60 tokens per minute" in error.message
    clock.now += 30
    await ask(through, key)


async def test_nobody_is_told_to_wait_for_more_than_a_minute(clock: Clock) -> None:
    through, key = gate(clock), Key(name="a", sha256="a", tokens_per_minute=1)
    await ask(through, key, tokens=1_000_000)
    assert (await refused(through, key)).retry_after == 60


async def test_a_request_that_fails_has_spent_its_tokens_too(clock: Clock) -> None:
    through, key = gate(clock), Key(name="a", sha256="a", tokens_per_minute=10)
    with pytest.raises(ZeroDivisionError):
        async with through.passed(key, "m", 1e9, lambda: 20):
            raise ZeroDivisionError
    assert (await refused(through, key)).reason is Reason.RATE_LIMIT_EXCEEDED


async def test_a_keys_requests_at_once_are_limited_and_others_are_not(clock: Clock) -> None:
    through, key = gate(clock), Key(name="a", sha256="a", max_concurrent_requests=1)
    async with through.passed(key, "m", 1e9, int):
        error = await refused(through, key)
        assert (error.reason, error.retry_after) == (Reason.RATE_LIMIT_EXCEEDED, 1)
        await ask(through, Key(name="b", sha256="b", max_concurrent_requests=1))
    await ask(through, key)


async def test_a_key_cannot_fill_the_queue_with_more_than_its_own(clock: Clock) -> None:
    through, key = gate(clock, max_concurrent_requests=1), Key(sha256="a", max_concurrent_requests=1)
    async with through.passed(ANYONE, "m", 1e9, int):
        waiting = asyncio.create_task(ask(through, key))
        await asyncio.sleep(0)
        assert through.slots.waiting == 1
        assert (await refused(through, key)).reason is Reason.RATE_LIMIT_EXCEEDED
    await waiting


async def test_a_request_that_leaves_the_queue_is_not_under_way_any_longer(clock: Clock) -> None:
    through, key = gate(clock, max_concurrent_requests=1), Key(sha256="a", max_concurrent_requests=1)
    async with through.passed(ANYONE, "m", 1e9, int):
        waiting = asyncio.create_task(ask(through, key))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await ask(through, key)
    assert through.slots.held == 0


async def test_what_was_used_stays_used_when_the_keys_are_read_again(clock: Clock) -> None:
    through = gate(clock)
    await ask(through, Key(name="a", sha256="a", requests_per_minute=1))
    again = Key(name="a", sha256="a", requests_per_minute=1)
    assert (await refused(through, again)).reason is Reason.RATE_LIMIT_EXCEEDED
    await ask(through, Key(name="a", sha256="a", requests_per_minute=2))


async def test_without_keys_only_the_slots_are_limited(clock: Clock) -> None:
    through = gate(clock, max_concurrent_requests=1, queue_size=0)
    async with through.passed(ANYONE, "m", 1e9, int):
        assert (await refused(through, ANYONE)).reason is Reason.QUEUE_FULL
    await ask(through, ANYONE)
