"""How much a request is made of: counted exactly, by its bytes, and refused beyond the limits."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import ChatMessage, CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import parse_body
from bridge.protocol.pieces import MAX_NUMBERS, MAX_PIECES, SMALL, check_body, check_message, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = '{"a, b": [1, 2]} \\'
"""Looks like much, and is one string."""


def refused(body: bytes) -> bool:
    try:
        check_body(body)
    except BridgeError as exc:
        return exc.reason is Reason.REQUEST_TOO_LARGE
    return False


def pieces(value: Any) -> int:
    """Count the strings, keys, objects and arrays of a value in another way."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(pieces, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(pieces, value))
    return int(isinstance(value, str))


def filled(value: Any, count: int) -> bytes:
    """Return the body of an object that holds a value and so many pieces in all."""
    own = pieces({"v": value, "fill": []})
    return json.dumps({"v": value, "fill": [""] * (count - own)}).encode()


values = st.recursive(
    st.none() | st.integers() | st.text('"\\[]{},:a', max_size=6),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\[{,', max_size=3), inner),
    max_leaves=30,
)


@settings(max_examples=15)
@given(values)
def test_a_body_is_refused_from_the_first_piece_over_the_limit(value: Any) -> None:
    assert not refused(filled(value, MAX_PIECES))
    assert refused(filled(value, MAX_PIECES + 1))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps({"a": TEXT * 100_000}), id="one long text"),
        pytest.param(json.dumps({"a": ["\\" * 500_000, '"' * 500_000, "," * 2_000_000]}), id="escapes"),
        pytest.param(json.dumps({"a": [TEXT * 5] * 90_000}), id="many texts"),
        pytest.param(json.dumps({"a": [1] * MAX_NUMBERS}), id="as many numbers as may be"),
        pytest.param(json.dumps(dict.fromkeys(map(str, range(MAX_PIECES - 1)), 1)), id="as many keys"),
    ],
)
def test_what_only_looks_like_much_is_read(body: str) -> None:
    assert isinstance(parse_body(body.encode()), dict)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":[' + b"[]," * MAX_PIECES + b"0]}", id="arrays"),
        pytest.param(b'{"a":[' + b"{}," * MAX_PIECES + b"0]}", id="objects"),
        pytest.param(b'{"a":[' + b'"",' * MAX_PIECES + b"0]}", id="strings"),
        pytest.param(json.dumps(dict.fromkeys(map(str, range(MAX_PIECES)))).encode(), id="keys"),
        pytest.param(b'{"a":[' + (b"[" * 900 + b"]" * 900 + b",") * 300 + b"0]}", id="within one another"),
        pytest.param(b'{"a":[' + b"0," * (MAX_NUMBERS + 1) + b"0]}", id="numbers"),
        pytest.param(b"[" * (MAX_PIECES + 1), id="never closed"),
        pytest.param(
            b'{"a":"' + b'\\"' * SMALL + b'",' + b'"b":[' + b"{}," * MAX_PIECES, id="behind escapes"
        ),
    ],
)
def test_too_much_is_refused_before_it_is_read(body: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        parse_body(body)
    assert caught.value.reason is Reason.REQUEST_TOO_LARGE
    assert caught.value.row.http == 413


def test_a_small_body_is_never_too_much() -> None:
    assert not refused(b"[" * SMALL)


def conversation(messages: int) -> bytes:
    """Return a request of so many messages of three fields, which are fields themselves."""
    return CreateChatCompletionRequest(
        messages=[ChatMessage(role="ROLE_USER", content=[{"text": ""}])] * messages
    ).SerializeToString()


def test_a_message_is_refused_from_the_first_field_over_the_limit() -> None:
    fit = conversation(MAX_PIECES // 4)
    check_message(fit, CreateChatCompletionRequest)
    with pytest.raises(BridgeError) as caught:
        check_message(
            fit + CreateChatCompletionRequest(model="m").SerializeToString(), CreateChatCompletionRequest
        )
    assert caught.value.reason is Reason.REQUEST_TOO_LARGE


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param(CreateChatCompletionRequest, b"\x12\x00" * (MAX_PIECES + 1), id="empty messages"),
        pytest.param(CreateChatCompletionRequest, b"\xf8\x7f\x01" * (MAX_PIECES + 1), id="unknown fields"),
        pytest.param(CreateCompletionRequest, b"\x12\x00" * (MAX_PIECES + 1), id="empty prompts"),
        pytest.param(CreateEmbeddingRequest, b"\x12\x00" * (MAX_PIECES + 1), id="empty inputs"),
    ],
)
def test_a_message_of_too_many_fields_is_refused(kind: Any, data: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        check_message(data, kind)
    assert caught.value.reason is Reason.REQUEST_TOO_LARGE


def test_token_ids_are_one_field() -> None:
    request = CreateCompletionRequest(prompt=[{"token_ids": {"ids": [100_000] * MAX_NUMBERS}}])
    check_message(request.SerializeToString(), CreateCompletionRequest)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_what_is_no_message_is_left_to_the_parser(head: bytes, tail: bytes) -> None:
    filler = CreateChatCompletionRequest(model="m" * SMALL).SerializeToString()
    for data in (filler + head, head + filler + tail, filler[:-1], b"\xff" * SMALL + b"\xff" + head):
        check_message(data, CreateChatCompletionRequest)


def kinds(kind: Any, above: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Yield the types of the messages in a message; fails if one holds itself."""
    assert kind not in above
    yield kind
    for item in kind.fields:
        if item.message_type is not None:
            yield from kinds(item.message_type, (*above, kind))


@pytest.mark.parametrize(
    "kind", [CreateChatCompletionRequest, CreateCompletionRequest, CreateEmbeddingRequest]
)
def test_no_message_holds_itself_so_that_counting_ends(kind: Any) -> None:
    assert len(set(kinds(kind.DESCRIPTOR))) > 1
    with suppress(BridgeError):
        check_message(b"\x12\x80\x80\x04" * SMALL, kind)


@pytest.mark.parametrize(
    ("body", "heavy"),
    [
        pytest.param(b"[]," * 5_000, False, id="few pieces"),
        pytest.param(b"[]," * 20_000, True, id="many pieces"),
        pytest.param(b'{"prompt":"' + b"word " * 50_000 + b'"}', False, id="a long text"),
        pytest.param(b'{"prompt":"' + b"word " * 300_000 + b'"}', True, id="a huge text"),
        pytest.param(b"1," * 20_000, True, id="numbers"),
    ],
)
def test_a_body_is_as_heavy_as_its_pieces_more_than_its_text(body: bytes, heavy: bool) -> None:
    assert (weight(body) >= SMALL) is heavy
