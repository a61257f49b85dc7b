"""The questions whether something is ready, asked of what is not, and of what only half is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from bridge.config import Nats
from bridge.demo.ports import Ports
from bridge.deploy.plan import FrontendCheck, NatsCheck, TritonCheck, WorkerCheck
from bridge.deploy.readiness import not_ready
from tests.certificates import Authority
from tests.nats_server import nats_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.deploy.plan import Check
    from tests.conftest import Serve

HOST = "127.0.0.1"
WITHIN = 10.0
REFUSED = "it does not answer: [Errno 111]"
MUTE = """authorization { users: [
  { user: u, password: p, permissions: { publish: "_INBOX_icp.>", subscribe: "_INBOX_icp.>" } }
] }"""
"""Settings of a NATS that lets `u` ask nobody who is there."""


@asynccontextmanager
async def saying(text: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen, and say one thing to whoever connects; None keeps silent. Yield the port."""

    met: list[asyncio.Task[None] | None] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(asyncio.current_task())
        if text is None:
            await reader.read()
        else:
            writer.write(text)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(meet, HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(WITHIN):
            await asyncio.gather(*filter(None, met))


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        pytest.param(b'INFO {"server_id":"A"}\r\n', True, id="NATS"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", False, id="somebody else"),
        pytest.param(b"", False, id="hangs up"),
        pytest.param(None, False, id="silent"),
    ],
)
async def test_nats_is_who_greets_as_nats(text: bytes | None, ready: bool) -> None:
    async with saying(text) as port:
        assert (await not_ready(NatsCheck(HOST, port), 0) is None) is ready


@pytest.mark.parametrize(
    ("check", "why"),
    [
        pytest.param(NatsCheck(HOST, 1), "nobody answers there", id="NATS"),
        pytest.param(TritonCheck(Ports(grpc=1, http=1, metrics=1), "a"), "its models", id="Triton"),
        pytest.param(WorkerCheck(Nats(url=f"nats://{HOST}:1")), "cannot be reached", id="worker"),
        pytest.param(FrontendCheck(HOST, 1, tls=False, client_certificate=False), REFUSED, id="front end"),
        pytest.param(FrontendCheck(HOST, 1, tls=True, client_certificate=True), REFUSED, id="front end, TLS"),
    ],
)
async def test_who_is_not_there_is_not_ready_and_one_is_told_why(check: Check, why: str) -> None:
    assert why in (await not_ready(check, 0) or "")


@pytest.mark.parametrize("text", [b"hello\r\n\r\n", b""], ids=["no HTTP", "hangs up"])
async def test_a_front_end_speaks_http(text: bytes) -> None:
    async with saying(text) as port:
        assert await not_ready(FrontendCheck(HOST, port, tls=False, client_certificate=False), 0)


async def test_a_front_end_without_models_is_not_ready(serve: Serve) -> None:
    bridge = await serve(triton=f"{HOST}:1")
    check = FrontendCheck(HOST, bridge.http_port, tls=False, client_certificate=False)
    why = await not_ready(check, 0)
    assert why is not None
    assert why.startswith("it answers 503: ")
    assert "cannot be reached" in why


async def test_a_login_that_may_not_ask_who_is_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("p")
    with nats_server(tmp_path, settings=MUTE) as nats:
        asker = Nats(url=nats.url, user="u", password_file=tmp_path / "p")
        why = await not_ready(WorkerCheck(asker), 0)
    assert why is not None
    assert "permissions violation" in why.lower()


async def test_a_front_end_with_tls_is_asked_over_tls(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "ours").issue("bridge")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    async with saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", context) as port:
        assert await not_ready(FrontendCheck(HOST, port, tls=True, client_certificate=False), 0) is None
        assert await not_ready(FrontendCheck(HOST, port, tls=False, client_certificate=False), 0)


async def test_it_is_enough_to_listen_for_who_wants_a_certificate() -> None:
    with socket.create_server((HOST, 0)) as listening:
        port = listening.getsockname()[1]
        assert await not_ready(FrontendCheck(HOST, port, tls=True, client_certificate=True), 0) is None
