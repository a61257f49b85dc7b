"""Errors of Dynamo's KServe frontend: those it was seen to send."""

from __future__ import annotations

import pytest

from bridge.errors import Code, Reason
from bridge.protocol.triton_errors import from_status, from_text

GONE = "the model failed: the worker that runs the model is not available"


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("InvalidRequest: too hot", Reason.INVALID_VALUE, "the model failed: too hot"),
        ("PayloadTooLarge: 5 MB", Reason.REQUEST_TOO_LARGE, "the model failed: 5 MB"),
        ("RateLimited: slow down", Reason.QUEUE_FULL, "the model failed: slow down"),
        ("CapacityExhausted: all busy", Reason.QUEUE_FULL, "the model failed: all busy"),
        ("DeadlineExceeded: late", Reason.TIMEOUT, "the model failed: late"),
        ("Cancelled: gone", Reason.CANCELLED, "the model failed: gone"),
        ("Unavailable: Stream ended before generation completed", Reason.BACKEND_UNAVAILABLE, GONE),
        ("Internal: RuntimeError: no", Reason.BACKEND_ERROR, "the model failed: Internal: RuntimeError: no"),
        ("BackendProtocol: no", Reason.BACKEND_ERROR, "the model failed: BackendProtocol: no"),
        ("Unheard: of", Reason.BACKEND_ERROR, "the model failed: Unheard: of"),
    ],
)
def test_an_error_is_known_by_its_class(text: str, reason: Reason, message: str) -> None:
    error = from_text(text, "m")
    assert (error.reason, error.message, error.model) == (reason, message, "m")


@pytest.mark.parametrize(
    ("code", "text", "reason", "message"),
    [
        (
            Code.UNAVAILABLE,
            "model temporarily unavailable",
            Reason.MODEL_NOT_READY,
            "the model has no workers at the moment",
        ),
        (
            Code.INTERNAL,
            "Failed to generate completions: Unavailable: TCP connection to 192.0.2.2:37125 failed",
            Reason.BACKEND_UNAVAILABLE,
            GONE,
        ),
        (
            Code.RESOURCE_EXHAUSTED,
            "CapacityExhausted: all eligible workers are overloaded",
            Reason.QUEUE_FULL,
            "the model failed: all eligible workers are overloaded",
        ),
        (Code.NOT_FOUND, "Model 'x' not found", Reason.MODEL_NOT_FOUND, "the model is not available"),
    ],
)
def test_a_status_says_the_same(code: Code, text: str, reason: Reason, message: str) -> None:
    error = from_status(code, text, "m")
    assert (error.reason, error.message, error.model) == (reason, message, "m")


def test_an_engines_own_words_for_a_prompt_that_is_too_long_come_first() -> None:
    text = "InvalidRequest: This model's maximum context length is 10 tokens, you asked for 12"
    assert from_text(text, "m").reason is Reason.CONTEXT_LENGTH_EXCEEDED
