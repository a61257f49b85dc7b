"""A connection to the request plane: it comes back, whatever went wrong, and says nothing in the open."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.backends.nats_link import Link
from bridge.backends.nats_login import options
from bridge.config import Nats
from tests.eventually import eventually
from tests.nats_server import NatsServer, nats_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path

    from bridge.backends.nats_wire import Connection
    from bridge.protocol.nats_wire import Message

WITHIN = 1.9
"""Seconds in which a server that is there again is found; the library alone would wait 2 before it tries."""


class Listener:
    """Hears what is sent to `x`; what it says while it subscribes is heard, too."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.link: Link
        self.losses = 0

    def connected(self, connection: Connection) -> None:
        connection.wire.subscribe("x", self.hear)
        connection.wire.subscribe("first", self.answer)
        connection.wire.publish("first")

    def hear(self, msg: Message) -> None:
        self.heard.append(msg.data)

    def answer(self, _: Message) -> None:
        self.link.post("x", b"answered")

    def lost(self) -> None:
        self.losses += 1


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def linked(*urls: str, login: Callable[[], Mapping[str, Any]] = dict) -> AsyncIterator[Listener]:
    listener = Listener()
    listener.link = Link(urls, listener, login, "test")
    listener.link.start()
    try:
        yield listener
    finally:
        await listener.link.close()


async def test_an_answer_to_what_comes_while_it_subscribes_is_sent(nats: NatsServer) -> None:
    async with linked(nats.url) as listener:
        await eventually(lambda: listener.heard == [b"answered"])


async def test_a_server_that_is_back_is_found_soon(nats: NatsServer) -> None:
    async with linked(nats.url) as listener:
        await eventually(listener.link.up.is_set)
        nats.kill()
        await eventually(lambda: listener.losses > 3)  # several tries have failed
        nats.start()
        began = time.monotonic()
        await eventually(listener.link.up.is_set)
        assert time.monotonic() - began < WITHIN


async def test_a_server_that_cannot_be_reached_is_told_at_once(
    nats: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    nats.kill()
    async with linked(nats.url):
        await eventually(lambda: "the request plane cannot be reached" in caplog.text, WITHIN)


async def test_the_other_server_is_taken_where_one_is_down(nats: NatsServer) -> None:
    async with linked("nats://127.0.0.1:1", nats.url) as listener:
        await eventually(listener.link.up.is_set, WITHIN)


async def test_a_login_that_cannot_be_read_for_a_moment_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    ours = Nats(user="u", password_file=password)
    with nats_server(tmp_path, settings='authorization { user: "u", password: "p" }') as nats:
        async with linked(nats.url, login=lambda: options(ours, nats.url)) as listener:
            await eventually(lambda: "nats.password_file" in caplog.text)
            password.write_text("p")
            await eventually(listener.link.up.is_set, WITHIN)


async def test_what_a_server_does_not_take_does_not_pile_up(nats: NatsServer) -> None:
    async with linked(nats.url) as listener:
        await eventually(listener.link.up.is_set)
        with nats.stopped():
            listener.link.post("y", bytes(1_000_000))
            assert not listener.link.trouble
            for _ in range(40):
                listener.link.post("y", bytes(1_000_000))
            await eventually(lambda: "takes nothing" in listener.link.trouble)
        await eventually(lambda: not listener.link.trouble)


async def test_a_link_that_never_began_closes() -> None:
    await Link(["nats://127.0.0.1:1"], Listener(), dict, "test").close()


async def test_nothing_is_said_to_a_server_without_tls_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret")
    ours = Nats(user="u", password_file=tmp_path / "password")
    said: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.11.0","max_payload":1048576,"headers":true}\r\n')
        said.append(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    url = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, linked(url, login=lambda: options(ours, url)) as listener:
        await eventually(lambda: said)
        assert not listener.link.up.is_set()
    assert set(said) == {b""}
