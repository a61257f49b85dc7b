"""A request's record: counted once, logged once, and only facts."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import CompletionUsage

from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import Metrics
from bridge.observability.record import UPSTREAM, RequestRecord

USAGE = CompletionUsage(prompt_tokens=4, completion_tokens=3, total_tokens=7)


def begin(metrics: Metrics) -> RequestRecord:
    return RequestRecord(metrics, door="http", endpoint="chat", request_id="req_1")


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics._registry.get_sample_value(f"openai_bridge_{name}", labels)
    return 0.0 if found is None else found


def facts(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    [line] = caplog.records
    assert (line.name, line.getMessage()) == ("bridge.access", "request")
    found: dict[str, Any] = line.facts  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_request_is_in_flight_from_begin_to_end() -> None:
    metrics = Metrics()
    record = begin(metrics)
    assert value(metrics, "requests_in_flight", door="http", endpoint="chat") == 1
    record.end()
    assert value(metrics, "requests_in_flight", door="http", endpoint="chat") == 0
    assert value(metrics, "request_duration_seconds_count", door="http", endpoint="chat") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(None, "OK", id="success"),
        pytest.param(BridgeError(Reason.CANCELLED, "x"), "CANCELLED", id="the client left"),
        pytest.param(BridgeError(Reason.INVALID_VALUE, "x"), "INVALID_ARGUMENT", id="bad request"),
    ],
)
def test_a_request_is_counted_by_its_code(error: BridgeError | None, code: str) -> None:
    metrics = Metrics()
    record = begin(metrics)
    record.model = "m"
    record.end(error)
    assert value(metrics, "requests_total", door="http", endpoint="chat", model="m", code=code) == 1


def test_the_first_response_and_the_pauses_after_it_are_measured_apart() -> None:
    metrics = Metrics()
    record = begin(metrics)
    record.model = "m"
    for _ in range(3):
        record.responded()
    record.end()
    assert value(metrics, "time_to_first_token_seconds_count", endpoint="chat", model="m") == 1
    assert value(metrics, "inter_token_seconds_count", endpoint="chat", model="m") == 2


def test_tokens_are_counted_where_they_are_known() -> None:
    metrics = Metrics()
    for usage in (USAGE, None):
        record = begin(metrics)
        record.model = "m"
        record.counted(usage)
        record.end()
    assert value(metrics, "tokens_total", model="m", kind="prompt") == 4
    assert value(metrics, "tokens_total", model="m", kind="completion") == 3


@pytest.mark.parametrize("reason", Reason)
def test_failures_of_the_upstream_are_counted_apart(reason: Reason) -> None:
    metrics = Metrics()
    begin(metrics).end(BridgeError(reason, "x"))
    assert value(metrics, "upstream_errors_total", upstream="", reason=reason.name) == float(
        reason in UPSTREAM
    )


@pytest.mark.parametrize(
    ("placed", "at_fault", "label"),
    [
        pytest.param((), "", "", id="nobody was asked"),
        pytest.param(("a:1", "b:1"), "", "b:1", id="the last one"),
        pytest.param(("a:1", "b:1"), "a:1", "a:1", id="the one that the error names"),
    ],
)
def test_a_failure_is_counted_at_the_upstream_that_failed(
    caplog: pytest.LogCaptureFixture, placed: tuple[str, ...], at_fault: str, label: str
) -> None:
    metrics = Metrics()
    record = begin(metrics)
    for upstream in placed:
        record.placed(upstream)
    error = BridgeError(Reason.BACKEND_ERROR, "x")
    error.upstream = at_fault
    record.end(error)
    assert value(metrics, "upstream_errors_total", upstream=label, reason="BACKEND_ERROR") == 1
    assert facts(caplog).get("upstream", "") == ",".join(placed)


def test_the_line_of_a_success_holds_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    record = begin(Metrics())
    record.model = "m"
    record.responded()
    record.counted(USAGE)
    record.end()
    found = facts(caplog)
    assert isinstance(found.pop("seconds"), float)
    assert isinstance(found.pop("first_token_seconds"), float)
    assert found == {
        "request_id": "req_1",
        "door": "http",
        "endpoint": "chat",
        "model": "m",
        "code": "OK",
        "status": 200,
        "prompt_tokens": 4,
        "completion_tokens": 3,
    }


def test_the_line_of_a_failure_names_the_reason_and_not_the_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begin(Metrics()).end(BridgeError(Reason.INVALID_VALUE, "about the prompt", param="messages[0]"))
    found = facts(caplog)
    assert (found["reason"], found["code"], found["model"]) == ("INVALID_VALUE", "INVALID_ARGUMENT", "")
    assert "about the prompt" not in str(found)


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (None, logging.INFO),
        (BridgeError(Reason.INVALID_VALUE, "x"), logging.INFO),
        (BridgeError(Reason.CANCELLED, "x"), logging.INFO),
        (BridgeError(Reason.QUEUE_FULL, "x"), logging.INFO),
        (BridgeError(Reason.BACKEND_ERROR, "x"), logging.WARNING),
        (BridgeError(Reason.TIMEOUT, "x"), logging.WARNING),
    ],
)
def test_only_failures_on_our_side_are_warnings(
    caplog: pytest.LogCaptureFixture, error: BridgeError | None, level: int
) -> None:
    begin(Metrics()).end(error)
    assert caplog.records[0].levelno == level


def test_an_id_from_the_body_replaces_the_one_from_the_door(caplog: pytest.LogCaptureFixture) -> None:
    record = begin(Metrics())
    record.request_id = "mine"
    record.end()
    assert facts(caplog)["request_id"] == "mine"
