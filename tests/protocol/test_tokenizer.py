"""The tokenizer: ids, texts, spellings and bytes of tokens, for each of the spellings that models have."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.protocol.tokenizer import Tokenizer
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))
PIECES = Tokenizer(small.source(small.sentencepiece()))
WORDS = Tokenizer(small.source(small.wordpiece()))

TEXTS = [
    pytest.param("the quick brown fox", id="words"),
    pytest.param("  two  spaces and\nlines\n\n", id="space"),
    pytest.param("déjà vu 🙂 日本語 \u2603", id="beyond ASCII"),
    pytest.param("<s><|turn|>user\nhello</s>", id="special tokens"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_byte_level_text_survives_the_round_trip(text: str) -> None:
    ids = BYTES.encode(text, add_special_tokens=False)
    assert BYTES.decode(ids, skip_special_tokens=False) == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_of_the_tokens_are_the_bytes_of_the_text(text: str) -> None:
    ids = BYTES.encode(text, add_special_tokens=False)
    assert b"".join(BYTES.token_bytes(number) or b"?" for number in ids) == text.encode()


@pytest.mark.parametrize(
    ("tokenizer", "before", "after"),
    [
        pytest.param(BYTES, ["<s>"], [], id="BOS"),
        pytest.param(WORDS, ["<s>"], ["</s>"], id="BOS and EOS"),
        pytest.param(PIECES, [], [], id="none"),
    ],
)
def test_special_tokens_stand_around_the_text(
    tokenizer: Tokenizer, before: list[str], after: list[str]
) -> None:
    plain = tokenizer.encode("the", add_special_tokens=False)
    full = tokenizer.encode("the", add_special_tokens=True)
    ends = [[small.SPECIAL.index(token) for token in tokens] for tokens in (before, after)]
    assert full == [*ends[0], *plain, *ends[1]]
    assert tokenizer.special_count == len(before) + len(after)
    assert tokenizer.count("the", add_special_tokens=True) == len(full)
    assert list(tokenizer.unframed(full)) == plain
    assert list(tokenizer.unframed(plain)) == plain
    assert tokenizer.framed("the") == "".join([*before, "the", *after])


@pytest.mark.parametrize(
    ("bos", "add_bos_token", "first"),
    [
        pytest.param(True, None, ["<s>"], id="the file says yes"),
        pytest.param(False, None, [], id="the file says no"),
        pytest.param(False, True, ["<s>"], id="added against the file"),
        pytest.param(True, True, ["<s>"], id="not added twice"),
        pytest.param(True, False, [], id="dropped against the file"),
        pytest.param(False, False, [], id="nothing to drop"),
    ],
)
def test_add_bos_token_wins_over_the_file(bos: bool, add_bos_token: bool | None, first: list[str]) -> None:
    tokenizer = Tokenizer(
        small.source(small.byte_level(bos=bos)), bos_token="<s>", add_bos_token=add_bos_token
    )
    ids = tokenizer.encode("the", add_special_tokens=True)
    plain = tokenizer.encode("the", add_special_tokens=False)
    assert [tokenizer.token(number) for number in ids[: len(ids) - len(plain)]] == first


def test_an_unknown_bos_token_adds_nothing() -> None:
    source = small.source(small.byte_level(bos=False))
    assert Tokenizer(source, bos_token="<nobody>", add_bos_token=True).special_count == 0


def test_special_tokens_are_skipped_only_when_asked() -> None:
    ids = BYTES.encode("<|turn|>the</s>", add_special_tokens=True)
    assert BYTES.decode(ids, skip_special_tokens=False) == "<s><|turn|>the</s>"
    assert BYTES.decode(ids, skip_special_tokens=True) == "the"


@pytest.mark.parametrize(
    ("tokenizer", "text", "tokens", "expected"),
    [
        pytest.param(PIECES, "the", ["▁the"], [b" the"], id="a mark is a space"),
        pytest.param(PIECES, "é", ["▁", "<0xC3>", "<0xA9>"], [b" ", b"\xc3", b"\xa9"], id="byte tokens"),
        pytest.param(PIECES, "<|turn|>", ["<|turn|>"], [b"<|turn|>"], id="special token"),
        pytest.param(WORDS, "there", ["the", "##re"], [None, None], id="depends on neighbours"),
        pytest.param(BYTES, "é", ["Ã©"], ["é".encode()], id="byte level"),
    ],
)
def test_tokens_have_a_spelling_and_bytes(
    tokenizer: Tokenizer, text: str, tokens: list[str], expected: list[bytes | None]
) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert [tokenizer.token(number) for number in ids] == tokens
    assert [tokenizer.token_bytes(number) for number in ids] == expected


@pytest.mark.parametrize("number", [-1, BYTES.vocab_size, 2**31 - 1, 2**63])
def test_an_id_out_of_range_is_no_token(number: int) -> None:
    assert BYTES.token(number) is None
    assert BYTES.token_bytes(number) is None
    assert BYTES.first_unknown([0, 1, number]) == 2


def test_the_last_id_is_a_token() -> None:
    last = BYTES.vocab_size - 1
    assert BYTES.token(last) is not None
    assert BYTES.first_unknown([0, last]) is None
    assert BYTES.first_unknown([]) is None


def test_a_gap_in_the_vocabulary_is_no_token() -> None:
    source = small.source(small.wordpiece()).replace(b'"dog":7', b'"dog":9')
    tokenizer = Tokenizer(source)
    assert tokenizer.vocab_size == 10
    assert tokenizer.token(8) is None
    assert tokenizer.first_unknown([9, 8]) == 1
    assert tokenizer.first_unknown([9, 4]) is None


def test_limits_of_a_training_run_do_not_cut_or_pad() -> None:
    trained = small.byte_level()
    trained.enable_truncation(4)
    trained.enable_padding(length=8)
    tokenizer = Tokenizer(small.source(trained))
    text = "the quick brown fox jumps over the lazy dog"
    assert (
        tokenizer.decode(tokenizer.encode(text, add_special_tokens=False), skip_special_tokens=False) == text
    )
    assert tokenizer.encode("", add_special_tokens=False) == []


def test_spans_cover_the_text_in_characters() -> None:
    text = "déjà 🙂 vu"
    spans = BYTES.spans(text)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert spans == sorted(spans)


def test_many_threads_get_what_one_gets() -> None:
    texts = [f"{word} {n} 🙂" * 200 for n, word in enumerate(["the", "quick", "brown", "fox"] * 6)]
    alone = [BYTES.encode(text, add_special_tokens=True) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: BYTES.encode(text, add_special_tokens=True), texts))
        decoded = list(pool.map(lambda ids: BYTES.decode(ids, skip_special_tokens=True), together))
    assert together == alone
    assert decoded == texts


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'{"model":{"type":"Nobody"}}', id="unknown model"),
    ],
)
def test_what_is_no_tokenizer_is_a_value_error(source: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no tokenizer: "):
        Tokenizer(source)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)  # what an import of it then meets: ImportError
    with pytest.raises(ValueError, match=r"openai-bridge\[tokenizer\]"):
        Tokenizer(small.source(small.byte_level()))
