from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from ngram_lm.parameters import parse
from ngram_lm.sampling import Sampler
from ngram_lm.tokenizer import BYTES, Tokenizer

TOKENIZER = Tokenizer(["a a a a b b b c c d"])
A, B, C, D = (TOKENIZER.encode(word)[0] for word in (" a", " b", " c", " d"))


def _distribution(**shares: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    probabilities = np.full(len(TOKENIZER), 1e-9)
    for name, share in shares.items():
        probabilities[{"a": A, "b": B, "c": C, "d": D, "end": TOKENIZER.end_id}[name]] = share
    total: np.ndarray[Any, np.dtype[np.float64]] = probabilities / probabilities.sum()
    return total


PLAIN = _distribution(a=0.5, b=0.3, c=0.15, d=0.05)


def _sampler(prompt: list[int] | None = None, **wanted: Any) -> Sampler:
    return Sampler(parse(wanted, vocabulary=len(TOKENIZER)), prompt or [], TOKENIZER)


def _shares(draws: int = 2000, **wanted: Any) -> Counter[int]:
    """Return how often each token comes first."""
    return Counter(_sampler(**{"seed": seed} | wanted).choose(PLAIN) for seed in range(draws))


def test_tokens_come_as_often_as_they_are_probable() -> None:
    shares = _shares()
    assert shares[A] / 2000 == pytest.approx(0.5, abs=0.05)
    assert shares[B] / 2000 == pytest.approx(0.3, abs=0.05)
    assert shares[D] / 2000 == pytest.approx(0.05, abs=0.02)


def test_no_temperature_takes_the_most_probable_token() -> None:
    assert _shares(50, temperature=0) == {A: 50}


def test_heat_makes_rare_tokens_more_frequent_and_cold_the_reverse() -> None:
    assert _shares(temperature=2)[D] > 1.5 * _shares()[D] > 1.5 * _shares(temperature=0.5)[D]


@pytest.mark.parametrize(
    ("wanted", "possible"),
    [
        pytest.param({"top_k": 1}, {A}, id="top_k 1"),
        pytest.param({"top_k": 2}, {A, B}, id="top_k 2"),
        pytest.param({"top_p": 0.4}, {A}, id="top_p within the first"),
        pytest.param({"top_p": 0.7}, {A, B}, id="top_p within the second"),
        pytest.param({"min_p": 0.25}, {A, B, C}, id="min_p"),
        pytest.param({"top_k": 3, "top_p": 0.6}, {A, B}, id="top_k and top_p"),
        pytest.param({"allowed_token_ids": [C, D]}, {C, D}, id="allowed_token_ids"),
        pytest.param({"bad_words": ["a"]}, {B, C, D}, id="bad_words"),
        pytest.param({"logit_bias": {str(A): -100}}, {B, C, D}, id="logit_bias against"),
        pytest.param({"logit_bias": {str(D): 100}}, {D}, id="logit_bias for"),
    ],
)
def test_only_these_tokens_can_come(wanted: dict[str, Any], possible: set[int]) -> None:
    assert set(_shares(500, **wanted)) == possible


def test_a_seed_repeats_every_choice() -> None:
    one, same, other = (_sampler(seed=seed) for seed in (7, 7, 8))
    choices = [[sampler.choose(PLAIN) for _ in range(50)] for sampler in (one, same, other)]
    assert choices[0] == choices[1] != choices[2]


def test_no_seed_means_other_choices_every_time() -> None:
    one, other = _sampler(), _sampler()
    assert [one.choose(PLAIN) for _ in range(100)] != [other.choose(PLAIN) for _ in range(100)]


@pytest.mark.parametrize("seed", [-3, 2**63, -(2**63)])
def test_any_64_bit_seed_is_taken(seed: int) -> None:
    assert _sampler(seed=seed).choose(PLAIN) == _sampler(seed=seed).choose(PLAIN)


def test_a_presence_penalty_favours_new_tokens() -> None:
    sampler = _sampler(temperature=0, presence_penalty=1)
    assert [sampler.choose(PLAIN) for _ in range(3)] == [A, B, A]


def test_a_frequency_penalty_grows_with_every_use() -> None:
    sampler = _sampler(temperature=0, frequency_penalty=0.3)
    assert [sampler.choose(PLAIN) for _ in range(5)] == [A, A, B, A, B]


def test_a_repetition_penalty_counts_the_prompt_as_well() -> None:
    assert _sampler([A], temperature=0, repetition_penalty=2).choose(PLAIN) == B
    assert _sampler([A], temperature=0, presence_penalty=2).choose(PLAIN) == A


def test_bad_words_of_several_tokens_forbid_only_their_end() -> None:
    sampler = _sampler(temperature=0, bad_words=["a a"])
    assert [sampler.choose(PLAIN) for _ in range(4)] == [A, B, A, B]


def test_the_end_cannot_come_before_min_tokens() -> None:
    sampler = _sampler(temperature=0, min_tokens=2)
    ending = _distribution(end=0.9, a=0.1)
    assert [sampler.choose(ending) for _ in range(3)] == [A, A, TOKENIZER.end_id]


def test_forbidding_every_token_is_an_error() -> None:
    only = [BYTES.start]
    sampler = _sampler(allowed_token_ids=only, stop_token_ids=only, min_tokens=1)
    with pytest.raises(ValueError, match="forbid every token"):
        sampler.choose(PLAIN)
