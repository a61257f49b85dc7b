"""Spans: their names and attributes by the conventions, what they leave out, and their end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.common_pb2 import CompletionUsage
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from bridge.errors import BridgeError, Reason
from bridge.observability.otel import CLOSE_TIMEOUT, FIRST_TOKEN, SETTINGS, OtelTracing, exporting
from bridge.observability.outcome import Outcome
from bridge.protocol.trace_context import TraceContext, read
from tests.observability.recorded_spans import Recorded, attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTEXT = TraceContext(TRACE, CALLER, 1, "foo=1,2bar=2")
NAME, ATTRIBUTES = "POST /v1/chat/completions", {"http.route": "/v1/chat/completions"}
USAGE = CompletionUsage(prompt_tokens=4, completion_tokens=3, total_tokens=7)


def outcome(**facts: Any) -> Outcome:
    success: dict[str, Any] = {
        "request_id": "req_1", "trace_id": TRACE, "door": "http", "endpoint": "chat", "model": "m", "key": "",
        "code": "OK", "status": 200, "error": None, "seconds": 1.0, "first_token": None, "streamed": False,
        "finish_reasons": (), "usage": None, "upstreams": (), "resumed": 0, "ignored": (),
    }  # fmt: skip
    return Outcome(**success | facts)


def run(request: Any = None, *, model: str = "m", **facts: Any) -> dict[SpanKind, ReadableSpan]:
    """Follow a request to its end; return its spans by their kind."""
    recorded = Recorded()
    trace = recorded.tracing.begin(CONTEXT, NAME, ATTRIBUTES)
    if request is not None:
        trace.ask(facts.get("endpoint", "chat"), model, request)
    trace.end(outcome(**facts))
    return recorded.by_kind


def test_a_request_is_a_server_span_below_its_caller() -> None:
    (span,) = run().values()
    assert (span.name, span.kind, span.status.status_code) == (NAME, SpanKind.SERVER, StatusCode.UNSET)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, CALLER)
    assert attributes(span) == {
        **ATTRIBUTES,
        "openai_bridge.request_id": "req_1",
        "http.response.status_code": 200,
    }


def test_a_request_without_a_caller_begins_a_trace() -> None:
    recorded = Recorded()
    first, second = (recorded.tracing.begin(None, NAME, ATTRIBUTES) for _ in range(2))
    assert first.trace_id != second.trace_id
    first.end(outcome())
    (span,) = recorded.spans
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" == first.trace_id


def test_on_the_grpc_door_the_code_is_told() -> None:
    (span,) = run(status=None, code="NOT_FOUND").values()
    assert attributes(span)["rpc.response.status_code"] == "NOT_FOUND"
    assert "http.response.status_code" not in attributes(span)


@pytest.mark.parametrize("reason", Reason)
def test_only_failures_on_our_side_are_errors_of_the_request(reason: Reason) -> None:
    error = BridgeError(reason, "about the prompt")
    spans = run(CreateChatCompletionRequest(), error=error, status=error.row.http)
    request, model = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]
    ours = error.row.http >= 500
    assert request.status.status_code is (StatusCode.ERROR if ours else StatusCode.UNSET)
    assert attributes(request).get("error.type") == (reason.value if ours else None)
    assert model.status.status_code is StatusCode.ERROR
    assert attributes(model)["error.type"] == reason.value
    assert "prompt" not in request.to_json() + model.to_json()


def test_what_is_asked_of_the_model_is_a_client_span_below_the_request() -> None:
    request = CreateChatCompletionRequest(
        temperature=0.0, max_completion_tokens=9, seed=7, n=2, top_k=3, stop=["secret"], user="secret"
    )
    spans = run(
        request,
        usage=USAGE,
        finish_reasons=["stop", "length"],
        streamed=True,
        first_token=0.5,
        upstreams=("a:1", "[::1]:8001"),
    )
    span, parent = spans[SpanKind.CLIENT], spans[SpanKind.SERVER]
    assert (span.name, span.status.status_code) == ("chat m", StatusCode.UNSET)
    assert span.parent == parent.context
    found = attributes(span)
    assert found.pop("gen_ai.response.time_to_first_chunk") == pytest.approx(0.5, abs=0.1)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "nvidia.triton",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 7,
        "gen_ai.request.top_k": 3,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop", "length"),
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "::1",
        "server.port": 8001,
        "openai_bridge.upstreams": ("a:1", "[::1]:8001"),
    }
    (event,) = span.events
    assert parent.start_time is not None
    assert event.name == FIRST_TOKEN
    assert event.timestamp - parent.start_time == pytest.approx(0.5e9, abs=0.1e9)


def test_embeddings_have_no_output_tokens() -> None:
    request = CreateEmbeddingRequest(dimensions=8, user="secret")
    spans = run(request, endpoint="embeddings", usage=USAGE, streamed=None)
    assert spans[SpanKind.CLIENT].name == "embeddings m"
    assert attributes(spans[SpanKind.CLIENT]) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "nvidia.triton",
        "gen_ai.request.model": "m",
        "gen_ai.embeddings.dimension.count": 8,
        "gen_ai.usage.input_tokens": 4,
    }


def test_one_choice_is_not_told() -> None:
    span = run(CreateChatCompletionRequest(n=1))[SpanKind.CLIENT]
    assert "gen_ai.request.choice.count" not in attributes(span)


def test_a_model_that_only_the_answer_names_is_told_at_the_end() -> None:
    span = run(CreateChatCompletionRequest(), model="", endpoint="completions")[SpanKind.CLIENT]
    assert (span.name, attributes(span)["gen_ai.request.model"]) == ("text_completion m", "m")


def test_no_setting_that_is_told_is_text() -> None:
    fields = CreateChatCompletionRequest.DESCRIPTOR.fields_by_name
    assert {fields[name].cpp_type for name in SETTINGS if name in fields} <= {1, 2, 5}  # int32, int64, double


def test_the_model_is_told_of_the_client_span_and_the_callers_state() -> None:
    recorded = Recorded()
    trace = recorded.tracing.begin(CONTEXT, NAME, ATTRIBUTES)
    told = dict(trace.ask("chat", "m", CreateChatCompletionRequest()))
    trace.end(outcome())
    span = recorded.by_kind[SpanKind.CLIENT]
    assert read([told["traceparent"]], [told["tracestate"]]) == TraceContext(
        TRACE, f"{span.context.span_id:016x}", 1, CONTEXT.state
    )


def test_a_trace_that_is_not_recorded_is_passed_on_as_such() -> None:
    recorded = Recorded(ALWAYS_OFF)
    trace = recorded.tracing.begin(CONTEXT, NAME, ATTRIBUTES)
    told = dict(trace.ask("chat", "m", CreateChatCompletionRequest()))
    trace.end(outcome(error=BridgeError(Reason.TIMEOUT, "x"), first_token=1.0))
    found = read([told["traceparent"]], [])
    assert found is not None
    assert (found.trace_id, found.flags & 1, recorded.spans) == (TRACE, 0, [])


def test_an_sdk_that_is_turned_off_makes_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    trace = Recorded().tracing.begin(None, NAME, ATTRIBUTES)
    assert trace.ask("chat", "m", CreateChatCompletionRequest()) == ()
    trace.end(outcome())


class Stuck(SpanExporter):
    """Sends nothing, and does not come back until it may."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the SDK names it
        self.may_end.wait(60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.may_end.wait(60)


async def test_a_collector_that_hangs_keeps_nobody() -> None:
    exporter = Stuck()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with asyncio.timeout(CLOSE_TIMEOUT):
        await OtelTracing(provider, close_timeout=0.1).close()
    exporter.may_end.set()


@pytest.mark.parametrize(("variable", "name"), [("", "openai-bridge"), ("mine", "mine")])
def test_the_service_has_a_name(monkeypatch: pytest.MonkeyPatch, variable: str, name: str) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", variable)
    provider = exporting("1.2")
    resource = provider.resource.attributes
    assert (resource["service.name"], resource["service.version"]) == (name, "1.2")
    provider.shutdown()
