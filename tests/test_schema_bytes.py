"""The schema's bytes mean the same to upb and to betterproto, a second implementation of the wire format."""

from types import SimpleNamespace
from typing import Any

from openai_bridge.v1 import chat_pb2, common_pb2
from openai_bridge_betterproto.openai_bridge import v1 as betterproto_v1

UPB = SimpleNamespace(**{**vars(common_pb2), **vars(chat_pb2)})
BETTERPROTO = betterproto_v1
SYSTEM, USER, ASSISTANT = (chat_pb2.Role.Value(f"ROLE_{name}") for name in ("SYSTEM", "USER", "ASSISTANT"))


def conversation(api: Any) -> list[Any]:
    """Returns messages of `api` with every kind of text: empty, multi-byte, bytes, JSON."""
    call = api.ToolCall(id="call_1", function=api.FunctionCall(name="f", arguments='{"a":1}'))
    audio = api.InputAudio(data=b"\0\xff", format="wav")
    return [
        api.ChatMessage(role=SYSTEM, content=[api.ContentPart(text="")]),
        api.ChatMessage(
            role=USER, content=[api.ContentPart(text="Grüße 🙂"), api.ContentPart(input_audio=audio)]
        ),
        api.ChatMessage(role=ASSISTANT, tool_calls=[call]),
    ]


def rich_request(api: Any) -> Any:
    """Returns a request of `api` with explicit zeros, maps, oneofs, enums, nested lists and extensions."""
    return api.CreateChatCompletionRequest(
        model="m",
        messages=conversation(api),
        temperature=0.0,
        n=0,
        stop=["a", ""],
        max_tokens=0,
        logit_bias={50256: -100.0},
        logprobs=False,
        seed=-1,
        tools=[api.Tool(function=api.FunctionDefinition(name="f", parameters_json="{}", strict=False))],
        tool_choice=api.ToolChoice(mode=chat_pb2.TOOL_CHOICE_MODE_REQUIRED),
        response_format=api.ResponseFormat(json_object=api.ResponseFormatJsonObject()),
        stream_options=api.StreamOptions(include_usage=False),
        metadata={"k": "v"},
        user="",
        top_k=-1,
        stop_token_ids=[0, 7],
        structured_outputs=api.StructuredOutputs(choice=api.StringList(values=["x", "y"])),
        triton_parameters={"p": api.TritonParameter(int64_param=0)},
        separate_reasoning=False,
    )


def upb_bytes() -> bytes:
    return rich_request(UPB).SerializeToString(deterministic=True)


def test_upb_and_betterproto_write_the_same_bytes() -> None:
    assert bytes(rich_request(BETTERPROTO)) == upb_bytes()


def test_upb_reads_what_betterproto_writes() -> None:
    read = chat_pb2.CreateChatCompletionRequest.FromString(bytes(rich_request(BETTERPROTO)))
    assert read == rich_request(UPB)


def test_betterproto_reads_what_upb_writes() -> None:
    read = betterproto_v1.CreateChatCompletionRequest().parse(upb_bytes())
    assert read == rich_request(BETTERPROTO)
    assert bytes(read) == upb_bytes()


def test_explicit_zeros_stay_apart_from_absence() -> None:
    read = chat_pb2.CreateChatCompletionRequest.FromString(bytes(rich_request(BETTERPROTO)))
    zeros = ("temperature", "n", "max_tokens", "logprobs", "user", "separate_reasoning")
    assert [name for name in zeros if not read.HasField(name)] == []
    assert [name for name in ("top_p", "top_logprobs", "store", "min_tokens") if read.HasField(name)] == []


def test_an_empty_map_value_is_read_alike() -> None:
    # The bytes differ, upb writes the empty value and betterproto leaves it out: both are valid.
    written = chat_pb2.CreateChatCompletionRequest(metadata={"k": ""}).SerializeToString()
    assert betterproto_v1.CreateChatCompletionRequest().parse(written).metadata == {"k": ""}
    other = bytes(betterproto_v1.CreateChatCompletionRequest(metadata={"k": ""}))
    assert chat_pb2.CreateChatCompletionRequest.FromString(other).metadata == {"k": ""}
