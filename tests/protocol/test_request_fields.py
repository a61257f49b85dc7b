"""The table of request fields: complete, with OpenAI's ranges, and each class does what it says."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from openai_bridge.v1 import common_pb2
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest as Chat
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest as Completion

from bridge.errors import BridgeError, Reason
from bridge.protocol.request_fields import CHAT, COMPLETION, FORWARD_NEUTRAL, Handling, forwarded
from tests.protocol.forward_fields import SAMPLES

TABLES: dict[type[Any], Any] = {Chat: CHAT, Completion: COMPLETION}
BOTH = [pytest.param(kind, id=name) for kind, name in ((Chat, "chat"), (Completion, "completions"))]


def check(kind: type[Any], **fields: Any) -> dict[str, Any]:
    return forwarded(kind(**fields), TABLES[kind], "org/model")


def fault(kind: type[Any], **fields: Any) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        check(kind, **fields)
    return caught.value


@pytest.mark.parametrize("kind", BOTH)
def test_every_field_has_a_row_and_every_row_a_field(kind: type[Any]) -> None:
    assert set(TABLES[kind]) == set(kind.DESCRIPTOR.fields_by_name)


RANGES = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "n": (1, 128),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
    "top_k": (-1, None),
    "min_p": (0.0, 1.0),
    "min_tokens": (0, None),
    "priority": (0, None),
    "truncate_prompt_tokens": (-1, None),
    "stream_interval": (1, None),
}
CHAT_RANGES = RANGES | {"max_tokens": (1, None), "max_completion_tokens": (1, None), "top_logprobs": (0, 20)}
COMPLETION_RANGES = RANGES | {"max_tokens": (0, None), "logprobs": (0, 5), "best_of": (0, 20)}
EDGES = [
    pytest.param(kind, name, *edges, id=f"{kind.__name__}.{name}")
    for kind, ranges in ((Chat, CHAT_RANGES), (Completion, COMPLETION_RANGES))
    for name, edges in ranges.items()
]


@pytest.mark.parametrize(("kind", "name", "low", "high"), EDGES)
def test_the_edges_of_a_range_are_inside(kind: type[Any], name: str, low: float, high: float | None) -> None:
    check(kind, **{name: low})
    check(kind, **{name: 2**31 - 1 if high is None else high})


@pytest.mark.parametrize(("kind", "name", "low", "high"), EDGES)
def test_beyond_the_edges_is_refused(kind: type[Any], name: str, low: float, high: float | None) -> None:
    step, number = (1, "INTEGER") if isinstance(low, int) else (1e-9, "DECIMAL")
    below = fault(kind, **{name: low - step})
    assert (below.reason, below.param) == (Reason[f"{number}_BELOW_MIN_VALUE"], name)
    if high is not None:
        above = fault(kind, **{name: high + step})
        assert (above.reason, above.param) == (Reason[f"{number}_ABOVE_MAX_VALUE"], name)


@pytest.mark.parametrize("kind", BOTH)
def test_every_range_of_the_table_is_tried(kind: type[Any]) -> None:
    of_elements = {"logit_bias", "stop_token_ids", "allowed_token_ids"}
    exclusive = {"repetition_penalty"}
    ranges = {name for name, field in TABLES[kind].items() if field.minimum is not None}
    tried = CHAT_RANGES if kind is Chat else COMPLETION_RANGES
    assert ranges - of_elements - exclusive == set(tried)


def test_repetition_penalty_is_above_zero() -> None:
    assert check(Chat, repetition_penalty=1e-9) == {"repetition_penalty": 1e-9}
    error = fault(Chat, repetition_penalty=0.0)
    assert (error.reason, error.param) == (Reason.DECIMAL_BELOW_MIN_VALUE, "repetition_penalty")


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize(
    "name", ["temperature", "top_p", "presence_penalty", "frequency_penalty", "min_p", "repetition_penalty"]
)
def test_no_number_and_infinity_are_refused(name: str, value: float) -> None:
    error = fault(Completion, **{name: value})
    assert (error.reason, error.param) == (Reason.INVALID_VALUE, name)


@pytest.mark.parametrize(
    ("fields", "reason", "param"),
    [
        pytest.param(
            {"logit_bias": {5: 100.5}}, Reason.DECIMAL_ABOVE_MAX_VALUE, "logit_bias.5", id="bias above"
        ),
        pytest.param(
            {"logit_bias": {5: -101}}, Reason.DECIMAL_BELOW_MIN_VALUE, "logit_bias.5", id="bias below"
        ),
        pytest.param({"logit_bias": {5: nan}}, Reason.INVALID_VALUE, "logit_bias.5", id="bias no number"),
        pytest.param(
            {"stop_token_ids": [1, -1]}, Reason.INTEGER_BELOW_MIN_VALUE, "stop_token_ids[1]", id="stop id"
        ),
        pytest.param(
            {"allowed_token_ids": [-1]},
            Reason.INTEGER_BELOW_MIN_VALUE,
            "allowed_token_ids[0]",
            id="allowed id",
        ),
    ],
)
def test_an_element_out_of_range_is_named(fields: dict[str, Any], reason: Reason, param: str) -> None:
    error = fault(Chat, **fields)
    assert (error.reason, error.param) == (reason, param)


def test_the_message_tells_the_limit_and_the_value_in_full() -> None:
    assert fault(Chat, max_tokens=-1234567).message == "'max_tokens' must be at least 1, not -1234567"
    assert fault(Chat, temperature=2.5).message == "'temperature' must be at most 2, not 2.5"


def test_there_is_a_sample_of_every_forwarded_field() -> None:
    rows = (CHAT | COMPLETION).items()
    assert {name for name, field in rows if field.handling is Handling.FORWARD} == set(SAMPLES)
    assert set(FORWARD_NEUTRAL) == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_forwarded_field_comes_out_as_a_plain_value(name: str) -> None:
    values = check(Chat, **{name: SAMPLES[name]})
    assert values == {name: SAMPLES[name]}
    assert type(values[name]) is type(SAMPLES[name])


def test_absent_and_zero_are_two_things() -> None:
    assert check(Chat) == {}
    assert check(Chat, seed=0, temperature=0.0, top_k=0) == {"seed": 0, "temperature": 0.0, "top_k": 0}


IGNORED = {
    "user": "someone",
    "service_tier": "flex",
    "metadata": {"a": "b"},
    "store": True,
    "safety_identifier": "someone",
    "prompt_cache_key": "key",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"ttl": "30m"},
    "prediction": {"content": [{"text": "x"}]},
}


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_field_is_accepted_and_goes_nowhere(name: str) -> None:
    assert check(Chat, **{name: IGNORED[name]}) == {}


def test_all_ignored_fields_are_tried() -> None:
    assert {name for name, field in CHAT.items() if field.handling is Handling.IGNORED} == set(IGNORED)


REFUSED = [
    (Chat, "modalities", [["text", "audio"], ["audio"]], [["text"]]),
    (Chat, "audio", [{"voice": "alloy", "format": "wav"}], []),
    (Chat, "web_search_options", [{}], []),
    (Chat, "moderation", [{"model": "m"}], []),
    (Chat, "functions", [[{"name": "f"}]], []),
    (Chat, "function_call", [{"name": "f"}], []),
    (Completion, "suffix", ["end"], [""]),
]


BRIDGED: dict[str, list[Any]] = {
    "add_special_tokens": [True, False],
    "truncate_prompt_tokens": [10, -1],
    "truncation_side": ["left", "right"],
    "stream_interval": [1, 10],
    "return_token_ids": [True, False],
    "return_tokens_as_token_ids": [True, False],
    "return_prompt_text": [True, False],
}
"""Fields that the bridge does itself, whatever the model: none is refused here, none reaches the model."""


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("name", BRIDGED)
def test_what_the_bridge_does_is_neither_refused_nor_forwarded(kind: type[Any], name: str) -> None:
    assert TABLES[kind][name].handling is Handling.BRIDGE
    for value in BRIDGED[name]:
        assert check(kind, **{name: value}) == {}


@pytest.mark.parametrize(
    ("kind", "name", "wrong", "neutral"),
    [pytest.param(*row, id=f"{row[0].__name__}.{row[1]}") for row in REFUSED],
)
def test_a_refused_field_is_accepted_only_where_it_asks_for_nothing(
    kind: type[Any], name: str, wrong: list[Any], neutral: list[Any]
) -> None:
    for value in neutral:
        assert check(kind, **{name: value}) == {}
    for value in wrong:
        error = fault(kind, **{name: value})
        assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, name)
        assert error.model == "org/model"
        assert "'org/model'" in error.message


def test_a_field_of_json_text_is_named_as_the_client_knows_it() -> None:
    row = {"documents_json": CHAT["audio"]}
    with pytest.raises(BridgeError) as caught:
        forwarded(Chat(documents_json="[]"), row, "m")
    assert caught.value.param == "documents"


@pytest.mark.parametrize("value", [{"text": {}}, {"json_object": {}}, {}])
def test_a_constraint_is_no_plain_field(value: dict[str, Any]) -> None:
    assert CHAT["response_format"].handling is Handling.CONSTRAINT
    assert check(Chat, response_format=value, structured_outputs={"regex": "a"}) == {}


def test_stream_options_are_the_bridges_own() -> None:
    assert check(Chat, stream_options=common_pb2.StreamOptions(include_usage=True)) == {}
