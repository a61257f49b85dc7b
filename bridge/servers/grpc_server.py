"""The gRPC door: the services of the schema, health and reflection on one port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection, reflection_pb2

from bridge.servers.grpc_services import services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.config import Limits
    from bridge.handlers.admin import ModelAdmin
    from bridge.handlers.base import Call, Generating
    from bridge.handlers.guarded import VisibleModels
    from bridge.servers.grpc_method import MethodOptions

logger = logging.getLogger(__name__)

ENVELOPE_BYTES: Final = 1024 * 1024
"""What grpcio lets through above our own limit, so that we can refuse it with details."""

MAX_METADATA_BYTES: Final = 16 * 1024

KEEPALIVE: Final = 60.0
"""Seconds of silence after which a client that has calls is asked whether it is there."""

KEEPALIVE_TIMEOUT: Final = 20.0
"""Seconds that it has to answer."""

CLIENT_KEEPALIVE: Final = 9.0
"""Seconds between the questions of a client whether we are there; many are set to 10."""

NEVER: Final = 2**31 - 1
"""Milliseconds without end, to grpcio."""


class GrpcServer:
    """Serves handlers over grpc.aio."""

    def __init__(
        self,
        *,
        chat: Generating[Any, Any],
        completions: Generating[Any, Any],
        models: VisibleModels,
        embed: Callable[[Any, Call], Awaitable[Any]],
        admin: ModelAdmin | None,
        options: MethodOptions,
        limits: Limits,
        health_interval: float,
        cut_off: float,
        reuse_port: bool = False,
    ) -> None:
        """Build the server; `start` binds it.

        Args:
            chat: handler of ChatService.
            completions: handler of CompletionsService.
            models: handler of ModelsService, and the source of health.
            embed: handler of EmbeddingsService.
            admin: loads and unloads; None refuses.
            options: what all methods share.
            limits: of connections.
            health_interval: seconds between two looks at `models.not_ready`.
            cut_off: seconds that answers have to be written at a stop.
            reuse_port: share the port with other processes.
        """
        limit = options.max_request_bytes + ENVELOPE_BYTES
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.max_concurrent_streams", limits.max_connection_streams),
                ("grpc.max_connection_idle_ms", int(limits.idle_timeout * 1000)),
                ("grpc.server_handshake_timeout_ms", int(limits.header_timeout * 1000)),
                ("grpc.max_connection_age_ms", int(limits.max_connection_age * 1000) or NEVER),
                ("grpc.keepalive_time_ms", int(KEEPALIVE * 1000)),
                ("grpc.keepalive_timeout_ms", int(KEEPALIVE_TIMEOUT * 1000)),
                # By default a client that asks whether we are there every 5 minutes is taken for an attacker.
                ("grpc.http2.min_ping_interval_without_data_ms", int(CLIENT_KEEPALIVE * 1000)),
                ("grpc.keepalive_permit_without_calls", 1),
                # By default a second server on the port would take half of the calls in silence.
                ("grpc.so_reuseport", int(reuse_port)),
            )
        )
        self._models = models
        self._health = health.HealthServicer()
        self._health_interval = health_interval
        self._cut_off = cut_off
        self._health_task: asyncio.Task[None] | None = None
        methods = services(
            chat=chat, completions=completions, models=models, embed=embed, admin=admin, options=options
        )
        self._services = tuple(methods)
        self._register(methods)

    def _register(self, methods: Mapping[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]) -> None:
        self._server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(name, table) for name, table in methods.items())
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (
            *methods,
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
            reflection.SERVICE_NAME,
        )
        reflection.enable_server_reflection(names, self._server)
        self._server.add_generic_rpc_handlers((_reflection_v1(names),))

    async def start(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen and return the port.

        Args:
            address: HOST:PORT; 0 takes a free one.
            credentials: for TLS; None serves without.

        Raises:
            OSError: the address cannot be bound.
        """
        try:
            port = (
                self._server.add_insecure_port(address)
                if credentials is None
                else self._server.add_secure_port(address, credentials)
            )
        except RuntimeError as exc:
            raise OSError(f"gRPC: cannot listen on {address}") from exc
        await self._server.start()
        self._health_task = asyncio.create_task(self._follow_readiness())
        return port

    async def drain(self) -> None:
        """Tell who watches our health that we are going."""
        if self._health_task is not None:
            self._health_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._health_task
        await self._health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Refuse new calls; cut off those that still run after a moment."""
        await self.drain()
        await self._server.stop(self._cut_off)

    async def _follow_readiness(self) -> None:
        while True:
            status = await self._status()
            for name in ("", *self._services):
                await self._health.set(name, status)
            await asyncio.sleep(self._health_interval)

    async def _status(self) -> health_pb2.HealthCheckResponse.ServingStatus.ValueType:
        try:
            ready = await self._models.not_ready() is None
        except Exception:  # a bug must not leave the health as it is for ever
            logger.exception("bug while looking whether requests can be served")
            ready = False
        answer = health_pb2.HealthCheckResponse
        return answer.SERVING if ready else answer.NOT_SERVING


def _reflection_v1(names: tuple[str, ...]) -> grpc.GenericRpcHandler:
    """Serve reflection under its v1 name too; grpcio knows v1alpha, the messages are the same bytes.

    The v1 name itself is not listed: clients would look up its descriptor, which nobody has.
    """
    servicer = reflection.aio.ReflectionServicer(names)
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": method}
    )
