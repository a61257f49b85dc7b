"""The short way of a token and the general one say the same, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.completion_chunks import CompletionFold
from bridge.protocol.exchange import Texts
from bridge.protocol.sse import ChatRenderer, CompletionRenderer
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol import chat_requests, completion_requests
from tests.protocol.models import says, served
from tests.tokenizers import small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.protocol.exchange import Exchange

    Render = Callable[[Iterable[Any]], bytes]

TOKENIZER = Tokenizer(small.source(small.byte_level()))
CHAT = (chat_requests.ask, ChatRenderer, ChatFold)
COMPLETIONS = (completion_requests.ask, CompletionRenderer, CompletionFold)
SETTINGS = [
    pytest.param(*CHAT, {}, id="chat"),
    pytest.param(*CHAT, {"n": 3}, id="choices"),
    pytest.param(*CHAT, {"stream_options": {"include_usage": True}}, id="usage"),
    pytest.param(*COMPLETIONS, {}, id="completion"),
    pytest.param(*COMPLETIONS, {"prompt": ["a", "b"], "echo": True}, id="prompts echoed"),
]
GENERAL = [
    pytest.param(*CHAT, {"stop": ["z"]}, "plain", id="stop strings"),
    pytest.param(*CHAT, {"stream_interval": 3}, "echo_vllm", id="intervals"),
    pytest.param(
        *CHAT,
        {"stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        "echo_vllm",
        id="usage on every message",
    ),
    pytest.param(*CHAT, {"stream_options": {"include_obfuscation": True}}, "echo_vllm", id="padding"),
]


def bytes_of(
    exchange: Exchange[Any],
    render: Callable[[Iterable[Any]], bytes],
    pieces: list[list[bytes]],
    *,
    short: bool,
) -> bytes:
    """Return the events of an answer of which each choice gets all pieces; the first response is whole."""
    out = b""
    for index in range(len(exchange.requests)):
        out += render(exchange.feed(index, [response("first ")]))
        for batch in pieces:
            responses = batch if short else [response(text) for text in batch]
            out += render(exchange.feed(index, responses))
        out += render(exchange.end(index))
    return out + render(exchange.finish())


def response(text: str | bytes) -> Any:
    return says(text, num_input_tokens=3, num_output_tokens=1)


@st.composite
def batches(draw: Any) -> list[list[bytes]]:
    """A text, cut anywhere, also inside of characters, and put into batches."""
    data = draw(st.text(max_size=20)).encode()
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    size = draw(st.integers(1, 3))
    return [pieces[at : at + size] for at in range(0, len(pieces), size)]


@pytest.mark.parametrize("with_tokenizer", [False, True])
@pytest.mark.parametrize(("ask", "renderer", "fold", "fields"), SETTINGS)
@given(pieces=batches())
def test_both_ways_say_the_same(
    ask: Any, renderer: Any, fold: Any, fields: Any, with_tokenizer: bool, pieces: list[list[bytes]]
) -> None:
    model = served("echo_vllm", tokenizer=TOKENIZER if with_tokenizer else None)
    usage = "stream_options" in fields
    short = bytes_of(ask(model, **fields), renderer(usage).render, pieces, short=True)
    assert short == bytes_of(ask(model, **fields), renderer(usage).render, pieces, short=False)


@pytest.mark.parametrize(("ask", "renderer", "fold", "fields"), SETTINGS)
def test_a_plain_stream_takes_the_short_way(ask: Any, renderer: Any, fold: Any, fields: Any) -> None:
    exchange = ask(served("echo_vllm"), **fields)
    list(exchange.feed(0, [response("first ")]))
    assert isinstance(exchange.feed(0, [b"more"]), Texts)


@pytest.mark.parametrize(("ask", "renderer", "fold", "fields", "model"), GENERAL)
def test_what_is_more_than_text_takes_the_general_way(
    ask: Any, renderer: Any, fold: Any, fields: Any, model: str
) -> None:
    exchange = ask(served(model), **fields)
    list(exchange.feed(0, [response("first ")]))
    assert not isinstance(exchange.feed(0, [b"more"]), Texts)


def test_nothing_takes_the_short_way_before_the_stream_has_begun() -> None:
    exchange = chat_requests.ask(served("echo_vllm"))
    first = list(exchange.feed(0, [b"text"]))
    assert [bool(message.choices[0].delta.role) for message in first] == [True, False]


@pytest.mark.parametrize(("ask", "renderer", "fold", "fields"), SETTINGS)
@given(pieces=batches())
def test_an_answer_added_up_is_the_same(
    ask: Any, renderer: Any, fold: Any, fields: Any, pieces: list[list[bytes]]
) -> None:
    answers = []
    for short in (True, False):
        total = fold()
        bytes_of(
            ask(served("echo_vllm"), **fields),
            lambda batch, to=total: to.add(batch) or b"",
            pieces,
            short=short,
        )
        answers.append(total.result())
    assert answers[0] == answers[1]
