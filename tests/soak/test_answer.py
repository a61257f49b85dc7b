"""The soak's own judgement: it must be able to say that an answer is wrong, and what is wrong with it."""

from __future__ import annotations

import pytest

from tests.grpc_client import words
from tests.soak.answer import Answer, WrongAnswerError, check
from tests.soak.plan import PLAIN, Plan

PLAN = Plan(
    door="http", endpoint="chat", streamed=True, model=PLAIN, behaviour="reads",
    directive={"words": 5}, limit=1000, patience=0,
)  # fmt: skip
LOST = "word0 word1 word3 word4 "
TWICE = "word0 word1 word1 word2 word3 word4 "


def answer(
    text: str, *finishes: str, tokens: int | None = 5, ended: bool = True, error: str | None = None
) -> Answer:
    return Answer(text, list(finishes), tokens, ended, error)


def test_a_whole_answer_is_whole() -> None:
    assert check(PLAN, answer(words(5), "stop"))


@pytest.mark.parametrize("said", [0, 3, 5])
def test_a_beginning_with_an_explicit_error_is_not_wrong(said: int) -> None:
    assert not check(PLAN, answer(words(said), error="service_unavailable"))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        pytest.param(answer(LOST, "stop"), "text: 0-1, 3-4, not 0-4", id="a lost word"),
        pytest.param(answer(TWICE, "stop"), "text: 0-1, 1-4, not 0-4", id="a word twice"),
        pytest.param(answer(words(4), "stop"), "text: 0-3, not 0-4", id="the last word lost"),
        pytest.param(answer("", "stop"), "text: nothing, not 0-4", id="no word"),
        pytest.param(answer(words(5)), "finish reasons: [], not ['stop']", id="no finish"),
        pytest.param(answer(words(5), "stop", "stop"), "finish reasons: ['stop', 'stop']", id="two finishes"),
        pytest.param(answer(words(5), "length"), "finish reasons: ['length']", id="another finish"),
        pytest.param(answer(words(5), "stop", tokens=6), "tokens: 6, not 5", id="a token counted twice"),
        pytest.param(answer(words(5), "stop", ended=False), "no end, and no error", id="no end"),
        pytest.param(
            answer(LOST, error="timeout"), "0-1, 3-4 is no beginning", id="a lost word and an error"
        ),
        pytest.param(answer(TWICE, error="503"), "0-1, 1-4 is no beginning", id="a word twice and an error"),
        pytest.param(answer(words(3), "stop", error="timeout"), "of what failed", id="a finish and an error"),
        pytest.param(answer("", error="500"), "error 500", id="an error that no fault explains"),
    ],
)
def test_what_is_wrong_is_told(wrong: Answer, complaint: str) -> None:
    with pytest.raises(WrongAnswerError) as caught:
        check(PLAN, wrong)
    assert complaint in str(caught.value)
