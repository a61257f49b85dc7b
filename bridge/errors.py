"""The one error model: a reason decides the gRPC status, the HTTP status and OpenAI's type and code.

Imports nothing of gRPC, HTTP or OpenAI: the doors turn a row of `TABLE` into their own form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum, auto
from typing import Final

MAX_MESSAGE: Final = 1000
"""UTF-8 bytes of a message that are sent: longer gRPC trailers pass the clients' 8 KiB soft limit."""

MAX_NAME: Final = 256
"""UTF-8 bytes of a `param` or a model's name: both may be of the client's own making."""


class Code(IntEnum):
    """gRPC status codes, with gRPC's own names and numbers."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Reason(StrEnum):
    """Why a request failed. The name is `google.rpc.ErrorInfo.reason`, the value often OpenAI's code."""

    MISSING_REQUIRED_PARAMETER = auto()
    INVALID_TYPE = auto()
    INVALID_VALUE = auto()
    UNKNOWN_PARAMETER = auto()
    UNSUPPORTED_PARAMETER = auto()
    UNSUPPORTED_VALUE = auto()
    INTEGER_BELOW_MIN_VALUE = auto()
    INTEGER_ABOVE_MAX_VALUE = auto()
    DECIMAL_BELOW_MIN_VALUE = auto()
    DECIMAL_ABOVE_MAX_VALUE = auto()
    CONTEXT_LENGTH_EXCEEDED = auto()
    INVALID_JSON = auto()
    INVALID_MESSAGE = auto()
    MODEL_NOT_COMPATIBLE = auto()
    INVALID_API_KEY = auto()
    MODEL_NOT_ALLOWED = auto()
    MODEL_NOT_FOUND = auto()
    UNKNOWN_URL = auto()
    METHOD_NOT_SUPPORTED = auto()
    SLOW_UPLOAD = auto()
    REQUEST_TOO_LARGE = auto()
    RATE_LIMIT_EXCEEDED = auto()
    QUEUE_FULL = auto()
    INSUFFICIENT_QUOTA = auto()
    CANCELLED = auto()
    TIMEOUT = auto()
    UNSUPPORTED_OPERATION = auto()
    BACKEND_ERROR = auto()
    BACKEND_CONTRACT = auto()
    INTERNAL_ERROR = auto()
    BACKEND_REFUSED = auto()
    RESPONSE_TRUNCATED = auto()
    BACKEND_UNAVAILABLE = auto()
    MODEL_NOT_READY = auto()
    SHUTTING_DOWN = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """What one reason becomes on each wire."""

    grpc: Code
    http: int
    type: str
    """OpenAI's `error.type`."""
    code: str | None
    """OpenAI's `error.code` in an answer of its own."""
    stream_code: str | None
    """OpenAI's `error.code` in an event of a stream that has begun."""
    retry: bool = True
    """False: the same request would fail again, so HTTP says `x-should-retry: false`."""


_REQUEST = "invalid_request_error"
_SERVER = "server_error"
_LIMIT = "rate_limit_error"


def _request(reason: Reason) -> Row:
    return Row(Code.INVALID_ARGUMENT, 400, _REQUEST, reason.value, reason.value)


def _server(grpc: Code, http: int, *, retry: bool = False) -> Row:
    return Row(grpc, http, _SERVER, None, "server_error", retry)


def _unavailable() -> Row:
    return Row(Code.UNAVAILABLE, 503, _SERVER, None, "service_unavailable")


