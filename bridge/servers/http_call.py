"""What every endpoint does around its answer: who asks, a record, a deadline, and one end of all."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_request import known_error
from bridge.servers.http_tracing import begin_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from bridge.access.entrance import Entrance
    from bridge.config import Config
    from bridge.observability.metrics import Metrics
    from bridge.observability.tracing import Tracing


class HttpCalls:
    """Makes the calls of all endpoints."""

    def __init__(
        self, entrance: Entrance, config: Config, metrics: Metrics, tracing: Tracing | None = None
    ) -> None:
        """Take what they share.

        Args:
            entrance: knows the callers.
            config: its `request_timeout` is the deadline.
            metrics: where to count.
            tracing: makes traces; None passes on those of callers.
        """
        self.entrance = entrance
        self.config = config
        self.metrics = metrics
        self._tracing = tracing

    @contextmanager
    def call(self, request: web.Request, endpoint: str) -> Iterator[Call]:
        """Yield what a handler is told of a request; end its record however the block ends.

        Args:
            request: the one that is answered.
            endpoint: for the record, such as "models".

        Raises:
            BridgeError: the caller is not let in; or what it may know of a failure, a bug is logged.
            ConnectionError: the client has left.
        """
        trace = begin_trace(self._tracing, request)
        record = RequestRecord(
            self.metrics, door="http", endpoint=endpoint, request_id=request[REQUEST_ID], trace=trace
        )
        deadline = asyncio.get_running_loop().time() + self.config.request_timeout
        # What is true of a block that is cancelled: aiohttp cancels the handler of a client that leaves.
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        self.entrance.enter()
        try:
            key = self.entrance.admit(authorization(request))
            record.key = key.name
            yield Call(request_id=record.request_id, deadline=deadline, record=record, key=key)
            error = None
        except ConnectionError:
            raise
        except Exception as exc:
            error = known_error(exc, request)
            raise error from exc
        finally:
            record.end(error)
            self.entrance.leave()


def authorization(request: web.Request) -> list[str]:
    """Return every value of the header."""
    return request.headers.getall("Authorization", [])
