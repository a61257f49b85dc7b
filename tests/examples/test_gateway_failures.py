"""What clients see through each gateway when bridges are gone, requests too large, and connections reused."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from bridge.demo.ports import Ports
from tests import grpc_client
from tests.certificates import Authority
from tests.examples.gateway import GATEWAYS, nginx_program, running
from tests.grpc_client import WAIT
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask, connected
from tests.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.examples.gateway import Gateway
    from tests.tritonserver import RunningTriton

MANY = 12


class CountingProxy(TcpProxy):
    """A proxy that counts its connections."""

    accepted = 0

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        super().accept(reader, writer)


@asynccontextmanager
async def counting(port: int) -> AsyncIterator[tuple[CountingProxy, int]]:
    """Put a proxy before a port; yield it and its own port."""
    proxy = CountingProxy(f"127.0.0.1:{port}")
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await proxy.stop()


async def test_connections_to_the_bridge_are_kept(name: str, bridge: Bridge, tmp_path: Path) -> None:
    async with counting(bridge.http_port) as (http, http_port), counting(bridge.grpc_port) as (rpc, rpc_port):
        ports = [http_port] * 2, [rpc_port] * 2
        async with (
            running(name, tmp_path, *ports) as gateway,
            connected(gateway.http_port) as connection,
            grpc_client.connected(gateway.grpc_port) as stubs,
        ):
            for _ in range(MANY):
                assert (await connection.ask("POST", CHAT, json=chat())).status == 200
                await stubs.chat.CreateChatCompletion(grpc_client.chat(), timeout=WAIT)
    assert 0 < http.accepted <= MANY / 2  # Envoy has one for requests and one for health, of each bridge
    assert 0 < rpc.accepted <= MANY / 2


async def test_a_bridge_that_is_gone_is_not_noticed(name: str, bridge: Bridge, tmp_path: Path) -> None:
    closed = Ports().chosen()
    ports = [bridge.http_port, closed.http], [bridge.grpc_port, closed.grpc]
    async with running(name, tmp_path, *ports) as gateway, grpc_client.connected(gateway.grpc_port) as stubs:
        for _ in range(4):
            assert (await ask(gateway.http_port, "POST", CHAT, json=chat())).status == 200
            await stubs.chat.CreateChatCompletion(grpc_client.chat(), timeout=WAIT)


async def test_no_bridge_is_an_error_that_clients_read(name: str, tmp_path: Path) -> None:
    closed = Ports().chosen()
    ports = [closed.http, closed.metrics], [closed.grpc, closed.metrics]
    async with running(name, tmp_path, *ports) as gateway, grpc_client.connected(gateway.grpc_port) as stubs:
        answer = await ask(gateway.http_port, "POST", CHAT, json=chat())
        error = await grpc_client.failure(stubs.chat.CreateChatCompletion(grpc_client.chat(), timeout=WAIT))
    assert answer.status == 503
    assert answer.headers["content-type"].startswith("application/json")
    assert (answer.error["type"], answer.error["code"]) == ("server_error", "service_unavailable")
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_stream_that_loses_its_bridge_does_not_end_well(
    name: str, bridge: Bridge, tmp_path: Path
) -> None:
    async with (
        counting(bridge.http_port) as (proxy, port),
        running(name, tmp_path, [port] * 2, [bridge.grpc_port] * 2) as gateway,
        connected(gateway.http_port) as connection,
    ):
        body = chat(directed(words=9, hang_at=1), stream=True)
        await connection.send("POST", CHAT, json=body)
        await connection.until(b"word0 ")
        proxy.cut()
        assert not (await connection.rest()).endswith(b"0\r\n\r\n")  # what ends a whole answer


async def test_what_has_reached_a_bridge_is_not_sent_again(
    name: str, bridge: Bridge, triton: RunningTriton, tmp_path: Path
) -> None:
    tag = f"once through {name}"
    async with (
        counting(bridge.http_port) as (proxy, port),
        running(name, tmp_path, [port] * 2, [bridge.grpc_port] * 2) as gateway,
        connected(gateway.http_port) as connection,
    ):
        await connection.send("POST", CHAT, json=chat(directed(tag=tag, hang_at=0)))
        await triton.event(tag, "request")
        proxy.cut()
        answer = await connection.answer()
        await triton.event(tag, "cancelled")
    assert (answer.status, answer.error["code"]) == (503, "service_unavailable")
    assert [event["event"] for event in triton.events(tag)] == ["request", "cancelled"]


async def test_a_body_too_large_is_refused_in_openais_form(gateway: Gateway) -> None:
    async with connected(gateway.http_port) as connection:
        # Only the head, which tells enough: who sends on may find the connection closed.
        await connection.send("POST", CHAT, body=b"", headers={"Content-Length": str(2**24 + 1)})
        answer = await connection.answer()
    assert (answer.status, answer.error["type"]) == (413, "invalid_request_error")


async def test_what_nginx_logs_has_the_request_id_and_no_text(bridge: Bridge, tmp_path: Path) -> None:
    ports = [bridge.http_port] * 2, [bridge.grpc_port] * 2
    async with running("nginx", tmp_path, *ports) as gateway:
        path = f"{CHAT}?word=marked"
        headers = {"X-Request-Id": "mine-1"}
        answer = await ask(gateway.http_port, "POST", path, json=chat("marked"), headers=headers)
        assert answer.status == 200
    (line,) = (tmp_path / "access.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["request_id"], told["status"], "marked" in line) == ("mine-1", 200, False)
    assert told["upstream"] == f"127.0.0.1:{bridge.http_port}"


def test_the_lines_for_tls_are_right(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "root").issue("gateway")
    text = (GATEWAYS / "nginx" / "nginx.conf").read_text()
    text, count = re.subn(r"# (listen \d+ ssl|ssl_)", r"\1", text)
    assert count == 8
    for name, path in (("fullchain.pem", pair.certificate), ("privkey.pem", pair.key)):
        text = text.replace(name, str(path))
    (tmp_path / "nginx.conf").write_text(re.sub("bridge-[ab]:", "127.0.0.1:", text))
    options = ["-t", "-p", str(tmp_path), "-c", "nginx.conf", "-g", f"pid {tmp_path / 'pid'};"]
    ran = subprocess.run([nginx_program(), *options], capture_output=True, check=False, text=True)
    assert (ran.returncode, "[warn]" in ran.stderr) == (0, False), ran.stderr
