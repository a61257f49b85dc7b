"""Going on with an answer whose server was lost in mid-stream, where `protocol.resumption` allows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import Reason

if TYPE_CHECKING:
    from bridge.errors import BridgeError
    from bridge.handlers.base import Call
    from bridge.protocol.exchange import Exchange

LOST: Final = frozenset({Reason.BACKEND_UNAVAILABLE, Reason.TIMEOUT})
"""Ends of a generation that another server may go on from. The one that failed is left out by the backend."""


def goes_on(exchange: Exchange[Any], lost: BridgeError, call: Call) -> bool:
    """Tell whether an answer goes on: by the request that the exchange has now, unless it is `done`."""
    in_time = asyncio.get_running_loop().time() < call.deadline
    if lost.reason not in LOST or not in_time or not exchange.resume():
        return False
    call.record.resumed()
    return True
