"""Requests that are refused: status, type, code and param of the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
NO_PARAMETER, NO_VALUE = "unsupported_parameter", "unsupported_value"
TOO_SMALL, TOO_LARGE = "decimal_below_min_value", "decimal_above_max_value"
INT_TOO_SMALL, INT_TOO_LARGE = "integer_below_min_value", "integer_above_max_value"
HI = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}


def row(name: str, code: str | None, param: str | None, body: Any) -> Any:
    return pytest.param(body, code, param, id=name)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        pytest.param(b"", "JSON", id="empty"),
        pytest.param(b'{"model": "demo"', "JSON", id="cut off"),
        pytest.param(b'{"model": "demo"} x', "JSON", id="text behind it"),
        pytest.param(b'{"temperature": NaN}', "JSON", id="NaN"),
        pytest.param(b'{"temperature": -Infinity}', "JSON", id="infinity"),
        pytest.param(b'{"model": "\xff\xfe"}', "UTF-8", id="invalid UTF-8"),
        pytest.param('{"model": "demo"}'.encode("utf-16"), "JSON", id="UTF-16"),
        pytest.param(b'{"model": "\\ud800"}', "surrogate", id="lone surrogate"),
        pytest.param(b'{"model":' * 50_000, "JSON", id="nested deeply"),
        pytest.param(b"[" * 50_000 + b"]" * 50_000, "JSON", id="nested deeply and closed"),
        pytest.param(b"[]", "object", id="array"),
        pytest.param(b'"text"', "object", id="string"),
        pytest.param(b"null", "object", id="null"),
    ],
)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_a_body_that_is_no_json_object_is_refused(
    bridge: Bridge, path: str, body: bytes, part: str
) -> None:
    answer = await ask(bridge.http_port, "POST", path, body=body)
    error = answer.error
    assert answer.status == 400
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", None, None)
    assert part in error["message"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        row("no messages", MISSING, "messages", {"model": "demo"}),
        row("empty messages", MISSING, "messages", chat(messages=[])),
        row("messages are a string", TYPE, "messages", chat(messages="hi")),
        row("unknown role", VALUE, "messages[1].role", chat(messages=[HI, HI | {"role": "king"}])),
        row("no content", MISSING, "messages[0].content", chat(messages=[{"role": "user"}])),
        row("content is a number", TYPE, "messages[0].content", chat(messages=[HI | {"content": 1}])),
        row(
            "image",
            NO_VALUE,
            "messages[0].content[0].type",
            chat(
                model="plain",
                messages=[HI | {"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
            ),
        ),
        row("no model and no default", MISSING, "model", {"messages": [HI]}),
        row("model is a number", TYPE, "model", chat(model=5)),
        row("temperature is a string", TYPE, "temperature", chat(temperature="1")),
        row("temperature is a boolean", TYPE, "temperature", chat(temperature=True)),
        row("temperature 2.1", TOO_LARGE, "temperature", chat(temperature=2.1)),
        row("temperature -0.1", TOO_SMALL, "temperature", chat(temperature=-0.1)),
        row("top_p 1.1", TOO_LARGE, "top_p", chat(top_p=1.1)),
        row("presence_penalty -2.5", TOO_SMALL, "presence_penalty", chat(presence_penalty=-2.5)),
        row("n 0", INT_TOO_SMALL, "n", chat(n=0)),
        row("n 129", INT_TOO_LARGE, "n", chat(n=129)),
        row("n 1.5", TYPE, "n", chat(n=1.5)),
        row("max_tokens 0", INT_TOO_SMALL, "max_tokens", chat(max_tokens=0)),
        row("max_tokens 2^40", INT_TOO_LARGE, "max_tokens", chat(max_tokens=2**40)),
        row("seed 2^63", INT_TOO_LARGE, "seed", chat(seed=2**63)),
        row("empty stop string", VALUE, "stop[1]", chat(stop=["x", ""])),
        row("stop is a number", TYPE, "stop", chat(stop=1)),
        row("65 stop strings", VALUE, "stop", chat(stop=["x"] * 65)),
        row("logit_bias is a list", TYPE, "logit_bias", chat(logit_bias=[])),
        row("logit_bias of a word", VALUE, "logit_bias.word", chat(logit_bias={"word": 1})),
        row("logit_bias 101", TOO_LARGE, "logit_bias.7", chat(logit_bias={"7": 101})),
        row("top_logprobs without logprobs", VALUE, "top_logprobs", chat(top_logprobs=2)),
        row("top_logprobs 21", INT_TOO_LARGE, "top_logprobs", chat(logprobs=True, top_logprobs=21)),
        row("stream is a word", TYPE, "stream", chat(stream="yes")),
        row("stream_options without stream", VALUE, "stream_options", chat(stream_options={})),
        row("stream_options is a boolean", TYPE, "stream_options", chat(stream=True, stream_options=True)),
        row(
            "a forced call without guided decoding",
            NO_PARAMETER,
            "tool_choice",
            chat(model="plain", tools=[TOOL], tool_choice="required"),
        ),
        row("tool without a name", MISSING, "tools[0].function", chat(tools=[{"type": "function"}])),
        row("tool_choice without tools", VALUE, "tool_choice", chat(tool_choice="required")),
        row("functions", NO_PARAMETER, "functions", chat(functions=[{"name": "f"}])),
        row("audio", NO_PARAMETER, "modalities", chat(modalities=["text", "audio"])),
        row(
            "structured_outputs",
            NO_PARAMETER,
            "structured_outputs",
            chat(model="plain", structured_outputs={"regex": "x"}),
        ),
        row("guided_choice", NO_PARAMETER, "guided_choice", chat(model="plain", guided_choice=["x"])),
        row("guided_json is an array", TYPE, "guided_json", chat(guided_json="[]")),
        row("guided_regex is empty", VALUE, "guided_regex", chat(guided_regex="", stream=True)),
        row(
            "json_object",
            NO_PARAMETER,
            "response_format",
            chat(model="plain", response_format={"type": "json_object"}),
        ),
        row("literal extra_body", NO_PARAMETER, "extra_body", chat(extra_body={"top_k": 1})),
        row("adapter of vLLM", NO_PARAMETER, "lora_path", chat(lora_path="/x")),
    ],
)
async def test_a_wrong_chat_request_names_its_field(
    bridge: Bridge, body: dict[str, Any], code: str, param: str
) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    error = answer.error
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)
    assert 10 < len(error["message"]) < 300


async def test_a_schema_is_refused_in_the_words_that_langchain_looks_for(bridge: Bridge) -> None:
    schema = {"name": "thing", "schema": {"type": "object"}}
    body = chat(model="plain", response_format={"type": "json_schema", "json_schema": schema})
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (400, NO_PARAMETER, "response_format")
    expected = "'response_format' of type 'json_schema' is not supported with this model"
    assert expected in error["message"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        row("no prompt", MISSING, "prompt", {"model": "demo"}),
        row("null prompt", MISSING, "prompt", {"model": "demo", "prompt": None}),
        row("empty prompt", VALUE, "prompt", completion("")),
        row("no prompts", MISSING, "prompt", completion([])),
        row("empty second prompt", VALUE, "prompt[1]", completion(["a", ""])),
        row("token ids", NO_PARAMETER, "prompt", completion([1, 2])),
        row("prompts of two kinds", TYPE, "prompt[1]", completion(["a", 1])),
        row("prompt is an object", TYPE, "prompt", completion({})),
        row("logprobs are a boolean", TYPE, "logprobs", completion(logprobs=True)),
        row("logprobs 6", INT_TOO_LARGE, "logprobs", completion(logprobs=6)),
        row("best_of below n", VALUE, "best_of", completion(best_of=2, n=3)),
        row("suffix", NO_PARAMETER, "suffix", completion(suffix="end")),
    ],
)
async def test_a_wrong_completion_request_names_its_field(
    bridge: Bridge, body: dict[str, Any], code: str, param: str
) -> None:
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=body)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert (answer.error["code"], answer.error["param"]) == (code, param)


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        pytest.param("plain", {"temperature": 1}, "temperature", id="temperature"),
        pytest.param("plain", {"logprobs": True}, "logprobs", id="logprobs"),
        pytest.param("plain", {"seed": 0}, "seed", id="seed zero"),
        pytest.param("plain", {"stop_token_ids": [1]}, "stop_token_ids", id="stop token"),
        pytest.param("plain_decoupled", {"max_tokens": 5}, "max_tokens", id="max_tokens"),
        pytest.param(
            "plain_decoupled", {"max_completion_tokens": 5}, "max_completion_tokens", id="by the name sent"
        ),
    ],
)
async def test_what_a_model_cannot_carry_is_refused_by_field_and_model(
    bridge: Bridge, model: str, fields: dict[str, Any], param: str
) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat("x", model=model, **fields))
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (400, "unsupported_parameter", param)
    assert f"'{param}'" in error["message"]
    assert f"'{model}'" in error["message"]


async def test_values_that_ask_for_nothing_are_accepted_by_every_model(bridge: Bridge) -> None:
    nothing = {"top_p": 1, "n": 1, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}}
    nulls = dict.fromkeys(["temperature", "seed", "logprobs", "tools", "tool_choice", "stream_options"])
    body = chat("x", model="plain", stop=[], response_format={"type": "text"}, **nothing, **nulls)
    assert (await ask(bridge.http_port, "POST", CHAT, json=body)).status == 200


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_refused_by_name(bridge: Bridge, content_type: str) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(), headers={"Content-Type": content_type})
    assert answer.status == 400
    assert "Content-Type" in answer.error["message"]


async def test_a_long_model_name_comes_back_cut(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(model="m" * 100_000))
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert len(json.dumps(answer.json)) < 2000
