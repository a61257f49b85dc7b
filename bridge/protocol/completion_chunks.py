"""The messages of a completion stream, and the whole answer they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai_bridge.v1.completions_pb2 import (
    CompletionChoice,
    CreateCompletionResponse,
    CreateCompletionStreamResponse,
    TopLogprobs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.protocol.generation import FinishReason, Piece, Token


class CompletionChunks:
    """Builds the messages of one stream; plain text reuses one message per choice."""

    def __init__(
        self,
        completion_id: str,
        created: int,
        model: str,
        *,
        choices: int,
        prompt_texts: Sequence[str] = (),
    ) -> None:
        """Fix what is the same in every message.

        Args:
            completion_id: `cmpl-` and 32 hexadecimal digits.
            created: Unix time in seconds.
            model: name as requested.
            choices: number of choices.
            prompt_texts: the prompt of each choice, for its first message, if they were asked for.
        """
        self._head = CreateCompletionStreamResponse(id=completion_id, created=created, model=model)
        self._texts = [self._message(index) for index in range(choices)]
        self._steps = [message.choices[0] for message in self._texts]
        self._prompt_texts = prompt_texts
        self._offsets = [0] * choices

    def start(self) -> Iterator[CreateCompletionStreamResponse]:
        """Return the messages with the prompts, if they were asked for; completions have no role."""
        for index, text in enumerate(self._prompt_texts):
            message = self._message(index)
            message.choices[0].prompt_text = text
            yield message

    def text(self, index: int, piece: Piece) -> CreateCompletionStreamResponse:
        """Return the message for new text; the next text of the choice overwrites it."""
        if not piece.tokens:
            self._steps[index].text = piece.text
            return self._texts[index]
        message = self._message(index)
        step = message.choices[0]
        step.text = piece.text
        for token in piece.tokens:
            self._add_token(step, token)
        return message

    def finish(self, index: int, reason: FinishReason) -> CreateCompletionStreamResponse:
        """Return the last message of a choice: no text and the reason."""
        message = self._message(index)
        message.choices[0].finish_reason = reason
        return message

    def usage(self, usage: CompletionUsage) -> CreateCompletionStreamResponse:
        """Return the message after all choices."""
        message = CreateCompletionStreamResponse(usage=usage)
        message.MergeFrom(self._head)
        return message

    def _message(self, index: int) -> CreateCompletionStreamResponse:
        message = CreateCompletionStreamResponse()
        message.CopyFrom(self._head)
        message.choices.add(index=index)
        return message

    def _add_token(self, step: CompletionChoice, token: Token) -> None:
        """Append to the four parallel arrays; the chosen token is always among the alternatives."""
        lists = step.logprobs
        lists.tokens.append(token.text)
        lists.token_logprobs.append(token.logprob)
        lists.text_offset.append(self._offsets[step.index])
        self._offsets[step.index] += len(token.text)
        alternatives = {item.text: item.logprob for item in token.top}
        alternatives.setdefault(token.text, token.logprob)
        lists.top_logprobs.append(TopLogprobs(logprobs=alternatives))


class CompletionFold:
    """Adds up the messages of a stream to the answer of the unary RPC."""

    def __init__(self) -> None:
        self._answer = CreateCompletionResponse()
        self._texts: list[list[str]] = []

    def add(self, messages: Iterable[CreateCompletionStreamResponse]) -> None:
        """Take a batch."""
        answer = self._answer
        for message in messages:
            if not answer.id:
                answer.id, answer.created, answer.model = message.id, message.created, message.model
            if message.HasField("usage"):
                answer.usage.CopyFrom(message.usage)
            for step in message.choices:
                self._step(step)

    def result(self) -> CreateCompletionResponse:
        """Return the whole answer, choices in ascending order."""
        for choice, texts in zip(self._answer.choices, self._texts, strict=True):
            choice.text = "".join(texts)
        return self._answer

    def _step(self, step: CompletionChoice) -> None:
        while len(self._texts) <= step.index:
            self._answer.choices.add(index=len(self._texts))
            self._texts.append([])
        choice = self._answer.choices[step.index]
        if step.text:
            self._texts[step.index].append(step.text)
        if step.HasField("logprobs"):
            choice.logprobs.MergeFrom(step.logprobs)
        if step.finish_reason:
            choice.finish_reason = step.finish_reason
        if step.HasField("prompt_text"):
            choice.prompt_text = step.prompt_text
