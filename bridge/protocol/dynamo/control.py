"""What a frontend says beside the request itself: where its answer goes, and that nobody waits for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bridge.errors import BridgeError, Reason

CODEC: Final = "json"
"""How the bodies of requests and of answers are written: a worker's record says it, frontends follow."""
SPOKEN: Final = {"request_type": "single_in", "response_type": "many_out", "payload_codec": CODEC}
"""What a request must say of itself."""
TRANSPORT: Final = "tcp_server"

_CANCELS: Final = frozenset({b'"stop"', b'"kill"'})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where an answer goes, and whose it is."""

    request_id: str
    host: str
    port: int
    subject: str
    """What the frontend knows the answer by."""


def read_opening(control: bytes) -> Opening:
    """Return what the header of a request's frame says.

    Raises:
        BridgeError: INVALID_MESSAGE: it is malformed, or asks for what only another version has.
    """
    said = _object(control, "its header")
    for key, expected in SPOKEN.items():
        if said.get(key, CODEC) != expected:
            raise _foreign(f"its {key} is not {expected}")
    connection = said.get("connection_info")
    if type(connection) is not dict or connection.get("transport") != TRANSPORT:
        raise _foreign(f"it does not ask for its answer by {TRANSPORT}")
    info = _object(connection.get("info"), "its connection_info")
    host, port = _address(info.get("address"))
    subject = _text(info.get("subject"), "subject")
    return Opening(request_id=_text(said.get("id"), "id"), host=host, port=port, subject=subject)


def is_cancel(header: bytes) -> bool:
    """Tell whether the header of a frame, on the connection of an answer, takes the request back."""
    return header in _CANCELS


def _object(data: Any, what: str) -> dict[str, Any]:
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if type(found) is not dict:
        raise _foreign(f"{what} is no JSON object")
    return found


def _text(value: Any, key: str) -> str:
    if type(value) is not str or not value:
        raise _foreign(f"its {key} is missing")
    return value


def _address(value: Any) -> tuple[str, int]:
    host, _, port = _text(value, "address").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise _foreign("its address is no HOST:PORT")
    return host, int(port)


def _foreign(why: str) -> BridgeError:
    return BridgeError(Reason.INVALID_MESSAGE, f"the request does not follow Dynamo 1.6.1: {why}")
