"""Traces by OpenTelemetry's SDK: a span for each request, under it one for what is asked of the model.

Rule: names and values by the semantic conventions (HTTP and gRPC servers, generative AI), never text of a
request or an answer. Where spans go, and how many of them, the SDK reads from its environment variables.
"""

from __future__ import annotations

import asyncio
from threading import Thread
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace import Span as AnySpan
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.status import StatusCode

from bridge.protocol.trace_context import FLAGS, TraceContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message
    from opentelemetry.trace import Tracer

    from bridge.observability.outcome import Outcome
    from bridge.observability.tracing import Metadata

CLOSE_TIMEOUT: Final = 3.0
"""Seconds after which spans are lost that could not be sent."""

PROVIDER: Final = "nvidia.triton"
"""`gen_ai.provider.name`, for which the conventions know no name of Triton's."""

FIRST_TOKEN: Final = "openai_bridge.first_token"  # noqa: S105 - not that kind of token
"""The event of the model's first response."""

OPERATIONS: Final = {"chat": "chat", "completions": "text_completion", "embeddings": "embeddings"}
"""Endpoints to values of `gen_ai.operation.name`."""

SETTINGS: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
"""Fields of requests, all of them numbers, to attributes: of what the client has set."""


def exporting(version: str) -> TracerProvider:
    """Return what sends spans in batches, from a thread, by OTLP over HTTP.

    Raises:
        ValueError: a variable has a wrong value.
    """
    resource = Resource.create({SERVICE_VERSION: version})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):  # no variable says it
        resource = resource.merge(Resource({SERVICE_NAME: "openai-bridge"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # `close` does it, and is bounded
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class OtelTracing:
    """See `tracing.Tracing`."""

    def __init__(self, provider: TracerProvider, *, close_timeout: float = CLOSE_TIMEOUT) -> None:
        """Make spans by a provider, which is ours from now on.

        Args:
            provider: of the SDK.
            close_timeout: seconds that the last spans may take to be sent.
        """
        self._provider = provider
        self._close_timeout = close_timeout
        self._tracer = provider.get_tracer("openai-bridge")

    def begin(
        self, context: TraceContext | None, name: str, attributes: Mapping[str, str | int]
    ) -> OtelTrace:
        """See `Tracing.begin`."""
        parent = Context() if context is None else set_span_in_context(_remote(context), Context())
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        return OtelTrace(self._tracer, span, "" if context is None else context.state)

    async def close(self) -> None:
        """See `Tracing.close`."""
        # A daemon: what hangs must not keep the process from ending, and the SDK would wait for 30 s.
        last = Thread(target=self._provider.shutdown, name="otel-shutdown", daemon=True)
        last.start()
        await asyncio.to_thread(last.join, self._close_timeout)


class OtelTrace:
    """See `tracing.Trace`."""

    def __init__(self, tracer: Tracer, span: AnySpan, state: str) -> None:
        self._tracer = tracer
        self._state = state
        self._request = span
        self._model: AnySpan | None = None
        self._arrived = time_ns()

    @property
    def trace_id(self) -> str:
        """See `Trace.trace_id`."""
        return f"{self._request.get_span_context().trace_id:032x}"

    def ask(self, endpoint: str, model: str, request: Message) -> Metadata:
        """See `Trace.ask`."""
        operation = OPERATIONS[endpoint]
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": PROVIDER,
            **({"gen_ai.request.model": model} if model else {}),
            **_settings(request),
        }
        parent = set_span_in_context(self._request, Context())
        name = f"{operation} {model}" if model else operation
        self._model = self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes)
        return _headers(self._model.get_span_context(), self._state)

    def end(self, outcome: Outcome) -> None:
        """See `Trace.end`."""
        if isinstance(self._model, Span):
            _describe_answer(self._model, outcome)
            if outcome.first_token is not None:
                _note_first_token(self._model, self._arrived + round(outcome.first_token * 1e9), outcome)
            self._model.end()
        if isinstance(self._request, Span):
            _describe_request(self._request, outcome)
            self._request.end()


def _remote(context: TraceContext) -> AnySpan:
    # Without the state, which we pass on ourselves: the SDK knows level 1 of it, and logs what it refuses.
    trace_id, span_id = int(context.trace_id, 16), int(context.span_id, 16)
    flags = TraceFlags(context.flags)
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags))


def _headers(context: SpanContext, state: str) -> Metadata:
    if not context.is_valid:  # the SDK is turned off, and the caller has no trace
        return ()
    trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return TraceContext(trace_id, span_id, context.trace_flags & FLAGS, state).headers()


def _settings(request: Message) -> dict[str, Any]:
    known = request.DESCRIPTOR.fields_by_name
    found = {
        attribute: getattr(request, field)
        for field, attribute in SETTINGS.items()
        if field in known and request.HasField(field)
    }
    if found.get(SETTINGS["n"]) == 1:
        del found[SETTINGS["n"]]
    return found


def _describe_request(span: Span, outcome: Outcome) -> None:
    span.set_attribute("openai_bridge.request_id", outcome.request_id)
    if outcome.status is not None:
        span.set_attribute("http.response.status_code", outcome.status)
    else:
        span.set_attribute("rpc.response.status_code", outcome.code)
    if outcome.failed and outcome.error is not None:
        # The reason, and no message: a message may name what a client has sent.
        span.set_attribute("error.type", outcome.error.reason.value)
        span.set_status(StatusCode.ERROR)


def _describe_answer(span: Span, outcome: Outcome) -> None:
    if outcome.model and "gen_ai.request.model" not in (span.attributes or {}):
        span.set_attribute("gen_ai.request.model", outcome.model)
        span.update_name(f"{span.name} {outcome.model}")
    if outcome.streamed is not None:
        span.set_attribute("gen_ai.request.stream", outcome.streamed)
    if outcome.usage is not None:
        span.set_attribute("gen_ai.usage.input_tokens", outcome.usage.prompt_tokens)
        if outcome.endpoint != "embeddings":
            span.set_attribute("gen_ai.usage.output_tokens", outcome.usage.completion_tokens)
    if outcome.finish_reasons:
        span.set_attribute("gen_ai.response.finish_reasons", outcome.finish_reasons)
    if outcome.error is not None:
        span.set_attribute("error.type", outcome.error.reason.value)
        span.set_status(StatusCode.ERROR)
    _say_where(span, outcome.upstreams)


def _note_first_token(span: Span, when: int, outcome: Outcome) -> None:
    span.add_event(FIRST_TOKEN, timestamp=when)
    if outcome.streamed and span.start_time is not None:
        span.set_attribute("gen_ai.response.time_to_first_chunk", (when - span.start_time) / 1e9)


def _say_where(span: Span, upstreams: Sequence[str]) -> None:
    """Name the server that answered last, and all of them if a retry went to another."""
    if not upstreams:
        return
    host, _, port = upstreams[-1].rpartition(":")
    span.set_attribute("server.address", host.strip("[]"))
    span.set_attribute("server.port", int(port))
    if len(upstreams) > 1:
        span.set_attribute("openai_bridge.upstreams", upstreams)
