"""The answer of a unary call is its stream, added up: however the model cut its text, it is the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import ROLE_ASSISTANT
from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP

from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.completion_chunks import CompletionChunks, CompletionFold
from bridge.protocol.exchange import Exchange
from bridge.protocol.generation import Generation
from bridge.protocol.translators.vllm import VllmTranslator
from tests.protocol.models import CREATED, says, standin

TRANSLATOR = VllmTranslator(standin("echo_vllm"))


def exchange(n: int, chunks: Any, per_prompt: int) -> Exchange[Any]:
    generations = [Generation(request_id=f"r:{at}", prompt="p", max_tokens=50) for at in range(n)]
    return Exchange(TRANSLATOR, generations, chunks, per_prompt=per_prompt, include_usage=True)


@st.composite
def split_answers(draw: Any) -> tuple[list[str], list[tuple[int, bytes]]]:
    """Answers of up to three choices, cut anywhere, the cuts of all choices interleaved."""
    answers = draw(st.lists(st.text(max_size=8), min_size=1, max_size=3))
    queues = []
    for answer in answers:
        data = answer.encode()
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
        queues.append([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)])
    order = draw(st.permutations([at for at, queue in enumerate(queues) for _ in queue]))
    return answers, [(at, queues[at].pop(0)) for at in order]


def fold(asked: Exchange[Any], sum_up: Any, n: int, pieces: list[tuple[int, bytes]]) -> Any:
    for index, data in pieces:
        sum_up.add(asked.feed(index, [says(data, num_input_tokens=3, num_output_tokens=1)]))
    for index in range(n):
        sum_up.add(asked.end(index))
    sum_up.add(asked.finish())
    return sum_up.result()


@given(split_answers())
def test_the_fold_of_a_chat_stream_does_not_depend_on_its_pieces(
    case: tuple[list[str], list[tuple[int, bytes]]],
) -> None:
    answers, pieces = case
    n = len(answers)
    answer = fold(exchange(n, ChatChunks("chatcmpl-0", CREATED, "m", choices=n), n), ChatFold(), n, pieces)
    assert [choice.message.content for choice in answer.choices] == answers
    assert [choice.index for choice in answer.choices] == list(range(n))
    assert [choice.message.role for choice in answer.choices] == [ROLE_ASSISTANT] * n
    assert [choice.finish_reason for choice in answer.choices] == [FINISH_REASON_STOP] * n
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, len(pieces))


@given(split_answers())
def test_the_fold_of_a_completion_stream_does_not_depend_on_its_pieces(
    case: tuple[list[str], list[tuple[int, bytes]]],
) -> None:
    answers, pieces = case
    n = len(answers)
    chunks = CompletionChunks("cmpl-0", CREATED, "m", choices=n)
    answer = fold(exchange(n, chunks, 1), CompletionFold(), n, pieces)
    assert [choice.text for choice in answer.choices] == answers
    assert [choice.finish_reason for choice in answer.choices] == [FINISH_REASON_STOP] * n
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3 * n, len(pieces))
