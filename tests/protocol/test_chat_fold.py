"""The whole answer that a chat stream adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.chat_pb2 import FunctionCall, ToolCall
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP, CompletionUsage

from bridge.protocol.chat_chunks import ChatChunks, token_logprob
from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.events import CallArguments, CallEnd, CallStart, Reasoning, Text
from bridge.protocol.generation import Alternative, Piece, Token
from tests.protocol.models import CREATED

if TYPE_CHECKING:
    from bridge.protocol.events import Event

STOP, LENGTH = Piece(finish_reason=FINISH_REASON_STOP), Piece(finish_reason=FINISH_REASON_LENGTH)
USAGE = CompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
TOKEN = Token("Hi", -0.5, 7, (Alternative("Hi", -0.5), Alternative("\ufffd", -2.0)))


def chunks(choices: int = 1, **options: Any) -> ChatChunks:
    return ChatChunks("chatcmpl-0", CREATED, "m", choices=choices, **options)


def test_the_fold_is_the_whole_answer() -> None:
    made, fold = chunks(2, prompt_text="<prompt>"), ChatFold()
    fold.add(made.start())
    for index, piece in ((1, Piece(text="b")), (0, Piece(text="Hi", tokens=(TOKEN,))), (1, Piece(text="c"))):
        fold.add([made.text(index, piece)])
    fold.add([made.text(0, Piece(text="", tokens=(TOKEN,)))])
    fold.add([made.finish(1, STOP), made.finish(0, LENGTH), made.usage(USAGE)])
    answer = fold.result()
    assert (answer.id, answer.created, answer.model, answer.prompt_text) == (
        "chatcmpl-0",
        CREATED,
        "m",
        "<prompt>",
    )
    assert answer.usage == USAGE
    first, second = answer.choices
    assert (first.index, first.message.content, first.finish_reason) == (0, "Hi", FINISH_REASON_LENGTH)
    assert (second.index, second.message.content, second.finish_reason) == (1, "bc", FINISH_REASON_STOP)
    assert list(first.logprobs.content) == [token_logprob(TOKEN)] * 2
    assert not second.HasField("logprobs")


F = [CallStart("f"), CallArguments('{"a'), CallArguments('": 1}'), CallEnd()]


@pytest.mark.parametrize(
    ("events", "content", "reasoning", "calls"),
    [
        pytest.param([], "", None, [], id="nothing"),
        pytest.param([Text("a"), Text("b")], "ab", None, [], id="text"),
        pytest.param([Reasoning("w"), Reasoning("hy")], None, "why", [], id="reasoning alone"),
        pytest.param([Reasoning("why"), Text("so")], "so", "why", [], id="reasoning and text"),
        pytest.param(F, None, None, [("f", '{"a": 1}')], id="a call alone"),
        pytest.param([Text("a"), *F, Text("b")], "ab", None, [("f", '{"a": 1}')], id="text around a call"),
        pytest.param([*F, *F], None, None, [("f", '{"a": 1}')] * 2, id="two calls"),
        pytest.param([CallStart("f")], None, None, [("f", "")], id="a call that is cut"),
    ],
)
def test_what_is_not_there_is_null(
    events: list[Event], content: str | None, reasoning: str | None, calls: list[tuple[str, str]]
) -> None:
    ids = iter(range(9))
    made, fold = chunks(call_id=lambda: f"call_{next(ids)}"), ChatFold()
    fold.add(made.start())
    for event in events:
        said = made.event(0, event)
        fold.add([] if said is None else [said])
    fold.add([made.finish(0, STOP)])
    message = fold.result().choices[0].message
    assert (message.content if message.HasField("content") else None) == content
    assert (message.reasoning_content if message.HasField("reasoning_content") else None) == reasoning
    assert list(message.tool_calls) == [
        ToolCall(id=f"call_{at}", function=FunctionCall(name=name, arguments=arguments))
        for at, (name, arguments) in enumerate(calls)
    ]
    assert not fold.result().HasField("usage")
