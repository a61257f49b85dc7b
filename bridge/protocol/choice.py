"""One choice: from the responses of its generation to what the client sees of them.

The stages that no model family can be trusted with are here: stop strings, and counts where the model
gives none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.protocol.answer_tokens import AnswerTokens
from bridge.protocol.generation import Piece
from bridge.protocol.stop_strings import StopStrings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol.alike import Received
    from bridge.protocol.generation import FinishReason, Generation, Reader, Translator
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.resumption import Resumption
    from bridge.protocol.tokenizer import Tokenizer


class Choice:
    """The state of one choice."""

    def __init__(
        self,
        generation: Generation,
        reader: Reader,
        *,
        prompt_number: int = 0,
        prompt_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        """Begin a choice.

        Args:
            generation: what the model is asked.
            reader: reads what it says.
            prompt_number: which prompt of the request it answers; choices of one prompt share its count.
            prompt_tokens: of the prompt, as the bridge counts; the model's own count wins.
            tokenizer: the model's, where one is configured.
        """
        self._reader = reader
        self._stop = generation.stop
        self._include_stop = generation.include_stop
        self._cut = StopStrings(self._stop, include=self._include_stop) if self._stop else None
        self._answer = AnswerTokens(tokenizer) if tokenizer else None
        self._completion_tokens: int | None = None
        self._last_count: int | None = None
        self._plain = self._cut is None and self._answer is None
        self._resumption: Resumption | None = None
        self._resumed = self._complete = False
        self.prompt_number = prompt_number
        self.prompt_tokens = prompt_tokens
        self.cumulative_logprob: float | None = None

    @property
    def done(self) -> bool:
        """Whether a stop string was found: whatever the model still says is not shown; or nothing is left."""
        return self._complete or (self._cut is not None and self._cut.found is not None)

    @property
    def completion_tokens(self) -> int | None:
        """Tokens so far as the model counts; else, at the end, as the tokenizer does."""
        return self._completion_tokens

    @property
    def token_ids(self) -> list[int]:
        """What the tokenizer makes of the text so far; nothing without one."""
        return self._answer.ids() if self._answer else []

    def feed(self, response: ModelInferResponse) -> Piece:
        """Return what a response adds."""
        piece = self._reader.feed(response)
        self._last_count = piece.completion_tokens
        if piece.prompt_tokens is not None and not self._resumed:
            self.prompt_tokens = piece.prompt_tokens
        if piece.completion_tokens is not None:
            self._completion_tokens = (self._completion_tokens or 0) + piece.completion_tokens
        if piece.cumulative_logprob is not None:
            self.cumulative_logprob = piece.cumulative_logprob
        return self._shown(piece)

    def again(self, text: bytes) -> Piece:
        """Return what a response adds that differs from the one before only in its text."""
        piece = Piece(self._reader.again(text))
        if (count := self._last_count) is not None:
            piece.completion_tokens = count
            self._completion_tokens = (self._completion_tokens or 0) + count
        return piece if self._plain else self._shown(piece)

    def texts(self, responses: Sequence[Received]) -> list[str] | None:
        """Return the texts of a batch that can add nothing else; None: `feed` and `again` must tell."""
        if self._cut is not None or self._resumption is not None:
            return None
        for response in responses:
            if type(response) is not bytes:
                return None
        if (count := self._last_count) is not None:
            self._completion_tokens = (self._completion_tokens or 0) + count * len(responses)
        again = self._reader.again
        texts = [text for raw in cast("Sequence[bytes]", responses) if (text := again(raw))]
        if self._answer is not None:
            self._answer.add("".join(texts))
        return texts

    def _shown(self, piece: Piece) -> Piece:
        """Return what the client sees of a piece."""
        if self._resumption is not None:
            self._resumption.add(piece)
        if self._cut is not None:
            text = self._cut.feed(piece.text)
            piece = Piece(text=text, tokens=piece.tokens, completion_tokens=piece.completion_tokens)
        if self._answer is not None:
            self._answer.add(piece.text)
        return piece

    def keep(self, resumption: Resumption) -> None:
        """Note from now on what the model says, for `resume`."""
        self._resumption, self._plain = resumption, False

    def resume(self, translator: Translator) -> ModelInferRequest | None:
        """Return the request for the rest of an answer whose server was lost, of which `feed` goes on.

        None: it cannot be asked for, unless the choice is `done` now.

        Raises:
            BridgeError: the model says that something else than itself ended the answer.
        """
        resumption = self._resumption
        if resumption is None or (tokens := resumption.tokens()) is None:
            return None
        self._complete = self._reader.finish().finish_reason is not None or tokens >= resumption.limit
        if self._complete:
            return None
        rest = resumption.rest(tokens)
        limit, self._reader = self._reader.limit, translator.reader(rest)
        self._reader.limit, self._resumed = limit, True
        if self._completion_tokens is not None:
            self._completion_tokens = tokens
        return translator.request(rest)

    def finish(self) -> Piece:
        """Return the last text and why the choice ended."""
        last = self._reader.finish()
        text = last.text if self._cut is None else self._last_text(last, self._cut)
        if self._answer is not None:
            self._answer.add(text)
            if self._completion_tokens is None:
                self._completion_tokens = self._answer.count()
        found = self._cut.found if self._cut is not None else None
        return Piece(text=text, finish_reason=self._reason(last, found), stop_reason=found)

    def _last_text(self, last: Piece, cut: StopStrings) -> str:
        """Return what is left after the stop strings.

        An engine that ends at a stop string may take the last part of it back, or never send it.
        """
        text = cut.feed(last.text)
        if last.stop_reason in self._stop and not self.done:
            cut.found = last.stop_reason
            return text + cut.found if self._include_stop else text
        return text + cut.finish()

    def _reason(self, last: Piece, found: str | None) -> FinishReason:
        """Return why the choice ended: as the model says, else by the number of its tokens."""
        if found is not None:
            return FINISH_REASON_STOP
        if last.finish_reason is not None:
            return last.finish_reason
        limit, tokens = self._reader.limit, self._completion_tokens
        cut_off = limit is not None and tokens is not None and tokens >= limit
        return FINISH_REASON_LENGTH if cut_off else FINISH_REASON_STOP
