"""The question whether a part is ready; asked once, answered soon. When to ask again is the caller's."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Final

from bridge.demo.readiness import is_ready as triton_is_ready
from bridge.deploy.plan import Check, FrontendCheck, NatsCheck, TritonCheck, WorkerCheck

if TYPE_CHECKING:
    from bridge.config import Nats

PATIENCE: Final = 1.0
"""Seconds that an answer may take."""
PLANE_PATIENCE: Final = 3.0
"""The same for a question on the request plane, whose NATS may be far away."""


async def is_ready(check: Check, pid: int) -> bool:
    """Tell whether the part of this process id is ready."""
    match check:
        case NatsCheck(host, port):
            return await _greets(host, port)
        case TritonCheck(ports, run_id):
            return await asyncio.to_thread(triton_is_ready, ports, run_id)
        case WorkerCheck(nats):
            return await _offers(nats, pid)
        case FrontendCheck():
            return await asyncio.to_thread(_serves, check)


async def _greets(host: str, port: int) -> bool:
    """Whether NATS sends the line that it begins each connection with."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return (await reader.readline()).startswith(b"INFO ")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def _serves(check: FrontendCheck) -> bool:
    try:
        if check.client_certificate:
            socket.create_connection((check.host, check.port), PATIENCE).close()
            return True
        connection = _connection(check)
        try:
            connection.request("GET", "/v1/health/ready")
            return connection.getresponse().status == http.client.OK
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def _connection(check: FrontendCheck) -> http.client.HTTPConnection:
    if not check.tls:
        return http.client.HTTPConnection(check.host, check.port, timeout=PATIENCE)
    # Our own process on a port that we hold: nobody else is there, and nothing secret is sent.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - the documented name of it
    return http.client.HTTPSConnection(check.host, check.port, timeout=PATIENCE, context=context)


async def _offers(nats: Nats, pid: int) -> bool:
    """Whether a worker of this process id says on the request plane that it has models."""
    from bridge.operators.observer import Observer  # noqa: PLC0415 - its library is optional

    observer = Observer(nats, nats.url or "")
    try:
        async with asyncio.timeout(PLANE_PATIENCE):
            await observer.connect()
            seen = await observer.look()
    except (ConnectionError, TimeoutError):
        return False
    finally:
        await observer.close()
    own = (socket.gethostname(), pid)
    return any((part.host, part.pid) == own and part.models for part in seen.workers)
