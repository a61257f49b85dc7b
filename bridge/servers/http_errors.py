"""HTTP errors: OpenAI's envelope on every 4xx and 5xx, and what stands on every response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bridge.errors import BridgeError, Reason, public
from bridge.protocol.openai_json import dump_error
from bridge.servers.headers import HEADER, SERVER, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)
"""Where the request's id is kept; an endpoint may replace it by one from the body."""


@web.middleware
async def errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every failure of a handler or of the router in OpenAI's envelope."""
    request[REQUEST_ID] = request_id(request.headers.get(HEADER))
    try:
        return await handler(request)
    except web.HTTPException as exc:
        return of_aiohttp(request, exc)
    except BridgeError as exc:
        return response(exc)
    except ConnectionError:
        return web.Response()  # the client has left: nobody reads this
    except Exception as exc:
        logger.exception("bug in a handler", extra={"facts": {"request_id": request[REQUEST_ID]}})
        return response(public(exc))


async def add_headers(request: web.Request, answer: web.StreamResponse) -> None:
    """Put the request's id and our name on a response, streams included (a signal of the application)."""
    known = REQUEST_ID in request  # not where aiohttp refuses before our own code comes to it
    answer.headers[HEADER] = request[REQUEST_ID] if known else request_id(request.headers.get(HEADER))
    answer.headers["Server"] = SERVER


def response(error: BridgeError) -> web.Response:
    """Return the response of an error that comes before the first byte."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.row.http >= 500 and not error.retry:  # noqa: PLR2004
        headers["x-should-retry"] = "false"
    if error.reason is Reason.INVALID_API_KEY:
        headers["WWW-Authenticate"] = "Bearer"
    answer = web.Response(
        status=error.row.http, body=dump_error(error), content_type="application/json", headers=headers
    )
    if error.reason is Reason.SHUTTING_DOWN:
        answer.force_close()  # the next request should find another bridge
    return answer


def of_aiohttp(request: web.BaseRequest, exc: web.HTTPException) -> web.Response:
    """Return what aiohttp itself refuses in OpenAI's envelope."""
    method, path = request.method, request.path[:200]
    reason, message = {
        404: (Reason.UNKNOWN_URL, f"Unknown request URL: {method} {path}"),
        405: (Reason.METHOD_NOT_SUPPORTED, f"Not allowed to {method} on {path}"),
        417: (Reason.INVALID_JSON, "the header Expect may only be 100-continue"),
    }.get(exc.status, (Reason.INVALID_JSON, "the HTTP request cannot be served"))
    answer = response(BridgeError(reason, message))
    if "Allow" in exc.headers:
        answer.headers["Allow"] = exc.headers["Allow"]
    return answer
