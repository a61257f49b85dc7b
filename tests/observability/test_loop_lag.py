"""A blocked event loop shows in the metrics."""

from __future__ import annotations

import asyncio
import time

from bridge.observability.counts import LocalCounts
from bridge.observability.instruments import Histogram
from bridge.observability.loop_lag import INTERVAL, measure
from tests.eventually import eventually

BLOCKED = INTERVAL + 0.2
"""Seconds: the next look comes late by 0.2 s at least."""


async def test_the_time_that_a_loop_is_blocked_is_seen() -> None:
    counts = LocalCounts()
    lag = Histogram(counts, "lag", "Lag.", (), (1.0,)).labels()
    (row,) = counts.totals().values()
    task = asyncio.create_task(measure(lag))
    await eventually(lambda: row[0])
    before = row[-1]
    time.sleep(BLOCKED)  # noqa: ASYNC251 - this is what it is about
    await eventually(lambda: row[-1] - before >= BLOCKED - INTERVAL)
    task.cancel()
