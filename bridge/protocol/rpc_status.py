"""BridgeError as google.rpc.Status with details, and back: what one bridge tells another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from bridge.errors import BridgeError, Code, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

DOMAIN: Final = "openai-bridge"
"""`ErrorInfo.domain` of every error."""

_BY_CODE: Final[dict[int, Reason]] = {
    Code.CANCELLED: Reason.CANCELLED,
    Code.INVALID_ARGUMENT: Reason.INVALID_VALUE,
    Code.DEADLINE_EXCEEDED: Reason.TIMEOUT,
    Code.NOT_FOUND: Reason.MODEL_NOT_FOUND,
    Code.PERMISSION_DENIED: Reason.MODEL_NOT_ALLOWED,
    Code.RESOURCE_EXHAUSTED: Reason.RATE_LIMIT_EXCEEDED,
    Code.FAILED_PRECONDITION: Reason.MODEL_NOT_COMPATIBLE,
    Code.UNIMPLEMENTED: Reason.UNSUPPORTED_OPERATION,
    Code.UNAVAILABLE: Reason.BACKEND_UNAVAILABLE,
    Code.DATA_LOSS: Reason.RESPONSE_TRUNCATED,
    Code.UNAUTHENTICATED: Reason.INVALID_API_KEY,
}
"""What a status without our details stands for; any other code is BACKEND_ERROR."""


def to_status(error: BridgeError) -> Status:
    """Return the status with ErrorInfo and whatever further details fit the error."""
    return Status(code=error.row.grpc, message=error.message, details=map(_packed, _details(error)))


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _details(error: BridgeError) -> Iterator[Message]:
    metadata = {"param": error.param} if error.param else {}
    if not error.retry:
        metadata["retry"] = "false"
    yield error_details_pb2.ErrorInfo(reason=error.reason.name, domain=DOMAIN, metadata=metadata)
    match error.row.grpc:
        case Code.INVALID_ARGUMENT if error.param:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=error.param, description=error.message
            )
            yield error_details_pb2.BadRequest(field_violations=[violation])
        case Code.NOT_FOUND | Code.PERMISSION_DENIED if error.model:
            yield error_details_pb2.ResourceInfo(
                resource_type="model", resource_name=error.model, description=error.message
            )
        case Code.FAILED_PRECONDITION:
            failed = error_details_pb2.PreconditionFailure.Violation(
                type=error.reason.name, subject=error.model or "", description=error.message
            )
            yield error_details_pb2.PreconditionFailure(violations=[failed])
        case Code.RESOURCE_EXHAUSTED if error.reason is not Reason.REQUEST_TOO_LARGE:
            quota = error_details_pb2.QuotaFailure.Violation(
                subject=error.reason.name, description=error.message
            )
            yield error_details_pb2.QuotaFailure(violations=[quota])
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.seconds = error.retry_after
        yield retry


def from_status(status: Status) -> BridgeError:
    """Return the error that a remote bridge, or gRPC itself, reported."""
    info, resource, failed, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.ResourceInfo(),
        error_details_pb2.PreconditionFailure(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        for known in (info, resource, failed, retry):
            if detail.Is(known.DESCRIPTOR):
                detail.Unpack(known)
    ours = info.domain == DOMAIN and info.reason in Reason.__members__
    reason = Reason[info.reason] if ours else _BY_CODE.get(status.code, Reason.BACKEND_ERROR)
    return BridgeError(
        reason,
        status.message or "the upstream gave no reason",
        param=info.metadata.get("param") if ours else None,
        model=resource.resource_name or next((item.subject for item in failed.violations), "") or None,
        retry_after=retry.retry_delay.seconds or None,
        retry=False if ours and info.metadata.get("retry") == "false" else None,
    )
