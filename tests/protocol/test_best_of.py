"""`best_of`: candidates ranked by their likelihood, of which each prompt keeps the best."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import BridgeError, Reason
from tests.families import family_signature
from tests.protocol.completion_requests import answer, ask, fault, prompts, sampling
from tests.protocol.models import declared, says, sent, served, standin, tensor

OLD = declared(tensor("text_input", optional=False), tensor("stream", "BOOL"), tensor("sampling_parameters"))
"""A vLLM backend that tells no likelihood."""


def draw(**fields: Any) -> Any:
    return ask(streaming=False, **fields)


def said(text: str, likelihood: float, tokens: int = 1) -> list[Any]:
    """Return what a candidate says: its likelihood so far comes with every response."""
    first = says(text[:1], cumulative_logprob=-0.0, num_input_tokens=4, num_output_tokens=tokens)
    return [first, says(text[1:], cumulative_logprob=likelihood, num_input_tokens=4, num_output_tokens=0)]


def test_each_candidate_is_a_call_that_tells_its_likelihood() -> None:
    exchange = draw(prompt=["a", "b"], n=2, best_of=3, seed=7)
    assert prompts(exchange) == ["a", "a", "a", "b", "b", "b"]
    assert [sampling(exchange, index)["seed"] for index in range(6)] == [7, 8, 9, 7, 8, 9]
    for request in exchange.requests:
        assert sent(request)["return_cumulative_logprob"] == [True]
        assert "cumulative_logprob" in [item.name for item in request.outputs]
    assert "return_cumulative_logprob" not in sent(draw(n=2).requests[0])


def test_the_likeliest_are_kept_best_first_under_each_prompt() -> None:
    exchange = draw(prompt=["a", "b"], n=2, best_of=3)
    whole = answer(
        exchange,
        *(said(text, value) for text, value in (("low", -9.0), ("best", -1.0), ("good", -2.0))),
        *(said(text, value) for text, value in (("first", -3.0), ("last", -8.0), ("middle", -5.0))),
    )
    assert [(choice.index, choice.text) for choice in whole.choices] == [
        (0, "best"),
        (1, "good"),
        (2, "first"),
        (3, "middle"),
    ]
    assert all(choice.finish_reason for choice in whole.choices)


def test_of_equals_the_first_drawn_is_kept() -> None:
    whole = answer(draw(best_of=3), said("a1", -2.0), said("b1", -2.0), said("c1", -2.0))
    assert [choice.text for choice in whole.choices] == ["a1"]


def test_every_candidate_counts_and_each_prompt_once() -> None:
    exchange = draw(best_of=3)
    whole = answer(exchange, *(said("ab", -1.0, tokens) for tokens in (1, 2, 3)))
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (4, 6)


def test_log_probabilities_and_the_prompt_go_with_the_kept() -> None:
    entry = '[{"5": {"decoded_token": "%s", "logprob": -0.5, "rank": 1}}]'
    candidates = [
        [says(text, cumulative_logprob=value, logprobs=entry % text)]
        for text, value in (("a", -2.0), ("b", -1.0))
    ]
    whole = answer(draw(best_of=2, logprobs=0), *candidates)
    assert list(whole.choices[0].logprobs.tokens) == ["b"]
    whole = answer(draw(best_of=2, echo=True), said("a1", -2.0), said("b1", -1.0))
    assert whole.choices[0].text == "Hib1"


def test_stop_strings_are_cut_from_candidates_too() -> None:
    llmapi = served(family_signature("llmapi"))
    exchange = ask(llmapi, streaming=False, best_of=2, stop="END")
    whole = answer(
        exchange,
        [says("a END b", cumulative_logprob="-1")],
        [says("c", cumulative_logprob="-2")],
    )
    assert [choice.text for choice in whole.choices] == ["a "]
    assert whole.choices[0].stop_reason.text == "END"
    assert exchange.done(0)
    assert not exchange.done(1)


def test_a_candidate_without_a_likelihood_is_the_models_fault() -> None:
    with pytest.raises(BridgeError) as caught:
        answer(draw(best_of=2), said("ab", -1.0), [says("b")])
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@pytest.mark.parametrize(
    ("fields", "streaming", "reason"),
    [
        pytest.param({"best_of": 2, "n": 3}, False, Reason.INVALID_VALUE, id="fewer than n"),
        pytest.param({"best_of": 3, "n": 2}, True, Reason.INVALID_VALUE, id="streamed"),
        pytest.param({"best_of": 21}, False, Reason.INTEGER_ABOVE_MAX_VALUE, id="too many"),
    ],
)
def test_what_cannot_be_ranked_is_refused(fields: dict[str, Any], streaming: bool, reason: Reason) -> None:
    error = fault(streaming=streaming, **fields)
    assert (error.reason, error.param) == (reason, "best_of")


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(standin("plain"), id="text"),
        pytest.param(OLD, id="an old vLLM backend"),
        pytest.param(replace(family_signature("llmapi"), outputs={}), id="the input without the output"),
    ],
)
def test_a_model_that_tells_no_likelihood_refuses(signature: Any) -> None:
    signature = replace(signature, outputs={**signature.outputs, "text_output": tensor("text_output")})
    error = fault(served(signature), streaming=False, best_of=2)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, "best_of")
    assert error.model == signature.name
    assert repr(signature.name) in error.message


@pytest.mark.parametrize(
    "fields", [{"best_of": 0}, {"best_of": 1}, {"best_of": 3, "n": 3}, {"best_of": 1, "n": 3}]
)
@pytest.mark.parametrize("streaming", [True, False])
def test_best_of_that_asks_for_nothing_is_accepted_by_every_model(
    fields: dict[str, Any], streaming: bool
) -> None:
    exchange = ask(served("plain"), streaming=streaming, **fields)
    assert len(exchange.requests) == fields.get("n", 1)
