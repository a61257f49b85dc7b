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
SHOWN: Final = 1024
"""Bytes of a front end's complaint that are shown."""


async def not_ready(check: Check, pid: int) -> str | None:
    """Tell why the part of this process id is not ready; None: it is."""
    match check:
        case NatsCheck(host, port):
            return None if await _greets(host, port) else "nobody answers there as NATS does"
        case TritonCheck(ports, run_id):
            loaded = await asyncio.to_thread(triton_is_ready, ports, run_id)
            return None if loaded else "it has not loaded its models"
        case WorkerCheck(nats):
            return await _offers_nothing(nats, pid)
        case FrontendCheck():
            return await asyncio.to_thread(_serves_not, check)


async def _greets(host: str, port: int) -> bool:
    """Tell whether NATS sends the line that it begins each connection with."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return (await reader.readline()).startswith(b"INFO ")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def _serves_not(check: FrontendCheck) -> str | None:
    try:
        if check.client_certificate:
            socket.create_connection((check.host, check.port), PATIENCE).close()
            return None
        connection = _connection(check)
        try:
            connection.request("GET", "/v1/health/ready")
            answer = connection.getresponse()
            if answer.status == http.client.OK:
                return None
            return f"it answers {answer.status}: {answer.read(SHOWN).decode(errors='replace')}"
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as exc:
        return f"it does not answer: {str(exc) or type(exc).__name__}"


def _connection(check: FrontendCheck) -> http.client.HTTPConnection:
    if not check.tls:
        return http.client.HTTPConnection(check.host, check.port, timeout=PATIENCE)
    # Our own process on a port that we hold: nobody else is there, and nothing secret is sent.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - the documented name of it
    return http.client.HTTPSConnection(check.host, check.port, timeout=PATIENCE, context=context)


async def _offers_nothing(nats: Nats, pid: int) -> str | None:
    """Ask on the request plane whether a worker of this process id has models."""
    from bridge.operators.observer import Observer  # noqa: PLC0415 - its library is optional

    observer = Observer(nats, nats.url or "")
    try:
        async with asyncio.timeout(PLANE_PATIENCE):
            await observer.connect()
            seen = await observer.look()
    except ConnectionError as exc:
        return str(exc)
    except TimeoutError:
        return f"{nats.url}: the request plane does not answer"
    finally:
        await observer.close()
    own = (socket.gethostname(), pid)
    offers = any((part.host, part.pid) == own and part.models for part in seen.workers)
    return None if offers else "it offers no models on the request plane"
