from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ngram_lm.generation import Generation, Step
from ngram_lm.parameters import parse

if TYPE_CHECKING:
    from ngram_lm.language import Language

PROMPT = "<|im_start|>user\nTell me about lambda expressions<|im_end|>\n<|im_start|>assistant\n"
FULL = 400


def _generation(
    language: Language, max_model_len: int = 8192, prompt: str = PROMPT, **wanted: Any
) -> Generation:
    parameters = parse(wanted, vocabulary=len(language.tokenizer))
    return Generation(language, prompt, parameters, max_model_len=max_model_len)


def _steps(language: Language, **wanted: Any) -> list[Step]:
    return list(_generation(language, **wanted).steps())


def _text(steps: list[Step]) -> str:
    return b"".join(step.text for step in steps).decode(errors="replace")


def test_the_answer_is_about_the_question(language: Language) -> None:
    assert "lambda" in _text(_steps(language, temperature=0, max_tokens=FULL))


def test_a_whole_answer_stops_by_itself(language: Language) -> None:
    steps = _steps(language, temperature=0, max_tokens=FULL)
    assert len(steps) < FULL
    assert [step.finish_reason for step in steps] == [None] * (len(steps) - 1) + ["stop"]
    assert "<|im_end|>" not in _text(steps)


def test_max_tokens_cut_the_answer(language: Language) -> None:
    steps = _steps(language, max_tokens=7, seed=1)
    assert len(steps) == 7
    assert steps[-1].finish_reason == "length"


def test_the_context_length_cuts_the_answer(language: Language) -> None:
    prompt_tokens = _generation(language).num_input_tokens
    steps = _steps(language, max_model_len=prompt_tokens + 3, max_tokens=FULL)
    assert len(steps) == 3
    assert steps[-1].finish_reason == "length"


def test_a_prompt_beyond_the_context_length_is_refused(language: Language) -> None:
    with pytest.raises(ValueError, match="longer than the maximum model length of 5"):
        _generation(language, max_model_len=5)


def test_the_prompt_is_counted_in_tokens(language: Language) -> None:
    assert _generation(language, prompt="The lambda").num_input_tokens == 2
    assert _generation(language, prompt="🙂").num_input_tokens == 4


def test_a_stop_string_ends_the_text_before_it(language: Language) -> None:
    whole = _text(_steps(language, temperature=0, max_tokens=FULL))
    steps = _steps(language, temperature=0, max_tokens=FULL, stop=["never there", "anonymous func"])
    assert _text(steps) == whole[: whole.index("anonymous func")]
    assert steps[-1].finish_reason == "stop"


def test_a_held_back_beginning_comes_with_the_last_token(language: Language) -> None:
    whole = _steps(language, temperature=0, max_tokens=6)
    steps = _steps(language, temperature=0, max_tokens=6, stop=[_text(whole)[-3:] + "x"])
    assert _text(steps) == _text(whole)
    assert steps[-1].finish_reason == "length"


def test_a_stop_token_ends_the_answer_unseen(language: Language) -> None:
    whole = _steps(language, temperature=0, max_tokens=6)
    token = whole[-1].candidates[0].token
    steps = _steps(language, temperature=0, max_tokens=FULL, stop_token_ids=[token])
    assert steps[-1].finish_reason == "stop"
    assert _text(steps) + whole[-1].text.decode() == _text(whole)


def test_the_end_can_be_ignored_and_shown(language: Language) -> None:
    steps = _steps(language, temperature=0, max_tokens=FULL, ignore_eos=True, skip_special_tokens=False)
    assert len(steps) == FULL
    assert "<|im_end|>" in _text(steps)


def test_min_tokens_put_the_end_off(language: Language) -> None:
    shortest = len(_steps(language, temperature=0, max_tokens=FULL))
    assert len(_steps(language, temperature=0, max_tokens=FULL, min_tokens=shortest + 5)) > shortest + 4


def test_logprobs_are_those_of_the_model(language: Language) -> None:
    everything = _generation(language, temperature=0, logprobs=20)
    (first, *_) = everything.steps()
    context, focus = language.beginning(PROMPT), language.focus(PROMPT)
    probabilities = language.distribution(context, focus)
    assert [candidate.rank for candidate in first.candidates] == sorted(
        candidate.rank for candidate in first.candidates
    )
    for candidate in first.candidates:
        assert candidate.logprob == pytest.approx(np.log(probabilities[candidate.token]))


def test_the_sampled_token_leads_the_candidates_whatever_its_rank(language: Language) -> None:
    steps = _steps(language, seed=3, temperature=2, max_tokens=60, logprobs=2)
    surprising = [step for step in steps if step.candidates[0].rank > 2]
    assert surprising
    assert all([c.rank for c in step.candidates[1:]] == [1, 2] for step in surprising)


def test_a_seed_repeats_the_answer(language: Language) -> None:
    one, same, other = (_text(_steps(language, seed=seed, max_tokens=60)) for seed in (5, 5, 6))
    assert one == same != other
