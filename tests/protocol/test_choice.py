"""One choice: stop strings over any split, why it ended, and counts where the model gives none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation, Piece
from bridge.protocol.tokenizer import Tokenizer
from bridge.protocol.translators import choose
from bridge.protocol.translators.typed_inputs import Overrides
from tests.families import family_signature
from tests.protocol.models import declared, says, tensor
from tests.tokenizers import small

if TYPE_CHECKING:
    from bridge.protocol.kserve import ModelInferResponse
    from bridge.protocol.signature import Signature

PROMPT = tensor("text_input", optional=False)
UNLIMITED = declared(PROMPT)
LIMITED = declared(PROMPT, tensor("max_tokens", "INT32"))
LLMAPI = family_signature("llmapi")
ASK = Generation(request_id="r", prompt="p", max_tokens=5)
TOKENIZER = Tokenizer(small.source(small.byte_level()))
FIVE = "zq xw"
"""Five tokens: none of these letters ever met in training."""


def choice(signature: Signature = LIMITED, generation: Generation = ASK, **options: Any) -> Choice:
    return Choice(generation, choose(signature).reader(generation), **options)


def run(made: Choice, *responses: ModelInferResponse) -> tuple[list[str], Piece]:
    """Return the texts that are shown, the last one at the end, and the end."""
    texts = [made.feed(response).text for response in responses]
    end = made.finish()
    return [*texts, end.text], end


def stopping(*stops: str, include: bool = False) -> Generation:
    return replace(ASK, stop=stops, include_stop=include)


def cut(text: str, stops: list[str], *, include: bool) -> tuple[str, str | None]:
    """Return what a whole text becomes, by the definition: the stop string that ends first."""
    ends = [(text.index(stop) + len(stop), text.index(stop), stop) for stop in stops if stop in text]
    if not ends:
        return text, None
    end, start, found = min(ends)
    return text[: end if include else start], found


@given(
    st.text("ab€", max_size=12),
    st.lists(st.text("ab€", min_size=1, max_size=3), max_size=3),
    st.lists(st.integers(0, 36), max_size=4),
    st.booleans(),
)
def test_stop_strings_never_leak_however_the_text_is_split(
    text: str, stops: list[str], cuts: list[int], include: bool
) -> None:
    data = text.encode()
    bounds = sorted({0, len(data), *(at for at in cuts if at < len(data))})
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    shown, found = cut(text, stops, include=include)
    made = choice(generation=stopping(*stops, include=include))
    so_far = ""
    for piece in pieces:
        so_far += made.feed(says(piece)).text
        assert shown.startswith(so_far)
    end = made.finish()
    assert so_far + end.text == shown
    assert end.stop_reason == found


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        pytest.param(["a EN", "D b"], ["a ", "", ""], id="found"),
        pytest.param(["a EN", "TER"], ["a ", "ENTER", ""], id="it was none"),
        pytest.param(["a EN"], ["a ", "EN"], id="the text ended in its first part"),
        pytest.param(["END", "b"], ["", "", ""], id="at once"),
    ],
)
def test_text_that_may_become_a_stop_string_is_held_back(texts: list[str], shown: list[str]) -> None:
    assert run(choice(generation=stopping("END")), *map(says, texts))[0] == shown


def test_a_choice_is_done_once_a_stop_string_was_found() -> None:
    made = choice(generation=stopping("END"))
    made.feed(says("a EN"))
    assert not made.done
    made.feed(says("D"))
    assert made.done
    assert not choice().done


def test_a_stop_string_beats_the_count_and_what_the_model_says() -> None:
    made = choice(generation=stopping("END"))
    _, end = run(made, says("a END", num_output_tokens=5, finish_reason="length"))
    assert (end.finish_reason, end.stop_reason) == (FINISH_REASON_STOP, "END")


def test_counts_pass_by_the_stop_strings() -> None:
    made = choice(generation=stopping("END"))
    assert made.feed(says("a", num_output_tokens=3)).completion_tokens == 3


@pytest.mark.parametrize(
    ("texts", "stop_reason", "include", "shown", "found"),
    [
        pytest.param(["a E", "a EN", "a "], "END", False, "a ", "END", id="the engine takes its part back"),
        pytest.param(["a ", "a EN"], "END", False, "a ", "END", id="the engine never sends the rest"),
        pytest.param(["a ", "a END"], "END", False, "a ", "END", id="the engine leaves it in the text"),
        pytest.param(["a "], "END", False, "a ", "END", id="the engine cuts all of it"),
        pytest.param(["a E", "a "], "END", True, "a END", "END", id="taken back, but wanted"),
        pytest.param(["a "], "END", True, "a END", "END", id="cut, but wanted"),
        pytest.param(["a END"], "END", True, "a END", "END", id="left, and wanted"),
        pytest.param(["a EN"], "", False, "a EN", None, id="the engine ended by itself"),
        pytest.param(["a EN"], "2", False, "a EN", None, id="a token ended it"),
        pytest.param(["a EN"], "OTHER", False, "a EN", None, id="a stop string that nobody asked for"),
    ],
)
def test_an_engine_may_cut_the_stop_string_itself(
    texts: list[str], stop_reason: str, include: bool, shown: str, found: str | None
) -> None:
    *first, last = texts
    responses = [says(text) for text in first]
    responses.append(says(last, stop_reason=stop_reason, finish_reason="stop"))
    said, end = run(choice(LLMAPI, stopping("END", include=include)), *responses)
    assert "".join(said) == shown
    assert (end.finish_reason, end.stop_reason) == (FINISH_REASON_STOP, found)


@pytest.mark.parametrize(
    ("signature", "outputs", "tokenizer", "reason"),
    [
        pytest.param(LIMITED, {}, None, FINISH_REASON_STOP, id="nothing known"),
        pytest.param(LIMITED, {"num_output_tokens": 4}, None, FINISH_REASON_STOP, id="fewer than the limit"),
        pytest.param(LIMITED, {"num_output_tokens": 5}, None, FINISH_REASON_LENGTH, id="the limit"),
        pytest.param(LIMITED, {"num_output_tokens": 6}, None, FINISH_REASON_LENGTH, id="more"),
        pytest.param(LIMITED, {}, TOKENIZER, FINISH_REASON_LENGTH, id="the limit, as the tokenizer counts"),
        pytest.param(
            LIMITED, {"num_output_tokens": 4}, TOKENIZER, FINISH_REASON_STOP, id="the model's count wins"
        ),
        pytest.param(UNLIMITED, {"num_output_tokens": 9}, None, FINISH_REASON_STOP, id="no limit was told"),
        pytest.param(UNLIMITED, {}, TOKENIZER, FINISH_REASON_STOP, id="no limit was told, tokenizer"),
        pytest.param(
            LIMITED,
            {"num_output_tokens": 5, "finish_reason": "stop"},
            TOKENIZER,
            FINISH_REASON_STOP,
            id="the model says stop",
        ),
        pytest.param(
            UNLIMITED, {"finish_reason": "length"}, None, FINISH_REASON_LENGTH, id="the model says length"
        ),
        pytest.param(
            LIMITED, {"finish_reason": "None"}, TOKENIZER, FINISH_REASON_LENGTH, id="the model never says it"
        ),
    ],
)
def test_why_a_choice_ended_is_told_or_inferred(
    signature: Signature, outputs: dict[str, Any], tokenizer: Tokenizer | None, reason: int
) -> None:
    _, end = run(choice(signature, tokenizer=tokenizer), says(FIVE, **outputs))
    assert end.finish_reason == reason
    assert end.stop_reason is None


def test_a_limit_that_is_a_request_parameter_is_told() -> None:
    translator = choose(UNLIMITED, overrides=Overrides(as_parameters=frozenset({"max_tokens"})))
    _, end = run(Choice(ASK, translator.reader(ASK)), says("x", num_output_tokens=5))
    assert end.finish_reason == FINISH_REASON_LENGTH


def test_the_models_counts_add_up() -> None:
    made = choice()
    assert made.completion_tokens is None
    run(made, says("a", num_output_tokens=2, num_input_tokens=7), says("b", num_output_tokens=3))
    assert (made.prompt_tokens, made.completion_tokens) == (7, 5)


def test_where_the_model_counts_nothing_the_tokenizer_does_at_the_end() -> None:
    made = choice(tokenizer=TOKENIZER, prompt_tokens=11)
    made.feed(says("the quick brown"))
    assert (made.prompt_tokens, made.completion_tokens) == (11, None)
    made.feed(says(" fox"))
    made.finish()
    assert made.completion_tokens == TOKENIZER.count("the quick brown fox", add_special_tokens=False)


def test_the_models_own_counts_win() -> None:
    made = choice(tokenizer=TOKENIZER, prompt_tokens=11)
    run(made, says("the quick brown fox", num_input_tokens=3, num_output_tokens=1))
    assert (made.prompt_tokens, made.completion_tokens) == (3, 1)


def test_without_a_tokenizer_nothing_is_counted() -> None:
    made = choice()
    run(made, says("the quick brown fox"))
    assert (made.prompt_tokens, made.completion_tokens, made.token_ids) == (None, None, [])


def test_only_what_is_shown_is_tokenized() -> None:
    made = choice(generation=stopping("END"), tokenizer=TOKENIZER)
    run(made, says("the fox EN"), says("D the dog"))
    assert made.token_ids == TOKENIZER.encode("the fox ", add_special_tokens=False)
    assert made.completion_tokens == len(made.token_ids)


def test_text_that_was_held_back_is_tokenized_too() -> None:
    made = choice(generation=stopping("END"), tokenizer=TOKENIZER)
    run(made, says("the fox EN"))
    assert made.token_ids == TOKENIZER.encode("the fox EN", add_special_tokens=False)


def test_the_last_likelihood_counts() -> None:
    made = choice(LLMAPI, replace(ASK, cumulative_logprob=True))
    run(made, says("a", cumulative_logprob="-1"), says("ab", cumulative_logprob="-2.5"), says("abc"))
    assert made.cumulative_logprob == -2.5
