"""The model's first answer decides the status; what fails after it is told in the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, DONE, chat, completion, directed, said
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

SCRIPTED = "Error generating stream: scripted failure"
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


@pytest.mark.parametrize(
    ("body", "status", "retry", "error"),
    [
        pytest.param(
            chat(model="nobody"),
            404,
            None,
            ("The model 'nobody' does not exist", "invalid_request_error", None, "model_not_found"),
            id="unknown model",
        ),
        pytest.param(
            chat(model="identity"),
            400,
            None,
            (
                "model 'identity' cannot generate text: no text input",
                "invalid_request_error",
                "model",
                "unsupported_value",
            ),
            id="model without text",
        ),
        pytest.param(
            chat(directed(fail_at=0)),
            500,
            "false",
            (f"the model failed: {SCRIPTED}", "server_error", None, None),
            id="failure before the first token",
        ),
        pytest.param(
            chat(directed(fail_at=0, error_final=False)),
            500,
            "false",
            (f"the model failed: {SCRIPTED}", "server_error", None, None),
            id="failure whose end follows by itself",
        ),
        pytest.param(
            chat("x", model="silent"),
            502,
            None,
            ("the model ended without an answer", "server_error", None, None),
            id="end without data",
        ),
        pytest.param(
            chat(directed(raises=True, error="no luck"), model="plain"),
            500,
            "false",
            ("the model failed: RuntimeError: no luck", "server_error", None, None),
            id="exception in a model that is not decoupled",
        ),
        pytest.param(
            chat(directed(fail_at=0, error="Exceeds maximum queue size")),
            429,
            None,
            (
                "the model failed: Exceeds maximum queue size",
                "rate_limit_error",
                None,
                "rate_limit_exceeded",
            ),
            id="queue full",
        ),
    ],
)
@both_ways
async def test_a_failure_before_the_first_token_has_a_status_of_its_own(
    bridge: Bridge, body: dict[str, Any], status: int, retry: str | None, error: Any, stream: bool
) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=body | {"stream": stream})
    found = answer.error
    assert (answer.status, answer.headers.get("x-should-retry")) == (status, retry)
    assert (found["message"], found["type"], found["param"], found["code"]) == error
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize(
    ("path", "make"), [pytest.param(CHAT, chat, id="chat"), pytest.param(COMPLETIONS, completion, id="text")]
)
async def test_a_failure_after_a_token_is_one_event_then_done(bridge: Bridge, path: str, make: Any) -> None:
    body = make(directed(words=3, fail_at=2), stream=True, stream_options={"include_usage": True})
    answer = await ask(bridge.http_port, "POST", path, json=body)
    *before, last = said(answer.body)
    assert answer.status == 200
    assert last == {
        "error": {
            "message": f"the model failed: {SCRIPTED}",
            "type": "server_error",
            "param": None,
            "code": "server_error",
        }
    }
    assert [event["choices"][0]["finish_reason"] for event in before] == [None] * len(before)
    assert b"word1 " in answer.body
    assert b"word2 " not in answer.body


async def test_a_failure_after_a_token_fails_a_plain_answer(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(directed(words=3, fail_at=2)))
    assert (answer.status, answer.error["type"]) == (500, "server_error")
    assert answer.headers["x-should-retry"] == "false"


async def test_one_failing_choice_fails_the_request(bridge: Bridge) -> None:
    prompts = [directed(words=2), directed(fail_at=0, first_delay_ms=1)]
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=completion(prompts))
    assert (answer.status, answer.error["message"]) == (500, f"the model failed: {SCRIPTED}")


@both_ways
async def test_a_model_that_does_not_begin_in_time_is_a_timeout(
    serve: Serve, triton: RunningTriton, stream: bool
) -> None:
    bridge = await serve(triton=triton.address, first_token_timeout=0.1)
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat("x", model="dropper", stream=stream))
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    assert "x-should-retry" not in answer.headers


async def test_a_model_that_stops_answering_is_a_timeout_in_the_stream(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, token_timeout=0.1)
    body = chat(directed(tag="stalled", words=2, hang_at=1), stream=True)
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert answer.status == 200
    assert said(answer.body)[-1]["error"] == {
        "message": "the model stopped answering",
        "type": "server_error",
        "param": None,
        "code": "timeout",
    }
    assert (await triton.event("stalled", "cancelled"))["sent"] == 1


async def test_a_model_that_stops_answering_must_not_be_asked_again(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, token_timeout=0.1)
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(directed(words=2, hang_at=1)))
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("directive", "status"),
    [pytest.param({"hang_at": 0}, 504, id="waiting"), pytest.param({"hang_at": 1}, 200, id="generating")],
)
async def test_a_request_has_a_time_for_the_whole_of_it(
    serve: Serve, triton: RunningTriton, directive: dict[str, Any], status: int
) -> None:
    bridge = await serve(triton=triton.address, request_timeout=0.15)
    body = chat(directed(words=2, **directive), stream=True)
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert answer.status == status
    error = answer.error if status == 504 else said(answer.body)[-1]["error"]
    assert (error["type"], error["code"]) == ("server_error", "timeout")


async def test_silence_before_the_first_token_is_filled_with_comments(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, keep_alive=0.05, first_token_timeout=0.3)
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat("x", model="dropper", stream=True))
    *pings, last = answer.body.removesuffix(DONE).removesuffix(b"\n\n").split(b"\n\n")
    assert answer.status == 200
    assert set(pings) == {b": ping"}
    assert 2 <= len(pings) <= 6
    assert [event["error"]["code"] for event in said(answer.body)] == ["timeout"]
    assert last.startswith(b"data: ")


async def test_silence_between_tokens_is_filled_with_comments(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, keep_alive=0.05)
    body = completion(directed(words=2, delay_ms=180), stream=True)
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=body)
    blocks = answer.body.split(b"\n\n")
    assert b'"text":"word0 "' in blocks[0]
    assert 1 <= blocks.count(b": ping") <= 3
    assert [event["choices"][0]["text"] for event in said(answer.body)] == ["word0 ", "word1 ", ""]
    *_, finish, done, end = blocks
    assert b'"finish_reason":"stop"' in finish
    assert (done, end) == (b"data: [DONE]", b"")


async def test_a_fast_stream_has_no_comments(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, keep_alive=0.2)
    body = completion(directed(words=60, delay_ms=5), stream=True, max_tokens=60)
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=body)
    assert b": ping" not in answer.body
    assert len(said(answer.body)) == 61
