from __future__ import annotations

import pytest
from ngram_lm.ngram import NgramModel

VOCABULARY = 10
#         0  1  2  3  4  5  6  7  8  9 10 11
TOKENS = [1, 2, 3, 1, 2, 4, 5, 2, 4, 1, 2, 3]
SECOND_HALF = slice(6, 12)


@pytest.mark.parametrize("focus", [None, SECOND_HALF], ids=["everything", "a part"])
@pytest.mark.parametrize(
    "context",
    [
        pytest.param([], id="no context"),
        pytest.param([2], id="seen"),
        pytest.param([9], id="never seen"),
        pytest.param([9, 8, 2], id="end seen"),
        pytest.param([1, 2, 3], id="seen at the very end"),
        pytest.param([3, 1, 2, 4, 5], id="as long as it gets"),
    ],
)
def test_every_distribution_is_one(context: list[int], focus: slice | None) -> None:
    probabilities = NgramModel(TOKENS, VOCABULARY).distribution(context, focus)
    assert probabilities.shape == (VOCABULARY,)
    assert probabilities.min() > 0
    assert probabilities.sum() == pytest.approx(1)


def test_what_followed_more_often_is_more_probable() -> None:
    probabilities = NgramModel([1, 2, 1, 2, 1, 3, 0], VOCABULARY).distribution([1])
    assert probabilities[2] > probabilities[3] > probabilities[4]


def test_a_longer_context_decides_against_a_shorter_one() -> None:
    model = NgramModel(TOKENS, VOCABULARY)
    assert model.distribution([2]).argmax() in {3, 4}
    assert model.distribution([5, 2]).argmax() == 4


def test_an_unseen_context_falls_back_to_how_frequent_tokens_are() -> None:
    probabilities = NgramModel(TOKENS, VOCABULARY).distribution([9])
    assert probabilities.argmax() == 2
    assert probabilities[0] < probabilities[5]


def test_the_part_in_focus_decides_where_it_knows_the_context() -> None:
    model = NgramModel([1, 2, 1, 2, 1, 2, 0, 1, 3, 0], VOCABULARY)
    assert model.distribution([1]).argmax() == 2
    assert model.distribution([1], slice(6, 10)).argmax() == 3
    assert model.distribution([2], slice(6, 10)).argmax() == model.distribution([2]).argmax()


def test_the_part_in_focus_ends_where_it_ends() -> None:
    model = NgramModel([1, 2, 1, 3], VOCABULARY)
    only_first = model.distribution([1], slice(0, 2))
    assert only_first[2] > model.distribution([1])[2]
    assert (model.distribution([1], slice(0, 1)) == model.distribution([1])).all()
