"""What the operator sets for requests that set nothing, and what becomes of fields that are let pass."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from tests.protocol import chat_requests, completion_requests
from tests.protocol.models import declared, says, sent, served, tensor

ASK = [
    pytest.param(chat_requests.ask, id="chat"),
    pytest.param(completion_requests.ask, id="completions"),
]
PROMPT = tensor("text_input", optional=False)
BARE = declared(PROMPT)


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, 0.25, id="the default"),
        pytest.param({"temperature": None}, 0.25, id="null"),
        pytest.param({"temperature": 1.5}, 1.5, id="the request's"),
        pytest.param({"temperature": 0}, 0.0, id="the request's zero"),
    ],
)
def test_a_default_stands_in_for_what_is_not_set(ask: Any, fields: dict[str, Any], expected: float) -> None:
    exchange = ask(served("echo_vllm", defaults={"temperature": 0.25, "seed": 7}), n=2, **fields)
    asked = [completion_requests.sampling(exchange, index) for index in range(2)]
    assert [keys["temperature"] for keys in asked] == [expected] * 2
    assert [keys["seed"] for keys in asked] == [7, 8]


@pytest.mark.parametrize("ask", ASK)
def test_without_defaults_nothing_is_sent(ask: Any) -> None:
    assert completion_requests.sampling(ask(served("echo_vllm"))).keys() == {"max_tokens"}


@pytest.mark.parametrize("ask", ASK)
def test_the_default_limit_gives_way_to_the_requests(ask: Any) -> None:
    model = served("echo_vllm", default_max_tokens=33)
    assert completion_requests.sampling(ask(model))["max_tokens"] == 33
    assert completion_requests.sampling(ask(model, max_tokens=5))["max_tokens"] == 5


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        pytest.param({}, "a ", id="the default"),
        pytest.param({"stop": "b"}, "a END ", id="the request's"),
        pytest.param({"include_stop_str_in_output": True}, "a END", id="with the stop string"),
    ],
)
def test_a_default_stop_string_is_cut_where_the_model_does_not(
    ask: Any, fields: dict[str, Any], shown: str
) -> None:
    exchange = ask(served(BARE, defaults={"stop": ["END"]}), **fields)
    texts = []
    for message in exchange.feed(0, [says("a END b")]):
        step = message.choices[0]
        texts.append(step.delta.content if hasattr(step, "delta") else step.text)
    assert "".join(texts) == shown


@pytest.mark.parametrize("ask", ASK)
def test_a_default_stop_string_reaches_a_model_that_cuts(ask: Any) -> None:
    assert completion_requests.sampling(ask(served("echo_vllm", defaults={"stop": ["END"]})))["stop"] == [
        "END"
    ]


@pytest.mark.parametrize("ask", ASK)
def test_a_default_that_the_model_cannot_carry_is_refused_or_let_pass(ask: Any) -> None:
    with pytest.raises(BridgeError) as caught:
        ask(served(BARE, defaults={"top_k": 3}))
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, "top_k")
    assert ask(served(BARE, defaults={"top_k": 3}, unsupported="ignore")).ignored == ("top_k",)
    assert ask(served(BARE, defaults={"top_k": 0})).ignored == ()


IGNORED = [
    pytest.param(chat_requests.ask, {"max_tokens": 5}, ("max_tokens",), id="chat: max_tokens"),
    pytest.param(
        chat_requests.ask,
        {"max_completion_tokens": 5, "max_tokens": 7},
        ("max_completion_tokens",),
        id="chat: the limit that counts",
    ),
    pytest.param(
        chat_requests.ask, {"logprobs": True, "top_logprobs": 2}, ("logprobs",), id="chat: logprobs"
    ),
    pytest.param(
        chat_requests.ask,
        {"response_format": {"type": "json_object"}},
        ("response_format",),
        id="chat: response_format",
    ),
    pytest.param(completion_requests.ask, {"max_tokens": 5}, ("max_tokens",), id="completions: max_tokens"),
    pytest.param(completion_requests.ask, {"logprobs": 0}, ("logprobs",), id="completions: logprobs"),
    *(
        pytest.param(param.values[0], fields, names, id=f"{param.id}: {case}")
        for param in ASK
        for fields, names, case in (
            ({"seed": 7, "top_k": 3}, ("seed", "top_k"), "two fields"),
            ({"top_k": 0, "top_p": 1.0}, (), "what asks for nothing"),
            ({"stop": "END"}, (), "what the bridge does"),
            ({"user": "x"}, (), "what never has an effect"),
        )
    ),
]


@pytest.mark.parametrize(("ask", "fields", "names"), IGNORED)
def test_what_is_let_pass_is_told_and_not_sent(
    ask: Any, fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    exchange = ask(served(BARE, unsupported="ignore"), **fields)
    assert sorted(exchange.ignored) == sorted(names)
    assert sent(exchange.requests[0]).keys() == {"text_input"}


def test_an_ignored_limit_cuts_nothing_off() -> None:
    exchange = completion_requests.ask(served(BARE, unsupported="ignore"), streaming=False, max_tokens=1)
    whole = completion_requests.answer(exchange, [says("a b c", num_output_tokens=3)])
    assert whole.choices[0].finish_reason == FINISH_REASON_STOP


def test_what_is_wrong_is_not_let_pass() -> None:
    with pytest.raises(BridgeError) as caught:
        chat_requests.ask(served(BARE, unsupported="ignore"), temperature=9)
    assert caught.value.reason is Reason.DECIMAL_ABOVE_MAX_VALUE
