"""When an answer goes on elsewhere, and that this is counted and logged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.handlers.resuming import LOST, goes_on
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord


class Answer:
    """An exchange that can go on, or not."""

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        self.asked = 0

    def resume(self) -> bool:
        self.asked += 1
        return self.possible


def call(metrics: Metrics, seconds: float = 60.0) -> Call:
    record = RequestRecord(metrics, door="http", endpoint="chat", request_id="r")
    record.model = "m"
    return Call(request_id="r", deadline=asyncio.get_running_loop().time() + seconds, record=record)


@pytest.mark.parametrize("reason", Reason)
async def test_an_answer_goes_on_where_its_server_was_lost(reason: Reason) -> None:
    answer: Any = Answer(possible=True)
    assert goes_on(answer, BridgeError(reason, "x"), call(Metrics())) is (reason in LOST)
    assert answer.asked == (reason in LOST)


async def test_past_the_deadline_nothing_goes_on() -> None:
    answer: Any = Answer(possible=True)
    assert not goes_on(answer, BridgeError(Reason.TIMEOUT, "x"), call(Metrics(), seconds=0))
    assert answer.asked == 0


@pytest.mark.parametrize("possible", [True, False])
async def test_what_goes_on_is_counted_and_logged(caplog: pytest.LogCaptureFixture, possible: bool) -> None:
    caplog.set_level(logging.INFO)
    metrics = Metrics()
    mine = call(metrics)
    answer: Any = Answer(possible=possible)
    assert goes_on(answer, BridgeError(Reason.BACKEND_UNAVAILABLE, "x"), mine) is possible
    mine.record.end()
    (line,) = [record.__dict__["facts"] for record in caplog.records if record.name == "bridge.access"]
    assert line.get("resumed", 0) == int(possible)
    assert (b'openai_bridge_resumes_total{model="m"} 1.0' in metrics.text()) is possible
