"""Errors as the openai SDK raises them, and what it does about retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.openai_bodies import chat, completion, directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.tritonserver import RunningTriton

CHAT = "chat.completions.create"
COMPLETION = "completions.create"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@both_flavours
async def test_an_unknown_model_is_not_found(bridge: Bridge, flavour: Flavour, stream: bool) -> None:
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.call(CHAT, **chat(model="org/nobody"), stream=stream)
    assert caught.value.code == "model_not_found"
    assert caught.value.param is None
    assert "'org/nobody'" in caught.value.message
    assert "demo" not in caught.value.message


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@both_flavours
async def test_a_bad_parameter_is_named(bridge: Bridge, flavour: Flavour, stream: bool) -> None:
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.call(CHAT, **chat(temperature=2.1), stream=stream)
    assert caught.value.param == "temperature"
    assert caught.value.code == "decimal_above_max_value"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id
    assert caught.value.request_id.startswith("req_")


@both_flavours
async def test_a_failure_in_a_stream_is_raised_with_its_message(bridge: Bridge, flavour: Flavour) -> None:
    request = chat(directed(text="a b c", fail_at=2, error="Error generating stream: out of luck"))
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.APIError, match="out of luck") as caught:
            await client.stream(CHAT, **request)
    assert (caught.value.code, caught.value.type) == ("server_error", "server_error")


@both_flavours
async def test_a_failure_before_the_first_token_is_a_server_error(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.InternalServerError, match="scripted failure") as caught:
            await client.call(COMPLETION, **completion(directed(fail_at=0)), stream=True)
    assert caught.value.status_code == 500


async def test_a_request_that_fails_its_model_is_not_tried_again(
    bridge: Bridge, triton: RunningTriton
) -> None:
    async with sdk(bridge, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.call(CHAT, **chat(directed(tag="once", fail_at=0)))
    assert [event["event"] for event in triton.events("once")] == ["request", "failed"]


@pytest.mark.parametrize(
    ("method", "body", "param"),
    [
        pytest.param(CHAT, chat, "messages", id="chat"),
        pytest.param(COMPLETION, completion, "prompt", id="completions"),
    ],
)
async def test_a_prompt_that_is_too_long_is_told_in_openais_words(
    bridge: Bridge, method: str, body: Any, param: str
) -> None:
    async with sdk(bridge) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.call(method, **body("word " * 9000, model="demo"))
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", param)
    assert "maximum context length is 8192 tokens" in caught.value.message


async def test_a_model_of_text_gives_no_embeddings(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        with pytest.raises(openai.BadRequestError, match="cannot embed") as caught:
            await client.call("embeddings.create", model="demo", input="x")
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        pytest.param("trace-1:a.b_C", "trace-1:a.b_C", id="harmless"),
        pytest.param("two words", None, id="not to be echoed"),
        pytest.param("x" * 129, None, id="too long"),
    ],
)
async def test_the_callers_request_id_comes_back(bridge: Bridge, given: str, echoed: str | None) -> None:
    async with sdk(bridge) as client:
        answer: Any = await client.call(CHAT, **chat(), extra_headers={"X-Request-ID": given})
    if echoed is None:
        assert answer._request_id.startswith("req_")
    else:
        assert answer._request_id == echoed
