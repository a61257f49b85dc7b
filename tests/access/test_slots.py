"""Slots: how many at once, who waits, and that every slot comes back whatever becomes of its holder."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest

from bridge.access.slots import Slots
from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import Metrics
from bridge.observability.queue_meter import QueueMeter

SOON = 0.02
WAIT = 5.0


def made(
    limit: int, queue_size: int = 10, queue_timeout: float = WAIT, metrics: Metrics | None = None
) -> Slots:
    meter = QueueMeter(metrics or Metrics(), limit)
    return Slots(limit, queue_size=queue_size, queue_timeout=queue_timeout, meter=meter)


def later(seconds: float = WAIT) -> float:
    return asyncio.get_running_loop().time() + seconds


class Holder:
    """A task that takes a slot and keeps it until it may go."""

    def __init__(self, slots: Slots, deadline: float | None = None) -> None:
        self.holds = asyncio.Event()
        self.may_go = asyncio.Event()
        self._slots, self._deadline = slots, later() if deadline is None else deadline
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._slots.slot(self._deadline):
            self.holds.set()
            await self.may_go.wait()

    async def refused(self) -> BridgeError:
        with pytest.raises(BridgeError) as caught:
            await asyncio.wait_for(self.task, WAIT)
        return caught.value

    async def gone(self) -> None:
        self.may_go.set()
        await asyncio.wait_for(self.task, WAIT)

    async def cancelled(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


async def holding(slots: Slots) -> Holder:
    holder = Holder(slots)
    await asyncio.wait_for(holder.holds.wait(), WAIT)
    return holder


async def queued(slots: Slots, deadline: float | None = None) -> Holder:
    before = slots.waiting
    holder = Holder(slots, deadline)
    await asyncio.sleep(0)
    assert slots.waiting == before + 1
    return holder


async def test_a_slot_is_handed_to_who_waits_longest() -> None:
    slots = made(1)
    first = await holding(slots)
    others = [await queued(slots) for _ in range(3)]
    for holder in (first, *others):
        await asyncio.wait_for(holder.holds.wait(), WAIT)
        assert slots.held == 1
        await holder.gone()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_one_who_comes_does_not_overtake_those_who_wait() -> None:
    slots = made(1)
    first = await holding(slots)
    second = await queued(slots)
    first.may_go.set()
    third = Holder(slots)
    await asyncio.wait_for(second.holds.wait(), WAIT)
    assert not third.holds.is_set()
    await second.gone()
    await third.gone()
    assert slots.held == 0


async def test_without_a_limit_nobody_waits() -> None:
    slots = made(0, queue_size=0)
    holders = [await holding(slots) for _ in range(50)]
    assert (slots.held, slots.waiting) == (50, 0)
    for holder in holders:
        await holder.gone()
    assert slots.held == 0


@pytest.mark.parametrize("queue_size", [0, 2])
async def test_one_too_many_is_refused_at_once(queue_size: int) -> None:
    slots = made(1, queue_size=queue_size)
    holders = [await holding(slots), *[await queued(slots) for _ in range(queue_size)]]
    error = await Holder(slots).refused()
    assert (error.reason, error.retry_after) == (Reason.QUEUE_FULL, 1)
    for holder in holders:
        await holder.gone()
    assert (slots.held, slots.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("queue_timeout", "deadline", "reason"),
    [
        pytest.param(SOON, WAIT, Reason.QUEUE_FULL, id="the queue's patience ends"),
        pytest.param(WAIT, SOON, Reason.TIMEOUT, id="the request's deadline passes"),
        pytest.param(WAIT, -1, Reason.TIMEOUT, id="the deadline has passed already"),
    ],
)
async def test_a_wait_ends(queue_timeout: float, deadline: float, reason: Reason) -> None:
    slots = made(1, queue_timeout=queue_timeout)
    first = await holding(slots)
    error = await Holder(slots, later(deadline)).refused()
    assert error.reason is reason
    assert (slots.held, slots.waiting) == (1, 0)
    await first.gone()
    assert slots.held == 0


async def test_one_who_leaves_the_queue_is_forgotten() -> None:
    slots = made(1)
    first = await holding(slots)
    leaver, stayer = await queued(slots), await queued(slots)
    await leaver.cancelled()
    assert slots.waiting == 1
    await first.gone()
    await asyncio.wait_for(stayer.holds.wait(), WAIT)
    await stayer.gone()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_a_slot_that_is_handed_to_one_who_leaves_in_the_same_moment_goes_on_to_the_next() -> None:
    slots = made(1)
    async with slots.slot(later()):
        leaver, next_one = await queued(slots), await queued(slots)
    leaver.task.cancel()  # its turn has come, it has not run yet
    with pytest.raises(asyncio.CancelledError):
        await leaver.task
    assert not leaver.holds.is_set()
    await asyncio.wait_for(next_one.holds.wait(), WAIT)
    await next_one.gone()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_one_who_leaves_just_before_its_turn_does_not_get_it() -> None:
    slots = made(1)
    async with slots.slot(later()):
        leaver, next_one = await queued(slots), await queued(slots)
        leaver.task.cancel()  # it has not noticed when the slot is handed on
    with pytest.raises(asyncio.CancelledError):
        await leaver.task
    await asyncio.wait_for(next_one.holds.wait(), WAIT)
    await next_one.gone()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_a_failure_gives_the_slot_back() -> None:
    slots = made(1)
    with pytest.raises(ZeroDivisionError):
        async with slots.slot(later()):
            raise ZeroDivisionError
    assert slots.held == 0


async def test_closing_refuses_who_waits_and_who_comes_and_nobody_else() -> None:
    slots = made(1)
    first = await holding(slots)
    waiting = [await queued(slots) for _ in range(2)]
    slots.close()
    for holder in (*waiting, Holder(slots)):
        assert (await holder.refused()).reason is Reason.SHUTTING_DOWN
    assert (slots.held, slots.waiting) == (1, 0)
    await first.gone()
    assert slots.held == 0


async def test_whatever_happens_no_slot_is_lost_and_no_limit_passed() -> None:
    random_numbers, most, metrics = random.Random(7), 0, Metrics()  # noqa: S311
    slots = made(3, queue_size=8, queue_timeout=0.004, metrics=metrics)

    async def one() -> None:
        nonlocal most
        with suppress(BridgeError):
            async with slots.slot(later(random_numbers.uniform(0, 0.01))):
                most = max(most, slots.held)
                await asyncio.sleep(random_numbers.uniform(0, 0.003))

    async def some(_: int) -> None:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(one()) for _ in range(20)]
        for task in tasks:
            if random_numbers.random() < 0.3:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    await asyncio.gather(*map(some, range(20)))
    assert (slots.held, slots.waiting, most) == (0, 0, 3)
    told = metrics.text()
    assert b"openai_bridge_queue_slots_held 0.0" in told
    assert b"openai_bridge_queue_waiting 0.0" in told
