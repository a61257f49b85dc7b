"""Clients over TLS, at both doors."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.eventually import POLL
from tests.raw_http import Connection

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.certificates import Pair

WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to ask."""

    http_port: int
    grpc_port: int


@dataclass(frozen=True, slots=True)
class Client:
    """What a client trusts, and what it shows."""

    trusts: Path
    shows: Pair | None = None

    async def http(
        self, bridge: Bridge | Ports, versions: ssl.TLSVersion | None = None
    ) -> tuple[int, str | None]:
        """Ask over HTTPS; return the status and the protocol that was agreed on."""
        context = ssl.create_default_context(cafile=str(self.trusts))
        context.set_alpn_protocols(["h2", "http/1.1"])
        if versions is not None:
            context.minimum_version = context.maximum_version = versions
        if self.shows is not None:
            context.load_cert_chain(self.shows.certificate, self.shows.key)
        async with asyncio.timeout(WAIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.http_port, ssl=context)
            try:
                answer = await Connection(reader, writer).ask("GET", "/health")
            finally:
                writer.close()
        return answer.status, writer.get_extra_info("ssl_object").selected_alpn_protocol()

    async def grpc(self, bridge: Bridge | Ports) -> str:
        """Ask over gRPC; return the name of the status code."""
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self.trusts.read_bytes(),
            private_key=self.shows and self.shows.key.read_bytes(),
            certificate_chain=self.shows and self.shows.certificate.read_bytes(),
        )
        options = (("grpc.use_local_subchannel_pool", 1),)
        address = f"127.0.0.1:{bridge.grpc_port}"
        async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
            stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
            try:
                await stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT)
            except grpc.aio.AioRpcError as exc:
                return exc.code().name
        return "OK"

    async def served(self, bridge: Bridge | Ports) -> tuple[bool, bool]:
        """Tell whether it is served over HTTP, and over gRPC."""
        try:
            over_http = (await self.http(bridge))[0] == 200
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            over_http = False
        return over_http, await self.grpc(bridge) == "OK"

    async def until(self, bridge: Bridge, wanted: tuple[bool, bool]) -> None:
        """Wait until it is served so."""
        async with asyncio.timeout(WAIT):
            while True:
                if await self.served(bridge) == wanted:
                    return
                await asyncio.sleep(POLL)
