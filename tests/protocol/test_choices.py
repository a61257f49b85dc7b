"""Checks that chat and completions share, and the fan-out to generations."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.choices import MAX_STOPS, check_common, fan_out
from bridge.protocol.generation import Generation


@pytest.mark.parametrize("kind", [CreateChatCompletionRequest, CreateCompletionRequest])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"stream_options": {}}, "stream_options", id="stream options without a stream"),
        pytest.param({"stop": [""]}, "stop", id="one empty stop string"),
        pytest.param({"stop": ["a", ""]}, "stop[1]", id="an empty stop string"),
        pytest.param({"stop": ["a"] * (MAX_STOPS + 1)}, "stop", id="too many stop strings"),
    ],
)
def test_what_is_wrong_is_named(kind: type[Any], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BridgeError) as caught:
        check_common(kind(**fields), streaming=False)
    assert (caught.value.reason, caught.value.param) == (Reason.INVALID_VALUE, param)


def test_a_stream_may_have_options_and_many_stop_strings() -> None:
    request = CreateChatCompletionRequest(stream_options={}, stop=["a"] * MAX_STOPS)
    check_common(request, streaming=True)


def seeds(seed: int | None, prompts: int = 1, n: int = 1) -> list[int | None]:
    sampling = {"top_k": 3} if seed is None else {"top_k": 3, "seed": seed}
    base = Generation(
        request_id="r",
        prompt="",
        sampling=sampling,
        max_tokens=7,
        max_tokens_param="max_tokens",
        logprobs=2,
        stop=("END",),
    )
    found = fan_out([f"prompt {at}" for at in range(prompts)], n, base)
    assert [item.request_id for item in found] == [f"r:{at}" for at in range(prompts * n)]
    assert [item.prompt for item in found] == [f"prompt {at}" for at in range(prompts) for _ in range(n)]
    assert {(item.max_tokens, item.max_tokens_param, item.logprobs, item.stop) for item in found} == {
        (7, "max_tokens", 2, ("END",))
    }
    assert {item.sampling["top_k"] for item in found} == {3}
    return [item.sampling.get("seed") for item in found]


def test_choice_k_of_each_prompt_has_seed_plus_k() -> None:
    assert seeds(5, prompts=2, n=3) == [5, 6, 7, 5, 6, 7]


def test_what_was_not_seeded_stays_unseeded() -> None:
    assert seeds(None, n=2) == [None, None]


def test_seed_zero_is_a_seed() -> None:
    assert seeds(0, n=2) == [0, 1]


def test_seeds_wrap_at_the_end_of_int64() -> None:
    assert seeds(2**63 - 1, n=2) == [2**63 - 1, -(2**63)]
