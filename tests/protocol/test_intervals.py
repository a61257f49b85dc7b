"""Pieces put together: the first at once, then so many tokens a message, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.generation import Piece, Token
from bridge.protocol.intervals import Intervals
from tests.protocol import completion_requests
from tests.protocol.chat_requests import ask
from tests.protocol.models import says, served


def texts(tokens: int, *pieces: Piece) -> list[str | None]:
    """Return what goes out with each piece, and at the end."""
    intervals = Intervals(tokens)
    out = [intervals.feed(piece) for piece in pieces]
    return [*(piece and piece.text for piece in out), intervals.finish().text]


def test_the_first_piece_goes_out_at_once() -> None:
    assert texts(3, *(Piece(text=char) for char in "abcdefgh")) == [
        *("a", None, None, "bcd", None, None, "efg", None),
        "h",
    ]


def test_every_piece_goes_out_where_one_token_is_asked_for() -> None:
    assert texts(1, Piece(text="a"), Piece(text="b")) == ["a", "b", ""]


def test_the_models_own_count_decides() -> None:
    pieces = [Piece(text=text, completion_tokens=tokens) for text, tokens in (("a", 1), ("b", 2), ("c", 1))]
    assert texts(3, *pieces, Piece(text="d", completion_tokens=5)) == ["a", None, "bc", "d", ""]


@given(st.integers(1, 5), st.lists(st.tuples(st.text(max_size=3), st.integers(1, 4)), max_size=12))
def test_nothing_is_lost_and_no_message_but_the_first_and_last_is_short(
    tokens: int, said: list[tuple[str, int]]
) -> None:
    intervals = Intervals(tokens)
    messages: list[Piece] = []
    for text, count in said:
        named = tuple(Token(text, -1.0) for _ in range(count))
        piece = intervals.feed(Piece(text=text, tokens=named, completion_tokens=count))
        messages += [piece] if piece else []
    messages.append(intervals.finish())
    assert "".join(piece.text for piece in messages) == "".join(text for text, _ in said)
    assert [token.text for piece in messages for token in piece.tokens] == [
        text for text, count in said for _ in range(count)
    ]
    assert all(len(piece.tokens) >= tokens for piece in messages[1:-1])
    assert len(messages) == 1 or messages[0].text == said[0][0]
    assert len(messages[-1].tokens) < tokens
    assert intervals.finish() == Piece()


def test_a_stream_says_so_many_tokens_a_message() -> None:
    exchange = ask(served("echo_vllm"), stream_interval=3)
    said = [
        message.choices[0].delta.content
        for char in "abcdef"
        for message in exchange.feed(0, [says(char, num_output_tokens=1)])
    ]
    end = list(exchange.end(0))
    assert said == ["", "a", "bcd"]
    assert [message.choices[0].delta.content for message in end] == ["ef", ""]
    assert end[-1].choices[0].finish_reason


def test_a_stream_of_completions_does_too() -> None:
    exchange = completion_requests.ask(stream_interval=3)
    said = [
        message.choices[0].text
        for char in "abcdef"
        for message in exchange.feed(0, [says(char, num_output_tokens=1)])
    ]
    assert said == ["a", "bcd"]
    assert [message.choices[0].text for message in exchange.end(0)] == ["ef", ""]


def test_every_choice_has_an_interval_of_its_own() -> None:
    exchange = ask(served("echo_vllm"), stream_interval=2, n=2)
    list(exchange.feed(0, [says("a")]))
    said = [message.choices[0].delta.content for message in exchange.feed(1, [says("x"), says("y")])]
    assert said == ["x"]
