"""grpc.health.v1: one status per service, which follows what Triton can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2

from bridge.config import ModelConfig
from tests.grpc_client import WAIT, connected, failure, health
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


async def test_a_watch_sees_the_bridge_stop(triton: RunningTriton, serve: Serve) -> None:
    bridge = await serve(triton=triton.address)
    async with connected(bridge.grpc_port) as stubs:
        watch = stubs.health.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await bridge.stop()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
