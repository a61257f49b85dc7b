"""`buf curl` by reflection: no .proto file on the client's side."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2

from tests.command import Ran, run
from tests.grpc_client import chat, words

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

    from bridge.app import Bridge

BUF = Path(sys.executable).parent / "buf"
NOT_FOUND = 5


async def curl(bridge: Bridge, method: str, request: CreateChatCompletionRequest, *flags: str) -> Ran:
    return await run(
        *(str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge"),
        *flags,
        *("--data", json_format.MessageToJson(request)),
        f"http://127.0.0.1:{bridge.grpc_port}/openai_bridge.v1.ChatService/{method}",
    )


@pytest.mark.parametrize("reflection", ["grpc-v1", "grpc-v1alpha"])
async def test_a_stream_arrives_message_by_message(bridge: Bridge, reflection: str) -> None:
    ran = await curl(
        bridge, "CreateChatCompletionStream", chat({"words": 4}), "--reflect-protocol", reflection
    )

    assert (ran.code, ran.err) == (0, "")
    role, *deltas, finish = [message["choices"][0] for message in ran.messages]
    assert role["delta"] == {"role": "ROLE_ASSISTANT", "content": ""}
    assert "".join(delta["delta"]["content"] for delta in deltas) == words(4)
    assert finish == {"delta": {}, "finishReason": "FINISH_REASON_STOP"}


async def test_a_unary_call_is_answered(bridge: Bridge) -> None:
    ran = await curl(bridge, "CreateChatCompletion", chat({"words": 4, "input_tokens": 6}))

    assert (ran.code, ran.err) == (0, "")
    (answer,) = ran.messages
    assert answer["choices"][0]["message"]["content"] == words(4)
    assert answer["usage"] == {"promptTokens": 6, "completionTokens": 4, "totalTokens": 10}


async def test_an_error_is_the_exit_code_and_comes_with_details(bridge: Bridge) -> None:
    ran = await curl(bridge, "CreateChatCompletion", chat(model="no-such"))

    assert ran.code == NOT_FOUND << 3
    assert ran.out == ""
    error = json.loads(ran.err)
    assert error["code"] == "not_found"
    details = {detail["type"]: detail["value"] for detail in error["details"]}
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(details["google.rpc.ErrorInfo"] + "=="))
    assert info.reason == "MODEL_NOT_FOUND"


async def test_an_error_after_the_first_message_keeps_what_came_before(bridge: Bridge) -> None:
    ran = await curl(bridge, "CreateChatCompletionStream", chat({"words": 4, "fail_at": 2}))

    assert ran.code != 0
    assert [message["choices"][0]["delta"]["content"] for message in ran.messages] == ["", "word0 ", "word1 "]
    assert json.loads(ran.err)["code"] == "internal"
