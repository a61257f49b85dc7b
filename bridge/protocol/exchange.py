"""One request from its Triton calls to its stream of messages: what to ask, what the answers amount to.

Synchronous and door-blind. Chat and completions differ in how they build an exchange and in the
messages it says (`Chunks`); the order of events, the end and the usage are the same, and here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from openai_bridge.v1.common_pb2 import CompletionUsage

from bridge.protocol.choice import Choice
from bridge.protocol.generation import Piece
from bridge.protocol.intervals import Intervals
from bridge.protocol.resumption import Resumption, resumable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.protocol.alike import Received
    from bridge.protocol.generation import Generation, Translator
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.tokenizer import Tokenizer


NOTHING: Final = Piece()


class StreamMessage(Protocol):
    """What both kinds of stream messages have in common."""

    @property
    def usage(self) -> CompletionUsage:
        """Token counts."""


M = TypeVar("M", bound=StreamMessage)
M_co = TypeVar("M_co", bound=StreamMessage, covariant=True)


class Chunks(Protocol[M_co]):
    """Builds the messages of one stream. A returned message is valid until the next call."""

    @property
    def plain(self) -> bool:
        """Whether the messages for new text of a choice differ in that text alone."""

    def start(self) -> Iterator[M_co]:
        """Return the messages that go before anything the model says."""

    def text(self, index: int, piece: Piece) -> M_co:
        """Return the message for new text of a choice."""

    def finish(self, index: int, piece: Piece, token_ids: Sequence[int]) -> M_co:
        """Return the last message of a choice: why it ended, and its token ids if they are wanted."""

    def usage(self, usage: CompletionUsage) -> M_co:
        """Return the message after all choices."""


class Texts(Generic[M]):
    """The messages of a batch that adds nothing but text to one choice.

    Whoever makes bytes of it or adds it up may take the texts as they are, which is the short way of a
    token. Iterating makes the messages.
    """

    __slots__ = ("_chunks", "index", "texts")

    def __init__(self, index: int, texts: list[str], chunks: Chunks[M]) -> None:
        self.index, self.texts = index, texts
        self._chunks = chunks

    def __iter__(self) -> Iterator[M]:
        """Make the messages; each is valid until the next."""
        for text in self.texts:
            yield self._chunks.text(self.index, Piece(text))


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
        prompt_param: str = "messages",
        prompt_tokens: Sequence[int | None] = (),
        tokenizer: Tokenizer | None = None,
        ignored: Sequence[str] = (),
        interval: int = 1,
    ) -> None:
        """Prepare the Triton calls.

        Args:
            translator: of the model that is asked.
            generations: one per choice, in the order of the choices.
            chunks: builds the messages.
            per_prompt: choices that answer the same prompt.
            include_usage: whether `finish` gives a usage message.
            continuous_usage: whether every message carries the counts so far.
            prompt_param: the field at fault when the prompt is too long for the model.
            prompt_tokens: of each prompt, as the bridge counts them.
            tokenizer: counts and names the tokens of the answer where the model does not.
            interval: tokens that a message is to hold, at least 1.
            ignored: fields that this model cannot carry and that the operator lets pass.

        Raises:
            BridgeError: the model cannot carry a field of the request.
        """
        self.requests: list[ModelInferRequest] = [translator.request(item) for item in generations]
        """One ModelInferRequest per choice, each for a ModelStreamInfer of its own."""
        self.prompt_param = prompt_param
        self.ignored = tuple(ignored)
        """Fields of the request that have no effect, by their paths."""
        self._choices = [
            Choice(
                item,
                translator.reader(item),
                prompt_number=at // per_prompt,
                prompt_tokens=prompt_tokens[at // per_prompt] if prompt_tokens else None,
                tokenizer=tokenizer,
            )
            for at, item in enumerate(generations)
        ]
        self._intervals = [Intervals(interval) for _ in generations] if interval > 1 else []
        self._chunks = chunks
        self._translator, self._generations, self._tokenizer = translator, generations, tokenizer
        self._started = False
        self._include_usage = include_usage
        self._continuous = continuous_usage
        self._plain = chunks.plain and not (self._intervals or continuous_usage)

    def feed(self, index: int, responses: Sequence[Received]) -> Iterable[M]:
        """Say what a batch of responses of choice `index` adds; `Texts` where that is plain text alone."""
        if self._plain and self._started:
            texts = self._choices[index].texts(responses)
            if texts is not None:
                return Texts(index, texts, self._chunks)
        return self._feed(index, responses)

    def _feed(self, index: int, responses: Sequence[Received]) -> Iterator[M]:
        choice = self._choices[index]
        for response in responses:
            piece = choice.again(response) if type(response) is bytes else choice.feed(response)
            if not self._started:  # only now: if the first response cannot be read, nothing was said
                yield from self._start()
            if self._intervals:
                piece = self._intervals[index].feed(piece) or NOTHING
            if piece.text or piece.tokens:
                yield self._counted(self._chunks.text(index, piece))

    def end(self, index: int) -> Iterator[M]:
        """Say the end of choice `index`: held-back text, then the finish reason, exactly once."""
        yield from self._start()
        choice = self._choices[index]
        piece = choice.finish()
        if self._intervals and (held := self._intervals[index].finish()) != NOTHING:
            yield self._counted(self._chunks.text(index, held))
        if piece.text:
            yield self._counted(self._chunks.text(index, piece))
        yield self._counted(self._chunks.finish(index, piece, choice.token_ids))

    def done(self, index: int) -> bool:
        """Tell whether choice `index` has its end already, so that its model need not go on."""
        return self._choices[index].done

    def keep(self) -> None:
        """Note from now on what is needed for `resume`, where that could be possible."""
        if len(self.requests) == len(self._generations) == 1 and resumable(self._generations[0]):
            self._choices[0].keep(Resumption(self._generations[0], self._tokenizer))

    def forget(self) -> None:
        """Let go of what was asked, when it will not be asked again: a prompt can be larger than all else."""
        self.requests, self._generations = [], ()

    def resume(self) -> bool:
        """Go on with the only choice, whose server was lost; return whether that is possible.

        Afterwards `requests` has the request for the rest, unless the choice is `done`.
        """
        request = self._choices[0].resume(self._translator)
        if request is not None:
            self.requests = [request]
        return request is not None or self.done(0)

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
            yield from map(self._counted, self._chunks.start())

    def _counted(self, message: M) -> M:
        if self._continuous and (usage := self.usage()) is not None:
            message.usage.CopyFrom(usage)
        return message
