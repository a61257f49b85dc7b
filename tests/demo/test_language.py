from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ngram_lm import corpus

if TYPE_CHECKING:
    from ngram_lm.language import Language

CHAT = (
    "<|im_start|>system\nYou know classes.<|im_end|>\n"
    "{}<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)


@pytest.mark.parametrize(
    ("question", "word"),
    [
        pytest.param("Tell me about lambda expressions", "lambda", id="lambda"),
        pytest.param("what is a lambda?", "lambda", id="a mark behind the word"),
        pytest.param("Explain the with statement, please.", "with", id="with"),
        pytest.param("How do I write a while loop?", "while", id="while"),
        pytest.param("How does the debugger work?", "debugger", id="debugger"),
    ],
)
def test_the_topic_is_that_of_the_last_user_message(language: Language, question: str, word: str) -> None:
    earlier = "<|im_start|>user\nWhat is exec?<|im_end|>\n<|im_start|>assistant\nA function.<|im_end|>\n"
    focus = language.focus(CHAT.format(earlier, question))
    assert focus is not None
    assert focus == language.focus(question)
    assert focus == language.focus(word)


def test_a_prompt_without_a_known_word_has_no_topic(language: Language) -> None:
    assert language.focus(CHAT.format("", "日本 qwxz")) is None


def test_a_chat_turn_begins_like_a_text(language: Language) -> None:
    assert language.beginning(CHAT.format("", "Hi")) == [language.tokenizer.end_id]


def test_an_answer_begun_in_the_prompt_is_continued(language: Language) -> None:
    begun = language.beginning(CHAT.format("", "Hi") + "The lambda")
    assert language.tokenizer.decode(begun[1:]) == "The lambda"


def test_a_plain_prompt_is_continued(language: Language) -> None:
    assert language.tokenizer.decode(language.beginning("The with statement")[1:]) == "The with statement"


def test_probabilities_sum_to_one(language: Language) -> None:
    for prompt in ("The lambda", "日本", ""):
        context = language.beginning(prompt)
        assert language.distribution(context, language.focus(prompt)).sum() == pytest.approx(1)


def test_the_help_topics_become_passages_without_headings() -> None:
    topics = {topic.name: topic for topic in corpus.load()}
    assert topics["lambda"].heading == "Lambdas"
    assert len(topics) > 50
    for topic in topics.values():
        assert topic.passages
        assert all(passage.strip() and "\n****" not in passage for passage in topic.passages)


def test_prose_is_unwrapped_and_code_keeps_its_lines() -> None:
    (topic,) = corpus.load({"x": "Head\n****\n\nOne\ntwo.\n\n   if a:\n      b\n"})
    assert topic.heading == "Head"
    assert topic.passages == ("One two.\n\n   if a:\n      b",)
