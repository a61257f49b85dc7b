"""grpcurl by reflection. CI installs it (.ci/run) and may not skip it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format

from tests.command import Ran, run
from tests.grpc_client import chat, words
from tests.programs import program

if TYPE_CHECKING:
    from bridge.app import Bridge

SERVICE = "openai_bridge.v1.ChatService"


@pytest.fixture(scope="module")
def grpcurl() -> str:
    """Return the program's path."""
    return program("grpcurl", ".ci/run installs it with Go")


async def call(grpcurl: str, bridge: Bridge, *arguments: str, data: object = None) -> Ran:
    flags = [] if data is None else ["-d", json_format.MessageToJson(data)]
    return await run(grpcurl, "-plaintext", *flags, f"127.0.0.1:{bridge.grpc_port}", *arguments)


async def test_the_services_are_listed(grpcurl: str, bridge: Bridge) -> None:
    ran = await call(grpcurl, bridge, "list")

    assert (ran.code, ran.err) == (0, "")
    assert set(ran.out.split()) >= {
        "grpc.health.v1.Health",
        "openai_bridge.v1.ChatService",
        "openai_bridge.v1.CompletionsService",
        "openai_bridge.v1.EmbeddingsService",
        "openai_bridge.v1.ModelsService",
    }


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        pytest.param(
            SERVICE,
            "returns ( stream .openai_bridge.v1.CreateChatCompletionStreamResponse )",
            id="a service",
        ),
        pytest.param("openai_bridge.v1.CompletionUsage", "int32 prompt_tokens", id="a message"),
    ],
)
async def test_a_symbol_is_described(grpcurl: str, bridge: Bridge, symbol: str, expected: str) -> None:
    ran = await call(grpcurl, bridge, "describe", symbol)

    assert (ran.code, ran.err) == (0, "")
    assert expected in ran.out


async def test_a_stream_arrives_message_by_message(grpcurl: str, bridge: Bridge) -> None:
    ran = await call(grpcurl, bridge, f"{SERVICE}/CreateChatCompletionStream", data=chat({"words": 4}))

    assert (ran.code, ran.err) == (0, "")
    role, *deltas, finish = [message["choices"][0] for message in ran.messages]
    assert role["delta"] == {"role": "ROLE_ASSISTANT", "content": ""}
    assert "".join(delta["delta"]["content"] for delta in deltas) == words(4)
    assert finish == {"delta": {}, "finishReason": "FINISH_REASON_STOP"}


async def test_a_unary_call_is_answered(grpcurl: str, bridge: Bridge) -> None:
    ran = await call(grpcurl, bridge, f"{SERVICE}/CreateChatCompletion", data=chat({"words": 4}))

    assert (ran.code, ran.err) == (0, "")
    assert ran.messages[0]["choices"][0]["message"]["content"] == words(4)


async def test_an_error_names_code_reason_and_param(grpcurl: str, bridge: Bridge) -> None:
    ran = await call(grpcurl, bridge, f"{SERVICE}/CreateChatCompletion", data=chat(temperature=3))

    assert ran.code != 0
    assert ran.out == ""
    assert "Code: InvalidArgument" in ran.err
    assert '"reason": "DECIMAL_ABOVE_MAX_VALUE"' in ran.err
    assert '"field": "temperature"' in ran.err


async def test_the_health_of_a_service_can_be_asked(grpcurl: str, bridge: Bridge) -> None:
    ran = await call(grpcurl, bridge, "grpc.health.v1.Health/Check")

    assert ran.messages == [{"status": "SERVING"}]
