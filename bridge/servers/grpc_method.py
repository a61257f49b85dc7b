"""One gRPC method: parse, call, answer or abort with rich details.

The servicers that protoc generates cannot refuse an unparsable request with details of their own:
there the deserializer's exception becomes a bare UNKNOWN. Here the failure is a value.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
from google.protobuf.message import DecodeError

from bridge.errors import BridgeError, Reason, public
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.protocol.openai_json import header_names
from bridge.protocol.rpc_status import to_status
from bridge.servers.headers import HEADER, IGNORED, request_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable

    from google.protobuf.message import Message

    from bridge.observability.metrics import Metrics

    Context = grpc.aio.ServicerContext[Any, Any]

logger = logging.getLogger(__name__)

_DETAILS: Final = "grpc-status-details-bin"
_PUSHBACK: Final = "grpc-retry-pushback-ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOptions:
    """What all methods of a server share."""

    metrics: Metrics
    max_request_bytes: int
    request_timeout: float
    """Seconds a request may take when the client sets no shorter deadline."""


def unary(
    endpoint: str,
    request_type: type[Message],
    handle: Callable[[Any, Call], Awaitable[Message]],
    options: MethodOptions,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a unary method."""

    async def method(parsed: Message | BridgeError, context: Context) -> Message:
        async with _Answering(endpoint, context, options) as answering:
            answer = await handle(answering.accepted(parsed), answering.call)
            await answering.send_metadata()
        return answer

    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=_parser(request_type, options.max_request_bytes),
        response_serializer=_serialize,
    )


def streaming(
    endpoint: str,
    request_type: type[Message],
    handle: Callable[[Any, Call], AsyncGenerator[Iterable[Message], None]],
    options: MethodOptions,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a server-streaming method; each message is serialized before the next is made."""

    async def method(parsed: Message | BridgeError, context: Context) -> AsyncIterator[Message]:
        async with _Answering(endpoint, context, options) as answering:
            stream = handle(answering.accepted(parsed), answering.call)
            async with aclosing(stream) as batches:
                async for batch in batches:
                    for message in batch:
                        await answering.send_metadata()
                        yield message

    return grpc.unary_stream_rpc_method_handler(
        method,
        request_deserializer=_parser(request_type, options.max_request_bytes),
        response_serializer=_serialize,
    )


class _Answering:
    """Follows one RPC: its record, its metadata, and the abort if it fails."""

    def __init__(self, endpoint: str, context: Context, options: MethodOptions) -> None:
        metadata = dict(context.invocation_metadata() or ())
        given, authorization = metadata.get(HEADER), metadata.get("authorization")
        identity = request_id(given if isinstance(given, str) else None)
        left = context.time_remaining()
        timeout = options.request_timeout if left is None else min(left, options.request_timeout)
        self._context = context
        self._metadata_sent = False
        self.call = Call(
            request_id=identity,
            deadline=asyncio.get_running_loop().time() + timeout,
            record=RequestRecord(options.metrics, door="grpc", endpoint=endpoint, request_id=identity),
            authorization=authorization if isinstance(authorization, str) else None,
        )

    async def __aenter__(self) -> Self:
        self._context.set_trailing_metadata(((HEADER, self.call.request_id),))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: object) -> bool:
        if exc is None:
            self.call.record.end()
            return False
        if not isinstance(exc, Exception):
            # CancelledError, or GeneratorExit: the client left or its deadline passed.
            left = self._context.time_remaining()
            expired = left is not None and left <= 0
            reason = Reason.TIMEOUT if expired else Reason.CANCELLED
            self.call.record.end(BridgeError(reason, "the deadline passed" if expired else "the client left"))
            return False
        if not isinstance(exc, BridgeError):
            logger.error(
                "bug in a handler", exc_info=exc, extra={"facts": {"request_id": self.call.request_id}}
            )
        error = public(exc)
        self.call.record.end(error)
        await self._abort(error)
        return False

    @staticmethod
    def accepted(parsed: Message | BridgeError) -> Message:
        """Return the request, or raise what is wrong with it."""
        if isinstance(parsed, BridgeError):
            raise parsed
        return parsed

    async def send_metadata(self) -> None:
        """Send the initial metadata with the first message: sent earlier, no client would retry."""
        if not self._metadata_sent:
            self._metadata_sent = True
            ignored = [(IGNORED, header_names(self.call.ignored))] if self.call.ignored else []
            await self._context.send_initial_metadata(((HEADER, self.call.request_id), *ignored))

    async def _abort(self, error: BridgeError) -> None:
        pushback = -1 if error.retry_after is None else error.retry_after * 1000
        trailers: list[tuple[str, str | bytes]] = [
            (_DETAILS, to_status(error).SerializeToString()),
            (HEADER, self.call.request_id),
        ]
        if not error.retry or error.retry_after is not None:
            trailers.append((_PUSHBACK, str(-1 if not error.retry else pushback)))
        code = next(code for code in grpc.StatusCode if code.value[0] == error.row.grpc)
        await self._context.abort(code, error.message, tuple(trailers))


def _parser(request_type: type[Message], limit: int) -> Callable[[bytes], Message | BridgeError]:
    def parse(data: bytes) -> Message | BridgeError:
        if len(data) > limit:
            return BridgeError(
                Reason.REQUEST_TOO_LARGE, f"the request has {len(data)} bytes, more than the limit of {limit}"
            )
        try:
            return request_type.FromString(data)
        except (DecodeError, UnicodeDecodeError):
            return BridgeError(
                Reason.INVALID_MESSAGE,
                f"the request is no valid {request_type.DESCRIPTOR.full_name}: cut off, or text is not UTF-8",
            )

    return parse


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
