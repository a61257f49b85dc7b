"""How a call ended: from trailers, from RST_STREAM, from HTTP's own status. gRPC's tables, nothing else.

The tables are those of gRPC's "PROTOCOL-HTTP2" and "HTTP to gRPC Status Code Mapping" documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from bridge.protocol.h2grpc.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class StatusCode(IntEnum):
    """gRPC's codes that this package makes itself or has to tell apart."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    DEADLINE_EXCEEDED = 4
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Status:
    """The end of a call."""

    code: int
    """gRPC's status code, as a peer may have made it up."""
    message: str = ""
    unprocessed: bool = False
    """The peer has certainly not begun with the call: it may be made again on another connection."""


OK: Final = Status(StatusCode.OK)

_HTTP: Final = {
    400: StatusCode.INTERNAL,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.UNIMPLEMENTED,
    429: StatusCode.UNAVAILABLE,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.UNAVAILABLE,
}
_RESET: Final = {
    ErrorCode.REFUSED_STREAM: StatusCode.UNAVAILABLE,
    ErrorCode.CANCEL: StatusCode.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: StatusCode.PERMISSION_DENIED,
}
_HTTP_OK: Final = 200
_MAX_CODE_DIGITS: Final = 3


def from_trailers(trailers: Mapping[bytes, bytes], http: int) -> Status:
    """Return what the last header block of a call says.

    Args:
        trailers: names and values.
        http: the call's `:status`; it counts where there is no grpc-status.
    """
    code = trailers.get(b"grpc-status")
    if code is None:
        return from_http(http)
    message = unquote_to_bytes(trailers.get(b"grpc-message", b"")).decode(errors="replace")
    known = code.isdigit() and len(code) <= _MAX_CODE_DIGITS
    return Status(int(code) if known else StatusCode.UNKNOWN, message)


def from_http(http: int) -> Status:
    """Return what the end of a call without grpc-status means."""
    if http == _HTTP_OK:
        return Status(StatusCode.UNKNOWN, "the call ended without a status")
    return Status(_HTTP.get(http, StatusCode.UNKNOWN), f"HTTP status {http}")


def from_reset(code: int) -> Status:
    """Return what RST_STREAM means."""
    known = {item.value: item for item in ErrorCode}.get(code)
    name = known.name if known is not None else str(code)
    status = StatusCode.INTERNAL if known is None else _RESET.get(known, StatusCode.INTERNAL)
    return Status(status, f"the peer reset the call: {name}", unprocessed=known is ErrorCode.REFUSED_STREAM)
