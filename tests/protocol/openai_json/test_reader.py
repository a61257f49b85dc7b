"""OpenAI JSON as it comes in, shape by shape, against the message it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1 import chat_pb2, common_pb2, completions_pb2, embeddings_pb2

from bridge.protocol.openai_json import parse_body, read

Chat = chat_pb2.CreateChatCompletionRequest
Completion = completions_pb2.CreateCompletionRequest
Embedding = embeddings_pb2.CreateEmbeddingRequest

HI = [{"role": "user", "content": "hi"}]
HI_PROTO = [{"role": chat_pb2.ROLE_USER, "content": [{"text": "hi"}]}]


def chat(**fields: Any) -> dict[str, Any]:
    return {"messages": HI, **fields}


def chat_proto(**fields: Any) -> dict[str, Any]:
    return {"messages": HI_PROTO, **fields}


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": 1.0}}}
TOOL_PROTO = {"function": {"name": "f", "parameters_json": '{"z":1,"a":1.0}'}}
SUBSET = {
    "mode": "required",
    "tools": [
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "c"}},
    ],
}
SUBSET_PROTO = {"mode": chat_pb2.TOOL_CHOICE_MODE_REQUIRED, "function_names": ["f"], "custom_names": ["c"]}


@pytest.mark.parametrize(
    ("json", "fields"),
    [
        pytest.param(chat(stop="a"), chat_proto(stop=["a"]), id="stop string"),
        pytest.param(chat(stop=["a", "b"]), chat_proto(stop=["a", "b"]), id="stop array"),
        pytest.param(chat(stop=None), chat_proto(), id="stop null"),
        pytest.param(
            chat(tool_choice="auto"),
            chat_proto(tool_choice={"mode": chat_pb2.TOOL_CHOICE_MODE_AUTO}),
            id="tool_choice word",
        ),
        pytest.param(
            chat(tool_choice={"type": "function", "function": {"name": "f"}}),
            chat_proto(tool_choice={"function_name": "f"}),
            id="tool_choice function",
        ),
        pytest.param(
            chat(tool_choice={"type": "custom", "custom": {"name": "c"}}),
            chat_proto(tool_choice={"custom_name": "c"}),
            id="tool_choice custom",
        ),
        pytest.param(
            chat(tool_choice={"type": "allowed_tools", "allowed_tools": SUBSET}),
            chat_proto(tool_choice={"allowed_tools": SUBSET_PROTO}),
            id="tool_choice allowed_tools",
        ),
        pytest.param(
            chat(tools=[TOOL]), chat_proto(tools=[TOOL_PROTO]), id="tool keeps key order and number form"
        ),
        pytest.param(
            chat(tools=[{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}]),
            chat_proto(tools=[{"custom": {"name": "c", "format_json": '{"type":"text"}'}}]),
            id="custom tool",
        ),
        pytest.param(
            chat(response_format={"type": "text"}),
            chat_proto(response_format={"text": {}}),
            id="response_format text",
        ),
        pytest.param(
            chat(response_format={"type": "json_object"}),
            chat_proto(response_format={"json_object": {}}),
            id="response_format json_object",
        ),
        pytest.param(
            chat(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"b": 1}}}),
            chat_proto(response_format={"json_schema": {"name": "n", "schema_json": '{"b":1}'}}),
            id="response_format json_schema",
        ),
        pytest.param(
            chat(chat_template_kwargs={"x": None}, documents=[{"t": "é"}]),
            chat_proto(chat_template_kwargs_json='{"x":null}', documents_json='[{"t":"é"}]'),
            id="free JSON",
        ),
        pytest.param(
            chat(logit_bias={"50256": -100, "7": 0.5, "8": None}),
            chat_proto(logit_bias={50256: -100.0, 7: 0.5}),
            id="logit_bias",
        ),
        pytest.param(chat(metadata={"a": "b"}), chat_proto(metadata={"a": "b"}), id="metadata"),
        pytest.param(
            chat(temperature=None, n=None, tools=None, user=None, metadata=None, nonsense=None),
            chat_proto(),
            id="any null",
        ),
        pytest.param(
            chat(temperature=0, top_p=0.7, seed=0, max_tokens=0, logprobs=False),
            chat_proto(temperature=0.0, top_p=0.7, seed=0, max_tokens=0, logprobs=False),
            id="zeros are not absence",
        ),
        pytest.param(
            chat(seed=9007199254740993), chat_proto(seed=9007199254740993), id="seed beyond a float"
        ),
        pytest.param(chat(seed=-(2**63)), chat_proto(seed=-(2**63)), id="lowest seed"),
        pytest.param(chat(n=2.0), chat_proto(n=2), id="integral float"),
        pytest.param(
            chat(function_call={"name": "f"}),
            chat_proto(function_call={"name": "f"}),
            id="function_call name",
        ),
        pytest.param(
            chat(function_call="none"),
            chat_proto(function_call={"mode": chat_pb2.TOOL_CHOICE_MODE_NONE}),
            id="function_call word",
        ),
        pytest.param(
            chat(prediction={"type": "content", "content": "x"}),
            chat_proto(prediction={"content": [{"text": "x"}]}),
            id="prediction string",
        ),
        pytest.param(
            chat(audio={"voice": {"id": "v"}, "format": "wav"}),
            chat_proto(audio={"voice": "v", "format": "wav"}),
            id="voice with an id",
        ),
        pytest.param(
            chat(audio={"voice": "v", "format": "wav"}),
            chat_proto(audio={"voice": "v", "format": "wav"}),
            id="voice",
        ),
        pytest.param(
            chat(
                web_search_options={"user_location": {"type": "approximate", "approximate": {"city": "Rome"}}}
            ),
            chat_proto(web_search_options={"user_location": {"approximate": {"city": "Rome"}}}),
            id="web search location",
        ),
        pytest.param(
            chat(triton_parameters={"a": True, "b": -1, "c": "x", "d": 2.0, "e": 2**63}),
            chat_proto(
                triton_parameters={
                    "a": common_pb2.TritonParameter(bool_param=True),
                    "b": common_pb2.TritonParameter(int64_param=-1),
                    "c": common_pb2.TritonParameter(string_param="x"),
                    "d": common_pb2.TritonParameter(double_param=2.0),
                    "e": common_pb2.TritonParameter(uint64_param=2**63),
                }
            ),
            id="triton_parameters",
        ),
        pytest.param(
            chat(stream=True, stream_options={"include_usage": True, "continuous_usage_stats": False}),
            chat_proto(stream_options={"include_usage": True, "continuous_usage_stats": False}),
            id="stream_options",
        ),
        pytest.param(
            chat(no_stop_trim=True, extra_key="k", return_prompt_token_ids=True),
            chat_proto(include_stop_str_in_output=True, cache_salt="k", return_token_ids=True),
            id="aliases",
        ),
        pytest.param(chat(stop_token_ids=[1, 2.0]), chat_proto(stop_token_ids=[1, 2]), id="list of integers"),
    ],
)
def test_chat_json_is_the_message(json: dict[str, Any], fields: dict[str, Any]) -> None:
    got = read(Chat, json)
    assert got.message == Chat(**fields)
    assert got.ignored == ()


@pytest.mark.parametrize(
    ("json", "inputs"),
    [
        pytest.param("a", [{"text": "a"}], id="string"),
        pytest.param(["a", "b"], [{"text": "a"}, {"text": "b"}], id="strings"),
        pytest.param([1, 2], [{"token_ids": {"ids": [1, 2]}}], id="ids"),
        pytest.param(
            [[1], [2, 3]], [{"token_ids": {"ids": [1]}}, {"token_ids": {"ids": [2, 3]}}], id="arrays"
        ),
        pytest.param([1.0], [{"token_ids": {"ids": [1]}}], id="integral float"),
        pytest.param([], [], id="empty array is left to validation"),
        pytest.param([[]], [{"token_ids": {}}], id="empty ids are left to validation"),
        pytest.param("", [{"text": ""}], id="empty string is left to validation"),
    ],
)
def test_the_first_element_of_a_prompt_decides(json: Any, inputs: list[dict[str, Any]]) -> None:
    assert read(Completion, {"prompt": json}).message == Completion(prompt=inputs)
    assert read(Embedding, {"input": json}).message == Embedding(input=inputs)


def test_completion_fields_are_read() -> None:
    got = read(
        Completion,
        {"model": "m", "prompt": "p", "logprobs": 0, "echo": True, "best_of": 2, "suffix": "", "stop": "x"},
    )
    assert got.message == Completion(
        model="m", prompt=[{"text": "p"}], logprobs=0, echo=True, best_of=2, suffix="", stop=["x"]
    )
    assert got.message.HasField("logprobs")
    assert got.message.HasField("suffix")


@pytest.mark.parametrize(
    ("word", "number"),
    [
        pytest.param("float", embeddings_pb2.EMBEDDING_ENCODING_FORMAT_FLOAT, id="float"),
        pytest.param("base64", embeddings_pb2.EMBEDDING_ENCODING_FORMAT_BASE64, id="base64"),
        pytest.param(None, embeddings_pb2.EMBEDDING_ENCODING_FORMAT_UNSPECIFIED, id="null"),
    ],
)
def test_encoding_format_is_read(word: str | None, number: int) -> None:
    assert read(Embedding, {"input": "a", "encoding_format": word}).message.encoding_format == number


def test_unknown_fields_are_named_with_their_paths_in_order() -> None:
    json = parse_body(
        b'{"zzz": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": {}}]},'
        b' {"role": "assistant", "parsed": 1, "tool_calls": [{"id": "c", "index": 0,'
        b' "function": {"name": "f", "arguments": "", "y": 1}}]}],'
        b' "tool_choice": {"type": "function", "function": {"name": "f", "q": 1}}, "aaa": 2}'
    )
    assert read(Chat, json).ignored == (
        "zzz",
        "messages[0].content[0].x",
        "messages[1].parsed",
        "messages[1].tool_calls[0].index",
        "messages[1].tool_calls[0].function.y",
        "tool_choice.function.q",
        "aaa",
    )


def test_the_input_is_not_changed() -> None:
    json = chat(tools=[TOOL], guided_json={"a": 1}, reasoning="x", stop=["a"], stream=True)
    before = repr(json)
    read(Chat, json)
    assert repr(json) == before
