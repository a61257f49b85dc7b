"""A request's body is what its client has sent, whatever a frontend has made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol.dynamo.requests import is_chat, read_body

ADDED_UP = {"stream": True, "stream_options": {"include_usage": True}}


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param({"prompt": "p"}, {"prompt": "p", **ADDED_UP}, id="no stream: added up, with its usage"),
        pytest.param({"stream": False}, ADDED_UP, id="no stream, said so"),
        pytest.param({"stream": True}, {"stream": True}, id="a stream"),
        pytest.param(
            {"stream": True, "stream_options": {"include_usage": False}},
            {"stream": True, "stream_options": {"include_usage": False}},
            id="a stream without usage",
        ),
        pytest.param(
            {"stream": True, "chat_template_args": {"enable_thinking": True}},
            {"stream": True, "chat_template_kwargs": {"enable_thinking": True}},
            id="a field that Dynamo has renamed",
        ),
        pytest.param({"stream": True, "model": "alias"}, {"stream": True}, id="another name of the model"),
    ],
)
def test_a_body_is_what_the_client_means(sent: dict[str, Any], read: dict[str, Any]) -> None:
    assert read_body(body(**sent), "m", 100) == read | {"model": "m"}


@pytest.mark.parametrize(
    ("sent", "reason", "what"),
    [
        pytest.param(None, Reason.REQUEST_TOO_LARGE, "limit of 100 bytes", id="too large"),
        pytest.param(b"{", Reason.INVALID_JSON, "not valid JSON", id="no JSON"),
        pytest.param(b"[]", Reason.INVALID_JSON, "a JSON object", id="no object"),
    ],
)
def test_a_body_that_is_none_is_refused(sent: bytes | None, reason: Reason, what: str) -> None:
    with pytest.raises(BridgeError, match=what) as caught:
        read_body(sent, "m", 100)
    assert caught.value.reason is reason


def test_messages_make_a_request_one_for_chat() -> None:
    assert is_chat({"messages": []})
    assert not is_chat({"prompt": "p"})
