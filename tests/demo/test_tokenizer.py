from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngram_lm.tokenizer import BYTES, END, START, Tokenizer

TOKENIZER = Tokenizer(["The lambda expression (see the text).\n\n    return x_1", "the “try”…“finally” text"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("The lambda expression", id="known"),
        pytest.param("zebras dörren 日本語 🙂👨‍👩‍👧", id="unknown"),
        pytest.param("  indented\n\n\n\ttabs \r\n and   spaces  ", id="white space"),
        pytest.param("a\0b\x7f", id="control characters"),
        pytest.param(f"{START}user\nHi{END}\n{START}", id="special tokens"),
        pytest.param("<|im_start|<|im_end|", id="nearly special"),
    ],
)
def test_a_text_comes_back_whole(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.text())
def test_any_text_comes_back_whole(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_a_word_is_one_token_with_the_space_before_it() -> None:
    pieces = [
        TOKENIZER.bytes_of(token) for token in TOKENIZER.encode("The lambda expression (see\n\n    return")
    ]
    assert pieces == [b"The", b" lambda", b" expression", b" (", b"see", b"\n\n", b"   ", b" return"]


def test_an_unknown_word_is_its_longest_known_pieces() -> None:
    pieces = [TOKENIZER.bytes_of(token) for token in TOKENIZER.encode(" textseeé")]
    assert pieces == [b" text", b"see", b"\xc3", b"\xa9"]


def test_a_byte_token_is_one_byte() -> None:
    assert [TOKENIZER.bytes_of(token) for token in BYTES] == [bytes([value]) for value in range(256)]


def test_special_tokens_are_tokens_of_their_own() -> None:
    start, *_, end = TOKENIZER.encode(f"{START}text{END}")
    assert TOKENIZER.is_special(start)
    assert TOKENIZER.is_special(end)
    assert end == TOKENIZER.end_id
    assert not TOKENIZER.is_special(BYTES.start)


def test_equal_texts_make_equal_vocabularies() -> None:
    texts = ["one two two", "three"]
    assert Tokenizer(texts).encode(" two three") == Tokenizer(reversed(texts)).encode(" two three")
