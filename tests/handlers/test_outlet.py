"""Pushed generations: what the pump does while the client is behind, at the end, and when something fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.handlers.outlet import Pump, pour
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

WAIT = 5.0


class Client:
    """An outlet that is behind after every batch until it is let on."""

    def __init__(self, *, behind: bool = False, gone: bool = False) -> None:
        self.behind = behind
        self.gone = gone
        self.taken: list[Any] = []
        self.asked = asyncio.Event()
        self.let_on = asyncio.Event()

    def take(self, batch: Iterable[Any]) -> bool:
        self.taken.extend(batch)
        return not self.behind

    async def ready(self) -> None:
        self.asked.set()
        if self.gone:
            raise ConnectionResetError
        await self.let_on.wait()


class Generation:
    """A handle that notes what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def cancel(self) -> None:
        self.calls.append("cancel")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


def pump(client: Client, done: Any = lambda: False) -> tuple[Pump[Any], Generation]:
    made: Pump[Any] = Pump(iter, done, client)
    made.handle = generation = Generation()
    return made, generation


async def test_batches_reach_the_client_before_anyone_is_woken() -> None:
    client = Client()
    made, _ = pump(client)
    made.responses(["a", "b"])
    assert client.taken == ["a", "b"]
    made.ended(None)
    async with asyncio.timeout(WAIT):
        await made.run()


async def test_a_client_that_is_behind_pauses_its_generation_until_it_is_ready() -> None:
    client = Client(behind=True)
    made, generation = pump(client)
    running = asyncio.create_task(made.run())
    made.responses(["a"])
    made.responses(["on its way"])
    async with asyncio.timeout(WAIT):
        await client.asked.wait()
        assert generation.calls == ["pause"]
        client.behind = False
        client.let_on.set()
        made_more = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(made_more.set_result, None)
        await made_more
        made.responses(["b"])
        made.ended(None)
        await running
    assert generation.calls == ["pause", "resume"]
    assert client.taken == ["a", "on its way", "b"]


async def test_a_complete_answer_waits_for_nobody_and_what_is_left_goes_with_its_end() -> None:
    client = Client(behind=True)
    made, generation = pump(client)
    made.responses(["a"])
    made.ended(None)
    async with asyncio.timeout(WAIT):
        await made.run()
    assert generation.calls == ["pause"]
    assert not client.asked.is_set()


async def test_a_failure_waits_for_the_client_and_resumes_nothing() -> None:
    client = Client(behind=True)
    made, generation = pump(client)
    running = asyncio.create_task(made.run())
    made.responses(["a"])
    made.ended(BridgeError(Reason.BACKEND_ERROR, "boom"))
    async with asyncio.timeout(WAIT):
        await client.asked.wait()
        assert not running.done()
        client.let_on.set()
        with pytest.raises(BridgeError, match="boom"):
            await running
    assert generation.calls == ["pause"]


async def test_a_failure_is_raised_after_what_came_before_it() -> None:
    client = Client()
    made, _ = pump(client)
    made.responses(["a"])
    made.ended(BridgeError(Reason.BACKEND_ERROR, "boom"))
    with pytest.raises(BridgeError, match="boom"):
        async with asyncio.timeout(WAIT):
            await made.run()
    assert client.taken == ["a"]


async def test_an_answer_that_is_complete_cancels_its_model_if_that_does_not_end_by_itself() -> None:
    client = Client()
    made, generation = pump(client, done=lambda: "stop" in client.taken)
    made.responses(["a"])
    made.responses(["stop"])
    async with asyncio.timeout(WAIT):
        await made.run()
    made.leave()
    assert generation.calls == []
    made.responses(["more"])
    made.ended(BridgeError(Reason.BACKEND_ERROR, "too late to matter"))
    await eventually(lambda: generation.calls == ["cancel"])
    assert client.taken == ["a", "stop"]


async def test_an_answer_that_is_not_complete_cancels_its_model_at_once() -> None:
    made, generation = pump(Client())
    made.responses(["a"])
    made.leave()
    assert generation.calls == ["cancel"]


async def test_a_client_that_left_ends_the_run() -> None:
    client = Client(behind=True, gone=True)
    made, _ = pump(client)
    made.responses(["a"])
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(WAIT):
            await made.run()


async def test_pouring_waits_for_a_client_that_is_behind() -> None:
    steps: list[str] = []

    async def stream() -> AsyncGenerator[list[str], None]:
        for name in ("a", "b"):
            steps.append(f"made {name}")
            yield [name]

    client = Client(behind=True)
    running = asyncio.create_task(pour(stream(), client))
    async with asyncio.timeout(WAIT):
        await client.asked.wait()
        assert steps == ["made a"]
        client.let_on.set()
        await running
    assert client.taken == ["a", "b"]
