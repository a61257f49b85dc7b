"""The gRPC floor: a grpc.aio handler that writes messages made before, one per tick, and does nothing else.

It stands where the bridge's gRPC door stands, under the same method name and with the same messages, but
reads from no upstream: what the door may cost is measured against it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from openai_bridge.v1 import chat_pb2

from benchmarks.load.grpc import CHAT
from benchmarks.mock_triton.engine import tick
from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Ticker:
    """Wakes all streams of a model together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next(self) -> None:
        """Wait for the next tick."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await self._news.wait()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            self._news.set()
            self._news.clear()


class Handler:
    """The method."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._tickers: dict[str, Ticker | None] = {}

    def messages(self, count: int) -> list[bytes]:
        """Return the messages of an answer of so many tokens."""
        for position in range(len(self._messages), count):
            chunk = chat_pb2.CreateChatCompletionStreamResponse(
                id="chatcmpl-0123456789abcdef0123456789abcdef", created=1_700_000_000, model="tick-20ms"
            )
            chunk.choices.add().delta.content = text(position)
            self._messages.append(chunk.SerializeToString())
        return self._messages[:count]

    async def answer(self, request: bytes, _: Any) -> AsyncIterator[bytes]:
        """Answer one call."""
        asked = chat_pb2.CreateChatCompletionRequest.FromString(request)
        if asked.model not in self._tickers:
            seconds = tick(asked.model)
            self._tickers[asked.model] = Ticker(seconds) if seconds else None
        ticker = self._tickers[asked.model]
        for position, message in enumerate(self.messages(asked.max_completion_tokens)):
            if ticker is not None and position:
                await ticker.next()
            yield message


async def _serve() -> None:
    server = grpc.aio.server()
    _, service, method = CHAT.split("/")
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(Handler().answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"gRPC on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve())
