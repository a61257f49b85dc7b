"""Calling a sink from a connection's reader: its bugs end its own stream, not all on the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, public

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.backends.push import Sink
    from bridge.protocol.alike import Received


def say(sink: Sink, responses: Sequence[Received]) -> BridgeError | None:
    """Hand responses over; return what the generation fails with, if they cannot be taken."""
    try:
        sink.responses(responses)
    except Exception as exc:  # noqa: BLE001 - see the module
        if not isinstance(exc, BridgeError):
            _report(exc)
        return public(exc)
    return None


def end(sink: Sink, error: BridgeError | None) -> None:
    """Tell the end."""
    try:
        sink.ended(error)
    except Exception as exc:  # noqa: BLE001 - see the module
        _report(exc)


def _report(exc: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "a sink has failed", "exception": exc})
