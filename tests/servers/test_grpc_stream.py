"""What a handler gives, as messages of an RPC: all of it, in order, never more than may wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.exchange import Texts
from bridge.protocol.generation import Piece
from bridge.servers.grpc_stream import MAX_WAITING, MessageStream, both
from tests.protocol.models import CREATED

WAIT = 5.0
CHUNKS = ChatChunks("chatcmpl-0", CREATED, "m", choices=2)


def plain(*texts: str, index: int = 0) -> Texts[Any]:
    return Texts(index, list(texts), CHUNKS)


class Client:
    """Takes messages, at once or when it is let on."""

    def __init__(self, *, behind: bool = False) -> None:
        self.said: list[tuple[int, str]] = []
        self.asked, self.let_on = asyncio.Event(), asyncio.Event()
        if not behind:
            self.let_on.set()

    async def write(self, data: bytes) -> None:
        self.asked.set()
        await self.let_on.wait()
        step = CreateChatCompletionStreamResponse.FromString(data).choices[0]
        self.said.append((step.index, step.delta.content))


async def delivered(client: Client, *batches: Any, error: BridgeError | None = None) -> None:
    outlet = MessageStream(client.write)

    async def deliver() -> None:
        for batch in batches:
            if not outlet.take(batch):
                await outlet.ready()
        if error is not None:
            raise error
        outlet.last([CHUNKS.text(0, Piece("end"))])

    async with asyncio.timeout(WAIT):
        await both(outlet, deliver())


async def test_every_text_is_a_message_of_its_own_in_order() -> None:
    client = Client()
    whole = (CHUNKS.text(0, Piece(text)) for text in "e")  # made when it is taken: messages are used anew
    await delivered(client, plain("a", "b"), plain("d", index=1), whole, plain("f"))
    assert client.said == [(0, "a"), (0, "b"), (1, "d"), (0, "e"), (0, "f"), (0, "end")]


async def test_a_client_that_is_behind_is_waited_for() -> None:
    client = Client(behind=True)
    outlet = MessageStream(client.write)
    goes_on = [outlet.take([CHUNKS.text(0, Piece(str(at)))]) for at in range(MAX_WAITING)]
    assert goes_on == [True] * (MAX_WAITING - 1) + [False]
    waiting = asyncio.create_task(outlet.ready())
    writing = asyncio.create_task(outlet.write_all())
    async with asyncio.timeout(WAIT):
        await client.asked.wait()
        assert not waiting.done()
        client.let_on.set()
        await waiting
        outlet.end()
        await writing
    assert client.said == [(0, str(at)) for at in range(MAX_WAITING)]


async def test_a_failure_comes_after_what_was_said_before_it() -> None:
    client = Client()
    with pytest.raises(BridgeError, match="boom"):
        await delivered(client, plain("a"), error=BridgeError(Reason.BACKEND_ERROR, "boom"))
    assert client.said == [(0, "a")]


async def test_a_call_that_is_cancelled_cancels_its_delivery() -> None:
    ended = asyncio.Event()

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(both(MessageStream(Client().write), deliver()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(WAIT):
            await running
    assert ended.is_set()


async def test_a_client_that_cannot_be_written_to_ends_the_delivery() -> None:
    async def refuse(_: bytes) -> None:
        raise ConnectionResetError

    outlet = MessageStream(refuse)

    async def deliver() -> None:
        outlet.take(plain("a"))
        await asyncio.Event().wait()

    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(WAIT):
            await both(outlet, deliver())
