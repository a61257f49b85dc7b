"""Triton over a gRPC client of our own: no wake-up per message, everything that one read brings at once.

Same calls, same errors as `TritonBackend`; besides the pull form it has the push form.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from bridge.backends.h2channel import Channel
from bridge.backends.inbox import Inbox
from bridge.backends.questions import UNARY_TIMEOUT, Questions
from bridge.backends.triton_generation import Generation
from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from bridge.protocol.h2grpc.status import Status, StatusCode
from bridge.protocol.h2grpc.stream import Limits
from bridge.protocol.triton_errors import from_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from ssl import SSLContext

    from google.protobuf.message import Message

    from bridge.backends.push import Sink
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest


class NativeTritonBackend(Questions):
    """One Triton server; see `Backend` and `PushBackend`."""

    def __init__(
        self,
        address: str,
        *,
        first_token_timeout: float = 300.0,
        token_timeout: float = 60.0,
        max_response_bytes: int = 64 * 1024 * 1024,
        stream_window: int = 256 * 1024,
        connect_timeout: float = 5.0,
        ssl: SSLContext | None = None,
    ) -> None:
        """Prepare the channel; it connects with the first call.

        Args:
            address: HOST:PORT of Triton's gRPC endpoint.
            first_token_timeout: seconds until the first response.
            token_timeout: seconds between two responses.
            max_response_bytes: largest message from Triton.
            stream_window: bytes that a stream may bring while its reader is paused.
            connect_timeout: seconds until Triton has greeted a new connection.
            ssl: for TLS.
        """
        self.address = address
        limits = Limits(message=max_response_bytes, stream_window=stream_window)
        self._channel = Channel(address, ssl=ssl, limits=limits, connect_timeout=connect_timeout)
        self._first_token_timeout = first_token_timeout
        self._token_timeout = token_timeout

    def open(self, request: ModelInferRequest, *, model: str, deadline: float, sink: Sink) -> Generation:
        """See `PushBackend.open`."""
        generation = Generation(
            self._channel,
            sink,
            model=model,
            first_token_timeout=self._first_token_timeout,
            token_timeout=self._token_timeout,
        )
        generation.begin(request, deadline)
        return generation

    async def stream(
        self, request: ModelInferRequest, *, model: str, deadline: float
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""
        inbox = Inbox()
        inbox.handle = generation = self.open(request, model=model, deadline=deadline, sink=inbox)
        try:
            async for batch in inbox.batches():
                yield batch
        finally:
            generation.cancel()

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._channel.close()

    async def ask(
        self, method: str, request: Message, *, limit: float = UNARY_TIMEOUT, model: str = ""
    ) -> Any:
        """See `Questions.ask`."""
        path, answer_class = _method(method)
        answer = _Answer()
        deadline = asyncio.get_running_loop().time() + limit
        call = self._channel.call(path, request.SerializeToString(), deadline=deadline, receiver=answer)
        try:
            status = await answer.status
        finally:
            call.cancel()
        if self._channel.closed:
            raise BridgeError(Reason.SHUTTING_DOWN, "the bridge is stopping")
        if status.code != StatusCode.OK or len(answer.received) != 1:
            raise from_status(status.code, status.message, model)
        return answer_class.FromString(answer.received[0])


class _Answer:
    """The receiver of a unary call."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.status: asyncio.Future[Status] = asyncio.get_running_loop().create_future()

    def messages(self, batch: list[bytes]) -> None:
        """See `Receiver.messages`."""
        self.received += batch

    def ended(self, status: Status) -> None:
        """See `Receiver.ended`."""
        if not self.status.done():
            self.status.set_result(status)


@cache
def _method(name: str) -> tuple[str, Any]:
    """Return a method's path and the class of its answer."""
    service = kserve.ModelInferRequest.DESCRIPTOR.file.services_by_name["GRPCInferenceService"]
    method = service.methods_by_name[name]
    return f"/{service.full_name}/{name}", GetMessageClass(method.output_type)
