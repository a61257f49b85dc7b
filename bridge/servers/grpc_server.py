"""The gRPC door: the services of the schema, health and reflection on one port."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection, reflection_pb2

from bridge.servers.grpc_services import services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.handlers.admin import ModelAdmin
    from bridge.handlers.base import Call, Generating, Models
    from bridge.servers.grpc_method import MethodOptions

ENVELOPE_BYTES: Final = 1024 * 1024
"""What grpcio lets through above our own limit, so that we can refuse it with details."""

MAX_METADATA_BYTES: Final = 16 * 1024


class GrpcServer:
    """Serves handlers over grpc.aio."""

    def __init__(
        self,
        *,
        chat: Generating[Any, Any, Any],
        completions: Generating[Any, Any, Any],
        models: Models,
        embed: Callable[[Any, Call], Awaitable[Any]],
        admin: ModelAdmin | None,
        options: MethodOptions,
        health_interval: float,
        grace: float,
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
            health_interval: seconds between two looks at `models.not_ready`.
            grace: seconds that running calls have at a stop.
            reuse_port: share the port with other processes.
        """
        limit = options.max_request_bytes + ENVELOPE_BYTES
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                # By default a second server on the port would take half of the calls in silence.
                ("grpc.so_reuseport", int(reuse_port)),
            )
        )
        self._models = models
        self._health = health.HealthServicer()
        self._health_interval = health_interval
        self._grace = grace
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

    async def start(self, address: str) -> int:
        """Listen on HOST:PORT and return the port; 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as exc:
            raise OSError(f"gRPC: cannot listen on {address}") from exc
        await self._server.start()
        self._health_task = asyncio.create_task(self._follow_readiness())
        return port

    async def stop(self) -> None:
        """Refuse new calls; end those that still run after the grace."""
        if self._health_task is not None:
            self._health_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._health_task
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._grace)

    async def _follow_readiness(self) -> None:
        while True:
            ready = await self._models.not_ready() is None
            status = (
                health_pb2.HealthCheckResponse.SERVING
                if ready
                else health_pb2.HealthCheckResponse.NOT_SERVING
            )
            for name in ("", *self._services):
                await self._health.set(name, status)
            await asyncio.sleep(self._health_interval)


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
