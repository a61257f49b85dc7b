"""A bad field over gRPC: INVALID_ARGUMENT, and details that name the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import chat_pb2, completions_pb2

from tests.grpc_client import WAIT, Details, chat, completion, connected, failure

if TYPE_CHECKING:
    from bridge.app import Bridge

Code = grpc.StatusCode


def user(text: str) -> chat_pb2.ChatMessage:
    return chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[chat_pb2.ContentPart(text=text)])


BAD = [
    pytest.param(
        chat(temperature=2.1),
        ("DECIMAL_ABOVE_MAX_VALUE", "temperature"),
        id="temperature too high",
    ),
    pytest.param(chat(top_p=-0.1), ("DECIMAL_BELOW_MIN_VALUE", "top_p"), id="top_p too low"),
    pytest.param(chat(temperature=float("nan")), ("INVALID_VALUE", "temperature"), id="NaN"),
    pytest.param(chat(n=0), ("INTEGER_BELOW_MIN_VALUE", "n"), id="no choice"),
    pytest.param(chat(n=129), ("INTEGER_ABOVE_MAX_VALUE", "n"), id="too many choices"),
    pytest.param(chat(logit_bias={7: 101}), ("DECIMAL_ABOVE_MAX_VALUE", "logit_bias.7"), id="one bias"),
    pytest.param(chat(stop=["a", ""]), ("INVALID_VALUE", "stop[1]"), id="empty stop string"),
    pytest.param(chat(top_logprobs=2), ("INVALID_VALUE", "top_logprobs"), id="top_logprobs alone"),
    pytest.param(
        chat(chat_template_kwargs_json="{"),
        ("INVALID_VALUE", "chat_template_kwargs"),
        id="broken JSON text",
    ),
    pytest.param(
        chat(modalities=["audio"]),
        ("UNSUPPORTED_PARAMETER", "modalities"),
        id="audio",
    ),
    pytest.param(
        chat(tools=[chat_pb2.Tool(function=chat_pb2.FunctionDefinition(name="f g"))]),
        ("INVALID_VALUE", "tools[0].function.name"),
        id="a tool with a space in its name",
    ),
    pytest.param(
        chat_pb2.CreateChatCompletionRequest(model="echo_vllm"),
        ("MISSING_REQUIRED_PARAMETER", "messages"),
        id="no messages",
    ),
    pytest.param(
        chat_pb2.CreateChatCompletionRequest(model="echo_vllm", messages=[user("a"), chat_pb2.ChatMessage()]),
        ("MISSING_REQUIRED_PARAMETER", "messages[1].role"),
        id="message without a role",
    ),
    pytest.param(
        chat_pb2.CreateChatCompletionRequest(messages=[user("a")]),
        ("MISSING_REQUIRED_PARAMETER", "model"),
        id="no model and no default",
    ),
    pytest.param(completion(max_tokens=-1), ("INTEGER_BELOW_MIN_VALUE", "max_tokens"), id="negative limit"),
    pytest.param(
        completions_pb2.CreateCompletionRequest(model="echo_vllm"),
        ("MISSING_REQUIRED_PARAMETER", "prompt"),
        id="no prompt",
    ),
]


@pytest.mark.parametrize(("request_", "expected"), BAD)
@pytest.mark.parametrize("rpc", ["unary", "stream"])
async def test_a_bad_field_is_an_invalid_argument_with_its_path(
    bridge: Bridge, rpc: str, request_: Any, expected: tuple[str, str]
) -> None:
    reason, param = expected
    is_chat = isinstance(request_, chat_pb2.CreateChatCompletionRequest)
    async with connected(bridge.grpc_port) as stubs:
        methods = {
            (True, "unary"): stubs.chat.CreateChatCompletion,
            (True, "stream"): stubs.chat.CreateChatCompletionStream,
            (False, "unary"): stubs.completions.CreateCompletion,
            (False, "stream"): stubs.completions.CreateCompletionStream,
        }
        error = await failure(methods[is_chat, rpc](request_, timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.INVALID_ARGUMENT
    assert details.info is not None
    assert (details.info.reason, details.info.domain) == (reason, "openai-bridge")
    assert details.info.metadata["param"] == param
    assert details.bad_request is not None
    (violation,) = details.bad_request.field_violations
    assert (violation.field, violation.description) == (param, error.details())
    assert details.retry is None


async def test_stream_options_are_refused_where_nothing_streams(bridge: Bridge) -> None:
    request = chat()
    request.stream_options.include_usage = True
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(request, timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.INVALID_ARGUMENT
    assert details.info is not None
    assert details.info.metadata["param"] == "stream_options"
