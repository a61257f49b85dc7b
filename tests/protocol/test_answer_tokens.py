"""The tokens of an answer that came as text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.protocol.answer_tokens import AnswerTokens, token_name
from bridge.protocol.tokenizer import Tokenizer
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("the quick, é🙂\n"), max_size=8)))
def test_any_split_has_the_tokens_of_the_whole(pieces: list[str]) -> None:
    answer = AnswerTokens(BYTES)
    for piece in pieces:
        answer.add(piece)
    whole = BYTES.encode("".join(pieces), add_special_tokens=False)
    assert answer.ids() == whole
    assert answer.count() == len(whole)


def test_text_after_a_count_counts_too() -> None:
    answer = AnswerTokens(BYTES)
    assert answer.count() == 0
    answer.add("the")
    before = answer.count()
    answer.add(" 🙂")
    assert answer.count() > before > 0


def test_a_token_is_named_by_its_id() -> None:
    assert token_name(17) == "token_id:17"
