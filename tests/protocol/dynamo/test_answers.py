"""The frames of an answer: the JSON of the HTTP door, wrapped, whichever way its text comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TABLE, BridgeError, Reason
from bridge.protocol.dynamo.answers import END, Renderer, chunk, failure, greeting
from bridge.protocol.dynamo.frames import FrameReader
from bridge.protocol.exchange import Texts
from bridge.protocol.openai_json import dump_chat_chunk, dump_completion_chunk
from tests.protocol import chat_requests, completion_requests
from tests.protocol.models import says, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.protocol.exchange import Exchange

FORMS = [
    pytest.param(chat_requests.ask, lambda message: dump_chat_chunk(message, False), id="chat"),
    pytest.param(
        completion_requests.ask, lambda message: dump_completion_chunk(message, False), id="completions"
    ),
]


def data_of(frames: bytes) -> list[Any]:
    """Return the JSON of data frames."""
    found = list(FrameReader(1 << 20).feed(frames))
    assert all(header == b"" for header, _ in found)
    return [json.loads(data) for _, data in found]


def test_a_greeting_names_the_answer_and_never_an_error() -> None:
    assert list(FrameReader().feed(greeting('s"1'))) == [
        (b'{"subject":"s\\"1","stream_type":"response"}', b""),
        (b'{"error":null}', b""),
    ]


def test_the_end_is_told_twice() -> None:
    assert list(FrameReader().feed(END)) == [(b"", b'{"complete_final":true}'), (b'"sentinel"', b"")]


def test_a_chunk_is_wrapped() -> None:
    assert data_of(chunk(b'{"id":1}')) == [{"data": {"data": {"id": 1}}, "complete_final": False}]


@pytest.mark.parametrize("reason", list(Reason))
def test_a_failure_has_the_class_of_its_http_status(reason: Reason) -> None:
    (item,) = data_of(failure(BridgeError(reason, 'the "why"')))
    assert item["complete_final"] is False
    assert (item["data"]["event"], item["data"]["comment"]) == ("error", ['the "why"'])
    error = item["data"]["error"]
    assert error["public"] == {"type": "message", "message": 'the "why"'}
    assert error["error_type"] not in {"Disconnected", "CannotConnect", "WorkerUnavailable"}
    if TABLE[reason].http in {400, 404, 429, 503}:
        names = {400: "InvalidRequest", 404: "NotFound", 429: "RateLimited", 503: "Unavailable"}
        assert error["error_type"] == names[TABLE[reason].http]


@pytest.mark.parametrize(("ask", "dump"), FORMS)
def test_the_short_way_says_what_the_long_one_does(
    ask: Callable[..., Exchange[Any]], dump: Callable[[Any], bytes]
) -> None:
    short = frames_of(ask, dump, [b"one", b" two"])
    assert short == frames_of(ask, dump, [says("one"), says(" two")])
    assert len(short) >= 4


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_goes_the_short_way_unchanged(texts: list[str]) -> None:
    exchange, render = chat_requests.ask(served("echo_vllm")), Renderer(dump_chat)
    render.render(exchange.feed(0, [says("first ")]))
    batch = exchange.feed(0, [text.encode() for text in texts])
    assert isinstance(batch, Texts)
    told = data_of(render.render(batch))
    assert "".join(item["data"]["data"]["choices"][0]["delta"]["content"] for item in told) == "".join(texts)


def test_choices_keep_to_their_own_index() -> None:
    exchange, render = chat_requests.ask(served("echo_vllm"), n=2), Renderer(dump_chat)
    render.render(exchange.feed(0, [says("first ")]))
    render.render(exchange.feed(1, [says("first ")]))
    for index in (0, 1, 0, 1):
        told = data_of(render.render(exchange.feed(index, [b"x", b"y"])))
        assert [item["data"]["data"]["choices"][0]["index"] for item in told] == [index, index]


def dump_chat(message: Any) -> bytes:
    return dump_chat_chunk(message, False)


def frames_of(
    ask: Callable[..., Exchange[Any]], dump: Callable[[Any], bytes], responses: list[Any]
) -> list[Any]:
    """Return what is said of an answer: a first response, a batch, the end."""
    exchange, render = ask(served("echo_vllm")), Renderer(dump).render
    out = render(exchange.feed(0, [says("zero")]))
    out += render(exchange.feed(0, responses))
    return data_of(out + render(exchange.end(0)) + render(exchange.finish()))
