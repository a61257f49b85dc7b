"""What is wrong with a request, and the path that says where."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import read

HI = [{"role": "user", "content": "hi"}]
TYPE = Reason.INVALID_TYPE
VALUE = Reason.INVALID_VALUE
MISSING = Reason.MISSING_REQUIRED_PARAMETER
ABOVE = Reason.INTEGER_ABOVE_MAX_VALUE
BELOW = Reason.INTEGER_BELOW_MIN_VALUE
REFUSED = Reason.UNSUPPORTED_VALUE


def row(name: str, reason: Reason, param: str, **json: Any) -> Any:
    """Return a row: a chat request with the given fields, and its fault."""
    return pytest.param({"messages": HI, **json}, reason, param, id=name)


FUNCTION = {"type": "function", "function": {"name": "f"}}
DEEP: list[Any] = []
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("json", "reason", "param"),
    [
        row("stop is a number", TYPE, "stop", stop=1),
        row("null in stop", TYPE, "stop[1]", stop=["a", None]),
        row("n is a string", TYPE, "n", n="2"),
        row("n is a boolean", TYPE, "n", n=True),
        row("n is a fraction", TYPE, "n", n=1.5),
        row("n above int32", ABOVE, "n", n=2**31),
        row("n below int32", BELOW, "n", n=-(2**31) - 1),
        row("n is a huge float", ABOVE, "n", n=1e30),
        row("seed above int64", ABOVE, "seed", seed=2**63),
        row("seed below int64", BELOW, "seed", seed=-(2**63) - 1),
        row("seed as a float that may stand for another number", VALUE, "seed", seed=-(2.0**63)),
        row("temperature is a word", TYPE, "temperature", temperature="NaN"),
        row("temperature is a boolean", TYPE, "temperature", temperature=True),
        row("temperature is an array", TYPE, "temperature", temperature=[]),
        row(
            "temperature beyond a double", Reason.DECIMAL_ABOVE_MAX_VALUE, "temperature", temperature=10**400
        ),
        row("logprobs is a number", TYPE, "logprobs", logprobs=1),
        row("model is a number", TYPE, "model", model=1),
        row("stream is a word", TYPE, "stream", stream="true"),
        row("stream_options without stream", VALUE, "stream_options", stream_options={}),
        row(
            "stream option of the wrong type",
            TYPE,
            "stream_options.include_usage",
            stream=True,
            stream_options={"include_usage": 1},
        ),
        row("logit_bias key is a word", VALUE, "logit_bias.x", logit_bias={"1": 1, "x": 1}),
        row("logit_bias key has a sign", VALUE, "logit_bias.+1", logit_bias={"+1": 1}),
        row("logit_bias key is a foreign digit", VALUE, "logit_bias.\u0661", logit_bias={"\u0661": 1}),
        row("logit_bias key above int32", VALUE, "logit_bias.2147483648", logit_bias={"2147483648": 1}),
        row("logit_bias key of many digits", VALUE, "logit_bias." + "9" * 245, logit_bias={"9" * 5000: 1}),
        row("logit_bias value", TYPE, "logit_bias.1", logit_bias={"1": "a"}),
        row("logit_bias is an array", TYPE, "logit_bias", logit_bias=[1]),
        row("metadata value", TYPE, "metadata.a", metadata={"a": 1}),
        row("tool without type", MISSING, "tools[0].type", tools=[{"function": {"name": "f"}}]),
        row("tool of unknown type", VALUE, "tools[0].type", tools=[{"type": "web_search"}]),
        row("tool without function", MISSING, "tools[0].function", tools=[{"type": "function"}]),
        row(
            "tool without name",
            MISSING,
            "tools[1].function.name",
            tools=[FUNCTION, {**FUNCTION, "function": {}}],
        ),
        row(
            "parameters are a string",
            TYPE,
            "tools[0].function.parameters",
            tools=[{"type": "function", "function": {"name": "f", "parameters": "{}"}}],
        ),
        row(
            "parameters are nested too deeply",
            VALUE,
            "tools[0].function.parameters",
            tools=[{"type": "function", "function": {"name": "f", "parameters": {"a": DEEP}}}],
        ),
        row("tool_choice is a number", TYPE, "tool_choice", tool_choice=1),
        row("tool_choice is an unknown word", VALUE, "tool_choice", tool_choice="any"),
        row("tool_choice without type", MISSING, "tool_choice.type", tool_choice={"function": {"name": "f"}}),
        row("tool_choice of unknown type", VALUE, "tool_choice.type", tool_choice={"type": "tool"}),
        row(
            "tool_choice without function", MISSING, "tool_choice.function", tool_choice={"type": "function"}
        ),
        row(
            "tool_choice without name",
            MISSING,
            "tool_choice.function.name",
            tool_choice={"type": "function", "function": {}},
        ),
        row(
            "allowed tool without type",
            MISSING,
            "tool_choice.allowed_tools.tools[0].type",
            tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}},
        ),
        row(
            "allowed_tools of unknown mode",
            VALUE,
            "tool_choice.allowed_tools.mode",
            tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "any", "tools": []}},
        ),
        row("response_format is a string", TYPE, "response_format", response_format="json"),
        row(
            "response_format of unknown type", VALUE, "response_format.type", response_format={"type": "xml"}
        ),
        row("response_format without type", MISSING, "response_format.type", response_format={}),
        row("structural_tag", REFUSED, "response_format.type", response_format={"type": "structural_tag"}),
        row(
            "json_schema without a body",
            MISSING,
            "response_format.json_schema",
            response_format={"type": "json_schema"},
        ),
        row(
            "json_schema without a name",
            MISSING,
            "response_format.json_schema.name",
            response_format={"type": "json_schema", "json_schema": {"schema": {}}},
        ),
        row("document is a string", TYPE, "documents[1]", documents=[{}, "a"]),
        row("documents are an object", TYPE, "documents", documents={}),
        row("template variables are an array", TYPE, "chat_template_kwargs", chat_template_kwargs=[]),
        row("prediction of unknown type", VALUE, "prediction.type", prediction={"type": "x", "content": "a"}),
        row("prediction without content", MISSING, "prediction.content", prediction={"type": "content"}),
        row("voice is a number", TYPE, "audio.voice", audio={"voice": 1, "format": "wav"}),
        row("voice without id", MISSING, "audio.voice.id", audio={"voice": {}, "format": "wav"}),
        row("token id is a fraction", TYPE, "stop_token_ids[1]", stop_token_ids=[1, 1.5]),
        row("token id is a boolean", TYPE, "stop_token_ids[0]", stop_token_ids=[True]),
        row("token id below int32", BELOW, "stop_token_ids[1]", stop_token_ids=[1, -(2**40)]),
        row("token id above int32", ABOVE, "allowed_token_ids[1]", allowed_token_ids=[1, 2**40]),
        row("triton parameter is an array", TYPE, "triton_parameters.a", triton_parameters={"a": []}),
        row("triton parameter above uint64", ABOVE, "triton_parameters.a", triton_parameters={"a": 2**64}),
        row("aliases contradict", VALUE, "extra_key", extra_key="a", cache_salt="b"),
    ],
)
def test_a_wrong_chat_request_names_its_path(json: dict[str, Any], reason: Reason, param: str) -> None:
    with pytest.raises(BridgeError) as caught:
        read(CreateChatCompletionRequest, json)
    assert (caught.value.reason, caught.value.param) == (reason, param)
    assert param[:200] in caught.value.message


@pytest.mark.parametrize(
    ("value", "reason", "suffix"),
    [
        pytest.param(None, MISSING, "", id="null"),
        pytest.param(5, TYPE, "", id="number"),
        pytest.param({}, TYPE, "", id="object"),
        pytest.param([None], TYPE, "[0]", id="null inside"),
        pytest.param([True], TYPE, "[0]", id="boolean inside"),
        pytest.param(["a", 1], TYPE, "[1]", id="number among strings"),
        pytest.param([1, "a"], TYPE, "[1]", id="string among ids"),
        pytest.param([1, 2**31], ABOVE, "[1]", id="id above int32"),
        pytest.param([[1], 2], TYPE, "[1]", id="id among arrays"),
        pytest.param([[1], [1, "a"]], TYPE, "[1][1]", id="string inside an array of ids"),
    ],
)
def test_a_wrong_prompt_names_its_path(value: Any, reason: Reason, suffix: str) -> None:
    for message_type, key in ((CreateCompletionRequest, "prompt"), (CreateEmbeddingRequest, "input")):
        with pytest.raises(BridgeError) as caught:
            read(message_type, {key: value})
        assert (caught.value.reason, caught.value.param) == (reason, key + suffix)


def test_an_embedding_format_has_two_words() -> None:
    with pytest.raises(BridgeError) as caught:
        read(CreateEmbeddingRequest, {"input": "a", "encoding_format": "int8"})
    assert (caught.value.reason, caught.value.param) == (VALUE, "encoding_format")
    assert caught.value.message == ("Invalid value for 'encoding_format': expected one of 'float', 'base64'.")


def test_paths_are_bounded() -> None:
    with pytest.raises(BridgeError) as caught:
        read(CreateChatCompletionRequest, {"messages": HI, "metadata": {"k" * 100_000: 1}})
    assert caught.value.param is not None
    assert len(caught.value.param) == 256
