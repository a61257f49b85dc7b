"""What every endpoint does around its answer: a record, a deadline, and one end of both."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_request import known_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from bridge.config import Config
    from bridge.observability.metrics import Metrics


@contextmanager
def http_call(request: web.Request, endpoint: str, config: Config, metrics: Metrics) -> Iterator[Call]:
    """Yield what a handler is told of a request; end its record however the block ends.

    Args:
        request: the one that is answered.
        endpoint: for the record, such as "models".
        config: its `request_timeout` is the deadline.
        metrics: where to count.

    Raises:
        BridgeError: what the caller may know of the block's failure; a bug is logged.
        ConnectionError: the client has left.
    """
    record = RequestRecord(metrics, door="http", endpoint=endpoint, request_id=request[REQUEST_ID])
    deadline = asyncio.get_running_loop().time() + config.request_timeout
    # What is true of a block that is cancelled: aiohttp cancels the handler of a client that leaves.
    error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
    try:
        yield Call(request_id=record.request_id, deadline=deadline, record=record)
        error = None
    except ConnectionError:
        raise
    except Exception as exc:
        error = known_error(exc, request)
        raise error from exc
    finally:
        record.end(error)
