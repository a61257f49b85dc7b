"""A worker's HTTP port: whether it lives, whether it takes requests, its metrics. No model is reached."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from bridge.errors import BridgeError, Reason
from bridge.observability.loop_lag import measure
from bridge.observability.metrics import CONTENT_TYPE
from bridge.servers.http_errors import add_headers, errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.observability.metrics import Metrics


class Health:
    """See the module; the same paths as those of a bridge."""

    def __init__(self, metrics: Metrics, not_ready: Callable[[], str | None]) -> None:
        """Prepare; `start` listens.

        Args:
            metrics: what is shown.
            not_ready: tells why no request is taken; None: they are.
        """
        self._metrics, self._not_ready = metrics, not_ready
        app = web.Application(middlewares=[errors])
        app.on_response_prepare.append(add_headers)
        app.add_routes([
            web.get("/v1/health/live", self._live),
            web.get("/v1/health/ready", self._ready),
            web.get("/metrics", self._show),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None)
        self._measuring: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port; 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as exc:
            why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror  # names: below 0
            raise OSError(f"health: cannot listen on {host}:{port}: {why}") from exc
        self._metrics.serve()
        self._measuring = asyncio.create_task(measure(self._metrics.loop_lag.labels()))
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Listen no more."""
        if self._measuring is not None:
            self._measuring.cancel()
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return _message("Service is live.")

    async def _ready(self, _: web.Request) -> web.Response:
        reason = self._not_ready()
        if reason is not None:
            raise BridgeError(Reason.MODEL_NOT_READY, reason)
        return _message("Service is ready.")

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _message(text: str) -> web.Response:
    return web.Response(body=orjson.dumps({"message": text}), content_type="application/json")
