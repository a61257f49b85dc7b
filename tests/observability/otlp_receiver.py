"""Whoever spans are sent to: OTLP over HTTP on a free port, as protobuf or as JSON."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KINDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Sent:
    """A span as it was sent. Ids are hexadecimal; a root's `parent` is empty."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    service: str


class Receiver:
    """The spans so far, and the bytes that they came in."""

    def __init__(self) -> None:
        self.url = ""
        """Without the path of traces, as OTEL_EXPORTER_OTLP_ENDPOINT has it."""
        self.spans: list[Sent] = []
        self.received = b""

    async def take(self, request: web.Request) -> web.Response:
        """Answer one export."""
        body = await request.read()
        self.received += body
        found = _of_json(await request.json()) if request.content_type.endswith("json") else _of_proto(body)
        self.spans += found
        answer = web.Response(content_type=request.content_type)
        answer.force_close()  # no task may be left that waits for more
        return answer

    def named(self, name: str, trace: str) -> list[Sent]:
        """Return the spans of a trace that have this name."""
        return [span for span in self.spans if (span.name, span.trace) == (name, trace)]

    async def one(self, name: str, trace: str) -> Sent:
        """Wait for the only span of that name in a trace."""
        await eventually(lambda: self.named(name, trace), within=EXPORTED)
        (span,) = self.named(name, trace)
        return span


def _of_proto(body: bytes) -> list[Sent]:
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        names = {item.key: item.value.string_value for item in resource.resource.attributes}
        found += [
            Sent(
                span.name,
                KINDS[span.kind],
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                names["service.name"],
            )
            for scope in resource.scope_spans
            for span in scope.spans
        ]
    return found


def _of_json(body: dict[str, Any]) -> list[Sent]:
    found = []
    for resource in body["resourceSpans"]:
        names = {item["key"]: item["value"].get("stringValue") for item in resource["resource"]["attributes"]}
        found += [
            Sent(
                span["name"],
                KINDS[span["kind"]],
                span["traceId"],
                span["spanId"],
                span.get("parentSpanId", ""),
                names["service.name"],
            )
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
    return found


EXPORTED = 5.0
"""Seconds within which a span must have come: Triton sends its own when it gets to it."""


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Receive until the block ends."""
    receiver, app = Receiver(), web.Application()
    app.add_routes([web.post("/v1/traces", receiver.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
