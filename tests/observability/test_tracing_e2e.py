"""A request's spans and its Triton's: one tree, sent to whoever collects them, over real HTTP."""

from __future__ import annotations

import contextlib
import secrets
from itertools import product
from typing import TYPE_CHECKING

import pytest

from bridge.observability.tracing import open_tracing
from tests import grpc_client
from tests.bridge_process import serving
from tests.observability.otlp_receiver import Receiver, receiving
from tests.openai_bodies import CHAT, chat
from tests.raw_http import ask
from tests.tritonserver import start_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.observability.otlp_receiver import Sent
    from tests.tritonserver import RunningTriton

CALLER = "b7ad6b7169203331"
TRIES = 8
MODEL = "echo_vllm"
HTTP_SPAN, GRPC_SPAN = f"POST {CHAT}", "openai_bridge.v1.ChatService/CreateChatCompletionStream"


def parent_of(trace: str) -> str:
    return f"00-{trace}-{CALLER}-01"


@pytest.fixture(scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    """Receive what this process, and those that it starts, send of traces."""
    async with receiving() as running:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
            environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
            yield running


@pytest.fixture(scope="module")
def tracing_triton(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[RunningTriton]:
    """Start a Triton that traces, though at a rate that would leave our requests out."""
    arguments = [
        *("--trace-config", "mode=opentelemetry"),
        *("--trace-config", f"opentelemetry,url={receiver.url}/v1/traces"),
        *("--trace-config", "opentelemetry,bsp_schedule_delay=20"),
        *("--trace-config", "level=TIMESTAMPS"),
        *("--trace-config", "rate=1000000"),
    ]
    tmp = tmp_path_factory.mktemp("tracing")
    with start_triton(tmp, MODEL, extra_args=tuple(arguments), lasting=True) as running:
        yield running


async def ask_over(door: str, bridge: Bridge, trace: str) -> None:
    if door == "http":
        headers = {"traceparent": parent_of(trace)}
        answer = await ask(bridge.http_port, "POST", CHAT, json=chat(stream=True), headers=headers)
        assert answer.status == 200
        return
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        metadata = (("traceparent", parent_of(trace)),)
        await grpc_client.read(
            stubs.chat.CreateChatCompletionStream(
                grpc_client.chat(), timeout=grpc_client.WAIT, metadata=metadata
            )
        )


async def traced(receiver: Receiver, bridge: Bridge, door: str) -> Sent:
    """Ask until Triton's span comes, and return that: of a busy machine's requests it loses one in fifty."""
    for _ in range(TRIES):
        trace = secrets.token_hex(16)
        await ask_over(door, bridge, trace)
        with contextlib.suppress(TimeoutError):
            return await receiver.one("InferRequest", trace)
    raise AssertionError(f"Triton sends no span in {TRIES} tries")


async def test_caller_bridge_and_triton_are_one_tree(
    tracing_triton: RunningTriton, receiver: Receiver, serve: Serve
) -> None:
    for transport, door in product(("native", "grpcio"), ("http", "grpc")):
        bridge = await serve(
            triton=tracing_triton.address, triton_transport=transport, tracing=open_tracing()
        )
        inference = await traced(receiver, bridge, door)
        request = await receiver.one(HTTP_SPAN if door == "http" else GRPC_SPAN, inference.trace)
        model = await receiver.one(f"chat {MODEL}", inference.trace)
        assert (request.kind, request.parent, request.service) == ("server", CALLER, "openai-bridge")
        assert (model.kind, model.parent, model.service) == ("client", request.id, "openai-bridge")
        assert (inference.parent, inference.service) == (model.id, "triton-inference-server")


async def test_a_bridge_that_makes_no_traces_passes_on_its_callers(
    tracing_triton: RunningTriton, receiver: Receiver, serve: Serve
) -> None:
    for transport in ("native", "grpcio"):
        bridge = await serve(triton=tracing_triton.address, triton_transport=transport)
        inference = await traced(receiver, bridge, "http")
        assert inference.parent == CALLER
        services = {span.service for span in receiver.spans if span.trace == inference.trace}
        assert services == {"triton-inference-server"}


async def test_what_has_not_been_sent_is_sent_at_the_end(
    triton: RunningTriton, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("tracing = true\n")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    async with serving("--triton", triton.address, "--config", str(config)) as bridge:
        port = await bridge.port("HTTP")
        answer = await ask(port, "POST", CHAT, json=chat())
        assert answer.status == 200
        (line,) = await bridge.said("request")
        assert [span for span in receiver.spans if span.service == "mine"] == []

    spans = [span for span in receiver.spans if span.service == "mine"]
    assert [span.name for span in spans] == [f"chat {MODEL}", HTTP_SPAN]
    assert {span.trace for span in spans} == {line["trace_id"]}
