"""JSON text that is nested too deeply is told from text that only looks like it, in linear time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.json_depth import MAX_DEPTH, is_too_deep
from tests.protocol.chat_requests import opened
from tests.protocol.models import served

MODEL = served("echo_vllm", "{{ messages }}{{ tools }}{{ documents }}{{ a }}")


def deep(levels: int) -> str:
    """Return the text of an object that is so many levels deep."""
    return '{"a":' * levels + "[]" + "}" * levels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(deep(MAX_DEPTH - 1), False, id="as deep as may be"),
        pytest.param(deep(MAX_DEPTH), True, id="too deep"),
        pytest.param("[" * MAX_DEPTH + "[[]", True, id="never closed"),
        pytest.param("[" + "[],{}," * 300 + "0]", False, id="wide"),
        pytest.param(json.dumps("[" * 300), False, id="in a string"),
        pytest.param(json.dumps(['"' + "[" * 300]), False, id="behind a quote in a string"),
        pytest.param('["\\\\",' + "[" * 300, True, id="behind a backslash at the end of a string"),
        pytest.param('"' + '\\"[' * 400_000, False, id="a string without an end, of 1 MB"),
    ],
)
def test_depth_is_told(text: str, expected: bool) -> None:
    assert is_too_deep(text) is expected


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


values = st.recursive(
    st.text('"[]{}\\a', max_size=4), lambda inner: st.lists(inner) | st.dictionaries(st.text('"[{\\'), inner)
)


@given(values, st.integers(MAX_DEPTH - 9, MAX_DEPTH))
def test_depth_is_that_of_the_value(value: Any, levels: int) -> None:
    text = "[" * levels + json.dumps(value) + "]" * levels
    assert is_too_deep(text) == (depth(value) + levels > MAX_DEPTH)


@pytest.mark.parametrize("levels", [MAX_DEPTH, 600, 970, 1010, 5000])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param(
            lambda text: {"tools": [{"function": {"name": "f", "parameters_json": text}}]},
            "tools[0].function.parameters",
            id="tools",
        ),
        pytest.param(
            lambda text: {"response_format": {"json_schema": {"name": "n", "schema_json": text}}},
            "response_format.json_schema.schema",
            id="schema",
        ),
        pytest.param(
            lambda text: {"structured_outputs": {"structural_tag_json": text}},
            "structured_outputs.structural_tag",
            id="structural tag",
        ),
        pytest.param(
            lambda text: {"chat_template_kwargs_json": text}, "chat_template_kwargs", id="variables"
        ),
        pytest.param(lambda text: {"documents_json": f"[{text}]"}, "documents", id="documents"),
    ],
)
def test_what_is_too_deep_is_refused_before_anything_reads_it(levels: int, fields: Any, param: str) -> None:
    request = CreateChatCompletionRequest(messages=[{"role": 3, "content": [{"text": "Hi"}]}])
    request.MergeFrom(CreateChatCompletionRequest(**fields(deep(levels))))
    with pytest.raises(BridgeError) as caught:
        opened(request, MODEL)
    assert caught.value.param == param
    assert caught.value.reason in {Reason.INVALID_VALUE, Reason.INVALID_TYPE}
