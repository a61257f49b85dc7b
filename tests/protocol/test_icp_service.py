"""Counting generations for discovery: each once, whatever ends it how often."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from bridge.errors import BridgeError, Reason
from bridge.protocol.icp_service import Counts, Service


@dataclass(eq=False)
class Generation:
    sent: int = 0


def test_a_generation_is_counted_while_it_runs_and_when_it_has_ended() -> None:
    counts, one, other = Counts(), Generation(), Generation()
    counts.begin(one, 10.0)
    counts.begin(other, 11.0)
    one.sent, other.sent = 3, 4
    assert (counts.inflight, counts.responses, counts.requests) == (2, 7, 0)
    counts.end(one, 12.5)
    counts.end(other, 12.0, BridgeError(Reason.TIMEOUT, "late"))
    assert (counts.inflight, counts.responses, counts.requests, counts.seconds) == (0, 7, 2, 3.5)
    assert (counts.errors, counts.last_error) == (1, "TIMEOUT")


def test_an_end_without_a_beginning_is_not_counted() -> None:
    counts, one = Counts(), Generation()
    counts.end(one, 1.0)
    counts.begin(one, 2.0)
    counts.end(one, 3.0)
    counts.end(one, 4.0, BridgeError(Reason.TIMEOUT, "late"))
    assert (counts.requests, counts.errors, counts.seconds) == (1, 0, 1.0)


def test_what_is_no_verb_of_discovery_gets_no_answer() -> None:
    service = Service(
        name="icp-worker", description="d", component_id="id", started="now", metadata={"host": "h"}
    )
    assert service.reply("$SRV.DANCE", {}, {}) is None
    told = orjson.loads(service.reply("$SRV.INFO.icp-worker", {"inflight": 2}, {"m": "icp.op.m.-"}) or b"")
    assert (told["description"], told["metadata"]["host"]) == ("d", "h")
    assert told["endpoints"] == [
        {"name": "m", "subject": "icp.op.m.-", "queue_group": "icp.op.m.-", "metadata": {}}
    ]
    assert orjson.loads(told["metadata"]["status"]) == {"inflight": 2}
