"""One HTTP connection: what aiohttp leaves open on it. Time limits, and errors before there is a request.

A client may be slow, in sending its head or in reading its answer, but it must go on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from aiohttp import HttpVersion11, web

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import dump_error
from bridge.servers.headers import HEADER, SERVER, request_id
from bridge.servers.http_errors import of_aiohttp, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.streams import StreamReader

    from bridge.config import Config

logger = logging.getLogger(__name__)

SLOW_HEAD: Final = BridgeError(Reason.SLOW_UPLOAD, "the head of the request did not arrive in time")
MALFORMED: Final = BridgeError(Reason.INVALID_JSON, "the request is no valid HTTP, or its head is too large")


@web.middleware
async def head_came(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tell the connection that it need not wait for the head of a request any longer."""
    if isinstance(request.protocol, Connection):
        request.protocol.begun(request)
    if _is_ambiguous(request):
        answer = response(MALFORMED)
        answer.force_close()
        return answer
    return await handler(request)


def _is_ambiguous(request: web.Request) -> bool:
    """Tell whether a proxy may see the body end elsewhere, and a request in the rest (RFC 9112, 6.1)."""
    encodings = request.headers.getall("Transfer-Encoding", None)
    if encodings is None:
        return False
    return request.version < HttpVersion11 or [one.lower() for one in encodings] != ["chunked"]


class Connection(web.RequestHandler):
    """See the module."""

    def __init__(self, server: web.Server, config: Config) -> None:
        """Prepare; the event loop connects it.

        Args:
            server: answers the requests.
            config: has the limits.
        """
        loop = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=config.limits.idle_timeout,
        )
        self._head_timeout = config.limits.header_timeout
        self._stall_timeout = config.stall_timeout
        self._heads: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._heard = self._answering = False
        self._body: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the head of the first request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Begin to wait for the rest of a head with its first bytes."""
        self._heard = True
        if self._heads is None and not self._answering and (self._body is None or self._body.is_eof()):
            self._await_head()
        super().data_received(data)

    def begun(self, request: web.BaseRequest) -> None:
        """Note that the head of a request has come."""
        self._answering, self._body = True, request.content
        self._stop(self._heads)
        self._heads = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what aiohttp refuses before our own code comes to it gets OpenAI's envelope."""
        self.begun(request)
        if isinstance(resp, web.HTTPException):
            resp = of_aiohttp(request, resp)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._answering = False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it holds what the client sent
    ) -> web.StreamResponse:
        """Return the answer to what is no request, or of a bug before our own code comes to it."""
        if status < 500:  # noqa: PLR2004
            logger.debug("no HTTP", extra={"facts": {"what": type(exc).__name__}})
            answer = response(MALFORMED)
        else:
            logger.error("bug in the HTTP door", exc_info=exc)
            answer = response(BridgeError(Reason.INTERNAL_ERROR, "internal error"))
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        answer.headers.update({HEADER: request_id(None), "Server": SERVER})
        answer.force_close()
        return answer

    def pause_writing(self) -> None:
        """Begin to watch a client that does not read."""
        super().pause_writing()
        self._watch_reader(0)

    def resume_writing(self) -> None:
        """End to watch it."""
        super().resume_writing()
        self._stop(self._stall)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clocks."""
        self._stop(self._heads)
        self._stop(self._stall)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._heads = self._loop.call_later(self._head_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._heard and self.transport is not None:
            body = dump_error(SLOW_HEAD)
            head = (
                "HTTP/1.1 408 Request Timeout",
                f"Server: {SERVER}",
                f"{HEADER}: {request_id(None)}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Connection: close",
            )
            self.transport.write("\r\n".join((*head, "", "")).encode() + body)
        self.force_close()

    def _watch_reader(self, waiting: int) -> None:
        """Give up a client that has read nothing of the `waiting` bytes since the last look."""
        if self.transport is None:
            return
        left = self.transport.get_write_buffer_size()
        if waiting and left >= waiting:
            self.transport.abort()
            return
        self._stall = self._loop.call_later(self._stall_timeout, self._watch_reader, left)

    @staticmethod
    def _stop(timer: Any) -> None:
        if timer is not None:
            timer.cancel()
