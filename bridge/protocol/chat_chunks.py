"""The messages of a chat stream, and the whole answer they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai_bridge.v1 import chat_pb2
from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse, TokenLogprob, TopLogprob
from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP

from bridge.protocol.answer_tokens import token_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.protocol.generation import Alternative, Piece, Token


class ChatChunks:
    """Builds the messages of one stream; plain text reuses one message per choice."""

    def __init__(
        self,
        completion_id: str,
        created: int,
        model: str,
        *,
        choices: int,
        prompt_text: str | None = None,
        prompt_token_ids: Sequence[int] = (),
        token_ids: bool = False,
        name_tokens: bool = False,
        obfuscate: Callable[[], str] | None = None,
    ) -> None:
        """Fix what is the same in every message.

        Args:
            completion_id: `chatcmpl-` and 32 hexadecimal digits.
            created: Unix time in seconds.
            model: name as requested.
            choices: number of choices.
            prompt_text: sent in the first message, if it was asked for.
            prompt_token_ids: sent in the first message, if they were asked for.
            token_ids: send the token ids of a choice in its last message.
            name_tokens: write "token_id:N" for the text of a token in log probabilities.
            obfuscate: gives the random padding of a message, if it was asked for.
        """
        self._head = CreateChatCompletionStreamResponse(id=completion_id, created=created, model=model)
        self._choices = choices
        self._prompt_text = prompt_text
        self._prompt_token_ids = prompt_token_ids
        self._token_ids = token_ids
        self._name_tokens = name_tokens
        self._obfuscate = obfuscate
        self._texts = [self._message(index) for index in range(choices)]
        self._deltas = [message.choices[0].delta for message in self._texts]

    def start(self) -> Iterator[CreateChatCompletionStreamResponse]:
        """Return the role message of each choice."""
        for index in range(self._choices):
            message = self._message(index)
            message.choices[0].delta.role = chat_pb2.ROLE_ASSISTANT
            message.choices[0].delta.content = ""
            if index == 0:
                self._add_prompt(message)
            yield self._padded(message)

    def text(self, index: int, piece: Piece) -> CreateChatCompletionStreamResponse:
        """Return the message for new text; the next text of the choice overwrites it."""
        if not piece.tokens:
            self._deltas[index].content = piece.text
            return self._padded(self._texts[index])
        message = self._message(index)
        message.choices[0].delta.content = piece.text
        content = [token_logprob(token, named=self._name_tokens) for token in piece.tokens]
        message.choices[0].logprobs.content.extend(content)
        return self._padded(message)

    def finish(
        self, index: int, piece: Piece, token_ids: Sequence[int] = ()
    ) -> CreateChatCompletionStreamResponse:
        """Return the last message of a choice: an empty delta and the reason."""
        message = self._message(index)
        step = message.choices[0]
        step.finish_reason = piece.finish_reason or FINISH_REASON_STOP
        if piece.stop_reason is not None:
            step.stop_reason.text = piece.stop_reason
        if self._token_ids:
            step.token_ids.extend(token_ids)
        return self._padded(message)

    def usage(self, usage: CompletionUsage) -> CreateChatCompletionStreamResponse:
        """Return the message after all choices."""
        message = CreateChatCompletionStreamResponse(usage=usage)
        message.MergeFrom(self._head)
        return self._padded(message)

    def _add_prompt(self, message: CreateChatCompletionStreamResponse) -> None:
        if self._prompt_text is not None:
            message.prompt_text = self._prompt_text
        message.prompt_token_ids.extend(self._prompt_token_ids)

    def _message(self, index: int) -> CreateChatCompletionStreamResponse:
        message = CreateChatCompletionStreamResponse()
        message.CopyFrom(self._head)
        message.choices.add(index=index).delta.SetInParent()
        return message

    def _padded(self, message: CreateChatCompletionStreamResponse) -> CreateChatCompletionStreamResponse:
        if self._obfuscate is not None:
            message.obfuscation = self._obfuscate()
        return message


def token_logprob(token: Token, *, named: bool = False) -> TokenLogprob:
    """Return the schema's form of a token; `named` writes its number in place of its text."""
    return TokenLogprob(
        token=_written(token, named),
        logprob=token.logprob,
        bytes=token.bytes,
        top_logprobs=[
            TopLogprob(token=_written(item, named), logprob=item.logprob, bytes=item.bytes)
            for item in token.top
        ],
    )


def _written(token: Alternative, named: bool) -> str:
    return token_name(token.id) if named and token.id is not None else token.text


class ChatFold:
    """Adds up the messages of a stream to the answer of the unary RPC."""

    def __init__(self) -> None:
        self._answer = chat_pb2.CreateChatCompletionResponse()
        self._texts: list[list[str]] = []

    def add(self, messages: Iterable[CreateChatCompletionStreamResponse]) -> None:
        """Take a batch."""
        for message in messages:
            if not self._answer.id:
                self._begin(message)
            if message.HasField("usage"):
                self._answer.usage.CopyFrom(message.usage)
            for step in message.choices:
                self._step(step)

    def result(self) -> chat_pb2.CreateChatCompletionResponse:
        """Return the whole answer, choices in ascending order."""
        for choice, texts in zip(self._answer.choices, self._texts, strict=True):
            choice.message.content = "".join(texts)
        return self._answer

    def _begin(self, message: CreateChatCompletionStreamResponse) -> None:
        answer = self._answer
        answer.id, answer.created, answer.model = message.id, message.created, message.model
        if message.HasField("prompt_text"):
            answer.prompt_text = message.prompt_text
        answer.prompt_token_ids.extend(message.prompt_token_ids)

    def _step(self, step: chat_pb2.ChatStreamChoice) -> None:
        while len(self._texts) <= step.index:
            choice = self._answer.choices.add(index=len(self._texts))
            choice.message.role = chat_pb2.ROLE_ASSISTANT
            self._texts.append([])
        if step.delta.content:
            self._texts[step.index].append(step.delta.content)
        if step.HasField("logprobs"):
            self._answer.choices[step.index].logprobs.MergeFrom(step.logprobs)
        if step.finish_reason:
            choice = self._answer.choices[step.index]
            choice.finish_reason = step.finish_reason
            choice.token_ids.extend(step.token_ids)
            if step.HasField("stop_reason"):
                choice.stop_reason.CopyFrom(step.stop_reason)
