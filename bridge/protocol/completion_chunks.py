"""The messages of a completion stream, and the whole answer they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP
from openai_bridge.v1.completions_pb2 import (
    CompletionChoice,
    CreateCompletionResponse,
    CreateCompletionStreamResponse,
    TopLogprobs,
)

from bridge.protocol.answer_tokens import token_name
from bridge.protocol.exchange import Texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.protocol.generation import Alternative, Piece, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptShown:
    """What a choice shows of its prompt, before anything the model says."""

    echo: str = ""
    """Put in front of the text."""
    text: str | None = None
    """Sent as `prompt_text`."""
    token_ids: Sequence[int] = ()
    """Sent as `prompt_token_ids`."""


class CompletionChunks:
    """Builds the messages of one stream; plain text reuses one message per choice."""

    plain = True
    """See `Chunks.plain`."""

    def __init__(
        self,
        completion_id: str,
        created: int,
        model: str,
        *,
        choices: int,
        prompts: Sequence[PromptShown] = (),
        token_ids: bool = False,
        name_tokens: bool = False,
    ) -> None:
        """Fix what is the same in every message.

        Args:
            completion_id: `cmpl-` and 32 hexadecimal digits.
            created: Unix time in seconds.
            model: name as requested.
            choices: number of choices.
            prompts: what the first message of each choice shows of its prompt, if anything is to be shown.
            token_ids: send the token ids of a choice in its last message.
            name_tokens: write "token_id:N" for the text of a token in log probabilities.
        """
        self._head = CreateCompletionStreamResponse(id=completion_id, created=created, model=model)
        self._texts = [self._message(index) for index in range(choices)]
        self._steps = [message.choices[0] for message in self._texts]
        self._prompts = prompts
        self._token_ids = token_ids
        self._name_tokens = name_tokens
        self._offsets = [0] * choices

    def start(self) -> Iterator[CreateCompletionStreamResponse]:
        """Return the messages with the prompts, if they were asked for; completions have no role."""
        for index, prompt in enumerate(self._prompts):
            message = self._message(index)
            step = message.choices[0]
            step.text = prompt.echo
            self._offsets[index] = len(prompt.echo)
            if prompt.text is not None:
                step.prompt_text = prompt.text
            step.prompt_token_ids.extend(prompt.token_ids)
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

    def finish(
        self, index: int, piece: Piece, token_ids: Sequence[int] = ()
    ) -> CreateCompletionStreamResponse:
        """Return the last message of a choice: no text and the reason."""
        message = self._message(index)
        step = message.choices[0]
        step.finish_reason = piece.finish_reason or FINISH_REASON_STOP
        if piece.stop_reason is not None:
            step.stop_reason.text = piece.stop_reason
        if self._token_ids:
            step.token_ids.extend(token_ids)
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
        lists.tokens.append(self._written(token))
        lists.token_logprobs.append(token.logprob)
        lists.text_offset.append(self._offsets[step.index])
        self._offsets[step.index] += len(token.text)
        # Different tokens may have one text: the likeliest stands for it, the chosen one for its own.
        alternatives = {self._written(item): item.logprob for item in reversed(token.top)}
        alternatives[self._written(token)] = token.logprob
        lists.top_logprobs.append(TopLogprobs(logprobs=alternatives))

    def _written(self, token: Alternative) -> str:
        return token_name(token.id) if self._name_tokens and token.id is not None else token.text


class CompletionFold:
    """Adds up the messages of a stream to the answer of the unary RPC."""

    def __init__(self) -> None:
        self._answer = CreateCompletionResponse()
        self._texts: list[list[str]] = []

    def add(self, messages: Iterable[CreateCompletionStreamResponse]) -> None:
        """Take a batch."""
        answer = self._answer
        if isinstance(messages, Texts) and messages.index < len(self._texts):
            self._texts[messages.index].extend(messages.texts)
            return
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
        choice.token_ids.extend(step.token_ids)
        choice.prompt_token_ids.extend(step.prompt_token_ids)
        if step.HasField("stop_reason"):
            choice.stop_reason.CopyFrom(step.stop_reason)
        if step.HasField("prompt_text"):
            choice.prompt_text = step.prompt_text
