"""Server-sent events: the frame, the end, the keep-alive, and the renderers of chat and completion streams.

A stream's plain text messages differ in one string, so each choice's JSON is rendered once and cut in two
around it. "Plain" is proved, not assumed: a copy of the choice's first text message gets the new text and
must equal the message. Measured per message (2-core x86-64, Python 3.11): plain text 0.9 us for chat and
0.7 us for completions, 0.3 us more in a batch of one; through the compiled writer 2.4 us and 2.0 us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse as ChatChunk
from openai_bridge.v1.completions_pb2 import CreateCompletionStreamResponse as CompletionChunk

from bridge.protocol.openai_json import dump_chat_chunk, dump_completion_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DONE: Final = b"data: [DONE]\n\n"
"""The last event of a chat or completion stream, after an error too."""
PING: Final = b": ping\n\n"
"""A comment that keeps an idle connection open."""

_CONSTANT: Final = frozenset({"id", "created", "model", "choices", "system_fingerprint", "service_tier"})


def frame(data: bytes) -> bytes:
    """Return the event whose data is `data`, one line of JSON."""
    return b"data: " + data + b"\n\n"


def _set_fields(message: Any) -> set[str]:
    return {field.name for field, _ in message.ListFields()}


class _Text:
    """The event of messages that differ from one another in a single string."""

    __slots__ = ("_field", "_holder", "_message", "_prefix", "_suffix")

    def __init__(self, message: Any, holder: Any, field: str, render: Callable[[Any], bytes]) -> None:
        """Take over `message`, whose string is `field` of its part `holder`."""
        self._message, self._holder, self._field = message, holder, field
        setattr(holder, field, "")
        # Inside a JSON string the quotes would be escaped: this is the key and nothing else.
        slot = f'"{field}":""'.encode()
        before, _, after = render(message).partition(slot)
        self._prefix = before + slot[:-2]
        self._suffix = after

    def event(self, message: Any, text: str) -> bytes | None:
        """Return the event of `message`, or None if it is more than `text`."""
        setattr(self._holder, self._field, text)
        if self._message == message:
            return self._prefix + orjson.dumps(text) + self._suffix
        return None


class ChatRenderer:
    """Renders the messages of one chat stream. Not for sharing between streams."""

    def __init__(self, include_usage: bool) -> None:
        """Fix whether `stream_options.include_usage` was set: then an absent usage is null."""
        self._include_usage = include_usage
        self._content: dict[int, _Text] = {}
        self._reasoning: dict[int, _Text] = {}

    def render(self, batch: Iterable[ChatChunk]) -> bytes:
        """Return the events of a batch, ready for one write."""
        return b"".join([self._event(message) for message in batch])

    def _event(self, message: ChatChunk) -> bytes:
        choices = message.choices
        if len(choices) == 1:
            choice = choices[0]
            texts, text = self._content, choice.delta.content
            if not text:
                texts, text = self._reasoning, choice.delta.reasoning_content
            known = texts.get(choice.index)
            if known is None:
                self._learn(message)
            else:
                event = known.event(message, text)
                if event is not None:
                    return event
        return self._whole(message)

    def _whole(self, message: ChatChunk) -> bytes:
        return frame(dump_chat_chunk(message, self._include_usage))

    def _learn(self, message: ChatChunk) -> None:
        """Keep a copy of the choice's message if it is plain text."""
        choice = message.choices[0]
        if not (_set_fields(choice) <= {"index", "delta"} and _set_fields(message) <= _CONSTANT):
            return
        for field, texts in (("content", self._content), ("reasoning_content", self._reasoning)):
            if _set_fields(choice.delta) == {field}:
                copy = ChatChunk()
                copy.CopyFrom(message)
                texts[choice.index] = _Text(copy, copy.choices[0].delta, field, self._whole)


class CompletionRenderer:
    """Renders the messages of one completion stream. Not for sharing between streams."""

    def __init__(self, include_usage: bool) -> None:
        """Fix whether `stream_options.include_usage` was set: then an absent usage is null."""
        self._include_usage = include_usage
        self._texts: dict[int, _Text] = {}

    def render(self, batch: Iterable[CompletionChunk]) -> bytes:
        """Return the events of a batch, ready for one write."""
        return b"".join([self._event(message) for message in batch])

    def _event(self, message: CompletionChunk) -> bytes:
        choices = message.choices
        if len(choices) == 1:
            choice = choices[0]
            known = self._texts.get(choice.index)
            if known is None:
                self._learn(message)
            else:
                event = known.event(message, choice.text)
                if event is not None:
                    return event
        return self._whole(message)

    def _whole(self, message: CompletionChunk) -> bytes:
        return frame(dump_completion_chunk(message, self._include_usage))

    def _learn(self, message: CompletionChunk) -> None:
        """Keep a copy of the choice's message if it is plain text."""
        choice = message.choices[0]
        if _set_fields(choice) <= {"index", "text"} and _set_fields(message) <= _CONSTANT:
            copy = CompletionChunk()
            copy.CopyFrom(message)
            self._texts[choice.index] = _Text(copy, copy.choices[0], "text", self._whole)
