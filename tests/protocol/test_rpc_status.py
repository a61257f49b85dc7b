"""BridgeError as google.rpc.Status and back: what a bridge tells another is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from bridge.errors import TABLE, BridgeError, Code, Reason
from bridge.protocol.rpc_status import DOMAIN, from_status, to_status


def facts(error: BridgeError) -> tuple[Any, ...]:
    return error.reason, error.message, error.param, error.retry, error.retry_after


def over_the_wire(error: BridgeError) -> BridgeError:
    return from_status(Status.FromString(to_status(error).SerializeToString()))


def details(error: BridgeError) -> dict[str, Any]:
    """Return the details by the name of their message."""
    found = {}
    for packed in to_status(error).details:
        name = packed.TypeName().removeprefix("google.rpc.")
        found[name] = getattr(error_details_pb2, name)()
        packed.Unpack(found[name])
    return found


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({}, id="bare"),
        pytest.param({"param": "messages[0].content"}, id="param"),
        pytest.param({"retry_after": 7}, id="retry after"),
        pytest.param({"retry": False}, id="no retry"),
    ],
)
def test_every_reason_comes_back_as_it_was(reason: Reason, extra: dict[str, Any]) -> None:
    error = BridgeError(reason, "what happened, é", **extra)
    assert facts(over_the_wire(error)) == facts(error)


@pytest.mark.parametrize(
    "reason", [Reason.MODEL_NOT_FOUND, Reason.MODEL_NOT_ALLOWED, Reason.MODEL_NOT_COMPATIBLE]
)
def test_the_model_at_fault_comes_back(reason: Reason) -> None:
    assert over_the_wire(BridgeError(reason, "no", model="org/m")).model == "org/m"


@pytest.mark.parametrize("reason", Reason)
def test_the_status_has_the_rows_code_and_names_the_reason(reason: Reason) -> None:
    error = BridgeError(reason, "what happened", param="n")
    assert (to_status(error).code, to_status(error).message) == (TABLE[reason].grpc, "what happened")
    info = details(error)["ErrorInfo"]
    assert (info.reason, info.domain, info.metadata["param"]) == (reason.name, DOMAIN, "n")


@pytest.mark.parametrize(
    ("error", "names"),
    [
        pytest.param(BridgeError(Reason.INVALID_VALUE, "x", param="n"), {"BadRequest"}, id="request fault"),
        pytest.param(BridgeError(Reason.INVALID_JSON, "x"), set(), id="no field at fault"),
        pytest.param(BridgeError(Reason.MODEL_NOT_FOUND, "x", model="m"), {"ResourceInfo"}, id="no model"),
        pytest.param(
            BridgeError(Reason.MODEL_NOT_COMPATIBLE, "x", model="m"),
            {"PreconditionFailure"},
            id="wrong model",
        ),
        pytest.param(BridgeError(Reason.QUEUE_FULL, "x"), {"QuotaFailure", "RetryInfo"}, id="queue"),
        pytest.param(BridgeError(Reason.INSUFFICIENT_QUOTA, "x"), {"QuotaFailure"}, id="quota"),
        pytest.param(BridgeError(Reason.REQUEST_TOO_LARGE, "x"), set(), id="too large"),
        pytest.param(BridgeError(Reason.SHUTTING_DOWN, "x"), {"RetryInfo"}, id="drain"),
        pytest.param(BridgeError(Reason.INTERNAL_ERROR, "x"), set(), id="bug"),
        pytest.param(BridgeError(Reason.TIMEOUT, "x"), set(), id="timeout"),
    ],
)
def test_each_error_has_the_details_that_fit_it(error: BridgeError, names: set[str]) -> None:
    assert details(error).keys() == {"ErrorInfo"} | names


def test_a_bad_request_names_the_field() -> None:
    violations = details(BridgeError(Reason.INVALID_VALUE, "too hot", param="temperature"))[
        "BadRequest"
    ].field_violations
    assert [(item.field, item.description) for item in violations] == [("temperature", "too hot")]


def test_the_longest_error_stays_within_the_trailers_limit() -> None:
    error = BridgeError(Reason.INVALID_VALUE, "é" * 5000, param="p" * 5000, model="m" * 5000)
    sizes = len(to_status(error).SerializeToString()) * 4 / 3 + 3 * len(error.message.encode())
    assert sizes < 8192


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(Code.CANCELLED, Reason.CANCELLED, id="cancelled"),
        pytest.param(Code.INVALID_ARGUMENT, Reason.INVALID_VALUE, id="invalid argument"),
        pytest.param(Code.DEADLINE_EXCEEDED, Reason.TIMEOUT, id="deadline"),
        pytest.param(Code.NOT_FOUND, Reason.MODEL_NOT_FOUND, id="not found"),
        pytest.param(Code.UNAVAILABLE, Reason.BACKEND_UNAVAILABLE, id="unavailable"),
        pytest.param(Code.UNIMPLEMENTED, Reason.UNSUPPORTED_OPERATION, id="unimplemented"),
        pytest.param(Code.UNAUTHENTICATED, Reason.INVALID_API_KEY, id="unauthenticated"),
        pytest.param(2, Reason.BACKEND_ERROR, id="unknown"),
        pytest.param(99, Reason.BACKEND_ERROR, id="a code of the future"),
    ],
)
def test_a_status_without_our_details_is_read_by_its_code(code: int, reason: Reason) -> None:
    error = from_status(Status(code=code, message="proxy says no"))
    assert (error.reason, error.message, error.param) == (reason, "proxy says no", None)


@pytest.mark.parametrize(
    "info",
    [
        pytest.param({"domain": "example.org", "reason": "QUEUE_FULL"}, id="another domain"),
        pytest.param({"domain": DOMAIN, "reason": "INVENTED"}, id="a reason of the future"),
    ],
)
def test_an_error_info_that_is_not_ours_is_not_believed(info: dict[str, str]) -> None:
    packed = AnyMessage()
    packed.Pack(error_details_pb2.ErrorInfo(metadata={"param": "n", "retry": "false"}, **info))
    error = from_status(Status(code=Code.UNAVAILABLE, details=[packed]))
    assert (error.reason, error.param, error.retry) == (Reason.BACKEND_UNAVAILABLE, None, True)
    assert error.message