TABLE: Final[dict[Reason, Row]] = {
    Reason.MISSING_REQUIRED_PARAMETER: _request(Reason.MISSING_REQUIRED_PARAMETER),
    Reason.INVALID_TYPE: _request(Reason.INVALID_TYPE),
    Reason.INVALID_VALUE: _request(Reason.INVALID_VALUE),
    Reason.UNKNOWN_PARAMETER: _request(Reason.UNKNOWN_PARAMETER),
    Reason.UNSUPPORTED_PARAMETER: _request(Reason.UNSUPPORTED_PARAMETER),
    Reason.UNSUPPORTED_VALUE: _request(Reason.UNSUPPORTED_VALUE),
    Reason.INTEGER_BELOW_MIN_VALUE: _request(Reason.INTEGER_BELOW_MIN_VALUE),
    Reason.INTEGER_ABOVE_MAX_VALUE: _request(Reason.INTEGER_ABOVE_MAX_VALUE),
    Reason.DECIMAL_BELOW_MIN_VALUE: _request(Reason.DECIMAL_BELOW_MIN_VALUE),
    Reason.DECIMAL_ABOVE_MAX_VALUE: _request(Reason.DECIMAL_ABOVE_MAX_VALUE),
    Reason.CONTEXT_LENGTH_EXCEEDED: _request(Reason.CONTEXT_LENGTH_EXCEEDED),
    Reason.INVALID_JSON: Row(Code.INVALID_ARGUMENT, 400, _REQUEST, None, None),
    Reason.INVALID_MESSAGE: Row(Code.INVALID_ARGUMENT, 400, _REQUEST, None, None),
    Reason.MODEL_NOT_COMPATIBLE: Row(
        Code.FAILED_PRECONDITION, 400, _REQUEST, "unsupported_value", "unsupported_value"
    ),
    Reason.INVALID_API_KEY: Row(Code.UNAUTHENTICATED, 401, _REQUEST, "invalid_api_key", "invalid_api_key"),
    Reason.MODEL_NOT_ALLOWED: Row(
        Code.PERMISSION_DENIED, 403, _REQUEST, "model_not_allowed", "model_not_allowed"
    ),
    Reason.MODEL_NOT_FOUND: Row(Code.NOT_FOUND, 404, _REQUEST, "model_not_found", "model_not_found"),
    Reason.UNKNOWN_URL: Row(Code.UNIMPLEMENTED, 404, _REQUEST, "unknown_url", None),
    Reason.METHOD_NOT_SUPPORTED: Row(Code.UNIMPLEMENTED, 405, _REQUEST, "method_not_supported", None),
    Reason.SLOW_UPLOAD: Row(Code.DEADLINE_EXCEEDED, 408, _REQUEST, "timeout", None),
    Reason.REQUEST_TOO_LARGE: Row(Code.RESOURCE_EXHAUSTED, 413, _REQUEST, None, None),
    Reason.RATE_LIMIT_EXCEEDED: Row(
        Code.RESOURCE_EXHAUSTED, 429, _LIMIT, "rate_limit_exceeded", "rate_limit_exceeded"
    ),
    Reason.QUEUE_FULL: Row(
        Code.RESOURCE_EXHAUSTED, 429, _LIMIT, "rate_limit_exceeded", "rate_limit_exceeded"
    ),
    Reason.INSUFFICIENT_QUOTA: Row(
        Code.RESOURCE_EXHAUSTED, 429, _LIMIT, "insufficient_quota", "insufficient_quota", retry=False
    ),
    Reason.CANCELLED: Row(Code.CANCELLED, 499, _REQUEST, None, "server_error"),
    Reason.TIMEOUT: Row(Code.DEADLINE_EXCEEDED, 504, _SERVER, "timeout", "timeout"),
    Reason.UNSUPPORTED_OPERATION: _server(Code.UNIMPLEMENTED, 501),
    Reason.BACKEND_ERROR: _server(Code.INTERNAL, 500),
    Reason.BACKEND_CONTRACT: _server(Code.INTERNAL, 500),
    Reason.INTERNAL_ERROR: _server(Code.INTERNAL, 500),
    Reason.BACKEND_REFUSED: _server(Code.INTERNAL, 502),
    Reason.RESPONSE_TRUNCATED: _server(Code.DATA_LOSS, 502, retry=True),
    Reason.BACKEND_UNAVAILABLE: _unavailable(),
    Reason.MODEL_NOT_READY: _unavailable(),
    Reason.SHUTTING_DOWN: _unavailable(),
}
"""Every reason has a row; the meaning of each column is in `Row`."""

RETRY_AFTER: Final[dict[Reason, int]] = {
    Reason.RATE_LIMIT_EXCEEDED: 1,
    Reason.QUEUE_FULL: 1,
    Reason.BACKEND_UNAVAILABLE: 1,
    Reason.MODEL_NOT_READY: 2,
    Reason.SHUTTING_DOWN: 1,
}
"""Whole seconds after which a client may try again, unless the error itself says otherwise."""


class BridgeError(Exception):
    """A failure that may be told to the caller; anything else is a bug and stays inside.

    `param` is the path in the request as the client sent it, such as `messages[0].content`. The
    message never holds prompt text, tensor values or file paths.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        param: str | None = None,
        model: str | None = None,
        retry_after: int | None = None,
        retry: bool | None = None,
    ) -> None:
        """Describe a failure.

        Args:
            reason: the row of `TABLE`.
            message: one sentence for a person; cut at `MAX_MESSAGE`.
            param: path of the field at fault, if one is; cut at `MAX_NAME`.
            model: the model at fault, for `google.rpc.ResourceInfo`; cut at `MAX_NAME`.
            retry_after: seconds until another try may succeed; default from `RETRY_AFTER`.
            retry: overrides the row's `retry`.
        """
        super().__init__(_cut(message, MAX_MESSAGE))
        self.reason = reason
        self.param = None if param is None else _cut(param, MAX_NAME)
        self.model = None if model is None else _cut(model, MAX_NAME)
        self.retry_after = RETRY_AFTER.get(reason) if retry_after is None else retry_after
        self.retry = TABLE[reason].retry if retry is None else retry
        self.upstream = ""
        """Address of the server that failed, for logs and metrics; never sent to a client."""

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return str(self.args[0])

    @property
    def row(self) -> Row:
        """What the reason becomes on each wire."""
        return TABLE[self.reason]


def _cut(text: str, size: int) -> str:
    """Return what fits into `size` bytes, in whole characters."""
    return text.encode(errors="replace")[:size].decode(errors="ignore")


def public(exc: BaseException) -> BridgeError:
    """Return what the caller may know of `exc`: a bug of ours is only "internal error"."""
    if isinstance(exc, BridgeError):
        return exc
    return BridgeError(Reason.INTERNAL_ERROR, "internal error")
