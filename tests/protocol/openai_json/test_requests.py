"""Bodies, unknown fields, the header that names them, and that no JSON breaks the reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import header_names, parse_body, read, reject_unknown

KINDS: tuple[Any, ...] = (CreateChatCompletionRequest, CreateCompletionRequest, CreateEmbeddingRequest)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":1e400}', id="beyond a double"),
        pytest.param(b'{"a":"\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"\\udc00":1}', id="lone surrogate in a key"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="too deep"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"a"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{} {}", id="two values"),
    ],
)
def test_a_body_that_is_not_a_strict_object_is_refused(body: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        parse_body(body)
    assert (caught.value.reason, caught.value.param) == (Reason.INVALID_JSON, None)


def test_a_body_is_parsed() -> None:
    assert parse_body(b' {"a": [1, 2.5, "\\u00e9", null]} ') == {"a": [1, 2.5, "é", None]}


def test_a_broken_body_is_not_quoted() -> None:
    with pytest.raises(BridgeError) as caught:
        parse_body(b'{"content": "secret" secret}')
    assert "secret" not in caught.value.message


def test_known_fields_are_not_rejected() -> None:
    reject_unknown(read(CreateCompletionRequest, {"prompt": "a", "session_id": "s"}).ignored)


def test_the_first_unknown_field_is_rejected() -> None:
    got = read(CreateCompletionRequest, {"prompt": "a", "zzz": 1, "aaa": 2})
    with pytest.raises(BridgeError) as caught:
        reject_unknown(got.ignored)
    assert (caught.value.reason, caught.value.param) == (Reason.UNKNOWN_PARAMETER, "zzz")


@pytest.mark.parametrize(
    ("paths", "header"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["a", "b.c-d_E9"], "a, b.c-d_E9", id="plain"),
        pytest.param(["messages[0].x", "messages[17].x"], "messages[].x", id="indexes"),
        pytest.param(["a b", "a\r\nset-cookie: x", "é,"], "a_b, a__set-cookie__x, __", id="not for a header"),
        pytest.param(["k" * 100], "k" * 64, id="long"),
        pytest.param([f"a{i}" for i in range(16)], ", ".join(f"a{i}" for i in range(16)), id="sixteen"),
        pytest.param(
            [f"a{i}" for i in range(40)], ", ".join([f"a{i}" for i in range(16)] + ["..."]), id="many"
        ),
    ],
)
def test_header_names_are_harmless(paths: list[str], header: str) -> None:
    assert header_names(paths) == header


# Known names in wild combinations reach deeper than random keys would.
NAMES = [
    "model", "messages", "prompt", "input", "role", "content", "type", "text", "image_url", "url", "tools",
    "function", "name", "parameters", "tool_calls", "id", "arguments", "tool_choice", "allowed_tools", "mode",
    "response_format", "json_schema", "schema", "structured_outputs", "json", "choice", "guided_json", "stop",
    "guided_whitespace_pattern", "logit_bias", "metadata", "stream", "stream_options", "include_usage", "n",
    "seed", "temperature", "triton_parameters", "audio", "voice", "prediction", "documents", "reasoning",
    "input_audio", "data", "format", "encoding_format", "function_call", "stop_token_ids", "rid", "echo",
]  # fmt: skip
WORDS = ["user", "function", "text", "auto", "allowed_tools", "json_schema", "content", "1", "base64"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(WORDS)
)
KEYS = st.sampled_from(NAMES) | st.text(max_size=3)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
TOOLS = st.dictionaries(st.sampled_from(["type", "function", "custom", "id"]), JSON, max_size=4)
MESSAGE = st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "name"]), JSON | st.lists(TOOLS))


def outcome(kind: Any, json: dict[str, Any]) -> Any:
    """Return what reading gives, the fault if it is one that may be told."""
    try:
        return read(kind, json)
    except BridgeError as fault:
        return fault


@settings(max_examples=100, deadline=timedelta(seconds=1))
@given(
    st.dictionaries(KEYS, JSON, max_size=8),
    st.lists(st.just({"role": "user"}) | MESSAGE, max_size=3),
    JSON,
)
def test_any_json_is_read_or_refused(json: dict[str, Any], messages: list[Any], prompt: Any) -> None:
    for kind in KINDS:
        for request in (json, {**json, "messages": messages, "prompt": prompt, "input": prompt}):
            got = outcome(kind, request)
            if isinstance(got, BridgeError):
                assert got.param is not None
                assert got.row.http == 400
            else:
                assert got.message.IsInitialized()
                assert kind.FromString(got.message.SerializeToString()).ByteSize() == got.message.ByteSize()
                assert len(header_names(got.ignored)) <= 17 * 66


@settings(max_examples=100, deadline=timedelta(seconds=1))
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_body_is_parsed_or_refused(body: bytes) -> None:
    reason = None
    try:
        json = parse_body(body)
    except BridgeError as fault:
        reason = fault.reason
    assert reason is Reason.INVALID_JSON or isinstance(json, dict)
