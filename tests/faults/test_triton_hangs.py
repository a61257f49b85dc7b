"""A Triton that is stopped, or a model that says nothing: time limits turn silence into an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.grpc_client import WAIT, Details, chat, connected, failure, words
from tests.stopped import stopped

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

LIMITS = {"first_token_timeout": 0.5, "token_timeout": 0.3}


async def test_a_stopped_triton_is_a_timeout_and_serves_again_when_it_goes_on(
    own: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=own.address, **LIMITS)
    async with connected(bridge.grpc_port) as stubs:
        with stopped(own.server.pid):
            error = await failure(stubs.chat.CreateChatCompletion(chat(), timeout=WAIT))
        answer = await stubs.chat.CreateChatCompletion(chat({"words": 3}), timeout=WAIT)

    details = Details.of(error)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "the model did not begin to answer in time"
    assert details.info is not None
    assert details.info.reason == "TIMEOUT"
    assert "retry" not in details.info.metadata
    assert answer.choices[0].message.content == words(3)


async def test_a_triton_stopped_in_mid_stream_is_a_timeout_that_is_not_retried(
    own: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=own.address, **LIMITS)
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(chat({"words": 1000, "delay_ms": 5}), timeout=WAIT)
        await call.read()
        with stopped(own.server.pid):
            error = await failure(call)

    details = Details.of(error)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "the model stopped answering"
    assert details.info is not None
    assert details.info.metadata["retry"] == "false"


@pytest.mark.parametrize(
    ("model", "directive", "code", "reason"),
    [
        pytest.param("dropper", {}, grpc.StatusCode.DEADLINE_EXCEEDED, "TIMEOUT", id="no end, ever"),
        pytest.param("silent", {}, grpc.StatusCode.DATA_LOSS, "RESPONSE_TRUNCATED", id="an end without data"),
        pytest.param(
            "echo_vllm", {"hang_at": 0}, grpc.StatusCode.DEADLINE_EXCEEDED, "TIMEOUT", id="hangs at once"
        ),
        pytest.param(
            "echo_vllm",
            {"words": 3, "final": "never", "hang_at": 2},
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "TIMEOUT",
            id="hangs later",
        ),
    ],
)
async def test_a_model_that_says_nothing_is_an_error(
    triton: RunningTriton,
    serve: Serve,
    model: str,
    directive: dict[str, Any],
    code: grpc.StatusCode,
    reason: str,
) -> None:
    bridge = await serve(triton=triton.address, **LIMITS)
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(
            stubs.chat.CreateChatCompletion(chat(directive or None, model=model), timeout=WAIT)
        )

    details = Details.of(error)
    assert error.code() is code
    assert details.info is not None
    assert details.info.reason == reason
