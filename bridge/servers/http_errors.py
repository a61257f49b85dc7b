"""HTTP errors: OpenAI's envelope on every 4xx and 5xx, request ids on every response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bridge.errors import BridgeError, Reason, public
from bridge.protocol.openai_json import dump_error
from bridge.servers.headers import HEADER, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)
"""Where the request's id is kept; an endpoint may replace it by one from the body."""

_HTTP_REASONS: Final = {
    404: Reason.UNKNOWN_URL,
    405: Reason.METHOD_NOT_SUPPORTED,
    413: Reason.REQUEST_TOO_LARGE,
}


@web.middleware
async def errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every failure of a handler or of the router in OpenAI's envelope."""
    request[REQUEST_ID] = request_id(request.headers.get(HEADER))
    try:
        return await handler(request)
    except web.HTTPException as exc:
        return _of_router(request, exc)
    except BridgeError as exc:
        return response(exc)
    except ConnectionError:
        return web.Response()  # the client has left: nobody reads this
    except Exception as exc:
        logger.exception("bug in a handler", extra={"facts": {"request_id": request[REQUEST_ID]}})
        return response(public(exc))


async def add_request_id(request: web.Request, answer: web.StreamResponse) -> None:
    """Put the request's id on a response, streams included (a signal of the application)."""
    answer.headers[HEADER] = request[REQUEST_ID] if REQUEST_ID in request else request_id(None)


def response(error: BridgeError) -> web.Response:
    """Return the response of an error that comes before the first byte."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.row.http >= 500 and not error.retry:  # noqa: PLR2004
        headers["x-should-retry"] = "false"
    return web.Response(
        status=error.row.http, body=dump_error(error), content_type="application/json", headers=headers
    )


def _of_router(request: web.Request, exc: web.HTTPException) -> web.Response:
    reason = _HTTP_REASONS.get(exc.status)
    if reason is None:
        raise exc
    message = {
        Reason.UNKNOWN_URL: f"Unknown request URL: {request.method} {request.path[:200]}",
        Reason.METHOD_NOT_SUPPORTED: f"Not allowed to {request.method} on {request.path[:200]}",
        Reason.REQUEST_TOO_LARGE: f"the body is larger than the limit of {request.client_max_size} bytes",
    }[reason]
    answer = response(BridgeError(reason, message))
    if "Allow" in exc.headers:
        answer.headers["Allow"] = exc.headers["Allow"]
    return answer
