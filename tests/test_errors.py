"""The error table, row by row, and what an error tells."""

from __future__ import annotations

import pytest

from bridge.errors import MAX_MESSAGE, RETRY_AFTER, TABLE, BridgeError, Code, Reason, public

REQUEST, SERVER, LIMIT = "invalid_request_error", "server_error", "rate_limit_error"
NO_RETRY = True

# reason: gRPC code, HTTP status, OpenAI type, code, code in a stream (None: it cannot come there), no retry
ROWS = {
    **{
        reason: (Code.INVALID_ARGUMENT, 400, REQUEST, reason.name.lower(), reason.name.lower(), False)
        for reason in (
            Reason.MISSING_REQUIRED_PARAMETER,
            Reason.INVALID_TYPE,
            Reason.INVALID_VALUE,
            Reason.UNKNOWN_PARAMETER,
            Reason.UNSUPPORTED_PARAMETER,
            Reason.UNSUPPORTED_VALUE,
            Reason.INTEGER_BELOW_MIN_VALUE,
            Reason.INTEGER_ABOVE_MAX_VALUE,
            Reason.DECIMAL_BELOW_MIN_VALUE,
            Reason.DECIMAL_ABOVE_MAX_VALUE,
            Reason.CONTEXT_LENGTH_EXCEEDED,
        )
    },
    Reason.INVALID_JSON: (Code.INVALID_ARGUMENT, 400, REQUEST, None, None, False),
    Reason.INVALID_MESSAGE: (Code.INVALID_ARGUMENT, 400, REQUEST, None, None, False),
    Reason.MODEL_NOT_COMPATIBLE: (
        Code.FAILED_PRECONDITION, 400, REQUEST, "unsupported_value", "unsupported_value", False
    ),
    Reason.INVALID_API_KEY: (
        Code.UNAUTHENTICATED, 401, REQUEST, "invalid_api_key", "invalid_api_key", False
    ),
    Reason.MODEL_NOT_ALLOWED: (
        Code.PERMISSION_DENIED, 403, REQUEST, "model_not_allowed", "model_not_allowed", False
    ),
    Reason.MODEL_NOT_FOUND: (Code.NOT_FOUND, 404, REQUEST, "model_not_found", "model_not_found", False),
    Reason.UNKNOWN_URL: (Code.UNIMPLEMENTED, 404, REQUEST, "unknown_url", None, False),
    Reason.METHOD_NOT_SUPPORTED: (Code.UNIMPLEMENTED, 405, REQUEST, "method_not_supported", None, False),
    Reason.SLOW_UPLOAD: (Code.DEADLINE_EXCEEDED, 408, REQUEST, "timeout", None, False),
    Reason.REQUEST_TOO_LARGE: (Code.RESOURCE_EXHAUSTED, 413, REQUEST, None, None, False),
    Reason.RATE_LIMIT_EXCEEDED: (
        Code.RESOURCE_EXHAUSTED, 429, LIMIT, "rate_limit_exceeded", "rate_limit_exceeded", False
    ),
    Reason.QUEUE_FULL: (
        Code.RESOURCE_EXHAUSTED, 429, LIMIT, "rate_limit_exceeded", "rate_limit_exceeded", False
    ),
    Reason.INSUFFICIENT_QUOTA: (
        Code.RESOURCE_EXHAUSTED, 429, LIMIT, "insufficient_quota", "insufficient_quota", NO_RETRY
    ),
    Reason.CANCELLED: (Code.CANCELLED, 499, REQUEST, None, "server_error", False),
    Reason.TIMEOUT: (Code.DEADLINE_EXCEEDED, 504, SERVER, "timeout", "timeout", False),
    Reason.UNSUPPORTED_OPERATION: (Code.UNIMPLEMENTED, 501, SERVER, None, "server_error", NO_RETRY),
    Reason.BACKEND_ERROR: (Code.INTERNAL, 500, SERVER, None, "server_error", NO_RETRY),
    Reason.BACKEND_CONTRACT: (Code.INTERNAL, 500, SERVER, None, "server_error", NO_RETRY),
    Reason.INTERNAL_ERROR: (Code.INTERNAL, 500, SERVER, None, "server_error", NO_RETRY),
    Reason.BACKEND_REFUSED: (Code.INTERNAL, 502, SERVER, None, "server_error", NO_RETRY),
    Reason.RESPONSE_TRUNCATED: (Code.DATA_LOSS, 502, SERVER, None, "server_error", False),
    Reason.BACKEND_UNAVAILABLE: (Code.UNAVAILABLE, 503, SERVER, None, "service_unavailable", False),
    Reason.MODEL_NOT_READY: (Code.UNAVAILABLE, 503, SERVER, None, "service_unavailable", False),
    Reason.SHUTTING_DOWN: (Code.UNAVAILABLE, 503, SERVER, None, "service_unavailable", False),
}  # fmt: skip


def test_every_reason_has_a_row() -> None:
    assert set(TABLE) == set(Reason) == set(ROWS)


@pytest.mark.parametrize("reason", ROWS)
def test_a_row_is_what_clients_expect(reason: Reason) -> None:
    row = TABLE[reason]
    assert (row.grpc, row.http, row.type, row.code, row.stream_code, not row.retry) == ROWS[reason]


def test_codes_have_grpcs_own_names_and_numbers() -> None:
    grpc = pytest.importorskip("grpc")
    names = {code.name: code.value[0] for code in grpc.StatusCode}
    assert {code.name: int(code) for code in Code}.items() <= names.items()


@pytest.mark.parametrize("reason", Reason)
def test_what_says_when_to_retry_may_be_retried(reason: Reason) -> None:
    says_when = TABLE[reason].http in {429, 503} and TABLE[reason].retry
    assert (reason in RETRY_AFTER) is says_when
    if says_when:
        assert 1 <= RETRY_AFTER[reason] <= 60


def test_an_error_knows_its_row_message_and_place() -> None:
    error = BridgeError(Reason.INVALID_VALUE, "no", param="n", model="m")
    assert (error.message, str(error), error.param, error.model) == ("no", "no", "n", "m")
    assert error.row is TABLE[Reason.INVALID_VALUE]
    assert (error.retry, error.retry_after) == (True, None)


def test_an_error_may_say_otherwise_than_its_row() -> None:
    assert BridgeError(Reason.TIMEOUT, "x", retry=False).retry is False
    assert BridgeError(Reason.QUEUE_FULL, "x", retry_after=30).retry_after == 30


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_long_message_is_cut_between_characters(letter: str) -> None:
    message = BridgeError(Reason.INVALID_VALUE, letter * 2000).message
    assert MAX_MESSAGE - 4 < len(message.encode()) <= MAX_MESSAGE
    assert set(message) == {letter}


def test_a_bug_is_told_to_nobody() -> None:
    error = public(KeyError("secret prompt"))
    assert (error.reason, error.message, error.param) == (Reason.INTERNAL_ERROR, "internal error", None)


def test_an_error_of_ours_is_told_as_it_is() -> None:
    error = BridgeError(Reason.QUEUE_FULL, "full")
    assert public(error) is error
