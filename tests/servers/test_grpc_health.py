"""grpc.health.v1: one status per service, which follows what Triton can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from bridge.access.entrance import Entrance
from bridge.config import Limits, ModelConfig
from bridge.handlers.remote import RemoteEmbeddings, remote_chat, remote_completions
from bridge.observability.metrics import Metrics
from bridge.servers.grpc_method import MethodOptions
from bridge.servers.grpc_server import GrpcServer
from tests.grpc_client import WAIT, connected, failure, health, health_becomes
from tests.scripted_triton import refused_address

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

SERVED = [
    pytest.param("", id="the whole server"),
    "openai_bridge.v1.ChatService",
    "openai_bridge.v1.CompletionsService",
    "openai_bridge.v1.EmbeddingsService",
    "openai_bridge.v1.ModelsService",
    "openai_bridge.v1.ModelAdminService",
]


@pytest.mark.parametrize("service", SERVED)
async def test_what_is_served_is_serving(bridge: Bridge, service: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        assert await health(stubs, service) == "SERVING"


@pytest.mark.parametrize("service", SERVED)
async def test_without_triton_nothing_is_serving(serve: Serve, service: str) -> None:
    with refused_address() as nowhere:
        bridge = await serve(triton=nowhere)
        async with connected(bridge.grpc_port) as stubs:
            assert await health(stubs, service) == "NOT_SERVING"


async def test_an_unknown_service_is_not_found(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.health.Check(health_pb2.HealthCheckRequest(service="no.Such"), timeout=WAIT)
        error = await failure(call)

    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_configured_model_that_is_missing_keeps_the_bridge_from_serving(
    triton: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=triton.address, models={"no-such": ModelConfig()})
    async with connected(bridge.grpc_port) as stubs:
        assert await health(stubs) == "NOT_SERVING"


class Moody:
    """A source of readiness with a bug that goes away."""

    def __init__(self) -> None:
        self.fails = True

    async def not_ready(self) -> str | None:
        if self.fails:
            raise ZeroDivisionError
        return None


async def test_health_outlives_a_bug_in_the_source_of_readiness(caplog: pytest.LogCaptureFixture) -> None:
    models: Any = Moody()
    async with grpc.aio.insecure_channel("127.0.0.1:1") as nowhere:
        server = GrpcServer(
            chat=remote_chat(nowhere),
            completions=remote_completions(nowhere),
            embed=RemoteEmbeddings(nowhere).create,
            models=models,
            admin=None,
            options=MethodOptions(
                metrics=Metrics(),
                entrance=Entrance(None, lambda: 0.0),
                max_request_bytes=1024,
                request_timeout=WAIT,
                body_timeout=WAIT,
                stall_timeout=WAIT,
            ),
            limits=Limits(),
            health_interval=0.01,
            cut_off=0,
        )
        port = await server.start("127.0.0.1:0")
        async with connected(port) as stubs:
            await health_becomes(stubs, "NOT_SERVING")
            models.fails = False
            await health_becomes(stubs, "SERVING")
        await server.stop()
    assert "ZeroDivisionError" in caplog.text


async def test_a_watch_sees_the_bridge_stop(triton: RunningTriton, serve: Serve) -> None:
    bridge = await serve(triton=triton.address)
    async with connected(bridge.grpc_port) as stubs:
        watch = stubs.health.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await bridge.stop()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
