"""Triton over a gRPC client of our own: no wake-up per message, everything that one read brings at once.

Same calls, same errors as `TritonBackend`; besides the pull form it has the push form.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from bridge.backends.abandoned import Abandoned
from bridge.backends.base import unheard
from bridge.backends.h2channel import Channel
from bridge.backends.inbox import pulled
from bridge.backends.kept_call import KeptCalls
from bridge.backends.questions import UNARY_TIMEOUT, Questions
from bridge.backends.triton_generation import Generation
from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from bridge.protocol.h2grpc.status import Status, StatusCode
from bridge.protocol.h2grpc.stream import Limits
from bridge.protocol.triton_errors import from_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from ssl import SSLContext

    from google.protobuf.message import Message

    from bridge.backends.abandoned import Meter
    from bridge.backends.base import Metadata, Stop
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
        server_name: str | None = None,
        metadata: Metadata = (),
        names: Sequence[str] = (),
        abandoned_limit: float = 600.0,
        meter: Meter | None = None,
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
            server_name: the name in Triton's certificate; None is the host of the address.
            metadata: goes with every call.
            names: models to ask for where the server does not tell which it has.
            abandoned_limit: seconds that a generation may go on that was given up and must not be cancelled.
            meter: hears of these.
        """
        self.address = address
        self._names = names
        limits = Limits(message=max_response_bytes, stream_window=stream_window)
        self._channel = Channel(
            address,
            ssl=ssl,
            server_name=server_name,
            metadata=metadata,
            limits=limits,
            connect_timeout=connect_timeout,
        )
        self._first_token_timeout = first_token_timeout
        self._token_timeout = token_timeout
        self._abandoned = Abandoned(self.stream, address=address, limit=abandoned_limit, meter=meter)

    def open(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        sink: Sink,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> Generation:
        """See `PushBackend.open`."""
        placed(self.address)
        generation = Generation(
            self._channel if stop is None else KeptCalls(self._channel, self._abandoned, stop),
            sink,
            model=model,
            first_token_timeout=self._first_token_timeout,
            token_timeout=self._token_timeout,
        )
        generation.begin(request, deadline, metadata)
        return generation

    def stream(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""
        return pulled(
            self, request, model=model, deadline=deadline, placed=placed, metadata=metadata, stop=stop
        )

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._abandoned.close()
        await self._channel.close()

    async def ask(
        self, method: str, request: Message, *, limit: float = UNARY_TIMEOUT, model: str = ""
    ) -> Any:
        """See `Questions.ask`."""
        path, answer_class = _method(method)
        answer, begin = _Answer(), asyncio.get_running_loop().time()
        call = self._channel.call(path, request.SerializeToString(), deadline=begin + limit, receiver=answer)
        try:
            status = await answer.status
        finally:
            call.cancel()
            if not answer.received:
                self._channel.doubt(begin)
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
