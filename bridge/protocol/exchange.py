"""One request from its Triton calls to its stream of messages: what to ask, what the answers amount to.

Synchronous and door-blind. Chat and completions differ in how they build an exchange and in the
messages it says (`Chunks`); the order of events, the end and the usage are the same, and here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP, CompletionUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.protocol.generation import FinishReason, Generation, Piece, Reader, Translator
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse


class StreamMessage(Protocol):
    """What both kinds of stream messages have in common."""

    @property
    def usage(self) -> CompletionUsage:
        """Token counts."""


M = TypeVar("M", bound=StreamMessage)
M_co = TypeVar("M_co", bound=StreamMessage, covariant=True)


class Chunks(Protocol[M_co]):
    """Builds the messages of one stream. A returned message is valid until the next call."""

    def start(self) -> Iterator[M_co]:
        """Return the messages that go before anything the model says."""

    def text(self, index: int, piece: Piece) -> M_co:
        """Return the message for new text of a choice."""

    def finish(self, index: int, reason: FinishReason) -> M_co:
        """Return the last message of a choice."""

    def usage(self, usage: CompletionUsage) -> M_co:
        """Return the message after all choices."""


@dataclass(slots=True)
class Choice:
    """The state of one choice."""

    reader: Reader
    prompt_number: int
    """Which prompt of the request it answers; choices of one prompt share its count."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def note(self, piece: Piece) -> None:
        """Keep the counts of a piece."""
        if piece.prompt_tokens is not None:
            self.prompt_tokens = piece.prompt_tokens
        if piece.completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + piece.completion_tokens


class Exchange(Generic[M]):
    """One request's state machine.

    Call `feed` for every batch of responses of a choice, `end` when its model has ended, and
    `finish` after all choices. Each returns an iterator that must be read to its end before the next
    call; a message is valid until the next one is taken.
    """

    def __init__(
        self,
        translator: Translator,
        generations: Sequence[Generation],
        chunks: Chunks[M],
        *,
        per_prompt: int,
        include_usage: bool,
        continuous_usage: bool = False,
    ) -> None:
        """Prepare the Triton calls.

        Args:
            translator: of the model that is asked.
            generations: one per choice, in the order of the choices.
            chunks: builds the messages.
            per_prompt: choices that answer the same prompt.
            include_usage: whether `finish` gives a usage message.
            continuous_usage: whether every message carries the counts so far.

        Raises:
            BridgeError: the model cannot carry a field of the request.
        """
        self.requests: list[ModelInferRequest] = [translator.request(item) for item in generations]
        """One ModelInferRequest per choice, each for a ModelStreamInfer of its own."""
        self._choices = [
            Choice(translator.reader(item), at // per_prompt) for at, item in enumerate(generations)
        ]
        self._chunks = chunks
        self._started = False
        self._include_usage = include_usage
        self._continuous = continuous_usage

    def feed(self, index: int, responses: Sequence[ModelInferResponse]) -> Iterator[M]:
        """Say what a batch of responses of choice `index` adds."""
        choice = self._choices[index]
        yield from self._start()
        for response in responses:
            piece = choice.reader.feed(response)
            choice.note(piece)
            if piece.text or piece.tokens:
                yield self._counted(self._chunks.text(index, piece))

    def end(self, index: int) -> Iterator[M]:
        """Say the end of choice `index`: held-back text, then the finish reason, exactly once."""
        yield from self._start()
        piece = self._choices[index].reader.finish()
        if piece.text:
            yield self._counted(self._chunks.text(index, piece))
        yield self._counted(self._chunks.finish(index, piece.finish_reason or FINISH_REASON_STOP))

    def finish(self) -> Iterator[M]:
        """Say the usage, if it was asked for and the counts are true."""
        usage = self.usage()
        if self._include_usage and usage is not None:
            yield self._chunks.usage(usage)

    def usage(self) -> CompletionUsage | None:
        """Return the counts so far, each prompt counted once; None where the model does not count."""
        prompts = {choice.prompt_number: choice.prompt_tokens for choice in self._choices}
        completions = [choice.completion_tokens for choice in self._choices]
        if None in prompts.values() or None in completions:
            return None
        prompt, completion = sum(filter(None, prompts.values())), sum(filter(None, completions))
        return CompletionUsage(
            prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion
        )

    def _start(self) -> Iterator[M]:
        if not self._started:
            self._started = True
            yield from self._chunks.start()

    def _counted(self, message: M) -> M:
        if self._continuous and (usage := self.usage()) is not None:
            message.usage.CopyFrom(usage)
        return message
