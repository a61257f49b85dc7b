"""The library's connection over our socket: logins and its life are the library's, messages are ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from nats.errors import Error as NatsError

from bridge.backends.nats_wire import Connection
from tests.eventually import eventually
from tests.nats_server import NatsServer, nats_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bridge.protocol.nats_wire import Message


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.connect(url, allow_reconnect=False)
    try:
        yield connection
    finally:
        await connection.close()


async def test_messages_come_in_order_with_reply_and_headers(nats: NatsServer) -> None:
    heard: list[Message] = []
    async with connected(nats.url) as one, connected(nats.url) as other:
        assert one._transport is one.wire, "the library has made a transport of its own"
        one.wire.subscribe("a.*", heard.append)
        await one.flush()
        for at in range(1000):
            other.wire.publish("a.b", b"%d" % at, "c", {"n": str(at)} if at % 2 else None)
        await other.flush()
        await eventually(lambda: len(heard) == 1000)
    assert [int(message.data) for message in heard] == list(range(1000))
    assert {(message.subject, message.reply) for message in heard} == {("a.b", "c")}
    assert [message.headers for message in heard[:2]] == [None, {"n": "1"}]


async def test_a_message_that_nobody_hears_comes_back(nats: NatsServer) -> None:
    heard: list[Message] = []
    async with connected(nats.url) as one:
        one.wire.subscribe("inbox", heard.append)
        one.wire.publish("nobody", b"", "inbox")
        await eventually(lambda: bool(heard))
    assert heard[0].headers is not None
    assert heard[0].headers["Status"] == "503"


async def test_the_library_has_its_own_subscriptions_beside_ours(nats: NatsServer) -> None:
    async with connected(nats.url) as one:
        one.wire.subscribe("ask", lambda message: one.wire.publish(message.reply, b"answer"))
        assert (await one.request("ask", b"", timeout=5)).data == b"answer"


async def test_what_is_on_its_way_when_a_subscription_ends_is_heard(nats: NatsServer) -> None:
    heard: list[Message] = []
    async with connected(nats.url) as one:
        sid = one.wire.subscribe("a", heard.append, queue="a")
        for _ in range(500):
            one.wire.publish("a", bytes(1000))
        one.wire.unsubscribe(sid)
        await one.flush()
        assert len(heard) == 500
        one.wire.forget(sid)
        one.wire.publish("a", b"")
        await one.flush()
    assert len(heard) == 500


async def test_a_handler_that_fails_does_not_end_the_connection(nats: NatsServer) -> None:
    heard: list[bytes] = []
    reported: list[dict[str, Any]] = []

    def failing(message: Message) -> None:
        heard.append(message.data)
        if message.data == b"1":
            raise ZeroDivisionError

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        async with connected(nats.url) as one:
            one.wire.subscribe("a", failing)
            one.wire.publish("a", b"1")
            one.wire.publish("a", b"2")
            await one.flush()
    finally:
        loop.set_exception_handler(before)
    assert heard == [b"1", b"2"]
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]


async def test_the_end_of_the_server_ends_the_connection(tmp_path: Path) -> None:
    with nats_server(tmp_path) as server:
        async with connected(server.url) as one:
            server.kill()
            await eventually(lambda: one.is_closed)
            one.wire.publish("a", b"is dropped")


async def test_a_connection_to_a_server_that_stands_still_ends_for_good(nats: NatsServer) -> None:
    over = asyncio.Event()

    async def closed() -> None:
        over.set()

    connection = Connection()
    await connection.connect(
        nats.url, allow_reconnect=False, ping_interval=0.1, closed_cb=closed, error_cb=_heard
    )
    with nats.stopped():
        connection.wire.publish("a", bytes(1 << 25))
        async with asyncio.timeout(10):
            await over.wait()
        await eventually(lambda: not connection.wire.waiting)


@pytest.mark.parametrize(
    ("said", "until", "why"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", "INFO", id="another protocol"),
        pytest.param(b"", b"", "left", id="nothing"),
        pytest.param(b"INFO {}\r\n", b"PING\r\n", "left", id="no answer to the login"),
    ],
)
async def test_a_server_that_is_none_is_refused(said: bytes, until: bytes, why: str) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        if until:
            await reader.readuntil(until)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection()
        with pytest.raises((NatsError, OSError), match=why):
            await connection.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=_heard)
        await connection.close()


async def test_garbage_after_the_greeting_ends_the_connection() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload":1000}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.readuntil(b"SUB a  b0\r\n")
        writer.write(b"MSG a b0 garbage\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection()
        await connection.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=_heard)
        connection.wire.subscribe("a", print)
        await eventually(lambda: connection.is_closed)


async def _heard(_: Exception) -> None:
    """Say nothing: the test looks at what follows."""
