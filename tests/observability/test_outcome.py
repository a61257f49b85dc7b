"""The facts of a request: what its log line holds, and what is left out of it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse
from openai_bridge.v1.common_pb2 import (
    FINISH_REASON_LENGTH,
    FINISH_REASON_STOP,
    FINISH_REASON_TOOL_CALLS,
    CompletionUsage,
)

from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.observability.tracing import PassedOn
from bridge.protocol.trace_context import TraceContext

CONTEXT = TraceContext("ab" * 16, "cd" * 8, 1, "foo=1")


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def begin(door: str = "http", *, traced: bool = False) -> RequestRecord:
    trace = PassedOn(CONTEXT) if traced else None
    return RequestRecord(Metrics(), door=door, endpoint="chat", request_id="req_1", trace=trace)


def facts(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    [line] = caplog.records
    found: dict[str, Any] = line.facts  # type: ignore[attr-defined]
    return found


def last(index: int, reason: Any) -> CreateChatCompletionStreamResponse:
    message = CreateChatCompletionStreamResponse()
    message.choices.add(index=index, finish_reason=reason)
    return message


def test_a_full_line(caplog: pytest.LogCaptureFixture) -> None:
    record = begin(traced=True)
    record.model, record.key, record.streamed = "m", "team", True
    record.placed("a:1")
    record.placed("b:1")
    record.let_pass(["seed"])
    record.responded()
    list(record.ending([last(1, FINISH_REASON_LENGTH), last(0, FINISH_REASON_STOP)]))
    record.counted(CompletionUsage(prompt_tokens=4, completion_tokens=3))
    record.end()
    found = facts(caplog)
    assert 0 <= found.pop("first_token_seconds") <= found.pop("seconds") < 5
    assert found == {
        "request_id": "req_1",
        "trace_id": CONTEXT.trace_id,
        "door": "http",
        "endpoint": "chat",
        "model": "m",
        "key": "team",
        "code": "OK",
        "status": 200,
        "stream": True,
        "finish": "stop,length",
        "prompt_tokens": 4,
        "completion_tokens": 3,
        "upstream": "a:1,b:1",
        "ignored": ["seed"],
    }


def test_a_reason_that_many_choices_share_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    record = begin()
    ends = [last(index, FINISH_REASON_TOOL_CALLS) for index in range(9)]
    assert list(record.ending(ends)) == ends
    record.end()
    assert facts(caplog)["finish"] == "tool_calls"


@pytest.mark.parametrize(
    ("door", "error", "told", "status", "code"),
    [
        pytest.param("http", None, False, 200, "OK", id="success"),
        pytest.param("http", Reason.TIMEOUT, False, 504, "DEADLINE_EXCEEDED", id="before the answer"),
        pytest.param("http", Reason.TIMEOUT, True, 200, "DEADLINE_EXCEEDED", id="in the stream"),
        pytest.param("http", Reason.CANCELLED, False, 499, "CANCELLED", id="the client left"),
        pytest.param("grpc", Reason.TIMEOUT, False, None, "DEADLINE_EXCEEDED", id="by gRPC"),
    ],
)
def test_the_status_is_what_the_client_has_seen(
    caplog: pytest.LogCaptureFixture,
    door: str,
    error: Reason | None,
    told: bool,
    status: int | None,
    code: str,
) -> None:
    record = begin(door)
    failure = None if error is None else BridgeError(error, "x")
    if told:
        record.told = failure
    record.end(None if told else failure)
    found = facts(caplog)
    assert (found.get("status"), found["code"]) == (status, code)
    assert found.get("reason") == (error and error.name)


@pytest.mark.parametrize("traced", [True, False])
def test_the_model_is_told_of_the_callers_trace(caplog: pytest.LogCaptureFixture, traced: bool) -> None:
    record = begin(traced=traced)
    record.asked(SimpleNamespace())
    assert tuple(record.metadata) == (CONTEXT.headers() if traced else ())
    record.end()
    assert facts(caplog).get("trace_id") == (CONTEXT.trace_id if traced else None)
