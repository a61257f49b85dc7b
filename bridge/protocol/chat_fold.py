"""The answer of the unary chat RPC: the messages of the stream, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai_bridge.v1 import chat_pb2

from bridge.protocol.exchange import Texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openai_bridge.v1.chat_pb2 import ChatCompletionMessage, CreateChatCompletionStreamResponse


class ChatFold:
    """Adds up the messages of one stream."""

    def __init__(self) -> None:
        self._answer = chat_pb2.CreateChatCompletionResponse()
        self._said: list[_Said] = []

    def add(self, messages: Iterable[CreateChatCompletionStreamResponse]) -> None:
        """Take a batch."""
        if isinstance(messages, Texts) and messages.index < len(self._said):
            self._said[messages.index].extend(messages.texts)
            return
        for message in messages:
            if not self._answer.id:
                self._begin(message)
            if message.HasField("usage"):
                self._answer.usage.CopyFrom(message.usage)
            for step in message.choices:
                self._step(step)

    def result(self) -> chat_pb2.CreateChatCompletionResponse:
        """Return the whole answer, choices in ascending order."""
        for choice, said in zip(self._answer.choices, self._said, strict=True):
            said.write(choice.message)
        return self._answer

    def _begin(self, message: CreateChatCompletionStreamResponse) -> None:
        answer = self._answer
        answer.id, answer.created, answer.model = message.id, message.created, message.model
        if message.HasField("prompt_text"):
            answer.prompt_text = message.prompt_text
        answer.prompt_token_ids.extend(message.prompt_token_ids)

    def _step(self, step: chat_pb2.ChatStreamChoice) -> None:
        while len(self._said) <= step.index:
            choice = self._answer.choices.add(index=len(self._said))
            choice.message.role = chat_pb2.ROLE_ASSISTANT
            self._said.append(_Said())
        self._said[step.index].add(step.delta)
        choice = self._answer.choices[step.index]
        if step.HasField("logprobs"):
            choice.logprobs.MergeFrom(step.logprobs)
        if step.finish_reason:
            choice.finish_reason = step.finish_reason
            choice.token_ids.extend(step.token_ids)
            if step.HasField("stop_reason"):
                choice.stop_reason.CopyFrom(step.stop_reason)


class _Said:
    """The texts of one choice; joined once, at the end."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[tuple[chat_pb2.ToolCall, list[str]]] = []

    def extend(self, content: Iterable[str]) -> None:
        self._content.extend(content)

    def add(self, delta: chat_pb2.ChatDelta) -> None:
        if delta.content:
            self._content.append(delta.content)
        if delta.reasoning_content:
            self._reasoning.append(delta.reasoning_content)
        for call in delta.tool_calls:
            if call.HasField("id"):
                begun = chat_pb2.ToolCall(id=call.id, function=chat_pb2.FunctionCall(name=call.function.name))
                self._calls.append((begun, []))
            self._calls[call.index][1].append(call.function.arguments)

    def write(self, message: ChatCompletionMessage) -> None:
        """Write the message; its content stays null beside calls or reasoning alone."""
        if self._content or not (self._calls or self._reasoning):
            message.content = "".join(self._content)
        if self._reasoning:
            message.reasoning_content = "".join(self._reasoning)
        for call, arguments in self._calls:
            call.function.arguments = "".join(arguments)
            message.tool_calls.append(call)
