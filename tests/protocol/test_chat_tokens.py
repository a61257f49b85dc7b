"""Tokens of a chat request: the limit of its answer, its prompt as tokens, and ids in its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.tokenizer import Tokenizer
from tests.families import family_signature
from tests.protocol.chat_requests import ask
from tests.protocol.models import says, sent, served
from tests.tokenizers import small

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import CreateChatCompletionResponse

TOKENIZER = Tokenizer(small.source(small.byte_level()))
TEMPLATE = "{{ messages[0].content }}"
TEXT = "the quick brown fox"
MESSAGES = [{"role": "user", "content": TEXT}]


def counted(text: str) -> int:
    return TOKENIZER.count(text, add_special_tokens=True)


def draw(settings: dict[str, Any] | None = None, family: str = "plain", **fields: Any) -> Any:
    """Return the exchange of a request to a model with a tokenizer whose template is the text alone."""
    model = served(family, TEMPLATE, **({"tokenizer": TOKENIZER} | (settings or {})))
    return ask(model, streaming=False, **({"messages": MESSAGES, "stream": False} | fields))


def fault(settings: dict[str, Any] | None = None, **fields: Any) -> tuple[Reason, str | None]:
    with pytest.raises(BridgeError) as caught:
        draw(settings, **fields)
    return caught.value.reason, caught.value.param


def limit(exchange: Any) -> int:
    tokens: int = sent(exchange.requests[0])["max_tokens"][0]
    return tokens


def prompt(exchange: Any) -> str:
    text: str = sent(exchange.requests[0])["text_input"][0]
    return text


def answer(exchange: Any, *texts: str) -> CreateChatCompletionResponse:
    fold = ChatFold()
    for index, text in enumerate(texts):
        fold.add(exchange.feed(index, [says(text)]))
        fold.add(exchange.end(index))
    fold.add(exchange.finish())
    return fold.result()


@pytest.mark.parametrize(
    ("fields", "settings", "tokens"),
    [
        pytest.param({"max_tokens": 9, "max_completion_tokens": 7}, {}, 7, id="the new name wins"),
        pytest.param({"max_tokens": 7, "max_completion_tokens": 9}, {}, 9, id="although it is larger"),
        pytest.param({"max_completion_tokens": 7}, {"default_max_tokens": 5}, 7, id="over the default"),
        pytest.param({}, {"default_max_tokens": 5, "max_model_len": 100}, 5, id="the default"),
        pytest.param({}, {"max_model_len": 100}, 100 - counted(TEXT), id="to the end of the context"),
        pytest.param({}, {"max_model_len": 100, "tokenizer": None}, 1024, id="a prompt that nobody counts"),
    ],
)
def test_the_limit_of_an_answer(fields: dict[str, Any], settings: dict[str, Any], tokens: int) -> None:
    assert limit(draw(settings, **fields)) == tokens


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"messages": [{"role": "user", "content": TEXT * 80}]}, id="the prompt alone"),
        pytest.param({"max_tokens": 100}, id="with what is asked for"),
        pytest.param({"max_completion_tokens": 100}, id="with what is asked for by its new name"),
    ],
)
def test_what_does_not_fit_the_context_is_refused_before_a_model_is_asked(fields: dict[str, Any]) -> None:
    assert fault({"max_model_len": 100}, **fields) == (Reason.CONTEXT_LENGTH_EXCEEDED, "messages")


def test_a_limit_that_fills_the_context_is_taken() -> None:
    left = 100 - counted(TEXT)
    assert limit(draw({"max_model_len": 100}, max_tokens=left)) == left


@pytest.mark.parametrize("n", [1, 3])
def test_usage_comes_from_the_tokenizer_where_the_model_counts_nothing(n: int) -> None:
    texts = ["the lazy dog", "a fox", ""][:n]
    usage = answer(draw(n=n), *texts).usage
    completion = sum(TOKENIZER.count(text, add_special_tokens=False) for text in texts)
    assert (usage.prompt_tokens, usage.completion_tokens) == (counted(TEXT), completion)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_without_a_tokenizer_usage_is_absent() -> None:
    assert not answer(draw({"tokenizer": None}), "the dog").HasField("usage")


@pytest.mark.parametrize(("strip", "special"), [(True, 1), (False, 0)])
def test_special_tokens_that_the_engine_adds_count(strip: bool, special: int) -> None:
    usage = answer(draw({"adds_special_tokens": strip}), "").usage
    assert usage.prompt_tokens == TOKENIZER.count(TEXT, add_special_tokens=False) + special


def test_token_ids_of_prompt_and_answer_come_where_they_are_asked_for() -> None:
    whole = answer(draw(return_token_ids=True, n=2), "the dog", "a fox")
    assert list(whole.prompt_token_ids) == TOKENIZER.encode(TEXT, add_special_tokens=True)
    assert [list(choice.token_ids) for choice in whole.choices] == [
        TOKENIZER.encode(text, add_special_tokens=False) for text in ("the dog", "a fox")
    ]


def test_the_prompt_comes_as_the_model_got_it_where_it_is_asked_for() -> None:
    whole = answer(draw({"tokenizer": None}, return_prompt_text=True), "x")
    assert whole.prompt_text == TEXT


def test_nothing_of_this_comes_unasked() -> None:
    whole = answer(draw(), "the dog")
    assert not whole.HasField("prompt_text")
    assert list(whole.prompt_token_ids) == []
    assert list(whole.choices[0].token_ids) == []


def test_log_probabilities_name_tokens_by_their_ids_where_it_is_asked_for() -> None:
    entry = '[{"17": {"decoded_token": "a", "logprob": -0.5}, "9": {"decoded_token": "b", "logprob": -0.1}}]'
    fields = {"logprobs": True, "top_logprobs": 2, "return_tokens_as_token_ids": True}
    exchange = draw(family="echo_vllm", **fields)
    fold = ChatFold()
    fold.add(exchange.feed(0, [says("a", logprobs=entry)]))
    fold.add(exchange.end(0))
    found = fold.result().choices[0].logprobs.content[0]
    assert (found.token, found.bytes) == ("token_id:17", b"a")
    assert [item.token for item in found.top_logprobs] == ["token_id:9", "token_id:17"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"return_token_ids": True}, "return_token_ids", id="token ids"),
        pytest.param({"return_tokens_as_token_ids": True}, "return_tokens_as_token_ids", id="names"),
        pytest.param({"truncate_prompt_tokens": 5}, "truncate_prompt_tokens", id="truncation"),
    ],
)
def test_what_needs_a_tokenizer_is_refused_without_one(fields: dict[str, Any], param: str) -> None:
    assert fault({"tokenizer": None}, **fields) == (Reason.UNSUPPORTED_PARAMETER, param)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"return_token_ids": False, "return_tokens_as_token_ids": False}, id="false"),
        pytest.param({"add_special_tokens": False}, id="templates write the special tokens"),
        pytest.param({"stream_interval": 1}, id="an interval of one"),
        pytest.param({"truncation_side": "right"}, id="a side without truncation"),
    ],
)
def test_what_asks_for_nothing_needs_no_tokenizer(fields: dict[str, Any]) -> None:
    assert prompt(draw({"tokenizer": None}, **fields)) == TEXT


@pytest.mark.parametrize(
    ("adds", "wanted", "expected"),
    [
        pytest.param(False, True, f"<s>{TEXT}", id="the bridge adds them"),
        pytest.param(True, True, TEXT, id="the engine adds them"),
        pytest.param(True, False, TEXT, id="the default in chat"),
        pytest.param(False, False, TEXT, id="nobody adds them"),
    ],
)
def test_special_tokens_are_added_once(adds: bool, wanted: bool, expected: str) -> None:
    assert prompt(draw({"adds_special_tokens": adds}, add_special_tokens=wanted)) == expected


@pytest.mark.parametrize(("side", "end"), [("left", TEXT.endswith), ("right", TEXT.startswith)])
def test_a_prompt_is_cut_after_the_template(side: str, end: Any) -> None:
    exchange = draw(truncate_prompt_tokens=4, truncation_side=side, return_prompt_text=True)
    text = prompt(exchange)
    assert counted(text) == 4
    assert end(text)
    whole = answer(exchange, "x")
    assert (whole.prompt_text, whole.usage.prompt_tokens) == (text, 4)


def test_a_prompt_is_cut_to_leave_room_for_the_answer() -> None:
    exchange = draw({"max_model_len": 10}, truncate_prompt_tokens=-1, max_completion_tokens=6)
    assert counted(prompt(exchange)) == 4
    assert limit(exchange) == 6


def test_the_tokenizer_infers_that_an_answer_was_cut_off() -> None:
    ids = TOKENIZER.encode("the quick brown fox", add_special_tokens=False)
    whole = answer(draw(max_tokens=len(ids)), "the quick brown fox")
    assert whole.choices[0].finish_reason == FINISH_REASON_LENGTH
    whole = answer(draw(max_tokens=len(ids) + 1), "the quick brown fox")
    assert whole.choices[0].finish_reason == FINISH_REASON_STOP


def test_an_engine_of_tensorrt_is_counted_too() -> None:
    model = served(family_signature("llmapi"), TEMPLATE, tokenizer=TOKENIZER)
    exchange = ask(model, streaming=False, stream=False, messages=MESSAGES)
    fold = ChatFold()
    fold.add(exchange.feed(0, [says("the"), says("the dog", finish_reason="stop")]))
    fold.add(exchange.end(0))
    fold.add(exchange.finish())
    usage = fold.result().usage
    assert usage.completion_tokens == TOKENIZER.count("the dog", add_special_tokens=False)
