"""Where an HTTP request stands in a trace, and what its span is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.observability.tracing import PassedOn
from bridge.protocol.trace_context import PARENT, STATE, read

if TYPE_CHECKING:
    from aiohttp import web

    from bridge.observability.tracing import Trace, Tracing


def begin_trace(tracing: Tracing | None, request: web.Request) -> Trace | None:
    """Return the trace of a request that has come; None: nobody traces it.

    Args:
        tracing: makes traces; None passes on those of callers.
        request: told by its route, not its path, which may hold names of the client's making.
    """
    headers = request.headers
    context = read(headers.getall(PARENT), headers.getall(STATE, ())) if PARENT in headers else None
    if tracing is None:
        return None if context is None else PassedOn(context)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else ""
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.route": route,
        "url.scheme": request.scheme,
        "url.path": route,
        "network.protocol.version": f"{request.version.major}.{request.version.minor}",
    }
    return tracing.begin(context, f"{request.method} {route}", attributes)
