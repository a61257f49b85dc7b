from __future__ import annotations

from typing import Any

import pytest
from ngram_lm.parameters import SamplingParameters, parse

VOCABULARY = 1000


def test_nothing_wanted_means_the_defaults_of_vllm() -> None:
    parameters = parse({}, vocabulary=VOCABULARY)
    assert parameters == SamplingParameters()
    assert (parameters.max_tokens, parameters.temperature, parameters.seed) == (16, 1.0, None)


@pytest.mark.parametrize(
    ("wanted", "name", "value"),
    [
        pytest.param({"max_tokens": "5"}, "max_tokens", 5, id="integer as text"),
        pytest.param({"temperature": "0.5"}, "temperature", 0.5, id="number as text"),
        pytest.param({"temperature": 1}, "temperature", 1.0, id="integer for a number"),
        pytest.param({"temperature": 0.001}, "temperature", 0.01, id="too cold"),
        pytest.param({"ignore_eos": "true"}, "ignore_eos", True, id="boolean as text"),
        pytest.param({"stop": "END"}, "stop", ("END",), id="one stop string"),
        pytest.param({"stop": ["a", "b"]}, "stop", ("a", "b"), id="stop strings"),
        pytest.param({"stop_token_ids": [1, 2]}, "stop_token_ids", (1, 2), id="stop tokens"),
        pytest.param({"logit_bias": {"7": -100}}, "logit_bias", {7: -100.0}, id="token ids as text"),
        pytest.param({"seed": -1}, "seed", None, id="no seed"),
        pytest.param({"seed": -5}, "seed", -5, id="negative seed"),
        pytest.param({"top_k": -1}, "top_k", -1, id="top_k off"),
        pytest.param({"logprobs": 0}, "logprobs", 0, id="only the sampled token"),
    ],
)
def test_a_value_is_read(wanted: dict[str, Any], name: str, value: object) -> None:
    assert getattr(parse(wanted, vocabulary=VOCABULARY), name) == value


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"n": 1}, id="unknown key"),
        pytest.param({"stop": None}, id="null"),
        pytest.param({"temperature": -0.1}, id="negative temperature"),
        pytest.param({"temperature": "hot"}, id="temperature in words"),
        pytest.param({"temperature": float("nan")}, id="no number"),
        pytest.param({"temperature": True}, id="boolean for a number"),
        pytest.param({"top_p": 0}, id="top_p of nothing"),
        pytest.param({"top_p": 1.1}, id="top_p above all"),
        pytest.param({"top_k": -2}, id="top_k"),
        pytest.param({"min_p": 2}, id="min_p"),
        pytest.param({"presence_penalty": 2.1}, id="presence_penalty"),
        pytest.param({"frequency_penalty": -2.1}, id="frequency_penalty"),
        pytest.param({"repetition_penalty": 0}, id="repetition_penalty"),
        pytest.param({"max_tokens": 0}, id="no tokens"),
        pytest.param({"max_tokens": 1.5}, id="half a token"),
        pytest.param({"max_tokens": 2, "min_tokens": 3}, id="more at least than at most"),
        pytest.param({"stop": ["a", ""]}, id="empty stop string"),
        pytest.param({"stop": [1]}, id="stop number"),
        pytest.param({"stop_token_ids": 1}, id="stop tokens without a list"),
        pytest.param({"logprobs": 21}, id="too many logprobs"),
        pytest.param({"logit_bias": {str(VOCABULARY): 1}}, id="bias of no token"),
        pytest.param({"logit_bias": {"word": 1}}, id="bias of a word"),
        pytest.param({"logit_bias": [1]}, id="bias list"),
        pytest.param({"allowed_token_ids": []}, id="nothing allowed"),
        pytest.param({"ignore_eos": "perhaps"}, id="boolean in words"),
        pytest.param({"ignore_eos": 1}, id="number for a boolean"),
    ],
)
def test_a_wrong_value_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|cannot be|out of range"):
        parse(wanted, vocabulary=VOCABULARY)
