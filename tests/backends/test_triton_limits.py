"""One generation over ModelStreamInfer: silence, deadlines, and readers that leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import BridgeError, Reason
from tests.eventually import eventually
from tests.scripted_backend import WAIT, running, said, stream, text
from tests.scripted_triton import data, empty, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.protocol import kserve

SHORT = 0.15
"""A limit in seconds that a test waits for."""


@pytest.mark.parametrize(
    ("before", "message", "retry"),
    [
        pytest.param([], "did not begin to answer", True, id="no response at all"),
        pytest.param([empty(final=False)], "did not begin to answer", True, id="an empty response"),
        pytest.param([data("a")], "stopped answering", False, id="after the first response"),
    ],
)
async def test_silence_is_a_timeout_and_cancels_the_call(
    before: list[Any], message: str, retry: bool
) -> None:
    limits = {"first_token_timeout": SHORT, "token_timeout": SHORT}
    async with running(sends(*before, hangs=True), **limits) as (peer, backend):
        with pytest.raises(BridgeError, match=message) as caught:
            await said(backend)
        await eventually(peer.calls[0].cancelled.is_set)

    assert caught.value.reason is Reason.TIMEOUT
    assert caught.value.retry is retry


async def test_each_silence_has_its_own_limit() -> None:
    limits = {"first_token_timeout": WAIT, "token_timeout": SHORT}
    start = asyncio.get_running_loop().time()
    async with running(sends(data("a"), hangs=True), **limits) as (_, backend):
        with pytest.raises(BridgeError, match="stopped answering"):
            await said(backend)

    assert asyncio.get_running_loop().time() - start < WAIT / 2


async def test_a_model_that_goes_on_speaking_may_take_longer_than_the_limit_on_silence() -> None:
    async def slowly(_: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        for _number in range(6):
            yield data("a")
            await asyncio.sleep(SHORT)

    async with running(slowly, token_timeout=4 * SHORT) as (_, backend):
        assert await said(backend) == ["a"] * 6


async def test_a_slow_reader_is_not_a_silent_model() -> None:
    read = []
    three = sends(data("a"), data("b"), data("c", final=True))
    async with running(three, token_timeout=SHORT) as (_, backend), stream(backend) as batches:
        async for batch in batches:
            await asyncio.sleep(2 * SHORT)
            read += [text(response) for response in batch]

    assert read == ["a", "b", "c"]


async def test_the_deadline_ends_the_generation_and_cancels_the_call() -> None:
    async with running(sends(data("a"), hangs=True)) as (peer, backend):
        with pytest.raises(BridgeError, match="the deadline passed") as caught:
            await said(backend, seconds=SHORT)
        await eventually(peer.calls[0].cancelled.is_set)

    assert caught.value.reason is Reason.TIMEOUT


async def test_a_deadline_in_the_past_fails_at_once() -> None:
    async with running(sends(hangs=True)) as (_, backend):
        with pytest.raises(BridgeError) as caught:
            await said(backend, seconds=-1)

    assert caught.value.reason is Reason.TIMEOUT
    assert caught.value.retry


async def test_closing_early_cancels_the_call() -> None:
    async with running(sends(data("a"), data("b"), hangs=True)) as (peer, backend):
        async with stream(backend) as batches:
            assert [text(response) for response in await anext(batches)] == ["a"]
        await eventually(peer.calls[0].cancelled.is_set)


async def test_cancelling_the_reader_cancels_the_call() -> None:
    async with running(sends(hangs=True)) as (peer, backend):
        reading = asyncio.create_task(said(backend))
        await eventually(lambda: peer.calls and peer.calls[0].half_closed.is_set())
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await eventually(peer.calls[0].cancelled.is_set)


async def test_closing_the_backend_fails_what_still_runs() -> None:
    async with running(sends(data("a"), hangs=True)) as (_, backend), stream(backend) as batches:
        await anext(batches)
        reading = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        await backend.close()
        with pytest.raises(BridgeError) as caught:
            async with asyncio.timeout(WAIT):
                await reading

    assert caught.value.reason is Reason.SHUTTING_DOWN
