"""The numbers of HTTP/2 (RFC 9113) and the error of a connection. Nothing here has state."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """Frame types."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag(IntEnum):
    """Frame flags; ACK and END_STREAM share a bit."""

    END_STREAM = 0x1
    ACK = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class Setting(IntEnum):
    """Parameters of a SETTINGS frame."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ErrorCode(IntEnum):
    """Codes of RST_STREAM and GOAWAY."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first."""

FRAME_HEADER: Final = 9
"""Bytes before a frame's payload."""

MAX_FRAME: Final = 16_384
"""Largest payload that may be sent to a peer that announced nothing else; we announce nothing else."""

DEFAULT_WINDOW: Final = 65_535
"""Every flow-control window until SETTINGS or WINDOW_UPDATE change it."""

MAX_WINDOW: Final = 2**31 - 1
"""The largest window, and the largest stream number."""


class ProtocolError(Exception):
    """The peer broke the protocol: the connection is of no use any more."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        """Describe the breach.

        Args:
            code: what GOAWAY tells the peer.
            text: one sentence for a person.
        """
        super().__init__(text)
        self.code = code
