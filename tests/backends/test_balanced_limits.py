"""Limits of several servers: of running generations, of further tries, and of silence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from bridge.errors import BridgeError, Reason
from tests.backends.balancing import WAIT, WELL, balancing, each_transport, failure, said
from tests.eventually import eventually
from tests.scripted_triton import data, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@each_transport
async def test_limits_of_servers_hold_and_beyond_them_is_a_full_queue(transport: str) -> None:
    slow = sends(data("a"), hangs=True)
    async with balancing(slow, slow, transport=transport, servers={"max_concurrent": 2}) as setting:
        tasks = [asyncio.create_task(said(setting)) for _ in range(4)]
        await eventually(lambda: sum(len(peer.calls) for peer in setting.peers) == 4)
        assert [len(peer.calls) for peer in setting.peers] == [2, 2]
        assert setting.count("upstream_requests_in_flight", 0) == 2
        assert (await failure(setting)).reason is Reason.QUEUE_FULL
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        heard: list[str] = []
        tasks.append(asyncio.create_task(said(setting, heard)))
        await eventually(lambda: heard)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert setting.count("upstream_requests_in_flight", 0) == 0


async def test_further_tries_are_bounded_by_what_runs() -> None:
    gate = asyncio.Event()

    async def fail_together(context: Any) -> AsyncIterator[Any]:
        await gate.wait()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "Server exiting")
        yield

    async with balancing(fail_together, sends(hangs=True), retry_budget=0) as setting:
        tasks = [asyncio.create_task(said(setting)) for _ in range(20)]
        await eventually(lambda: len(setting.peers[0].calls) == 10)
        gate.set()
        await eventually(lambda: sum(task.done() for task in tasks) == 7)
        await eventually(lambda: len(setting.peers[1].calls) == 13)  # three always may
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_that_falls_silent_gives_its_waiting_requests_to_another() -> None:
    async with balancing(sends(hangs=True), WELL, poll_timeout=0.1) as setting:
        waiting = asyncio.create_task(said(setting))
        await eventually(lambda: setting.peers[0].calls)
        setting.peers[0].index_gate.clear()
        await setting.backend.ready_models()
        async with asyncio.timeout(WAIT):
            assert await waiting == ["a", "b"]
        await eventually(setting.peers[0].calls[0].cancelled.is_set)
    assert setting.went() == "ab"
    assert setting.count("upstream_requests_in_flight", 0) == 0


async def test_a_request_stays_at_a_silent_server_where_no_other_is_well() -> None:
    async with balancing(sends(hangs=True), sends(hangs=True), poll_timeout=0.1) as setting:
        waiting = asyncio.create_task(said(setting))
        await eventually(lambda: setting.peers[0].calls)
        setting.peers[1].down = True
        setting.peers[0].index_gate.clear()
        with pytest.raises(BridgeError):
            await setting.backend.ready_models()
        assert not setting.peers[0].calls[0].cancelled.is_set()
        assert setting.went() == "a"
        waiting.cancel()
        await asyncio.wait([waiting])
