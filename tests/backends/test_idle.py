"""The limit on silence: what counts, what does not, and that it fires once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.backends.idle import IdleWatch

LIMIT = 0.05
WAIT = 5.0


class Expiry:
    """Counts calls and can be waited for."""

    def __init__(self) -> None:
        self.calls = 0
        self.happened = asyncio.Event()

    def __call__(self) -> None:
        self.calls += 1
        self.happened.set()


@pytest.fixture
async def expiry() -> Expiry:
    return Expiry()


async def passed(seconds: float) -> None:
    """Let time pass by the loop's own clock: timers that are due before have run after it."""
    await asyncio.sleep(seconds)


async def test_a_wait_that_lasts_too_long_expires_once(expiry: Expiry) -> None:
    watch = IdleWatch(expiry)
    start = asyncio.get_running_loop().time()
    watch.wait(LIMIT)
    async with asyncio.timeout(WAIT):
        await expiry.happened.wait()
    took = asyncio.get_running_loop().time() - start
    await passed(2 * LIMIT)

    assert watch.expired
    assert expiry.calls == 1
    assert LIMIT <= took < WAIT / 2


async def test_a_pause_does_not_count(expiry: Expiry) -> None:
    watch = IdleWatch(expiry)
    watch.wait(LIMIT)
    watch.pause()
    await passed(3 * LIMIT)

    assert not watch.expired
    assert expiry.calls == 0


async def test_a_wait_begun_anew_has_the_whole_limit(expiry: Expiry) -> None:
    loop = asyncio.get_running_loop()
    watch = IdleWatch(expiry)
    watch.wait(4 * LIMIT)
    await passed(LIMIT)
    watch.pause()
    again = loop.time()
    watch.wait(4 * LIMIT)
    async with asyncio.timeout(WAIT):
        await expiry.happened.wait()

    assert loop.time() - again >= 4 * LIMIT


async def test_a_wait_after_a_long_pause_expires_too(expiry: Expiry) -> None:
    watch = IdleWatch(expiry)
    watch.wait(LIMIT)
    watch.pause()
    await passed(2 * LIMIT)
    watch.wait(LIMIT)
    async with asyncio.timeout(WAIT):
        await expiry.happened.wait()

    assert expiry.calls == 1


async def test_a_shorter_limit_takes_the_place_of_a_longer_one(expiry: Expiry) -> None:
    loop = asyncio.get_running_loop()
    watch = IdleWatch(expiry)
    start = loop.time()
    watch.wait(WAIT)
    watch.pause()
    watch.wait(LIMIT)
    async with asyncio.timeout(WAIT):
        await expiry.happened.wait()

    assert loop.time() - start < WAIT / 2


async def test_a_stopped_watch_does_not_expire(expiry: Expiry) -> None:
    watch = IdleWatch(expiry)
    watch.wait(LIMIT)
    watch.stop()
    await passed(2 * LIMIT)

    assert expiry.calls == 0
    assert not watch.expired


async def test_many_waits_need_one_timer(expiry: Expiry) -> None:
    loop: Any = asyncio.get_running_loop()
    before = len(loop._scheduled)
    watch = IdleWatch(expiry)
    for _ in range(1000):
        watch.wait(WAIT)
        watch.pause()
    timers = len(loop._scheduled) - before
    watch.stop()

    assert timers == 1
